"""`framefoundry bootstrap`: make the bundled starter detector again."""

from pathlib import Path
from typing import Annotated

import typer

from cli.session import Session

RECIPE = Path("recipes") / "starter.yaml"


def bootstrap(
    context: typer.Context,
    epochs: Annotated[int | None, typer.Option(min=1, help="Fewer passes, for a trial.")] = None,
    folder: Annotated[Path, typer.Option(help="Where training works and leaves checkpoints.")] = Path("runs/bootstrap"),
    weights: Annotated[
        Path | None, typer.Option(help="Where the detector goes. Default: the bundled one's place.", show_default=False)
    ] = None,
) -> None:
    """Train the starter detector from scratch on procedural clips with exact labels. More than an hour on a CPU.

    Example:  framefoundry bootstrap --epochs 1 --weights trial.pt
    """
    import shutil

    from annotators.weights import STARTER_PATH
    from cli import flow_calls
    from cli.progress import show_progress
    from flows.progress import Progress
    from flows.serve import project_folder

    session: Session = context.obj
    recipe = project_folder() / RECIPE
    target = (weights or STARTER_PATH).absolute()
    with flow_calls.flow_surroundings(session) as store:
        from flows.build import build_dataset

        report = build_dataset(str(recipe), store=str(store.root))
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
