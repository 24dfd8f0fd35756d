"""A detector's checkpoint as ultralytics' model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from annotators.offline import prepare_ultralytics
from schemas.errors import EnvironmentFault


def load_detection_model(path: Path, setting: str = "annotator.weights") -> Any:
    """The checkpoint at ``path`` as ultralytics' model; trusted, for it is a pickle.

    Raises:
        EnvironmentFault: missing, or not weights of a detector; ``setting`` is where the user named them.
    """
    if not path.is_file():
        raise EnvironmentFault(
            f"{setting}: {path} does not exist.", "Name an existing .pt file; nothing is downloaded."
        )
    prepare_ultralytics()
    from ultralytics.models import YOLO

    try:
        model = YOLO(str(path), task="detect")
    # Whatever a damaged or foreign pickle makes torch and ultralytics raise, it means the same to the user.
    except Exception as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise EnvironmentFault(
            f"{setting}: {path} cannot be loaded as a YOLO checkpoint: {reason}",
            "Give a checkpoint that ultralytics wrote.",
        ) from fault
    if model.task != "detect":
        raise EnvironmentFault(
            f"{setting}: {path} is a model for `{model.task}`, not for `detect`.",
            "Give a detection model.",
        )
    return model


@contextmanager
def kept_threads() -> Iterator[None]:
    """ultralytics sets torch's thread count when it sets a model up; the caller's choice holds."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
