"""`framefoundry retrain`: a detector trained on a published dataset, promoted only on evidence."""

from typing import Annotated

import typer

from cli.session import Session


def retrain(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A published dataset.", show_default=False)],
    holdout: Annotated[
        str | None,
        typer.Option(help="NAME[@VERSION] with truth or reviewed labels to judge on.", show_default=False),
    ] = None,
    base: Annotated[str, typer.Option(help="Weights to start from: `starter`, a .pt file, or a model.")] = "starter",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
) -> None:
    """Train YOLO26 on a dataset version, compare it with the incumbent, and keep weights and report as a model.

    It is promoted only where a holdout of truth or reviewed labels shows that
    it is better; without one the answer is `no evidence`.

    Example:  framefoundry retrain quickstart --epochs 5
    """
    from annotators.weights import resolve_weights
    from cli import flow_calls
    from cli.retrain_report import show_retraining
    from storage.datasets import find_version, parse_reference

    session: Session = context.obj
    store = session.open_store(create=False)
    for reference in filter(None, (dataset, holdout)):
        find_version(store, *parse_reference(reference))  # unknown names are refused before Prefect starts
    resolve_weights(base, store)
    options = {"epochs": epochs} if epochs is not None else {}
    with flow_calls.flow_surroundings(session) as opened:
        from flows.retrain import retrain_detector

        report = retrain_detector(dataset, store=opened.location, base=base, holdout=holdout, **options)
    show_retraining(session, report)
