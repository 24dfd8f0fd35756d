import platform
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import MediaError, StoreError
from storage import video
from storage.video import check_clip, exact_rate, media_id, probe, read_frames, write_clip


def _remux(source, target):
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        for packet in reader.demux(reader.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                writer.mux(packet)
    return target


def _mean_error(frames, path):
    return np.mean([np.abs(a.astype(int) - b).mean() for a, (_, b) in zip(frames, read_frames(path), strict=True)])


def test_a_clip_reads_back_with_its_frames_size_and_rate(encoded, shapes):
    assert (encoded.frames, encoded.fps, encoded.width, encoded.height) == (12, 12.0, 96, 64)
    assert encoded.size == encoded.path.stat().st_size
    assert len(encoded.media_id) == 64
    info = probe(encoded.path)
    assert (info.frames, info.fps, info.width, info.height) == (12, 12.0, 96, 64)
    assert (info.duration_s, info.codec, info.rotation) == (1.0, "h264", 0)
    check_clip(encoded.path, 12)
    indexes = [index for index, _ in read_frames(encoded.path)]
    assert indexes == list(range(12))


def test_frames_come_back_as_rgb_with_their_colours(encoded, shapes):
    frames = shapes()
    assert _mean_error(frames, encoded.path) < 3.0
    _, first = next(read_frames(encoded.path))
    assert first.dtype == np.uint8
    assert first.shape == (64, 96, 3)
    red, blue = first[14:26, 4:16].mean((0, 1)), first[40:48, 74:86].mean((0, 1))
    assert np.abs(red - (220, 40, 30)).max() < 8
    assert np.abs(blue - (20, 50, 200)).max() < 8


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255)])
def test_plain_colours_survive(tmp_path, colour):
    frames = [np.full((32, 32, 3), colour, np.uint8)] * 3
    write_clip(tmp_path / "c.mp4", frames, 10)
    assert _mean_error(frames, tmp_path / "c.mp4") <= 3


