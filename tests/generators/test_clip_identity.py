from dataclasses import replace

import pytest

from generators.clip_identity import attempt_seed, footage_clip_id, rendered_clip_id, scenario_identity
from schemas.recipe import ClipOptions
from schemas.records import Scenario, SourceSegment

SCENARIO = Scenario("s", "a car", "blur", {"weather": "fog"}, {"car": 1}, 0, 7)


def clip_id(scenario=SCENARIO, generator="procedural", version="1", parameters=None, **clip):
    return rendered_clip_id(scenario, generator, version, parameters or {}, ClipOptions(**clip))


@pytest.mark.parametrize(
    "other",
    [
        {"scenario": replace(SCENARIO, scenario_id="t")},
        {"scenario": replace(SCENARIO, seed=8)},
        {"generator": "diffusers"},
        {"version": "2"},
        {"parameters": {"steps": 4}},
        *({name: value} for name, value in (("frames", 9), ("fps", 9), ("width", 64), ("height", 64), ("crf", 9))),
    ],
)
def test_whatever_changes_the_pixels_changes_the_id(other):
    assert clip_id(**other) != clip_id()


def test_the_id_is_the_same_everywhere():
    assert clip_id() == clip_id() != clip_id(fps=12.5)
    assert len(clip_id()) == 32


@pytest.mark.parametrize(
    "other",
    [
        ("b", "n", {"x": "1"}, {"car": 1}, 0),
        ("a", "m", {"x": "1"}, {"car": 1}, 0),
        ("a", "n", {"x": "2"}, {"car": 1}, 0),
        ("a", "n", {"x": "1"}, {"car": 2}, 0),
        ("a", "n", {"x": "1"}, {"car": 1}, 1),
    ],
)
def test_every_part_of_a_scenario_is_in_its_identity(other):
    assert scenario_identity(*other) != scenario_identity("a", "n", {"x": "1"}, {"car": 1}, 0)


def test_the_order_of_attributes_is_not_in_a_scenarios_identity():
    assert scenario_identity("a", "", {"x": "1", "y": "2"}, {}, 0) == scenario_identity(
        "a", "", {"y": "2", "x": "1"}, {}, 0
    )


def test_a_segments_id_depends_on_source_place_and_normalisation():
    segment = SourceSegment("f" * 64, "a.mp4", 1, 48)
    ids = {
        footage_clip_id(segment, {"fps": 8}),
        footage_clip_id(segment, {"fps": 9}),
        footage_clip_id(replace(segment, sha256="e" * 64), {"fps": 8}),
        footage_clip_id(replace(segment, start=47), {"fps": 8}),
        footage_clip_id(replace(segment, index=2), {"fps": 8}),
    }
    assert len(ids) == 5
    assert footage_clip_id(replace(segment, name="b.mp4"), {"fps": 8}) in ids


def test_the_first_attempt_has_the_scenarios_seed_and_later_ones_others():
    seeds = [attempt_seed(SCENARIO, attempt) for attempt in range(4)]
    assert seeds[0] == SCENARIO.seed and len(set(seeds)) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    with pytest.raises(ValueError, match="-1"):
        attempt_seed(SCENARIO, -1)
