"""Kills inside each stage of a real `framefoundry run`, one after another on one store, until it may finish."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from faults_parts.outcomes import Outcome

_RECIPE = """
name: killed
classes: [person, car]
prompts:
  template: "{objects}, {weather}"
  axes:
    objects: [{text: cars, count: {car: 2}}, {text: people, count: {person: 2}}]
    weather: [clear, rain, fog]
  strategy: full
  repeats: 4
generator: {kind: procedural}
clip: {frames: 12, fps: 12, width: 160, height: 96}
annotator: {kind: yolo, weights: starter, tracker: ocsort}
curation: {accept: 0.1, ignore: 0.05, min_track_frames: 1, min_box_side: 0, max_background: 1}
split: {train: 0.6, val: 0.4, test: 0}
publish: {parquet: {}, yolo: {stride: 1}}
seed: 5
"""
_PATIENCE_SECONDS = 600.0
_PARTING_SECONDS = 30.0
_LOOK_SECONDS = 0.003
_PROGRAM = Path(__file__).with_name("journalled_run.py")
# A clip is labelled when its scores, which come last, are committed.
_STAGES = {"render": "render", "detect": "detections", "label": "clip_scores", "images": "frame_images"}


@dataclass(frozen=True)
class StoreView:
    """What a store holds at a moment.

    Attributes:
        committed: stage -> keys.
        staged: folders in which versions are being built.
        is_curating: whether the run in hand has come to the decisions.
    """

    committed: dict[str, frozenset[str]]
    staged: frozenset[Path]
    is_curating: bool

    @classmethod
    def of(cls, root: Path, journal: Path) -> "StoreView":
        """The store at ``root`` now, and the run that writes ``journal``."""
        committed = {
            stage: frozenset(path.name for path in root.glob(f"objects/{folder}/*/*"))
            for stage, folder in _STAGES.items()
        }
        begun = journal.read_text(encoding="utf-8") if journal.is_file() else ""
        return cls(committed, frozenset(root.glob("tmp/publish-*/publish")), "curate " in begun)


# Takes the store as it was when the run was started, and as it is.
HasCome = Callable[[StoreView, StoreView], bool]


@dataclass(frozen=True)
class Moment:
    """When a run is killed: in which ``stage``, ``when`` in it, and the test of it."""

    stage: str
    when: str
    has_come: HasCome


@dataclass(frozen=True)
class Kill:
    """A kill that was carried out, and the store that it left."""

    moment: Moment
    left: StoreView
    half_visible: bool


def moments(full: bool) -> Iterator[Moment]:
    """Moments in an order in which one store can see them all: three inside each stage, else one."""
    kills = 3 if full else 1
    for stage, most in (("render", 4), ("label", 3), ("images", 3)):
        for number in range(kills):
            yield Moment(stage, f"{most - number} more commits", _after_more(stage, most - number))
    if full:
        yield Moment("publish", "the decisions begin", lambda _, now: now.is_curating)
    yield Moment("publish", "the version's folder is begun", lambda start, now: bool(now.staged - start.staged))
    if full:
        yield Moment("publish", "its images are being linked", _staged_file("yolo/images/*/*"))
        yield Moment("publish", "its summary is written", _staged_file("dataset.json"))


def kill_every_stage(folder: Path, *, full: bool) -> Iterator[Outcome]:
    """Run undisturbed; run again on another store with one kill after another; one outcome a kill.

    All kills hit one store, so the version at the end speaks for each of them, and the rows are counted once.
    """
    folder.mkdir(parents=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(_RECIPE, encoding="utf-8")
    wanted = _Attempt(recipe, folder / "undisturbed", folder / "undisturbed.txt").finish()
    attempts = [_Attempt(recipe, folder / "killed", folder / f"{number}.txt") for number in range(99)]
    kills = [attempt.kill_at(moment) for attempt, moment in zip(attempts, moments(full), strict=False)]
    found = attempts[len(kills)].finish()
    lost, doubled = _rows(wanted.path) - _rows(found.path), _rows(found.path) - _rows(wanted.path)
    for number, kill in enumerate(kills):
        again = attempts[number + 1].begun()
        is_last = number == len(kills) - 1
        yield Outcome(
            where=f"a real run: {kill.moment.stage}",
            fault=kill.moment.when,
            same_version=found.dataset == wanted.dataset,
            half_visible=kill.half_visible,
            lost_rows=lost.total() * is_last,
            doubled_rows=doubled.total() * is_last,
            rendered_twice=_done_again("render", again, kill.left),
            labelled_twice=_done_again("detect", again, kill.left) + _done_again("label", again, kill.left),
        )


@dataclass(frozen=True)
class _Finished:
    dataset: str
    path: Path


@dataclass(frozen=True)
class _Attempt:
    """One start of the command, with a journal of its own."""

    recipe: Path
    store: Path
    journal: Path

    def begun(self) -> list[tuple[str, str]]:
        """Stage and key of everything that it set out to make."""
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.is_file() else []
        return [(stage, key) for stage, key in (line.split() for line in lines)]

    def finish(self) -> _Finished:
        process = self._start()
        out, said = process.communicate(timeout=_PATIENCE_SECONDS)
        if process.returncode:
            raise RuntimeError(f"the run that nobody disturbed ended with {process.returncode}:\n{said}")
        report = json.loads(out)
        return _Finished(report["dataset"], Path(report["path"]))

    def kill_at(self, moment: Moment) -> Kill:
        start = StoreView.of(self.store, self.journal)
        process = self._start()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not moment.has_come(start, StoreView.of(self.store, self.journal)):
            if process.poll() is not None or time.monotonic() > deadline:
                _end(process)
                said = process.stderr.read() if process.stderr else ""
                raise RuntimeError(f"{moment.stage}, {moment.when}: the run passed it, or never came there:\n{said}")
            time.sleep(_LOOK_SECONDS)
        _end(process)
        return Kill(moment, StoreView.of(self.store, self.journal), not _shows_only_whole(self.store))

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PREFECT_HOME": str(self.store.with_name(f"{self.store.name}-prefect"))}
        environment.pop("PREFECT_API_URL", None)
        words = ["--store", str(self.store), "--json", "run", str(self.recipe)]
        return subprocess.Popen(
            [sys.executable, str(_PROGRAM), str(self.journal), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        )  # fmt: skip


def _after_more(stage: str, count: int) -> HasCome:
    return lambda start, now: len(now.committed[stage] - start.committed[stage]) >= count


def _staged_file(pattern: str) -> HasCome:
    return lambda start, now: any(next(folder.glob(pattern), None) for folder in now.staged - start.staged)


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the command with all of its group at once, and wait until the server that it had started is gone too."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(family, timeout=_PARTING_SECONDS)
    for member in left:
        member.kill()
    if left:
        raise RuntimeError(f"{len(left)} processes outlived the run that had started them")


def _done_again(stage: str, begun: list[tuple[str, str]], left: StoreView) -> int:
    """How much of what a killed run had committed the next one set out to make again."""
    return sum(key in left.committed[of] for of, key in begun if of == stage)


def _shows_only_whole(root: Path) -> bool:
    """Whether every object can be read, every clip's media is there, and every version that is named is whole."""
    for path in root.glob("objects/*/*/*"):
        data = path.read_bytes()
        if data[:1] != b"{":
            pq.read_table(path, use_threads=False)
        elif path.parts[-3] == "render":
            media = json.loads(data)["media_id"]
            if not (root / "media" / media[:2] / f"{media}.mp4").is_file():
                return False
        else:
            json.loads(data)
    versions = {path.parent for path in root.glob("datasets/*/*/*")}
    latest = [pointer.parent / pointer.read_text().strip() for pointer in root.glob("datasets/*/LATEST")]
    return all((version / "dataset.json").is_file() for version in [*versions, *latest])


def _rows(version: Path) -> Counter[str]:
    """Frames of a version with their boxes, counted."""
    rows: Counter[str] = Counter()
    for file in sorted((version / "manifest").rglob("*.parquet")):
        kind = file.relative_to(version / "manifest").as_posix()
        rows.update(f"{kind} {row}" for row in pq.read_table(file, use_threads=False).to_pylist())
    return rows
