"""FiftyOne on the database of our data directory, or on the user's own: connected here, and let go of again."""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from publishers.mongod import hold_mongod
from schemas.errors import EnvironmentFault, RecipeError

OWNER_KEY = "framefoundry"
"""In a FiftyOne dataset's ``info``: marks it as ours, and tells its version."""

URI_VARIABLE = "FIFTYONE_DATABASE_URI"
_OURS_VARIABLE = "FRAMEFOUNDRY_DATABASE_URI"  # what we set URI_VARIABLE to: our child processes are not "the user"
_SETTINGS = {
    "FIFTYONE_DO_NOT_TRACK": "true",
    "FIFTYONE_DATABASE_VALIDATION": "false",  # of the bundled mongod's version, which works and is called old
}


@contextmanager
def fiftyone_session(folder: Path) -> Iterator[Any]:
    """The module ``fiftyone``, connected during the block to the database kept in ``folder``.

    Where the user set FIFTYONE_DATABASE_URI, that database is used, and nothing is started or stopped. All other
    settings are the user's own. Importing FiftyOne takes some seconds, once in a process.

    Raises:
        EnvironmentFault: FiftyOne or mongod is missing or does not start, or the database does not answer.
    """
    with ExitStack() as stack:
        before, own = os.environ.get(URI_VARIABLE), not database_is_the_users()
        if own:
            uri = stack.enter_context(hold_mongod(folder))
            stack.enter_context(_environment({URI_VARIABLE: uri, _OURS_VARIABLE: uri}))
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        fiftyone = _connect(os.environ[URI_VARIABLE])
        if own:
            stack.callback(_disconnect, before)
        yield fiftyone


def read_shown_version(folder: Path, dataset: str) -> str | None:
    """The version that a FiftyOne dataset of ours shows, found without importing FiftyOne; None where unknown.

    Raises:
        EnvironmentFault: mongod is missing or does not start.
    """
    import pymongo

    with ExitStack() as stack:
        uri = os.environ[URI_VARIABLE] if database_is_the_users() else stack.enter_context(hold_mongod(folder))
        client: pymongo.MongoClient[dict[str, Any]] = stack.enter_context(
            pymongo.MongoClient(uri, serverSelectionTimeoutMS=5_000)
        )
        name = os.environ.get("FIFTYONE_DATABASE_NAME", "fiftyone")
        try:
            found = client[name]["datasets"].find_one({"name": dataset}, {f"info.{OWNER_KEY}": 1}) or {}
        except pymongo.errors.PyMongoError:
            return None
    return ((found.get("info") or {}).get(OWNER_KEY) or {}).get("version")


def database_is_the_users() -> bool:
    """Whether the user chose a database (FIFTYONE_DATABASE_URI), so that we neither start nor stop one."""
    return os.environ.get(URI_VARIABLE) not in {None, "", os.environ.get(_OURS_VARIABLE)}


def open_app(folder: Path, dataset: str, *, port: int = 5151, wait_seconds: float | None = None) -> None:
    """Serve the FiftyOne App for ``dataset`` on the loopback interface until Ctrl-C, or for ``wait_seconds``.

    Raises:
        RecipeError: FiftyOne has no such dataset; the message lists those that it has.
        EnvironmentFault: see :func:`fiftyone_session`.
    """
    with fiftyone_session(folder) as fiftyone:
        if not fiftyone.dataset_exists(dataset):
            raise RecipeError(
                f"FiftyOne has no dataset {dataset!r}; it has: {', '.join(fiftyone.list_datasets()) or 'none'}.",
                "Publish it with `fiftyone: {}` under `publish`.",
            )
        # The App serves any file that this user can read, so it must not be reached from elsewhere.
        fiftyone.launch_app(fiftyone.load_dataset(dataset), remote=True, address="127.0.0.1", port=port)
        try:
            _wait(wait_seconds)
        finally:
            fiftyone.close_app()


def _wait(seconds: float | None) -> None:
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    with suppress(KeyboardInterrupt):
        while time.monotonic() < deadline:
            time.sleep(0.2)


def _connect(uri: str) -> Any:
    """Import FiftyOne, or point the imported one at ``uri``."""
    known = sys.modules.get("fiftyone")
    try:
        import fiftyone
        from fiftyone.core.odm import database

        if known is not None and fiftyone.config.database_uri != uri:
            database._disconnect()
            fiftyone.config.database_uri = uri
        database.ensure_connection()
    except ImportError as fault:
        raise EnvironmentFault(f"FiftyOne cannot be imported: {fault}.", "pip install fiftyone") from fault
    except (ConnectionError, RuntimeError, _mongo_fault()) as fault:
        raise EnvironmentFault(
            f"FiftyOne's database at {uri} does not answer: {fault}.", f"Start it, or unset {URI_VARIABLE}."
        ) from fault
    fiftyone.config.show_progress_bars = False  # progress is told by our caller
    return fiftyone


def _mongo_fault() -> type[Exception]:
    from pymongo.errors import PyMongoError

    return PyMongoError


def _disconnect(next_uri: str | None) -> None:
    """Close the connections before their server goes; what waits for it at exit would wait for half a minute.

    ``next_uri`` is the database of the block around ours, if any: the next query connects to it.
    """
    import fiftyone
    from fiftyone.core.odm import database

    fiftyone.Dataset._instances.clear()  # cached by name: the next database may have others of the same names
    database._disconnect()
    fiftyone.config.database_uri = next_uri or None


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
