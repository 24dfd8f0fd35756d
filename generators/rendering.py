"""Bring clips into the store: render what is missing, keep what is there, and say what became of each."""

from collections.abc import Iterator, Sequence

from generators.protocol import Generator, RenderedClip
from schemas.records import ClipJob, ClipRecord, Failure
from storage.clips import commit_clip, find_clip
from storage.store import Store


def missing_jobs(store: Store, jobs: Sequence[ClipJob]) -> list[ClipJob]:
    """The jobs whose clips are not committed yet, in their order."""
    return [job for job in jobs if find_clip(store, job.clip_id) is None]


def render_into_store(generator: Generator, store: Store, jobs: Sequence[ClipJob]) -> Iterator[ClipRecord | Failure]:
    """Render and commit ``jobs``; one answer for each, as it is ready.

    A clip is in the store, whole, once its record has been yielded; whatever happens later, it stays. Should another
    process have committed the same clip meanwhile, its record is the one that is yielded.
    """
    with store.scratch("render") as folder:
        for answer in generator.render(jobs, folder):
            yield _commit(store, answer) if isinstance(answer, RenderedClip) else answer


def _commit(store: Store, clip: RenderedClip) -> ClipRecord:
    record = commit_clip(store, clip.record(), clip.encoded.path, clip.truth, clip.source_truth)
    clip.encoded.path.unlink(missing_ok=True)
    return record
