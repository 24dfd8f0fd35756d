"""FiftyOne on the database of our data directory, or on the user's own: connected here, and let go of again."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from publishers.mongod import hold_mongod
from schemas.errors import EnvironmentFault

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
        EnvironmentFault: FiftyOne or mongod is missing or does not start, or the database does not answer, be it from
            the beginning or because it died in the block.
    """
    with ExitStack() as stack:
        before, own = os.environ.get(URI_VARIABLE), not database_is_the_users()
        uri = stack.enter_context(hold_database(folder))
        stack.enter_context(_environment(environment_for(uri)))
        fiftyone = _connect(uri)
        if own:
            stack.callback(_disconnect, before)
        try:
            yield fiftyone
        except _mongo_fault() as fault:
            raise EnvironmentFault(
                f"FiftyOne's database at {uri} does not answer any more: {fault}.",
                "Run again: what is committed is kept. Should it happen again, look at the memory of the machine.",
            ) from fault


def read_shown_versions(uri: str) -> dict[str, str | None]:
    """FiftyOne datasets in the database at ``uri``, and the version that each shows; None where it is not ours.

    FiftyOne is not imported for it.

    Raises:
        EnvironmentFault: the database does not answer.
    """
    import pymongo

    name = os.environ.get("FIFTYONE_DATABASE_NAME", "fiftyone")
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=10_000) as client:
        try:
            found: list[dict[str, Any]] = list(client[name]["datasets"].find({}, {"name": 1, f"info.{OWNER_KEY}": 1}))
        except pymongo.errors.PyMongoError as fault:
            raise _no_answer(uri, fault) from fault
    return {one["name"]: ((one.get("info") or {}).get(OWNER_KEY) or {}).get("version") for one in found}


@contextmanager
def hold_database(folder: Path) -> Iterator[str]:
    """The URI of FiftyOne's database during the block: the user's own, else the one kept in ``folder``."""
    if database_is_the_users():
        yield os.environ[URI_VARIABLE]
    else:
        with hold_mongod(folder) as uri:
            yield uri


def environment_for(uri: str) -> dict[str, str]:
    """What FiftyOne is told through the environment so that it uses the database at ``uri``."""
    unset = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    return unset if database_is_the_users() else {**unset, URI_VARIABLE: uri, _OURS_VARIABLE: uri}


def database_is_the_users() -> bool:
    """Whether the user chose a database (FIFTYONE_DATABASE_URI), so that we neither start nor stop one."""
    return os.environ.get(URI_VARIABLE) not in {None, "", os.environ.get(_OURS_VARIABLE)}


def _connect(uri: str) -> Any:
    """Import FiftyOne, or point the imported one at ``uri``."""
    known = sys.modules.get("fiftyone")
    try:
        import fiftyone
        from fiftyone.core.odm import database

        if known is not None and fiftyone.config.database_uri != uri:
            _drop_connections()
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


def _no_answer(uri: str, fault: Exception) -> EnvironmentFault:
    return EnvironmentFault(
        f"FiftyOne's database at {uri} does not answer: {fault}.", f"Start it, or unset {URI_VARIABLE}."
    )


def _mongo_fault() -> type[Exception]:
    from pymongo.errors import PyMongoError

    return PyMongoError


def _disconnect(next_uri: str | None) -> None:
    """Close the connections before their server goes; what waits for it at exit would wait for half a minute.

    ``next_uri`` is the database of the block around ours, if any: the next query connects to it.
    """
    import fiftyone

    fiftyone.Dataset._instances.clear()  # cached by name: the next database may have others of the same names
    _drop_connections()
    fiftyone.config.database_uri = next_uri or None


def _drop_connections() -> None:
    """FiftyOne keeps its connection in two places, and closes it in one of them."""
    from fiftyone.core.odm import database
    from fiftyone.factory import repo_factory

    database._disconnect()
    repo_factory._db = None
    repo_factory.RepositoryFactory.repos.clear()


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
