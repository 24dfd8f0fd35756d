"""The forward pass in OpenVINO: one stream of one thread for each core.

A stream works through a batch alone. So cores never wait for each other within a layer, and a frame's figures are bit
by bit the same whatever the number of cores, whichever frames share its batch and however large that is.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from annotators.engine.cores import usable_cores
from annotators.offline import prepare_openvino
from schemas.annotator_options import Precision
from schemas.errors import EnvironmentFault

SPARE_WORKERS = 1
"""Workers beyond the streams: while one looks through its boxes, another's batch keeps the core busy."""


class OpenVinoNetwork:
    """An export of ultralytics; see :class:`annotators.engine.network.Network`."""

    def __init__(self, folder: Path, *, precision: Precision, batch: int, cores: int | None = None) -> None:
        """Read the export; it is compiled for each size of input at its first use.

        Args:
            folder: one .xml, its .bin and metadata.yaml.
            precision: f32, or whatever the processor does best with the export as it is.
            batch: images a pass; an export of fixed size has its own.
            cores: to use; None: all that this process may.

        Raises:
            EnvironmentFault: OpenVINO cannot read it.
        """
        prepare_openvino()
        import openvino as ov

        self._core = ov.Core()
        self._xml = next(folder.glob("*.xml"))
        try:
            shape = self._core.read_model(self._xml).input().get_partial_shape()
        except RuntimeError as fault:
            raise EnvironmentFault(
                f"annotator.weights: {self._xml} cannot be read by OpenVINO: {str(fault).strip().splitlines()[0]}",
                "Export it again.",
            ) from None
        told = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        fixed = not shape.is_dynamic
        sides = told.get("imgsz") or [640, 640]
        self.class_names: tuple[str, ...] = tuple(str(told["names"][index]) for index in range(len(told["names"])))
        self.image_size: int | tuple[int, int] = (shape[2].get_length(), shape[3].get_length()) if fixed else max(sides)
        self.stride = int(told.get("stride", 32))
        self.batch = shape[0].get_length() if fixed else batch
        self.streams = cores or usable_cores()
        self.workers = self.streams + SPARE_WORKERS
        self._fixed = fixed
        self._precision = precision
        self._compiled: dict[tuple[int, int], Any] = {}
        self._compiling = threading.Lock()
        self._own = threading.local()

    def run(self, images: np.ndarray) -> np.ndarray:
        """One pass; see :meth:`annotators.engine.network.Network.run`."""
        request = self._request((images.shape[1], images.shape[2]))
        # Synchronous on purpose: queues of asynchronous requests have hung on CPUs.
        answer = request.infer({0: images}, share_inputs=True, share_outputs=True)
        raw: np.ndarray = answer[0]
        return raw

    def _request(self, size: tuple[int, int]) -> Any:
        """This thread's own request for inputs of ``size``."""
        requests: dict[tuple[int, int], Any] = vars(self._own).setdefault("requests", {})
        if size not in requests:
            with self._compiling:
                if size not in self._compiled:
                    self._compiled[size] = self._compile(size)
            requests[size] = self._compiled[size].create_infer_request()
        return requests[size]

    def _compile(self, size: tuple[int, int]) -> Any:
        from openvino import Layout, Type
        from openvino.preprocess import PrePostProcessor

        model = self._core.read_model(self._xml)
        if not self._fixed:
            model.reshape([self.batch, 3, *size])
        # Bytes become floats inside the model, where it costs next to nothing.
        steps = PrePostProcessor(model)
        steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
        steps.input().preprocess().convert_element_type(Type.f32).scale(255.0)
        steps.input().model().set_layout(Layout("NCHW"))
        options: dict[str, Any] = {
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.streams,
            "ENABLE_CPU_PINNING": False,  # others work on these cores too
        }
        if self._precision == "f32":
            options["INFERENCE_PRECISION_HINT"] = "f32"
        return self._core.compile_model(steps.build(), "CPU", options)
