import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StoreError
from schemas.records import ClipRecord, Origin, Scenario, SourceSegment, clip_from_json, clip_to_json
from schemas.version import SCHEMA_VERSION

_words = st.text(max_size=20)
_scenarios = st.builds(
    Scenario,
    _words,
    _words,
    _words,
    st.dictionaries(_words, _words, max_size=3),
    st.dictionaries(_words, st.integers(1, 9), max_size=3),
    st.integers(0, 9),
    st.integers(0, 2**63 - 1),
)
_records = st.builds(
    ClipRecord,
    clip_id=_words,
    scenario=_scenarios,
    media_id=st.text("0123456789abcdef", min_size=64, max_size=64),
    frames=st.integers(1, 5000),
    fps=st.floats(0.1, 240),
    width=st.integers(2, 4000),
    height=st.integers(2, 4000),
    size=st.integers(1, 2**40),
    origin=st.builds(Origin, _words, _words, _words, _words, _words, st.booleans()),
    segment=st.none() | st.builds(SourceSegment, _words, _words, st.integers(0, 99), st.integers(0, 9999)),
    attempt=st.integers(0, 3),
    has_truth=st.booleans(),
    render_seconds=st.floats(0, 1e6),
)


@given(_records)
def test_a_record_survives_json(record):
    assert clip_from_json(json.loads(json.dumps(clip_to_json(record)))) == record


@pytest.fixture
def record():
    return ClipRecord("c1", Scenario("s1", "a red car"), "ab" * 32, 48, 12.0, 320, 192, 1000, Origin("procedural", "1"))


def test_keys_of_later_minor_changes_are_left_out(record):
    data = clip_to_json(record)
    data["mood"] = "calm"
    data["scenario"]["mood"] = data["origin"]["mood"] = "calm"
    assert clip_from_json(data) == record


def test_a_record_of_a_newer_version_is_refused(record):
    data = clip_to_json(record) | {"schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(StoreError, match=r"clip\.json.*Upgrade"):
        clip_from_json(data, "clip.json")


@pytest.mark.parametrize("version", [None, "", "one", 1.5, True, 0, -1])
def test_a_record_without_a_version_is_refused(record, version):
    with pytest.raises(StoreError, match="schema version"):
        clip_from_json(clip_to_json(record) | {"schema_version": version})


@pytest.mark.parametrize("key", ["clip_id", "scenario", "origin", "media_id", "fps"])
def test_a_record_that_lacks_a_part_is_refused(record, key):
    data = clip_to_json(record)
    del data[key]
    with pytest.raises(StoreError, match=key):
        clip_from_json(data, "clip.json")


@pytest.mark.parametrize("scenario", [None, [], "x", {}])
def test_a_record_with_a_damaged_part_is_refused(record, scenario):
    with pytest.raises(StoreError, match="not a whole clip record"):
        clip_from_json(clip_to_json(record) | {"scenario": scenario})


def test_a_family_is_the_source_or_the_prompt(record):
    assert record.family == "a red car"
    assert replace(record, segment=SourceSegment("f" * 64, "walk.mov", 3, 144)).family == "f" * 64


def test_media_lies_under_its_own_name(record):
    assert record.media_key == f"media/ab/{'ab' * 32}.mp4"
