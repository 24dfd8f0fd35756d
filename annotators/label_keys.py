"""Which clips are tracked together, and the keys that their labels are committed under."""

from collections.abc import Iterable, Sequence

from schemas.identity import digest
from schemas.records import ClipRecord
from storage.clip_table import sequence_of


def group_sequences(clips: Iterable[ClipRecord]) -> list[tuple[ClipRecord, ...]]:
    """Clips that share track ids: the segments of one source in order, every other clip alone.

    Sequences come in the order of their first clip.
    """
    groups: dict[str, list[ClipRecord]] = {}
    for clip in clips:
        groups.setdefault(sequence_of(clip), []).append(clip)
    return [
        tuple(sorted(group, key=lambda clip: clip.segment.start if clip.segment else 0)) for group in groups.values()
    ]


def label_keys(sequence: Sequence[ClipRecord]) -> list[str]:
    """The key of each clip's tracks.

    A lone clip's labels depend on its pixels alone, so its ``media_id`` names them. A segment's ids depend on all that
    came before it, and on where the segments lie in their source, too.
    """
    if len(sequence) == 1:
        return [sequence[0].media_id]
    whole = [[clip.media_id, clip.segment.start if clip.segment else 0] for clip in sequence]
    return [digest([whole, place]) for place in range(len(sequence))]
