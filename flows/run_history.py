"""Runs of the past, from the server that knows them or the database that it left behind; Prefect is not needed."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.prefect_api import ask
from schemas.errors import EnvironmentFault

DATABASE = "prefect.db"
SUMMARY_SUFFIX = "-summary"
"""How the keys of the artifacts end whose description says what came of a run."""
_QUERY = f"""
SELECT run.name, run.state_name, run.start_time, run.end_time,
       (SELECT max(description) FROM artifact WHERE flow_run_id = run.id AND key LIKE '%{SUMMARY_SUFFIX}')
FROM flow_run AS run WHERE run.start_time IS NOT NULL ORDER BY run.start_time DESC LIMIT ?
"""


@dataclass(frozen=True)
class PastRun:
    """A run that has started at some time.

    Attributes:
        name: such as ``build street, round 3``.
        state: in Prefect's words, such as ``Completed``.
        started: ISO 8601, UTC.
        seconds: from its start to its end, or to now; of a crashed run, to when that was found out.
        dataset: the version that came of it, ``name@version``; empty where none did.
    """

    name: str
    state: str
    started: str
    seconds: float
    dataset: str


def read_past_runs(home: Path, limit: int) -> list[PastRun]:
    """The last ``limit`` runs, the latest first; none where there is neither a server nor a database.

    Args:
        home: Prefect's folder of the store, unless ``PREFECT_HOME`` is set. ``PREFECT_API_URL``, where set, is asked.
        limit: how many.

    Raises:
        EnvironmentFault: the server does not answer, or the database is not one of Prefect's.
    """
    api = os.environ.get("PREFECT_API_URL")
    if api:
        return _from_server(api.rstrip("/"), limit)
    database = Path(os.environ.get("PREFECT_HOME") or home) / DATABASE
    return _from_database(database, limit) if database.is_file() else []


def _from_server(api: str, limit: int) -> list[PastRun]:
    wanted = {"flow_runs": {"start_time": {"is_null_": False}}, "sort": "START_TIME_DESC", "limit": limit}
    try:
        runs = ask("POST", f"{api}/flow_runs/filter", wanted)
        of_these = {"flow_run_id": {"any_": [run["id"] for run in runs]}, "key": {"like_": f"%{SUMMARY_SUFFIX}"}}
        summaries = ask("POST", f"{api}/artifacts/filter", {"artifacts": of_these}) if runs else []
    except OSError as fault:
        raise EnvironmentFault(f"the Prefect server at {api} does not answer: {fault}", "Start it.") from None
    datasets = {one["flow_run_id"]: one["description"] for one in summaries}
    return [
        _past_run((run["name"], run["state_name"], run["start_time"], run["end_time"], datasets.get(run["id"])))
        for run in runs
    ]


def _from_database(database: Path, limit: int) -> list[PastRun]:
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [_past_run(row) for row in connection.execute(_QUERY, (limit,))]
    except sqlite3.Error as fault:
        raise EnvironmentFault(f"{database}: {fault}.", "Is it of another version of Prefect?") from None


def _past_run(row: Iterable[Any]) -> PastRun:
    name, state, started, ended, dataset = row
    begin = _read_time(started)
    end = _read_time(ended) if ended else datetime.now(UTC)
    seconds = round((end - begin).total_seconds(), 1)
    return PastRun(str(name), str(state), begin.isoformat(timespec="seconds"), seconds, str(dataset or ""))


def _read_time(text: str) -> datetime:
    """Of Prefect's API, or of its database, which leaves the zone out: it is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
