from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from annotators.build import build_annotator
from annotators.truth import TruthAnnotator
from annotators.weights import resolve_weights
from annotators.yolo import YoloAnnotator
from schemas import tables
from schemas.annotator_options import RefinementOptions, YoloOptions
from schemas.errors import EnvironmentFault
from schemas.recipe import Recipe
from schemas.records import ClipRecord, Failure, SourceSegment
from storage.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("yolo") / "store")


@pytest.fixture(scope="module")
def annotator(store: Store, random_weights: Path) -> YoloAnnotator:
    options = YoloOptions(weights=str(random_weights), score_floor=0.1, batch=4)
    return YoloAnnotator(options, resolve_weights(options.weights, store), store)


@pytest.fixture(scope="module")
def clips(
    store: Store, commit_video: Callable[..., ClipRecord], moving_blocks: Callable[..., np.ndarray]
) -> list[ClipRecord]:
    small = moving_blocks(3, seed=2, height=96, width=128)
    return [
        commit_video(store, "one", moving_blocks(6)),
        commit_video(store, "small", small),
        commit_video(store, "two", moving_blocks(5, seed=1)),
    ]


def detected(annotator: YoloAnnotator, clips: list[ClipRecord]) -> dict[str, pa.Table | Failure]:
    answers = list(annotator.detect(clips))
    assert [clip.clip_id for clip, _ in answers] == [clip.clip_id for clip in clips]
    return {clip.clip_id: answer for clip, answer in answers}


def test_batches_span_clips_and_change_nothing_but_rounding(annotator: YoloAnnotator, clips: list[ClipRecord]):
    together = detected(annotator, clips)
    for clip in clips:
        alone = detected(annotator, [clip])[clip.clip_id]
        assert together[clip.clip_id].schema.equals(tables.DETECTIONS)
        assert together[clip.clip_id]["frame"].to_pylist() == alone["frame"].to_pylist()
        np.testing.assert_allclose(together[clip.clip_id]["x"].to_numpy(), alone["x"].to_numpy(), atol=0.01)


def test_a_damaged_clip_fails_alone(
    annotator: YoloAnnotator, clips: list[ClipRecord], store: Store, commit_video: Callable[..., ClipRecord],
    moving_blocks: Callable[..., np.ndarray],
):  # fmt: skip
    damaged = commit_video(store, "damaged", moving_blocks(12, seed=5))
    path = store.path(damaged.media_key)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:200])
    answers = detected(annotator, [clips[0], damaged, clips[2]])
    assert isinstance(answers["damaged"], Failure)
    assert (answers["damaged"].stage, answers["damaged"].reason) == ("detect", "unreadable")
    assert answers["one"].num_rows > 0
    assert answers["two"].num_rows > 0


def test_a_clip_with_another_number_of_frames_than_its_record_fails(annotator: YoloAnnotator, clips: list[ClipRecord]):
    longer = replace(clips[0], frames=7)
    answer = detected(annotator, [longer])["one"]
    assert isinstance(answer, Failure)
    assert answer.reason == "frame_count"


def test_no_clips_load_no_detector(store: Store, random_weights: Path):
    options = YoloOptions(weights=str(random_weights))
    idle = YoloAnnotator(options, resolve_weights(options.weights, store), store)
    assert list(idle.detect([])) == []
    assert "detector" not in vars(idle)


def test_labels_have_the_form_of_tracks(annotator: YoloAnnotator, clips: list[ClipRecord]):
    [(clip, detections)] = annotator.detect(clips[:1])
    [tracks] = annotator.track([(clip, detections)])
    assert tracks.schema.equals(tables.TRACKS)
    rows = tracks.to_pandas()
    assert len(rows) > 10
    assert (rows.x >= 0).all() and (rows.x + rows.w <= clip.width + 1e-3).all()
    assert (rows.y >= 0).all() and (rows.y + rows.h <= clip.height + 1e-3).all()
    assert (rows.score.isna() == (rows.source == "interpolated")).all()
    assert (rows.groupby("track", observed=True).class_name.nunique() == 1).all()
    assert rows.confidence.between(0, 1).all()
    assert not rows.duplicated(["frame", "track"]).any()


def segment(clip: ClipRecord, index: int, start: int) -> ClipRecord:
    return replace(clip, clip_id=f"{clip.clip_id}{index}", segment=SourceSegment("source", "a.mp4", index, start))