def test_colours_are_tagged_and_equal_in_opencv(encoded):
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(encoded.path))
    for _, frame in read_frames(encoded.path):
        done, bgr = capture.read()
        assert done
        assert np.array_equal(bgr[..., ::-1], frame)
    assert not capture.read()[0]
    with av.open(str(encoded.path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (5, 1) or context.colorspace == 6


def _moving_blocks(count=48):
    """Content on which x264's results differ between AVX2, AVX-512 and its C code, AVX-512's from run to run."""
    blocks = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    return [np.roll(blocks, place * 2, 1) for place in range(count)]


def test_equal_frames_give_equal_bytes(tmp_path):
    kept, written = [], set()
    for number in range(4):
        kept.append(_moving_blocks())  # other memory addresses each time
        path = tmp_path / f"{number}.mp4"
        write_clip(path, kept[-1], 12)
        written.add(path.read_bytes())
    assert len(written) == 1


@pytest.mark.skipif(platform.machine() != "x86_64", reason="elsewhere the encoder chooses its own instructions")
def test_the_bytes_are_those_of_the_encoders_plain_c_code(tmp_path, monkeypatch):
    here = write_clip(tmp_path / "here.mp4", _moving_blocks(), 12)
    ours = video._encoder_options(18)
    assert "asm=SSE2" in ours["x264-params"]
    plain = ours | {"x264-params": ours["x264-params"].replace("asm=SSE2", "asm=0")}
    monkeypatch.setattr(video, "_encoder_options", lambda crf: plain)
    assert write_clip(tmp_path / "plain.mp4", _moving_blocks(), 12).media_id == here.media_id


def test_other_frames_give_another_media_id(encoded, shapes, tmp_path):
    frames = shapes()
    frames[7] = frames[7] ^ 64
    assert write_clip(tmp_path / "x.mp4", frames, 12).media_id != encoded.media_id


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_media_id_survives_a_remux(encoded, tmp_path, suffix):
    remuxed = _remux(encoded.path, tmp_path / f"remuxed{suffix}")
    assert remuxed.read_bytes() != encoded.path.read_bytes()
    assert media_id(remuxed) == encoded.media_id == media_id(encoded.path)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (12, Fraction(12)),
        (12.5, Fraction(25, 2)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (1 / 3, Fraction(1, 3)),
        (25.0, Fraction(25)),
        (7.3, Fraction(73, 10)),
        (240, Fraction(240)),
    ],
)
def test_the_time_base_is_exact(tmp_path, shapes, fps, rate):
    assert exact_rate(fps) == rate
    encoded = write_clip(tmp_path / "x.mp4", shapes(5), fps)
    assert encoded.fps == float(rate)
    with av.open(str(encoded.path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        times = [frame.pts * stream.time_base for frame in container.decode(stream)]
    assert times == [place / rate for place in range(5)]


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(tmp_path, shapes, fps):
    with pytest.raises(MediaError, match="frame rate"):
        write_clip(tmp_path / "x.mp4", shapes(2), fps)
    assert not (tmp_path / "x.mp4").exists()


@pytest.mark.parametrize("count", [1, 2, 13])
def test_short_clips_keep_every_frame(tmp_path, shapes, count):
    write_clip(tmp_path / "x.mp4", shapes(count), 12)
    check_clip(tmp_path / "x.mp4", count)
    assert probe(tmp_path / "x.mp4").duration_s == pytest.approx(count / 12, abs=0.01)


def test_every_twelfth_frame_at_least_stands_alone(tmp_path, shapes):
    write_clip(tmp_path / "x.mp4", shapes(9) * 4, 12)
    with av.open(str(tmp_path / "x.mp4")) as container:
        keys = [number for number, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert keys[0] == 0
    assert max(np.diff([*keys, 36])) <= 12


def test_stride_and_start_choose_frames_by_index(encoded):
    every = dict(read_frames(encoded.path))
    chosen = dict(read_frames(encoded.path, stride=5, start=1))
    assert list(chosen) == [1, 6, 11]
    assert all(np.array_equal(chosen[index], every[index]) for index in chosen)
    assert list(read_frames(encoded.path, start=12)) == []
    with pytest.raises(ValueError, match="stride"):
        next(read_frames(encoded.path, stride=0))


def test_frames_are_not_shared_between_steps(encoded):
    frames = [frame for _, frame in read_frames(encoded.path)]
    copies = [frame.copy() for frame in frames]
    assert all(np.array_equal(a, b) for a, b in zip(frames, copies, strict=True))
    assert not np.array_equal(frames[0], frames[-1])
    frames[0][:] = 0  # one's own, writable


def test_a_reader_that_stops_early_closes_the_file(encoded):
    reader = read_frames(encoded.path)
    next(reader)
    reader.close()


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "no frames"),
        ([np.zeros((31, 32, 3), np.uint8)], "even sizes"),
        ([np.zeros((32, 32), np.uint8)], "H x W x 3"),
        ([np.zeros((32, 32, 3), np.float32)], "float32"),
        ([np.zeros((0, 32, 3), np.uint8)], "even sizes"),
        ([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 34, 3), np.uint8)], "34x32 after 32x32"),
    ],
)
def test_frames_that_cannot_be_encoded_are_refused_and_leave_no_file(tmp_path, frames, said):
    with pytest.raises(MediaError, match=said):
        write_clip(tmp_path / "x.mp4", frames, 12)
    assert not (tmp_path / "x.mp4").exists()


def test_a_generator_that_fails_half_way_leaves_no_file(tmp_path, shapes):
    def failing():
        yield from shapes(3)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write_clip(tmp_path / "x.mp4", failing(), 12)
    assert not (tmp_path / "x.mp4").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path, shapes):
    with pytest.raises(StoreError, match=r"writing x\.mp4"):
        write_clip(tmp_path / "absent" / "x.mp4", shapes(), 12)


_FILL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
from schemas.errors import StoreError
from storage.video import write_clip
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
noise = [np.random.default_rng(seed).integers(0, 256, (192, 320, 3), dtype=np.uint8) for seed in range(5)]
try:
    write_clip(Path(sys.argv[1]), noise, 12)
except StoreError as fault:
    print(fault)
