"""`framefoundry label`: existing video files in, a labelled dataset out."""

from pathlib import Path
from typing import Annotated

import typer

from cli.publish import ACCEPT_HELP, IGNORE_HELP
from cli.run import RunnerOption, WorkersOption
from cli.session import Session
from flows.runner_choice import check_runner

# As in a recipe: confidence is how far a box is borne out by its track, whatever the detector's scores are like.
ACCEPT, IGNORE = 0.6, 0.2


def label(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="A folder of videos (mp4, mov, mkv, webm), or one file.", show_default=False)
    ],
    *,
    weights: Annotated[
        str, typer.Option(help="`starter`, a .pt file, an OpenVINO export folder, or a trained model NAME[@VERSION].")
    ] = "starter",
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. Default: made from the folder's name.", show_default=False)
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes to keep, with commas: person,car. Default: all that the detector knows.", show_default=False
        ),
    ] = None,
    accept: Annotated[float, ACCEPT_HELP] = ACCEPT,
    ignore: Annotated[float, IGNORE_HELP] = IGNORE,
    runner: RunnerOption = "threads",
    workers: WorkersOption = None,
) -> None:
    """Label existing videos: detect, track, curate and publish them as a dataset.

    Example:  framefoundry label clips/ --weights yolo26n.pt --classes person,car
    """
    from annotators.weights import resolve_weights
    from cli import flow_calls
    from cli.run_report import finish_run
    from generators.footage_files import find_videos

    session: Session = context.obj
    check_runner(runner, workers)
    wanted = split_classes(classes)
    find_videos(folder)  # a folder without videos and missing weights are refused before Prefect starts
    found = resolve_weights(weights, session.open_store())
    with flow_calls.flow_surroundings(session) as store:
        from flows.label import label_footage

        report = label_footage(
            str(folder.resolve()),
            weights=str(found.path.absolute()) if Path(weights).expanduser().exists() else weights,
            name=name,
            classes=wanted,
            store=store.location,
            accept=accept,
            ignore=ignore,
            runner=runner,
            workers=workers,
        )
    finish_run(session, report)


def split_classes(text: str | None) -> list[str] | None:
    """``"person, car"`` as a list; None stays None.

    Raises:
        RecipeError: no name in it.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        from schemas.errors import RecipeError

        raise RecipeError(f"--classes {text!r} names no class.", "Write them with commas: --classes person,car")
    return names
