"""A detector's checkpoint as ultralytics' model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from annotators.offline import prepare_ultralytics
from annotators.weights import Weights
from schemas.errors import EnvironmentFault


def load_detection_model(weights: Weights) -> Any:
    """``weights`` as ultralytics' model.

    Raises:
        EnvironmentFault: not weights of a detector.
    """
    prepare_ultralytics()
    from ultralytics.models import YOLO

    try:
        model = YOLO(str(weights.path), task="detect")
    # Whatever a damaged or foreign pickle makes torch and ultralytics raise, it means the same to the user.
    except Exception as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise EnvironmentFault(
            f"annotator.weights: {weights.path} cannot be loaded as a YOLO checkpoint: {reason}",
            "Give a checkpoint that ultralytics wrote.",
        ) from fault
    if model.task != "detect":
        raise EnvironmentFault(
            f"annotator.weights: {weights.path} is a model for `{model.task}`, not for `detect`.",
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