"""


def test_a_clip_that_the_disk_cannot_take_is_told_and_leaves_no_file(tmp_path):
    command = [sys.executable, "-c", _FILL, str(tmp_path / "x.mp4"), str(Path(video.__file__).parents[1])]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "writing x.mp4" in told
    assert list(tmp_path.iterdir()) == []


def test_frames_may_be_views_of_other_arrays(tmp_path, shapes):
    wide = [np.concatenate([frame, frame], 1)[:, ::2] for frame in shapes()]
    write_clip(tmp_path / "x.mp4", wide, 12)
    assert _mean_error(wide, tmp_path / "x.mp4") < 4


# Files that are not what they should be ------------------------------------------------------------------------------


def _refused_by_all(path, said=""):
    for use in (probe, media_id, lambda path: list(read_frames(path)), lambda path: check_clip(path, 12)):
        with pytest.raises(MediaError, match=said) as caught:
            use(path)
        assert path.name in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    _refused_by_all(tmp_path / "absent.mp4", "no such file")


def test_a_folder_is_no_video(tmp_path):
    _refused_by_all(tmp_path, "no such file")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "x.mp4").touch()
    _refused_by_all(tmp_path / "x.mp4", "empty")


@pytest.mark.parametrize("data", [b"hello\n" * 400, bytes(4000), np.random.default_rng(1).bytes(4000), b"\x00"])
def test_garbage_is_no_video(tmp_path, data):
    (tmp_path / "x.mp4").write_bytes(data)
    _refused_by_all(tmp_path / "x.mp4")


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile clip.mp4\n",
    ],
)
def test_a_playlist_that_poses_as_a_video_is_not_followed(tmp_path, encoded, text):
    (tmp_path / "clip.mp4").write_bytes(encoded.path.read_bytes())
    (tmp_path / "x.mp4").write_text(text)
    _refused_by_all(tmp_path / "x.mp4")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_file_cut_short_is_told_so(tmp_path, encoded, suffix, share):
    whole = _remux(encoded.path, tmp_path / f"whole{suffix}").read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    _refused_by_all(cut)
    if share > 0.05:
        _refused_by_all(cut, "cut short")


def test_damage_in_the_middle_is_found_by_decoding(tmp_path, encoded):
    data = bytearray(encoded.path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 400] = bytes(400)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    with pytest.raises(MediaError, match=r"damaged\.mp4"):
        list(read_frames(damaged))
    with pytest.raises(MediaError, match=r"damaged\.mp4"):
        check_clip(damaged, 12)


def test_check_clip_refuses_another_number_of_frames(encoded):
    for wrong in (0, 11, 13):
        with pytest.raises(MediaError, match=f"12 frames where {wrong}"):
            check_clip(encoded.path, wrong)


def test_a_sound_file_has_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    _refused_by_all(path, "no video stream")


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotation_is_told_clockwise_and_the_size_is_as_displayed(tmp_path, shapes, turn):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(-turn)
        for frame in shapes(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    info = probe(path)
    assert info.rotation == turn
    assert (info.width, info.height) == ((64, 96) if turn in {90, 270} else (96, 64))
    _, stored = next(read_frames(path))
    _, shown = cv2.VideoCapture(str(path)).read()  # OpenCV turns by itself
    assert np.array_equal(np.rot90(stored, -turn // 90), shown[..., ::-1])


def test_reading_takes_well_under_a_millisecond_a_frame(tmp_path, shapes):
    frames = shapes(48, 320, 192)
    write_clip(tmp_path / "x.mp4", frames, 12)
    best = 9.0
    for _ in range(5):
        start = time.process_time()
        count = sum(1 for _ in read_frames(tmp_path / "x.mp4"))
        best = min(best, (time.process_time() - start) / count)
    assert best < 0.8e-3, "0.2 ms on the machine where this was written"


def test_frames_that_no_memory_holds_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    frames = [np.zeros((64, 64, 3), np.uint8)] * 3
    write_clip(tmp_path / "a.mp4", frames, 12)
    monkeypatch.setattr("storage.video.MAX_PIXELS", 64 * 64 - 1)
    for read in (probe, media_id, lambda path: list(read_frames(path))):
        with pytest.raises(MediaError, match="64x64"):
            read(tmp_path / "a.mp4")
