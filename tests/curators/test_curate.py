import pytest
from curation_inputs import make_clips, make_recipe, make_scores, make_tracks
from hypothesis import given
from hypothesis import strategies as st

from curators.curate import curate


def verdicts(decisions):
    return list(zip(decisions["verdict"].to_pylist(), decisions["rule"].to_pylist(), strict=True))


def decide_boxes(tracks, clips=("a",), **recipe):
    table = make_clips(*clips)
    return curate(table, make_tracks(*tracks), make_scores(table), make_recipe(**recipe)).boxes


LONG = [("a", frame, 1, "car", 0.9) for frame in range(6)]


def test_a_confident_box_on_a_long_track_is_a_label():
    assert set(verdicts(decide_boxes(LONG))) == {("accept", "")}


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.6, ("accept", "")),
        (0.59, ("ignore", "confidence")),
        (0.2, ("ignore", "confidence")),
        (0.19, ("nothing", "confidence")),
    ],
)
def test_confidence_divides_labels_ignore_regions_and_nothing(confidence, expected):
    tracks = [("a", frame, 1, "car", confidence) for frame in range(6)]
    assert set(verdicts(decide_boxes(tracks))) == {expected}


RESTYLED = {
    "generator": {"kind": "diffusers", "preset": "wan2.1-1.3b", "mode": "video", "source": "procedural"},
    "annotator": {"kind": "carried"},
    "prompts": {"template": "a street", "axes": {}},
}


@pytest.mark.parametrize(
    ("confidence", "source", "expected"),
    [
        (0.6, "carried", ("accept", "")),
        (0.59, "carried", ("ignore", "carried")),
        (0.0, "carried", ("ignore", "carried")),
        (float("nan"), "carried", ("ignore", "carried")),
        (0.99, "detected", ("ignore", "unexplained")),
        (0.99, "interpolated", ("ignore", "unexplained")),
        (0.3, "detected", ("ignore", "confidence")),
        (0.1, "detected", ("nothing", "confidence")),
    ],
)
def test_carried_boxes_are_labels_or_ignore_regions_and_nothing_beside_them_is_a_label(confidence, source, expected):
    tracks = [("a", frame, 1, "car", confidence, source) for frame in range(6)]
    assert set(verdicts(decide_boxes(tracks, **RESTYLED))) == {expected}


def test_a_carried_box_of_an_unwanted_class_is_nothing():
    tracks = [("a", frame, 1, "dog", 0.1, "carried") for frame in range(6)]
    assert set(verdicts(decide_boxes(tracks, classes=["car"], **RESTYLED))) == {("nothing", "class")}


def test_the_decision_tells_value_and_threshold():
    row = decide_boxes([("a", frame, 1, "car", 0.5) for frame in range(6)]).to_pylist()[0]
    assert row["value"] == pytest.approx(0.5) and row["threshold"] == pytest.approx(0.6)
    assert decide_boxes(LONG).to_pylist()[0]["value"] is None


def test_a_box_without_a_confidence_is_nothing():
    assert verdicts(decide_boxes([("a", f, 1, "car", float("nan")) for f in range(6)]))[0] == ("nothing", "confidence")


def test_a_short_track_becomes_an_ignore_region_and_filled_frames_do_not_lengthen_it():
    tracks = [("a", f, 1, "car", 0.9, "interpolated" if f > 2 else "detected") for f in range(6)]
    assert set(verdicts(decide_boxes(tracks))) == {("ignore", "track_length")}


def test_a_track_is_measured_over_all_segments_of_its_source():
    tracks = [("a", 8, 1, "car", 0.9), ("a", 9, 1, "car", 0.9), ("b", 0, 1, "car", 0.9), ("b", 1, 1, "car", 0.9)]
    assert set(verdicts(decide_boxes(tracks, [("a", "s", 0), ("b", "s", 1)]))) == {("accept", "")}
    assert set(verdicts(decide_boxes(tracks, [("a", "s"), ("b", "s")]))) == {("ignore", "track_length")}


def test_a_tiny_box_becomes_an_ignore_region():
    tracks = [("a", f, 1, "car", 0.9, "detected", (0, 0, 3.0, 30.0)) for f in range(6)]
    assert set(verdicts(decide_boxes(tracks))) == {("ignore", "box_side")}


def test_a_class_that_the_recipe_does_not_publish_is_nothing_and_mapped_ones_are_kept():
    tracks = [("a", f, track, name, 0.9) for f in range(6) for track, name in ((1, "bus"), (2, "cat"))]
    boxes = decide_boxes(tracks, classes={"vehicle": ["car", "bus"]})
    assert set(verdicts(boxes)) == {("accept", ""), ("nothing", "class")}


def test_a_box_of_an_unknown_clip_is_refused():
    with pytest.raises(ValueError, match="x has boxes"):
        decide_boxes([("a", 0, 1, "car", 0.9), ("x", 0, 1, "car", 0.9)])


def test_a_clip_without_scores_is_refused():
    clips = make_clips("a", "b")
    with pytest.raises(ValueError, match="clip b has no scores"):
        curate(clips, make_tracks(), make_scores(make_clips("a")), make_recipe())


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(1, 4), st.floats(0, 1)), max_size=30))
def test_every_box_gets_exactly_one_decision_in_its_place(rows):
    tracks = [(clip, frame, track, "car", confidence) for clip, frame, track, confidence in rows]
    boxes = decide_boxes(tracks, ("a", "b"))
    assert [(r["clip_id"], r["frame"], r["track"]) for r in boxes.to_pylist()] == [row[:3] for row in tracks]
    assert set(boxes["verdict"].to_pylist()) <= {"accept", "ignore", "nothing"}


@pytest.mark.parametrize(("side", "verdict"), [(7.5, ("ignore", "box_side")), (8.0, ("accept", ""))])
def test_a_box_of_exactly_the_least_side_is_a_label(side, verdict):
    tracks = [("a", f, 1, "car", 0.9, "detected", (0, 0, side, 30.0)) for f in range(6)]
    assert set(verdicts(decide_boxes(tracks, curation={"min_box_side": 8}))) == {verdict}
