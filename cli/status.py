"""`framefoundry status`: what the store holds, what is running on it, and what ran before."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli.run_report import SHOWN_DIGITS
from cli.session import Session
from cli.sizes import folder_size, show_size

if TYPE_CHECKING:
    from rich.table import Table

    from flows.run_history import PastRun
    from storage.datasets import DatasetVersion
    from storage.models import ModelVersion
    from storage.store import Store


_AREAS = ("media", "frames", "objects", "tables", "files", "datasets", "models")
SHOWN_RUNS = 10


def status(context: typer.Context) -> None:
    """List datasets and their versions, trained models, the store's size, runs in progress, and past runs."""
    from storage.datasets import list_datasets
    from storage.locks import list_holders
    from storage.models import list_models

    session: Session = context.obj
    store = session.open_store(create=False)
    datasets, models, running = list_datasets(store), list_models(store), list_holders(store)
    sizes = area_sizes(store)
    areas = ", ".join(f"{area} {show_size(size)}" for area, size in sizes.items())
    session.show(f"store    {store.location}  ({areas or 'empty'})")
    session.show(dataset_table(store, datasets) if datasets else "datasets none yet:  framefoundry run RECIPE")
    session.show(model_table(store, models) if models else "models   none yet:  framefoundry retrain DATASET")
    for holder in running:
        session.show(f"running  {holder.work} (process {holder.pid} on {holder.host}, since {holder.since})")
    if not running:
        session.show("running  nothing")
    past = past_runs(session, store)
    if past:
        session.show(run_table(past))
    session.emit(
        {
            "store": store.location,
            "bytes": sizes,
            "datasets": [_dataset_row(store, version) for version in datasets],
            "models": [_model_row(store, version) for version in models],
            "running": [holder._asdict() for holder in running],
            "runs": [vars(run) for run in past],
        }
    )


def past_runs(session: Session, store: "Store") -> list["PastRun"]:
    """The last runs that a server, or the database that it left, tells of; one that tells nothing is worth a note."""
    from rich.markup import escape

    from cli.flow_calls import PREFECT_FOLDER
    from flows.run_history import read_past_runs
    from schemas.errors import EnvironmentFault

    try:
        return read_past_runs(store.root / PREFECT_FOLDER, SHOWN_RUNS)
    except EnvironmentFault as fault:
        session.note(f"[yellow]Past runs are not known:[/] {escape(str(fault))}")
        return []


def run_table(runs: list["PastRun"]) -> "Table":
    """One row a run that has started, the latest first."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("run", "state", "started (UTC)", "took", "dataset", box=None, padding=(0, 2, 0, 0))
    for run in runs:
        name, _, version = run.dataset.partition("@")
        dataset = f"{name}@{version[:SHOWN_DIGITS]}" if version else ""
        table.add_row(escape(run.name), run.state, run.started[:19], show_duration(run.seconds), dataset)
    return table


def show_duration(seconds: float) -> str:
    """``1:02:03``, hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def area_sizes(store: "Store") -> dict[str, int]:
    """Bytes below each folder of the store, the largest first; a file linked into several places counts once.

    Of a remote store, what it holds itself, and below ``here`` what this machine keeps for it.
    """
    seen: set[int] = set()
    if store.address:
        remote = {area: sum(entry.size for entry in store.entries(area)) for area in _AREAS}
        return {area: size for area, size in [*_largest_first(remote), ("here", folder_size(store.root, seen))] if size}
    sizes = {entry.name: folder_size(entry, seen) for entry in sorted(store.root.iterdir()) if entry.is_dir()}
    return dict(_largest_first(sizes))


def _largest_first(sizes: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, size) for name, size in sizes.items() if size), key=lambda item: -item[1])


def dataset_table(store: "Store", versions: list["DatasetVersion"]) -> "Table":
    """One row a dataset version."""
    from rich.table import Table

    table = Table("dataset", "version", "current", "clips", "labels", "folder", box=None, padding=(0, 2, 0, 0))
    for row in (_dataset_row(store, version) for version in versions):
        counts = (_number(row["clips"]), _number(row["boxes"]))
        table.add_row(row["name"], row["version"][:SHOWN_DIGITS], _mark(row["current"]), *counts, _short(row["path"]))
    return table


def model_table(store: "Store", versions: list["ModelVersion"]) -> "Table":
    """One row a model version."""
    from rich.table import Table

    table = Table("model", "version", "promoted", "verdict", "weights", box=None, padding=(0, 2, 0, 0))
    for row in (_model_row(store, version) for version in versions):
        table.add_row(
            row["name"], row["version"][:SHOWN_DIGITS], _mark(row["promoted"]), row["verdict"], _short(row["weights"])
        )
    return table


def _dataset_row(store: "Store", version: "DatasetVersion") -> dict[str, Any]:
    from storage.datasets import current_version

    return {
        "name": version.name,
        "version": version.version,
        "current": version.version == current_version(store, version.name),
        "clips": version.summary.get("clips"),
        "boxes": version.summary.get("boxes"),
        "path": version.location,
    }


def _model_row(store: "Store", version: "ModelVersion") -> dict[str, Any]:
    from storage.models import WEIGHTS_FILE, promoted_version

    return {
        "name": version.name,
        "version": version.version,
        "promoted": version.version == promoted_version(store, version.name),
        "verdict": str(version.report.get("verdict", "")),
        "weights": f"{version.location}/{WEIGHTS_FILE}",
    }


def _mark(chosen: bool) -> str:
    return "[green]●[/]" if chosen else ""


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _short(location: str) -> str:
    """A path from the working directory where it lies below it; an address as it is."""
    if "://" in location:
        return location
    here, path = Path.cwd(), Path(location)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
