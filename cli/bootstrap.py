"""`framefoundry bootstrap`: make the bundled models again."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.session import Session

RECIPE = Path("recipes") / "starter.yaml"


class BundledModel(StrEnum):
    """What comes with Framefoundry."""

    DETECTOR = "detector"
    VIDEO = "video"


def bootstrap(
    context: typer.Context,
    what: Annotated[
        BundledModel, typer.Argument(help="The starter detector, or the tiny video model with its own detector.")
    ] = BundledModel.DETECTOR,
    epochs: Annotated[int | None, typer.Option(min=1, help="Fewer passes of a detector, for a trial.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="video: fewer steps of the model, for a trial.")] = None,
    folder: Annotated[Path, typer.Option(help="Where training works and leaves checkpoints.")] = Path("runs/bootstrap"),
    weights: Annotated[
        Path | None, typer.Option(help="Where the detector goes. Default: the bundled one's place.", show_default=False)
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="video: where the model goes. Default: its bundled place.", show_default=False)
    ] = None,
) -> None:
    """Train a bundled model from scratch: the starter detector (an hour on a CPU), or the tiny video model (minutes).

    Example:  framefoundry bootstrap --epochs 1 --weights trial.pt
    Example:  framefoundry bootstrap video --steps 20 --epochs 1 --model trial --weights trial.pt
    """
    session: Session = context.obj
    if what is BundledModel.VIDEO:
        _bootstrap_video(session, folder / "video", steps, epochs, model, weights)
    else:
        _bootstrap_detector(session, folder, epochs, weights)


def _bootstrap_detector(session: Session, folder: Path, epochs: int | None, weights: Path | None) -> None:
    import shutil

    from annotators.weights import STARTER_PATH
    from cli import flow_calls
    from cli.progress import show_progress
    from flows.progress import Progress
    from flows.serve import project_folder

    recipe = project_folder() / RECIPE
    target = (weights or STARTER_PATH).absolute()
    with flow_calls.flow_surroundings(session) as store:
        from flows.build import build_dataset

        report = build_dataset(str(recipe), store=store.location)
        from trainers.bootstrap import train_starter

        with show_progress(session) as tell:
            trained = train_starter(
                Path(report.path) / "yolo" / "data.yaml",
                folder.absolute(),
                on_epoch=lambda epoch: tell(Progress("train", epoch.epoch, epoch.epochs)),
                epochs=epochs,
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(trained.weights, target)
    session.show(f"{target}: trained on {trained.images:,} images in {trained.seconds / 60:.0f} minutes.")
    session.emit({"weights": target, "images": trained.images, "seconds": trained.seconds, "dataset": report.dataset})


def _bootstrap_video(
    session: Session, folder: Path, steps: int | None, epochs: int | None, model: Path | None, weights: Path | None
) -> None:
    from cli import bootstrap_video
    from cli.progress import show_progress
    from flows.serve import project_folder

    model_folder = (model or project_folder() / bootstrap_video.MODEL_FOLDER).absolute()
    detector = (weights or project_folder() / bootstrap_video.DETECTOR_FILE).absolute()
    with show_progress(session) as tell:
        trained = bootstrap_video.train_tiny_models(folder.absolute(), tell, steps=steps, epochs=epochs)
    bootstrap_video.install_tiny_models(trained, model_folder, detector)
    video, minutes = trained.video, trained.seconds / 60
    session.show(f"{model_folder}: {video.parameters:,} weights, last loss {video.loss:.3f}.")
    session.show(f"{detector}: trained on {trained.detector.images:,} frames. All took {minutes:.0f} minutes.")
    session.show("Measure them: python benchmarks/prompt_agreement.py")
    session.emit({"model": model_folder, "weights": detector, "loss": video.loss, "seconds": round(minutes * 60, 1)})
