"""The command `framefoundry`, with a journal of what it sets out to do.

`python journalled_run.py JOURNAL WORD…` is `framefoundry WORD…`. A line is the stage and the key of what it will
commit, written before the work begins, so that it survives the process.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def main() -> None:
    """Take the journal's path off the command line, and carry on as the command."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    journal = Path(sys.argv.pop(1))
    if "run" in sys.argv:
        _watch(journal)
    from cli.main import run

    run()


class _Noted:
    """An annotator that notes what it is asked for, when it takes it in hand."""

    def __init__(self, annotator: Any, note: Callable[[str, Iterable[str]], None]) -> None:
        self._annotator, self._note = annotator, note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._annotator, name)

    def detect(self, records: Any) -> Any:
        self._note("detect", [record.media_id for record in records])
        return self._annotator.detect(records)

    def track(self, sequence: Any) -> Any:
        self._note("label", [record.clip_id for record, _ in sequence])
        return self._annotator.track(sequence)


def _watch(journal: Path) -> None:
    from annotators import labelling
    from curators import curate as curation
    from generators import rendering

    def note(stage: str, keys: Iterable[str]) -> None:
        with journal.open("a", encoding="utf-8") as file:
            file.writelines(f"{stage} {key}\n" for key in keys)

    def rendering_noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(generator: Any, store: Any, jobs: Any) -> Any:
            note("render", [job.clip_id for job in jobs])
            return call(generator, store, jobs)

        return watched

    def labelling_noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(annotator: Any, *arguments: Any) -> Any:
            return call(_Noted(annotator, note), *arguments)

        return watched

    def curation_noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            note("curate", ["all"])
            return call(*arguments, **options)

        return watched

    rendering.render_into_store = rendering_noted(rendering.render_into_store)
    curation.curate = curation_noted(curation.curate)
    labelling.label_sequences = labelling_noted(labelling.label_sequences)


if __name__ == "__main__":
    main()
