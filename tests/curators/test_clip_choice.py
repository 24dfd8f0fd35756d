import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
import pytest
from curation_inputs import make_clips, make_recipe, make_scores, make_tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from curators.curate import curate

NEAR = {"near_duplicates": {"clips": 0.9}}
NAMES = "abcd"


def cars(clip, *tracks, name="car", confidence=0.9):
    return [(clip, frame, track, name, confidence) for track in tracks for frame in range(5)]


def on_circle(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def decide(clips, tracks, curation, vectors=None, prompts=None, **scores):
    table = make_clips(*clips)
    parts = {"curation": curation}
    if prompts is not None:
        parts |= {"generator": {"kind": "procedural"}, "prompts": prompts}
    return curate(table, make_tracks(*tracks), make_scores(table, **scores), make_recipe(**parts), vectors)


def verdicts(curated):
    return [(row["verdict"], row["rule"]) for row in curated.clips.to_pylist()]


ACCEPTED, DUPLICATE, QUOTA = ("accepted", ""), ("rejected", "near_duplicate"), ("rejected", "quota")


def test_a_near_duplicate_tells_which_clip_it_repeats_and_how_near_it_is():
    curated = decide("ab", [*cars("a", 1), *cars("b", 1)], NEAR, on_circle(0, 10), quality=[0.5, 0.8])
    assert verdicts(curated) == [DUPLICATE, ACCEPTED]
    row = curated.clips.to_pylist()[0]
    assert row["duplicate_of"] == "b"
    assert row["value"] == pytest.approx(0.985, abs=1e-3) and row["threshold"] == pytest.approx(0.9)
    assert curated.clips.to_pylist()[1]["duplicate_of"] is None


@pytest.mark.parametrize(
    ("scores", "confidence", "kept"),
    [
        ({"quality": [0.4, 0.5], "agreement": [1.0, 0.1]}, (0.9, 0.7), "b"),
        ({"agreement": [0.9, None]}, (0.9, 0.7), "b"),
        ({}, (0.7, 0.9), "b"),
        ({}, (0.9, 0.9), "a"),
    ],
)
def test_quality_counts_before_agreement_before_confidence_before_the_name(scores, confidence, kept):
    tracks = [*cars("a", 1, confidence=confidence[0]), *cars("b", 1, confidence=confidence[1])]
    curated = decide("ab", tracks, NEAR, on_circle(0, 0), **{"quality": [0.5, 0.5]} | scores)
    assert [row["clip_id"] for row in curated.clips.to_pylist() if row["verdict"] == "accepted"] == [kept]


def test_a_frozen_clip_neither_stays_nor_makes_its_copy_go():
    curated = decide("ab", [*cars("a", 1), *cars("b", 1)], NEAR, on_circle(0, 0), frozen_share=[1.0, 0.0])
    assert verdicts(curated) == [("rejected", "frozen"), ACCEPTED]


def test_a_copy_that_alone_shows_a_class_stays():
    tracks = [*cars("a", 1), *cars("b", 1), *cars("b", 2, name="dog"), *cars("c", 1)]
    assert verdicts(decide("abc", tracks, NEAR, on_circle(0, 0, 0))) == [ACCEPTED, ACCEPTED, DUPLICATE]


def test_a_copy_that_alone_shows_a_class_under_a_condition_stays():
    clips = [("a", "fog"), ("b", "rain"), ("c", "fog"), ("d", "rain")]
    tracks = [row for name in NAMES for row in cars(name, 1)]
    assert verdicts(decide(clips, tracks, NEAR, on_circle(0, 0, 0, 0))) == [ACCEPTED, ACCEPTED, DUPLICATE, DUPLICATE]


def test_an_attribute_that_is_no_axis_of_the_template_is_covered_too():
    template = {"template": "{o}", "axes": {"o": [{"text": "a car", "count": {"car": 1}}]}}
    tracks = [row for name in NAMES for row in cars(name, 1)]
    clips = [("a", "fog"), ("b", "rain"), ("c", "fog"), ("d", "rain")]
    curated = decide(clips, tracks, NEAR, on_circle(0, 0, 0, 0), prompts=template)
    assert verdicts(curated) == [ACCEPTED, ACCEPTED, DUPLICATE, DUPLICATE]


def test_near_duplicates_without_vectors_are_refused():
    with pytest.raises(ValueError, match="vectors"):
        decide("a", cars("a", 1), NEAR)


def test_without_options_every_clip_stays_and_no_cells_are_told():
    curated = decide("ab", [*cars("a", 1), *cars("b", 1)], {}, on_circle(0, 0))
    assert verdicts(curated) == [ACCEPTED, ACCEPTED] and len(curated.quota) == 0


def test_a_quota_takes_the_best_clips_and_tells_the_rank_of_the_others():
    tracks = [row for name in "abc" for row in cars(name, 1, 2)]
    curated = decide("abc", tracks, {"quota": {"per_class": 3}}, quality=[0.2, 0.9, 0.5])
    assert verdicts(curated) == [QUOTA, ACCEPTED, ACCEPTED]
    row = curated.clips.to_pylist()[0]
    assert row["value"] == 3 and row["threshold"] is None
    assert curated.quota.to_pylist() == [
        {"class_name": "car", "attributes": [], "wanted": 3, "available": 6, "kept": 4, "missing": 0}
    ]


def test_a_quota_counts_labelled_objects_and_nothing_else():
    tracks = [*cars("a", 1, confidence=0.4), *cars("a", 2), *cars("b", 1)]  # the first is an ignore region
    curated = decide("ab", tracks, {"quota": {"per_class": 2}})
    assert curated.quota["kept"].to_pylist() == [2] and verdicts(curated) == [ACCEPTED, ACCEPTED]


def test_a_quota_is_filled_by_what_near_duplicates_left():
    tracks = [row for name in "abc" for row in cars(name, 1)]
    curated = decide("abc", tracks, {**NEAR, "quota": {"per_class": 2}}, on_circle(0, 0, 90))
    assert verdicts(curated) == [ACCEPTED, DUPLICATE, ACCEPTED]
    assert curated.quota.to_pylist()[0]["available"] == 2


def test_cells_are_all_combinations_of_the_template_shown_or_not():
    template = {
        "template": "{o} {weather}",
        "axes": {"o": [{"text": "a car", "count": {"car": 1}}], "weather": ["fog", "rain", "snow"]},
    }
    tracks = [row for name in "ab" for row in cars(name, 1)]
    curation = {"quota": {"per_class": 1, "per": ["weather"]}}
    curated = decide([("a", "rain"), ("b", "rain")], tracks, curation, prompts=template)
    rows = [(dict(row["attributes"])["weather"], row["kept"], row["missing"]) for row in curated.quota.to_pylist()]
    assert rows == [("fog", 0, 1), ("rain", 1, 0), ("snow", 0, 1)]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["fog", "rain"]), st.integers(0, 40)), min_size=1, max_size=9
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_decisions_do_not_depend_on_the_order_of_clips_and_boxes(drawn, random):
    clips = [(f"c{place}", weather) for place, (_, weather, _) in enumerate(drawn)]
    tracks = [
        row for (name, _), (count, _, _) in zip(clips, drawn, strict=True) for row in cars(name, *range(1, count + 1))
    ]
    curation = {**NEAR, "quota": {"per_class": 2}}
    vectors = on_circle(*(degrees for _, _, degrees in drawn))

    def decisions(order, rows):
        curated = decide([clips[at] for at in order], rows, curation, vectors[order])
        return {row.pop("clip_id"): row for row in curated.clips.to_pylist()}, curated.quota

    order = list(range(len(clips)))
    before, cells = decisions(order, tracks)
    random.shuffle(order)
    shuffled = random.sample(tracks, len(tracks))
    again, again_cells = decisions(order, shuffled)
    assert again == before and again_cells.equals(cells)
