"""Kills before, within and after every system call by which a run changes its store; then a restart, and the count."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from faults_parts.fatal_steps import kill_at, list_steps, run_in_child
from faults_parts.outcomes import Outcome
from faults_parts.still_stages import DATASET, MANIFEST, StillRun
from storage.clips import CLIP_STAGE, RECORD_FORM
from storage.scratch import sweep

_OWN = {"tmp", "locks"}


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
    """Kill a run at each ``every``-th of its steps, and once at each kind of step, in each of ``settings``."""
    for number, setting in enumerate(settings):
        yield from _Campaign(setting, folder / str(number)).outcomes(every)


@dataclass(frozen=True)
class _Campaign:
    setting: Setting
    folder: Path

    def outcomes(self, every: int) -> Iterator[Outcome]:
        self.folder.mkdir(parents=True)
        first = StillRun(self._start, self.setting.before, self.folder / "start.txt")
        if self.setting.before and not run_in_child(first):
            raise RuntimeError(f"{self.setting.name}: the version before could not be made")
        undisturbed = self._run("undisturbed")
        steps = list_steps(undisturbed, self.folder / "steps.txt")
        for number, step in enumerate(steps):
            if number % every == 0 or steps.index(step) == number:
                yield self._outcome(number, step, undisturbed.root)

    @property
    def _start(self) -> Path:
        return self.folder / "start"

    def _run(self, name: str) -> StillRun:
        root = self.folder / name
        if self.setting.before:
            shutil.copytree(self._start, root, symlinks=True)
        return StillRun(root, self.setting.clips, self.folder / f"{name}.txt")

    def _outcome(self, number: int, step: str, reference: Path) -> Outcome:
        run = self._run(f"kill-{number}")
        if not kill_at(number, run):
            raise RuntimeError(f"{self.setting.name}: the run passed step {number}, {step}, unharmed")
        half_visible = not _shows_only_whole(run.root, reference)
        rendered = _rendered(run.root)
        begun = list(run.begun())
        finished = run_in_child(run)
        again = list(run.begun())[len(begun) :]
        expected, found = _rows(reference), _rows(run.root)
        sweep(run.root / "tmp")
        left = [entry.name for entry in (run.root / "tmp").iterdir() if entry.name != ".guard"]
        outcome = Outcome(
            where=self.setting.name,
            fault=step,
            same_version=finished and _visible(run.root) == _visible(reference) and not left,
            half_visible=half_visible,
            lost_rows=(expected - found).total(),
            doubled_rows=(found - expected).total(),
            rendered_twice=sum(f"render {clip}" in again for clip in rendered),
        )
        shutil.rmtree(run.root)
        return outcome


def _visible(root: Path) -> dict[str, bytes]:
    """Content of every file of a store by its path, but for what the store keeps for itself."""
    files = (path for entry in root.iterdir() if entry.name not in _OWN for path in [entry, *entry.rglob("*")])
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files if path.is_file()}


def _shows_only_whole(root: Path, reference: Path) -> bool:
    """Whether every object, version and pointer that is there is as an undisturbed run leaves it, or as it was."""
    if not root.is_dir():
        return True
    seen, whole = _visible(root), _visible(reference)
    pointer = f"datasets/{DATASET}/LATEST"
    held = seen.pop(pointer, None)
    versions = {path.parent for path in root.glob(f"datasets/{DATASET}/*/*")}
    return (
        all(whole.get(name) == data for name, data in seen.items())
        and all((folder / file).is_file() for folder in versions for file in (MANIFEST, "dataset.json"))
        and (held is None or (root / "datasets" / DATASET / held.decode().strip()).is_dir())
    )


def _rendered(root: Path) -> set[str]:
    return {path.name for path in root.glob(f"objects/{CLIP_STAGE}/{RECORD_FORM}/*")}


def _rows(root: Path) -> Counter[tuple[object, ...]]:
    """Rows of the current version, counted; none where there is no version."""
    pointer = root / "datasets" / DATASET / "LATEST"
    if not pointer.is_file():
        return Counter()
    table = pq.read_table(pointer.parent / pointer.read_text().strip() / MANIFEST, use_threads=False)
    return Counter(tuple(row.values()) for row in table.to_pylist())
