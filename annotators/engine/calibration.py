"""Frames that INT8 is calibrated on: bundled, so that a quantised model follows from the weights alone."""

from pathlib import Path

import numpy as np

from annotators.engine.letterbox import fit_frame
from annotators.weights import file_sha256
from schemas.identity import digest

CALIBRATION_FOLDER = Path(__file__).parent / "calibration_frames"
"""Street scenes of every weather and light, drawn from seeds that no benchmark uses."""


def calibration_inputs(image_size: int, stride: int) -> list[np.ndarray]:
    """Each frame as an input, float32 ``(1, 3, H, W)`` from 0 to 1, ``image_size`` pixels on its longer side."""
    import cv2

    inputs = []
    for path in _frames():
        frame = np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])
        letterbox = fit_frame((frame.shape[0], frame.shape[1]), image_size, stride)
        batch = letterbox.new_batch(1)
        letterbox.place(frame, batch[0])
        inputs.append(batch.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    return inputs


def calibration_sha256() -> str:
    """Identity of the frames."""
    return digest([[path.name, file_sha256(path)] for path in _frames()], length=64)


def _frames() -> list[Path]:
    return sorted(CALIBRATION_FOLDER.glob("*.jpg"))
