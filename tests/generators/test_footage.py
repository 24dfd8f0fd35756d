import logging
import shutil

import pytest
from made_videos import damage, make_video, number_of

from generators.footage import FootageGenerator
from generators.protocol import RenderedClip
from schemas.errors import MediaError
from schemas.generator_options import FootageOptions
from schemas.recipe import ClipOptions
from schemas.records import Failure
from storage.video import read_frames


def generator(path, frames=8, **options):
    clip = {name: options.pop(name) for name in ("fps_of_clip", "width", "height") if name in options}
    clip = {"fps": clip.pop("fps_of_clip", 12), "width": 64, "height": 48, **clip}
    return FootageGenerator(FootageOptions(path=path, **options), ClipOptions(frames=frames, **clip))


def render(found, tmp_path):
    """Clips and failures, in the order of the jobs."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    jobs = found.jobs()
    answers = {getattr(a, "clip_id", None) or a.job.clip_id: a for a in found.render(jobs, out)}
    assert len(answers) == len(jobs)
    return [answers[job.clip_id] for job in jobs]


def numbers(clip):
    return [number_of(frame) for _, frame in read_frames(clip.encoded.path)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "videos"


def test_a_video_is_cut_into_segments_that_hold_all_its_frames(folder, tmp_path):
    make_video(folder / "a.mp4", 20)
    clips = render(generator(folder), tmp_path)
    assert [numbers(clip) for clip in clips] == [list(range(8)), list(range(8, 16)), list(range(16, 20))]
    assert [(c.job.segment.index, c.job.segment.start) for c in clips] == [(0, 0), (1, 8), (2, 16)]
    assert {clip.encoded.fps for clip in clips} == {10.0}
    assert len({clip.job.segment.sha256 for clip in clips}) == 1


def test_a_short_rest_joins_the_last_segment(folder, tmp_path):
    make_video(folder / "a.mp4", 19)
    assert [len(numbers(clip)) for clip in render(generator(folder), tmp_path)] == [8, 11]


def test_a_single_frame_is_a_clip(folder, tmp_path):
    make_video(folder / "a.mp4", 1)
    assert [numbers(clip) for clip in render(generator(folder), tmp_path)] == [[0]]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "mpeg4"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx"),
        ("a.m4v", "libx264"),
        ("A.AVI", "mpeg4"),
    ],
)
def test_every_container_gives_its_frames_in_order(folder, tmp_path, name, codec):
    made = make_video(folder / name.lower(), 12, codec=codec)
    made.rename(folder / name)
    clips = render(generator(folder), tmp_path)
    assert [number for clip in clips for number in numbers(clip)] == list(range(12))


def test_a_variable_rate_becomes_constant_by_showing_the_nearest_frame(folder, tmp_path):
    times = [0.0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9]  # frame 3 stands for 0.4 s
    make_video(folder / "a.mkv", 7, times=times)
    (clip,) = render(generator(folder, 20, fps="clip", fps_of_clip=10), tmp_path)
    assert numbers(clip) == [0, 1, 2, 3, 3, 3, 4, 4, 5, 6] or numbers(clip) == [0, 1, 2, 3, 3, 4, 4, 4, 5, 6]
    assert clip.encoded.fps == 10.0


@pytest.mark.parametrize(("fps", "expected"), [(5, [0, 2, 4, 6, 8]), (20, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])])
def test_the_clips_rate_drops_or_repeats_frames(folder, tmp_path, fps, expected):
    make_video(folder / "a.mp4", 10)
    (clip,) = render(generator(folder, 20, fps="clip", fps_of_clip=fps), tmp_path)
    assert numbers(clip)[: len(expected)] == pytest.approx(expected, abs=1 if fps == 20 else 0)
    assert (clip.encoded.fps, clip.encoded.frames) == (fps, fps)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pictures_are_turned_upright(folder, tmp_path, turn):
    make_video(folder / "a.mp4", 4, turn=turn)
    (clip,) = render(generator(folder), tmp_path)
    assert (clip.encoded.width, clip.encoded.height) == ((48, 64) if turn in {90, 270} else (64, 48))
    _, frame = next(read_frames(clip.encoded.path))
    corners = {0: frame[:6, :6], 90: frame[:6, -6:], 180: frame[-6:, -6:], 270: frame[-6:, :6]}
    assert {at: corner.mean() > 200 for at, corner in corners.items()} == {at: at == turn for at in corners}


def test_sound_is_left_out_and_does_not_lengthen_the_clip(folder, tmp_path):
    make_video(folder / "a.mp4", 10, audio=True)
    (clip,) = render(generator(folder, 40), tmp_path)
    assert numbers(clip) == list(range(10))


def test_letterbox_shows_all_and_pads_with_black(folder, tmp_path):
    make_video(folder / "a.mp4", 4, size=(96, 48))
    (clip,) = render(generator(folder, fit="letterbox", width=64, height=64), tmp_path)
    _, frame = next(read_frames(clip.encoded.path))
    assert frame.shape == (64, 64, 3)
    assert frame[:14].mean() < 20 and frame[-14:].mean() < 20 and frame[44:46].mean() > 40


def test_crop_fills_the_frame_from_the_middle(folder, tmp_path):
    make_video(folder / "a.mp4", 4, size=(96, 48))
    (clip,) = render(generator(folder, fit="crop", width=48, height=48), tmp_path)
    _, frame = next(read_frames(clip.encoded.path))
    assert frame.shape == (48, 48, 3)
    assert frame[:8, :8].mean() < 60  # the white corner lies outside


def test_native_keeps_the_size_and_makes_it_even(folder, tmp_path):
    make_video(folder / "a.mkv", 4, size=(66, 50), codec="mpeg4")
    make_video(folder / "odd.webm", 4, size=(65, 49), codec="libvpx")
    sizes = [(clip.encoded.width, clip.encoded.height) for clip in render(generator(folder), tmp_path)]
    assert sizes == [(66, 50), (64, 48)]


def test_what_is_no_video_fails_by_name_and_the_others_go_on(folder, tmp_path):
    whole = make_video(folder / "whole.mp4", 8)
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[:-400])
    (folder / "empty.mp4").touch()
    (folder / "text.mov").write_text("no video at all")
    answers = render(generator(folder), tmp_path)
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    assert {(failure.stage, failure.reason) for failure in failures} == {("render", "unreadable")}
    assert sorted(name for name in ("cut.mp4", "empty.mp4", "text.mov") for f in failures if name in f.detail) == [
        "cut.mp4", "empty.mp4", "text.mov",
    ]  # fmt: skip
    assert [answer.job.segment.name for answer in answers if isinstance(answer, RenderedClip)] == ["whole.mp4"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_damage_fails_the_segments_that_it_touches_and_keeps_the_others(folder, tmp_path, suffix):
    damage(make_video(folder / f"a.{suffix}", 60, size=(160, 120), gop=10), 0.45, 0.55)
    answers = render(generator(folder, 10), tmp_path)
    kept = [isinstance(answer, RenderedClip) for answer in answers]
    assert len(kept) == 6 and kept[0] and not all(kept)
    for answer in answers:
        if isinstance(answer, RenderedClip):
            assert answer.encoded.frames == 10
        else:
            assert f"a.{suffix}" in answer.detail
    assert not list((tmp_path / "out").glob("*.mp4.*"))
    assert len(list((tmp_path / "out").glob("*.mp4"))) == sum(kept)


def test_any_segment_can_be_rendered_alone_and_has_the_same_pixels(folder, tmp_path):
    make_video(folder / "a.mp4", 60, gop=12)
    together = render(generator(folder, 10), tmp_path)
    found = generator(folder, 10)
    (alone,) = found.render([found.jobs()[4]], tmp_path)
    assert alone.encoded.media_id == together[4].encoded.media_id
    assert numbers(alone) == list(range(40, 50))


def test_clip_ids_depend_on_content_and_normalisation_and_not_on_names(folder, tmp_path):
    make_video(folder / "a.mp4", 8)
    ids = [job.clip_id for job in generator(folder).jobs()]
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "a.mp4").rename(tmp_path / "other" / "b.mp4")
    assert [job.clip_id for job in generator(tmp_path / "other").jobs()] == ids
    for changed in ({"fit": "letterbox", "width": 32}, {"fps": "clip"}, {"frames": 4}):
        assert not set(ids) & {job.clip_id for job in generator(folder, **changed).jobs()}


def test_a_segments_scenario_names_its_source_within_the_folder(folder):
    make_video(folder / "day" / "a.mp4", 16)
    jobs = generator(folder).jobs()
    assert [job.scenario.attributes for job in jobs] == [{"source": "day/a.mp4"}] * 2
    assert [job.segment.name for job in jobs] == ["a.mp4"] * 2
    assert len({job.scenario.scenario_id for job in jobs}) == 2


def test_licence_and_origin_are_recorded(folder, tmp_path):
    make_video(folder / "a.mp4", 4)
    (clip,) = render(generator(folder, licence="CC-BY-3.0", synthetic=True), tmp_path)
    assert (clip.origin.licence, clip.origin.synthetic, clip.origin.generator) == ("CC-BY-3.0", True, "footage")
    assert clip.truth is None


def test_a_copy_of_a_file_is_taken_once(folder, caplog):
    make_video(folder / "a.mp4", 8)
    shutil.copy(folder / "a.mp4", folder / "b.mp4")
    with caplog.at_level(logging.WARNING):
        assert len(generator(folder).jobs()) == 1
    assert "b.mp4" in caplog.text


def test_a_source_that_went_away_fails_as_missing(folder, tmp_path):
    make_video(folder / "a.mp4", 8)
    jobs = generator(folder).jobs()
    (folder / "a.mp4").unlink()
    make_video(folder / "b.mp4", 9)
    (answer,) = generator(folder).render(jobs, tmp_path)
    assert (answer.reason, answer.clip_id) == ("missing", jobs[0].clip_id)


def test_one_file_can_be_named_instead_of_a_folder(folder):
    path = make_video(folder / "a.mp4", 8)
    assert [job.scenario.attributes["source"] for job in generator(path).jobs()] == ["a.mp4"]


def test_a_folder_without_videos_is_refused(folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("x")
    with pytest.raises(MediaError, match=r"no videos in it.*\.mp4, \.mov"):
        generator(folder).jobs()
    with pytest.raises(MediaError, match="no such folder"):
        generator(folder / "absent").jobs()


@pytest.mark.footage
def test_real_footage_keeps_every_frame(shared_footage, tmp_path):
    jobs = generator(shared_footage, 48).jobs()
    found = generator(shared_footage / "cogvideox" / "cat.mp4", 48, fit="letterbox")
    (clip,) = render(found, tmp_path)
    assert {(job.segment.name, job.segment.start) for job in jobs} == {
        *((name, 0) for name in ("cat.mp4", "ship.mp4", "suv.mp4")),
        *(("sintel_10s.mp4", start) for start in range(0, 240, 48)),
    }
    assert (clip.encoded.frames, clip.encoded.fps) == (49, 8.0)


def test_a_file_that_claims_to_last_for_months_is_one_failure(folder, tmp_path):
    make_video(folder / "a.mkv", times=[0, 0.1, 1e6])
    (failure,) = render(generator(folder, fps="clip", fps_of_clip=60), tmp_path)
    assert isinstance(failure, Failure)
    assert "at 60 frames a second are over" in failure.detail
