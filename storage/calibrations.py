"""Calibrations: measured once for a generator and a detector, found again for exactly these, and for no others."""

from collections.abc import Iterable

from pydantic import ValidationError

from schemas.calibration import Calibration, Subject
from schemas.errors import StoreError
from schemas.recipe import Recipe
from schemas.records import ClipRecord, Origin
from storage.commits import commit_json, object_key, read_json
from storage.store import Store
from storage.versions import LATEST, move_latest

CALIBRATION_STAGE = "calibrations"


def subject_of(records: Iterable[ClipRecord], recipe: Recipe, annotator_fingerprint: str) -> Subject | None:
    """Whose labels those of ``records`` are; None where the clips come from several generators, or there are none."""
    origins = {_identity(record.origin) for record in records}
    if len(origins) != 1:
        return None
    generator, version, model, revision = origins.pop()
    return Subject(
        generator=generator,
        generator_version=version,
        model=model,
        revision=revision,
        # Footage of one street says nothing about that of another: its figures stay with the dataset.
        source=recipe.name if generator == "footage" else "",
        annotator=annotator_fingerprint,
        classes=tuple(recipe.classes.items()),
        frames=recipe.clip.frames,
        fps=recipe.clip.fps,
        width=recipe.clip.width,
        height=recipe.clip.height,
    )


def commit_calibration(store: Store, calibration: Calibration) -> bool:
    """Store ``calibration`` and make it the current one of its subject; False where its equal was there already.

    Raises:
        StoreError: the disk is full or not writable; the current one stays.
    """
    key, name = calibration.subject.key, calibration.calibration_id
    is_new = commit_json(store, CALIBRATION_STAGE, key, name, calibration.model_dump(mode="json"))
    move_latest(store, CALIBRATION_STAGE, key, name)
    return is_new


def find_calibration(store: Store, subject: Subject) -> Calibration | None:
    """The current calibration of exactly ``subject``; None while there is none.

    Raises:
        StoreError: it is missing, damaged, or of another form.
    """
    name = store.read_pointer(f"{CALIBRATION_STAGE}/{subject.key}/{LATEST}")
    if name is None:
        return None
    data = read_json(store, CALIBRATION_STAGE, subject.key, name)
    try:
        found = Calibration.model_validate(data)
    except ValidationError as fault:
        where = store.where(object_key(CALIBRATION_STAGE, subject.key, name))
        raise StoreError(
            f"{where} is no calibration of this version: {fault.errors()[0]['msg']}.", "Run `calibrate` again."
        ) from None
    return found


def _identity(origin: Origin) -> tuple[str, str, str, str]:
    return origin.generator, origin.version, origin.model, origin.revision
