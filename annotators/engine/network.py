"""What every way to run a detector's forward pass offers, and which one is meant here."""

from importlib.util import find_spec
from typing import Protocol

import numpy as np

from annotators.weights import Weights
from schemas.annotator_options import Engine, Precision
from schemas.errors import EnvironmentFault


class Network(Protocol):
    """A detector's weights, ready to run. What comes out depends on the image and the input's size alone.

    Attributes:
        class_names: in the order of the class indexes.
        image_size: longer side of the input as trained, pixels; (height, width) where it is fixed.
        stride: pixels; sides of the input are multiples of it.
        batch: images a pass.
        workers: threads that may call :meth:`run` at the same time; 0 where only the one that made it may.
    """

    class_names: tuple[str, ...]
    image_size: int | tuple[int, int]
    stride: int
    batch: int
    workers: int

    def run(self, images: np.ndarray) -> np.ndarray:
        """One pass.

        Args:
            images: uint8 ``(batch, H, W, 3)`` RGB, letterboxed.

        Returns:
            float32, as :func:`annotators.engine.suppression.find_candidates` takes it; holds until the thread's next
            call.
        """


def check_engine(weights: Weights, engine: Engine, precision: Precision) -> None:
    """See to it, before anything is loaded, that ``weights`` can be run as asked.

    Raises:
        EnvironmentFault: they cannot, whatever the device.
    """
    if weights.is_export and engine == "torch":
        raise EnvironmentFault("annotator.engine: an OpenVINO export does not run in torch.", "Use auto or openvino.")
    if precision == "int8" and not weights.is_export:
        if engine == "torch":
            raise EnvironmentFault("annotator.precision: int8 runs in OpenVINO, not in torch.", "Use auto or f32.")
        if find_spec("nncf") is None:
            raise EnvironmentFault(
                "annotator.precision: int8 needs nncf, which is not installed.",
                "Install it (`pip install nncf`), use auto or f32, or give an INT8 OpenVINO export as weights.",
            )


def open_network(
    weights: Weights, *, engine: Engine, precision: Precision, device: str, image_size: int | None, batch: int
) -> Network:
    """``weights`` by the engine that is meant: OpenVINO on the CPU, torch on a GPU.

    Args:
        weights: resolved before.
        engine, precision: as in the recipe.
        device: cpu, cuda:0, …; chosen before.
        image_size: longer side of the input, pixels; None: as trained.
        batch: images a pass.

    Raises:
        EnvironmentFault: not weights of a detector, or the engine cannot do what is asked.
    """
    check_engine(weights, engine, precision)
    if device != "cpu" and engine == "openvino":
        raise EnvironmentFault(f"annotator.engine: openvino runs on the CPU, not on {device}.", "Use auto or torch.")
    if engine == "torch" or device != "cpu":
        from annotators.engine.torch_network import TorchNetwork

        return TorchNetwork(weights, device=device, precision=precision, batch=batch)
    from annotators.engine.exports import provide_export
    from annotators.engine.openvino_network import OpenVinoNetwork

    folder = weights.path if weights.is_export else provide_export(weights, precision, image_size)
    return OpenVinoNetwork(folder, precision=precision, batch=batch)