def a_car(frames: range, first: int, score: float = 0.9) -> pa.Table:
    """One car that moves 4 px a frame; ``frames`` of the source, stored as frames of a segment from ``first``."""
    rows = {
        "frame": [frame - first for frame in frames], "class_name": pa.array(["car"] * len(frames), pa.string()),
        "x": [4.0 * frame for frame in frames], "y": [20.0] * len(frames), "w": [40.0] * len(frames),
        "h": [30.0] * len(frames), "score": [score] * len(frames),
    }  # fmt: skip
    return tables.table_from_columns(tables.DETECTIONS, rows)


def test_ids_run_on_from_segment_to_segment(annotator: YoloAnnotator, clips: list[ClipRecord]):
    parts = [segment(clips[0], 0, 0), segment(clips[0], 1, 6)]
    tracks = annotator.track([(parts[0], a_car(range(6), 0)), (parts[1], a_car(range(6, 12), 6))])
    assert [table["track"].unique().to_pylist() for table in tracks] == [[1], [1]]
    assert [table["frame"].to_pylist() for table in tracks] == [[*range(6)], [*range(6)]]
    assert tracks[1]["x"].to_pylist() == pytest.approx([4.0 * frame for frame in range(6, 12)], abs=1e-3)


def test_a_hole_between_segments_is_bridged_by_the_track_and_labelled_in_neither(
    annotator: YoloAnnotator, clips: list[ClipRecord]
):
    parts = [segment(clips[0], 0, 0), segment(clips[0], 2, 12)]
    tracks = annotator.track([(parts[0], a_car(range(6), 0)), (parts[1], a_car(range(12, 18), 12))])
    assert [table["track"].unique().to_pylist() for table in tracks] == [[1], [1]]
    assert [table.num_rows for table in tracks] == [6, 6]


def test_a_tracker_that_looks_at_pixels_gets_those_of_every_segment(
    store: Store, random_weights: Path, clips: list[ClipRecord]
):
    options = YoloOptions(weights=str(random_weights), tracker="botsort")
    moving = YoloAnnotator(options, resolve_weights(options.weights, store), store)
    moving.class_names = ("car",)
    parts = [segment(clips[0], 0, 0), segment(clips[0], 1, 6)]
    tracks = moving.track([(parts[0], a_car(range(6), 0)), (parts[1], a_car(range(6, 12), 6))])
    assert [table["track"].unique().to_pylist() for table in tracks] == [[1], [1]]


def test_identity_follows_what_determines_labels_and_nothing_else(store: Store, random_weights: Path):
    weights = resolve_weights(str(random_weights), store)
    base = YoloOptions(weights=str(random_weights))

    def identity(**changes: object) -> tuple[str, str]:
        made = YoloAnnotator(base.model_copy(update=changes), weights, store)
        return made.detection_fingerprint, made.fingerprint

    detection, label = identity()
    assert identity(device="cpu", batch=1) == (detection, label)
    for changes in ({"tracker": "bytetrack"}, {"refine": None}, {"refine": RefinementOptions(smooth_frames=0)}):
        assert identity(**changes)[0] == detection
        assert identity(**changes)[1] != label
    for changes in ({"score_floor": 0.2}, {"image_size": 320}, {"boxes": "voted"}, {"boxes": "strongest"}):
        assert identity(**changes)[0] != detection
        assert identity(**changes)[1] != label
    other = YoloAnnotator(base, replace(weights, sha256="0" * 64), store)
    assert other.detection_fingerprint != detection


def test_a_recipe_builds_the_annotator_that_it_names(store: Store, random_weights: Path):
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "prompts": {"template": "a car", "axes": {}},
            "classes": {"vehicle": ["car", "bus"]},
            "annotator": {"kind": "truth"},
        }
    )
    truth = build_annotator(recipe, store)
    assert isinstance(truth, TruthAnnotator)
    assert truth.class_names == ("car", "bus")
    yolo = recipe.model_copy(update={"annotator": YoloOptions(weights=str(random_weights))})
    assert isinstance(build_annotator(yolo, store), YoloAnnotator)
    missing = recipe.model_copy(update={"annotator": YoloOptions(weights="absent.pt")})
    with pytest.raises(EnvironmentFault, match=r"absent\.pt"):
        build_annotator(missing, store)


def test_what_a_resumed_run_has_left_to_do_changes_no_box(annotator: YoloAnnotator, clips: list[ClipRecord]):
    together = dict(zip((clip.clip_id for clip in clips), (table for _, table in annotator.detect(clips)), strict=True))
    for clip in clips:
        ((_, alone),) = annotator.detect([clip])
        assert alone.equals(together[clip.clip_id])
