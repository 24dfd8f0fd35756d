from dataclasses import replace

from annotators.label_keys import group_sequences, label_keys
from schemas.records import ClipRecord, Origin, Scenario, SourceSegment

LONE = ClipRecord("lone", Scenario("s", ""), "media", 8, 12.0, 64, 64, 1, Origin("procedural", "1"))


def segment(index: int, source: str = "source", media: str = "") -> ClipRecord:
    place = SourceSegment(source, "a.mp4", index, index * 8)
    return replace(LONE, clip_id=f"{source}{index}", media_id=media or f"m{index}", segment=place)


def test_segments_of_one_source_are_one_sequence_in_order_and_other_clips_stand_alone():
    clips = [segment(1), LONE, segment(0), segment(0, "other"), replace(LONE, clip_id="second")]
    assert [[clip.clip_id for clip in sequence] for sequence in group_sequences(clips)] == [
        ["source0", "source1"], ["lone"], ["other0"], ["second"],
    ]  # fmt: skip


def test_a_lone_clip_is_keyed_by_its_media():
    assert label_keys([LONE]) == ["media"]
    assert label_keys([segment(0)]) == ["m0"]


def test_a_segments_key_depends_on_its_company_and_its_place():
    keys = label_keys([segment(0), segment(1)])
    assert len(set(keys)) == 2
    assert keys != label_keys([segment(0), segment(1, media="re-encoded")])
    assert keys != label_keys([segment(0), segment(2, media="m1")])
    same_pixels = label_keys([segment(0, media="black"), segment(1, media="black")])
    assert same_pixels[0] != same_pixels[1]
