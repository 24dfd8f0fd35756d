"""The forward pass in torch: half precision on a GPU, the plain loop's own figures on a CPU."""

import numpy as np

from annotators.checkpoint import kept_threads, load_detection_model
from annotators.weights import Weights
from schemas.annotator_options import Precision
from schemas.errors import EnvironmentFault


class TorchNetwork:
    """A checkpoint as ultralytics' predictor runs it; see :class:`annotators.engine.network.Network`."""

    def __init__(self, weights: Weights, *, device: str, precision: Precision, batch: int) -> None:
        """Load ``weights``.

        Args:
            weights: of a checkpoint.
            device: cpu, cuda:0, ….
            precision: auto is half precision on a GPU.
            batch: images a pass.

        Raises:
            EnvironmentFault: not weights of a detector, or INT8 is asked for.
        """
        if precision == "int8":
            raise EnvironmentFault(
                f"annotator.precision: int8 runs in OpenVINO on the CPU, not in torch on {device}.", "Use auto or f32."
            )
        model = load_detection_model(weights.path)
        half = device != "cpu" and precision == "auto"
        with kept_threads():
            # The first call sets the predictor up: fused layers, precision, device.
            model.predict(
                [np.zeros((64, 64, 3), np.uint8)], device=device, imgsz=64, quantize=16 if half else None, verbose=False
            )
        self._backend = model.predictor.model
        self._device = device
        self._half = half
        names = self._backend.names
        self.class_names: tuple[str, ...] = tuple(str(names[index]) for index in range(len(names)))
        self.image_size: int | tuple[int, int] = model.overrides.get("imgsz") or 640
        self.stride = int(self._backend.stride)
        self.batch = batch
        # torch spreads over the cores by itself; beside a GPU one thread more prepares the next frames.
        self.workers = 0 if device == "cpu" else 1

    def run(self, images: np.ndarray) -> np.ndarray:
        """One pass; see :meth:`annotators.engine.network.Network.run`."""
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).contiguous()
            answer = self._backend((pixels.half() if self._half else pixels.float()).div_(255))
            raw = answer[0] if isinstance(answer, (list, tuple)) else answer
            found: np.ndarray = raw.float().cpu().numpy()
        return found
