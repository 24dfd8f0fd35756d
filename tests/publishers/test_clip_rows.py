from dataclasses import replace

import pyarrow as pa
import pytest
from publishers_inputs import STREET_BOXES, make_rows

from publishers.clip_rows import ClipRows


def digests(rows, seed=""):
    return ClipRows(rows).digests(seed)


def test_rows_of_a_clip_are_found_whether_it_was_accepted_or_rejected():
    clips = ClipRows(make_rows())
    assert [row["clip_id"] for row in clips.clips(["d", "a"])] == ["d", "a"]
    frames = clips.frames(["d", "a"])
    assert frames["clip_id"].to_pylist() == ["d"] * 8 + ["a"] * 8
    assert frames["frame"].to_pylist() == [*range(8), *range(8)]
    assert clips.frame_counts == dict.fromkeys("abcd", 8)


def test_a_change_in_one_clip_changes_its_digest_and_no_other():
    before = digests(make_rows())
    moved = [(*box[:4], (1.0, *box[4][1:]), box[5]) if box[:2] == ("a", 3) else box for box in STREET_BOXES]
    doubted = [(*box[:5], "ignore") if box[:2] == ("d", 7) else box for box in STREET_BOXES]
    renamed = [(*box[:3], "dog", *box[4:]) if box[0] == "c" else box for box in STREET_BOXES]
    fewer = [box for box in STREET_BOXES if box[:3] != ("a", 2, 3)]
    for boxes, clip in ((moved, "a"), (doubted, "d"), (renamed, "c"), (fewer, "a")):
        after = digests(make_rows(boxes))
        assert {name for name in after if after[name] != before[name]} == {clip}


def test_a_change_in_the_row_of_a_clip_changes_its_digest():
    rows = make_rows()
    prompts = rows.clips["prompt"].to_pylist()
    at = rows.clips.schema.get_field_index("prompt")
    changed = rows.clips.set_column(at, rows.clips.schema.field(at), pa.array([*prompts[:3], "another"]))
    before, after = digests(rows), digests(replace(rows, clips=changed))
    assert {name for name in after if after[name] != before[name]} == {"d"}


@pytest.mark.parametrize("empty", ["frames", "rejected_frames"])
def test_digests_do_not_depend_on_neighbours_or_on_how_arrow_keeps_the_rows(empty):
    rows = make_rows()
    kept = "d" if empty == "frames" else "abc"
    mask = pa.array([clip in kept for clip in rows.clips["clip_id"].to_pylist()])
    alone = replace(rows, clips=rows.clips.filter(mask), **{empty: getattr(rows, empty).slice(0, 0)})
    whole = digests(rows)
    assert digests(alone) == {clip: whole[clip] for clip in kept}

    pieces = pa.concat_tables([rows.frames.slice(0, 5), rows.frames.slice(5)])
    assert digests(replace(rows, frames=pieces)) == whole


def test_digests_depend_on_the_seed():
    rows = make_rows()
    assert not set(digests(rows, "one").values()) & set(digests(rows, "two").values())
