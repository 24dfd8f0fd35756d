"""Kills before, within and after every call by which a run changes its store; then a restart, and the count."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faults_parts.fatal_steps import kill_at, list_steps, run_in_child
from faults_parts.outcomes import Outcome
from faults_parts.places import LocalPlace, Place, S3Place
from faults_parts.s3_server import serve_s3
from faults_parts.still_stages import DATASET, MANIFEST, StillRun
from storage.clips import CLIP_STAGE, RECORD_FORM

Seen = Mapping[str, bytes]

_LATEST = f"datasets/{DATASET}/LATEST"


@dataclass(frozen=True)
class Setting:
    """Where a run begins.

    Attributes:
        name: for the table.
        before, clips: clips of the version that is published already, 0 for a new store; and of the one that will be.
    """

    name: str
    before: int
    clips: int


SETTINGS = (Setting("first version on a new store", 0, 1), Setting("a further version", 1, 2))


def kill_every_commit(folder: Path, every: int = 1, settings: Sequence[Setting] = SETTINGS) -> Iterator[Outcome]:
    """Kill runs on a local store at each ``every``-th of their steps, and once at each kind of step, per setting."""
    folder.mkdir(parents=True)
    yield from _kill(LocalPlace(folder), folder, every, settings)


def kill_every_request(folder: Path, every: int = 1, settings: Sequence[Setting] = SETTINGS) -> Iterator[Outcome]:
    """The same on a store in a bucket, whose server lives on; a step is before or after a request that changes it."""
    folder.mkdir(parents=True)
    with serve_s3(folder / "server.txt") as leading_there, _environment(leading_there, folder / "cache"):
        yield from _kill(S3Place(leading_there["AWS_ENDPOINT_URL"], folder / "cache"), folder, every, settings)


def _kill(place: Place, folder: Path, every: int, settings: Sequence[Setting]) -> Iterator[Outcome]:
    for number, setting in enumerate(settings):
        yield from _Campaign(place, setting, folder, str(number)).outcomes(every)


@contextmanager
def _environment(variables: Mapping[str, str], cache: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables, FRAMEFOUNDRY_CACHE=str(cache))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class _Campaign:
    place: Place
    setting: Setting
    folder: Path
    prefix: str

    def outcomes(self, every: int) -> Iterator[Outcome]:
        first = self._run_on(f"{self.prefix}-start", self.setting.before)
        if self.setting.before and not run_in_child(first, self.place.watch):
            raise RuntimeError(f"{self.setting.name}: the version before could not be made")
        steps = list_steps(self._run("undisturbed"), self.place.watch, self.folder / f"{self.prefix}-steps.txt")
        reference = self.place.visible(f"{self.prefix}-undisturbed")
        for number, step in enumerate(steps):
            if number % every == 0 or steps.index(step) == number:
                yield self._outcome(number, step, reference)

    def _run(self, name: str) -> StillRun:
        store = f"{self.prefix}-{name}"
        if self.setting.before:
            self.place.copy(f"{self.prefix}-start", store)
        return self._run_on(store, self.setting.clips)

    def _run_on(self, store: str, clips: int) -> StillRun:
        return StillRun(self.place.location(store), clips, self.folder / f"{store}.txt")

    def _outcome(self, number: int, step: str, reference: Seen) -> Outcome:
        name = f"kill-{number}"
        run, store = self._run(name), f"{self.prefix}-{name}"
        if not kill_at(number, run, self.place.watch):
            raise RuntimeError(f"{self.setting.name}: the run passed step {number}, {step}, unharmed")
        seen = self.place.visible(store)
        begun = list(run.begun())
        finished = run_in_child(run, self.place.watch)
        again = list(run.begun())[len(begun) :]
        found = self.place.visible(store)
        expected_rows, found_rows = _rows(reference), _rows(found)
        outcome = Outcome(
            where=f"{self.place.name}: {self.setting.name}",
            fault=step,
            same_version=finished and found == reference and not self.place.leftovers(store),
            half_visible=not _shows_only_whole(seen, reference),
            lost_rows=(expected_rows - found_rows).total(),
            doubled_rows=(found_rows - expected_rows).total(),
            rendered_twice=sum(f"render {clip}" in again for clip in _rendered(seen)),
        )
        self.place.remove(store)
        return outcome


def _shows_only_whole(seen: Seen, whole: Seen) -> bool:
    """Whether every object, version and pointer that is there is as an undisturbed run leaves it, or as it was."""
    held = seen.get(_LATEST)
    versions = {name.rpartition("/")[0] for name in seen if name.startswith("datasets/") and name != _LATEST}
    return (
        all(whole.get(name) == data for name, data in seen.items() if name != _LATEST)
        and all(f"{folder}/{file}" in seen for folder in versions for file in (MANIFEST, "dataset.json"))
        and (held is None or f"datasets/{DATASET}/{held.decode().strip()}" in versions)
    )


def _rendered(seen: Seen) -> set[str]:
    folder = f"objects/{CLIP_STAGE}/{RECORD_FORM}/"
    return {name.removeprefix(folder) for name in seen if name.startswith(folder)}


def _rows(seen: Seen) -> Counter[tuple[object, ...]]:
    """Rows of the current version, counted; none where there is no version."""
    held = seen.get(_LATEST)
    if held is None:
        return Counter()
    manifest = seen[f"datasets/{DATASET}/{held.decode().strip()}/{MANIFEST}"]
    table = pq.read_table(pa.BufferReader(manifest), use_threads=False)
    return Counter(tuple(row.values()) for row in table.to_pylist())
