"""The flow `label-footage`: a folder of existing videos in, a labelled dataset out."""

import re
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from pydantic import Field, PositiveInt

from flows.batches import one_batch_a_stage
from flows.cancellation import settle_cancellation
from flows.pipeline import run_pipeline
from flows.reaper import claim_run
from flows.run_names import find_round
from flows.runner_choice import RunnerName
from generators.footage_files import find_videos
from schemas.annotator_options import Tracker
from schemas.errors import MediaError, RecipeError
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.run_report import RunReport
from storage.store import Store

Share = Annotated[float, Field(ge=0, le=1)]


def _run_name() -> str:
    parameters = flow_run.parameters
    folder = Path(str(parameters["folder"]))
    name = parameters.get("name") or _dataset_name(folder.stem)
    return f"label {folder.name}, round {find_round(name, parameters.get('store'))}"


@flow(
    name="label-footage",
    flow_run_name=_run_name,
    task_runner=one_batch_a_stage(),
    persist_result=False,
    on_running=[claim_run],
    on_crashed=[settle_cancellation],
)
def label_footage(
    folder: str,
    weights: str = "starter",
    name: str | None = None,
    classes: list[str] | None = None,
    accept: Share = 0.6,
    ignore: Share = 0.2,
    tracker: Tracker = "offline",
    stride: PositiveInt = 2,
    may_be_empty: bool = False,
    store: str | None = None,
    runner: RunnerName = "threads",
    workers: PositiveInt | None = None,
) -> RunReport:
    """Label every video below a folder; files that were labelled before are reused.

    Args:
        folder: videos (mp4, mov, mkv, webm), searched to its depth.
        weights: ``starter``, a .pt file or an OpenVINO export folder.
        name: of the dataset; default: the folder's name.
        classes: classes to publish; default: every class that the detector knows.
        accept: confidence from which a box is a label.
        ignore: confidence below which a box is nothing.
        tracker: ``offline`` (the whole clip at once), or one of ultralytics' trackers.
        stride: every how many frames an image is exported.
        may_be_empty: that there are no videos, or no folder, is no fault, as of an inbox on schedule.
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
        runner: who carries out the work: ``threads`` of this process, or workers of a ``ray`` or ``dask`` cluster.
        workers: of that cluster; default: one a core.

    Raises:
        MediaError: there are no videos, and ``may_be_empty`` is not set.
    """
    if may_be_empty and not has_videos(Path(folder)):
        get_run_logger().info("%s holds no videos: nothing to do.", folder)
        return RunReport(recipe=name or _dataset_name(Path(folder).stem), new_version=False)
    recipe = footage_recipe(folder, weights, name, classes, accept, ignore, tracker, stride)
    return run_pipeline(recipe, Store.open(store), runner, workers)


def footage_recipe(
    folder: str,
    weights: str,
    name: str | None,
    classes: list[str] | None,
    accept: float,
    ignore: float,
    tracker: Tracker,
    stride: int,
) -> Recipe:
    """The recipe that ``label-footage`` carries out.

    Raises:
        RecipeError: the folder is absent, or a value is out of range.
    """
    path = Path(folder).expanduser().resolve()
    if not path.exists():
        raise RecipeError(f"{folder}: no such folder.", "Give a folder of videos, or one video file.")
    return validate_recipe(
        {
            "name": name or _dataset_name(path.stem),
            "classes": classes or [],
            "generator": {"kind": "footage", "path": str(path)},
            "clip": {"frames": 240},
            "annotator": {"kind": "yolo", "weights": weights, "tracker": tracker},
            "curation": {"accept": accept, "ignore": min(ignore, accept)},
            "publish": {"fiftyone": {}, "yolo": {"stride": stride}},
        },
        where=f"label {folder}",
    )


def has_videos(folder: Path) -> bool:
    """Whether there is such a folder and a video in it."""
    try:
        return bool(find_videos(folder.expanduser()))
    except MediaError:
        return False


def _dataset_name(stem: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-_")[:63] or "footage"
