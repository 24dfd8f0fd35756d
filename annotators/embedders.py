"""What looks at frames for :mod:`annotators.embeddings`: a model by name, cut down to vectors of one size.

A frame is described by what a network's middle layer sees in each part of a coarse grid, not by one mean over the
whole picture: pooled over everything, two casts of the same street look more alike than a clip and its noisy copy
(see ``benchmarks/near_duplicates.py``). The description is brought down to ``EMBEDDING_SIZE`` numbers by a random
projection, which keeps angles between near vectors: Achlioptas, Database-friendly random projections, JCSS 2003.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from annotators.checkpoint import load_detection_model
from annotators.detector import choose_device
from annotators.weights import STARTER, Weights, resolve_folder, resolve_weights
from schemas.annotator_options import DetectorOptions
from schemas.curation_options import DETECTOR
from schemas.errors import EnvironmentFault
from schemas.identity import digest
from schemas.recipe import Recipe
from schemas.tables import EMBEDDING_SIZE
from storage.store import Store

VERSION = 1
GRID = (3, 5)
"""Rows and columns in which a picture is described."""
LOOK_SIZE = (96, 160)
"""Height and width at which a YOLO backbone looks at frames: near-duplicates are alike at any size."""
_STRIDE = 8  # of the layer that is taken: it still sees where things are, and no longer their pixels


class Embedder(ABC):
    """A model that describes frames. Loaded at its first use; not safe to share between threads.

    Attributes:
        name: of the model that looks, for people.
        every: one in so many frames is embedded.
        fingerprint: of everything that determines the vectors but the clip.
    """

    def __init__(self, name: str, identity: Sequence[Any], every: int) -> None:
        self.name = name
        self.every = every
        self.fingerprint = digest(["embeddings", VERSION, EMBEDDING_SIZE, every, *identity])

    def embed(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of length 1, float16 ``(N, EMBEDDING_SIZE)``.

        Args:
            frames: uint8 ``(H, W, 3)`` RGB, at least one, all of one size.
        """
        described = _to_length_one(self.describe(frames))
        return _to_length_one(described @ _projection(described.shape[1])).astype(np.float16)

    @abstractmethod
    def describe(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """What the model sees, float32 ``(N, any)``."""


class BackboneEmbedder(Embedder):
    """The backbone of a YOLO checkpoint, up to the last layer at an eighth of the picture's size."""

    def __init__(self, weights: Weights, every: int, device: str = "auto", grid: tuple[int, int] = GRID) -> None:
        super().__init__(
            weights.name, ["yolo", weights.sha256, version("ultralytics"), LOOK_SIZE, _STRIDE, grid], every
        )
        self._weights = weights
        self._grid = grid
        self._device = device

    @cached_property
    def _layers(self) -> Any:
        """The layers in a row, on their device.

        Raises:
            EnvironmentFault: they do not lie in a row, as those of a YOLO backbone do.
        """
        import torch

        layers = list(load_detection_model(self._weights.path).model.float().eval().model)
        taken, seen = 0, torch.zeros(1, 3, *LOOK_SIZE)
        with torch.inference_mode():
            for place, layer in enumerate(layers):
                if layer.f != -1 or (seen := layer(seen)).shape[2] * _STRIDE < LOOK_SIZE[0]:
                    break
                if seen.shape[2] * _STRIDE == LOOK_SIZE[0]:
                    taken = place + 1
        if not taken:
            raise EnvironmentFault(
                f"curation.near_duplicates.embedder: {self._weights.path} has no YOLO backbone.",
                "Give another checkpoint, or the folder of a transformers vision model.",
            )
        return torch.nn.Sequential(*layers[:taken]).to(choose_device(self._device, self._weights))

    def describe(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """See :class:`Embedder`."""
        import cv2
        import torch

        small = [cv2.resize(frame, LOOK_SIZE[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
        layers = self._layers
        pixels = torch.from_numpy(np.stack(small)).to(next(layers.parameters()).device)
        with torch.inference_mode():
            return _pool(layers(pixels.permute(0, 3, 1, 2).float() / 255), self._grid)


class TransformersEmbedder(Embedder):
    """A vision model that transformers reads from a local folder: ``config.json``, weights, image processor."""

    def __init__(self, folder: Weights, every: int, device: str = "auto") -> None:
        super().__init__(folder.name, ["transformers", folder.sha256, version("transformers"), GRID], every)
        self._folder = folder
        self._device = device

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        from transformers import AutoImageProcessor, AutoModel

        try:
            # No pickles, and none of the code that a folder may bring along.
            safely = {"local_files_only": True, "trust_remote_code": False}
            model = AutoModel.from_pretrained(self._folder.path, use_safetensors=True, **safely)
            processor = AutoImageProcessor.from_pretrained(self._folder.path, **safely)
        except (OSError, ValueError) as fault:
            raise EnvironmentFault(
                f"curation.near_duplicates.embedder: {self._folder.path} cannot be loaded by transformers: "
                f"{str(fault).strip().splitlines()[0]}",
                "Give the folder of a vision model: config.json, model.safetensors and preprocessor_config.json.",
            ) from fault
        # Only an OpenVINO export is bound to the CPU, and this folder is none.
        plain = Weights(self._folder.name, self._folder.path / "config.json", self._folder.sha256)
        return model.float().eval().to(choose_device(self._device, plain)), processor

    def describe(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """See :class:`Embedder`."""
        import torch

        model, processor = self._parts
        pixels = processor(images=list(frames), return_tensors="pt").to(model.device)
        with torch.inference_mode():
            seen = model(**pixels).last_hidden_state
        if seen.ndim == 3:  # tokens of patches, after a few that stand for the whole picture
            side = int(seen.shape[1] ** 0.5)
            seen = seen[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))
        return _pool(seen, GRID)


def build_embedder(recipe: Recipe, store: Store) -> Embedder | None:
    """The embedder that the recipe names; None where it needs none. No model is loaded yet.

    ``detector`` stands for the annotator's weights; where these have no layers that could be looked into (an OpenVINO
    export, the renderer's truth), for the bundled starter's.

    Raises:
        EnvironmentFault: there is no such model.
    """
    options = recipe.curation.near_duplicates
    if options is None or (options.clips is None and options.frames is None):
        return None
    device = recipe.annotator.device if isinstance(recipe.annotator, DetectorOptions) else "auto"
    if options.embedder != DETECTOR:
        folder = Path(options.embedder).expanduser()
        if folder.is_dir():
            vision = _vision_folder(options.embedder, folder, options.embedder_sha256)
            return TransformersEmbedder(vision, options.every, device)
        weights = resolve_weights(options.embedder, store, options.embedder_sha256)
        return BackboneEmbedder(weights, options.every, device)
    detecting = recipe.annotator if isinstance(recipe.annotator, DetectorOptions) else DetectorOptions(weights=STARTER)
    weights = resolve_weights(detecting.weights, store, detecting.weights_sha256)
    if weights.is_export:
        weights = resolve_weights(STARTER, store)
        device = "auto"
    return BackboneEmbedder(weights, options.every, device)


def _vision_folder(name: str, folder: Path, pinned: str | None) -> Weights:
    config = folder / "config.json"
    try:
        known = "model_type" in json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = False
    if not known:
        raise EnvironmentFault(
            f"curation.near_duplicates.embedder: {folder} holds no config.json with a model_type.",
            "Give `detector`, a .pt of ultralytics, or the folder of a transformers vision model.",
        )
    return resolve_folder(name, folder, pinned)


def _pool(seen: Any, grid: tuple[int, int]) -> np.ndarray:
    """(N, C, H, W) as (N, C * cells of the grid): the mean of each cell."""
    import torch

    pooled: np.ndarray = torch.nn.functional.adaptive_avg_pool2d(seen, grid).flatten(1).float().cpu().numpy()
    return pooled


def _to_length_one(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return scaled


@lru_cache(maxsize=4)
def _projection(size: int) -> np.ndarray:
    """(size, EMBEDDING_SIZE) of -1 and 1: the bits of a generator whose stream is fixed for good."""
    raw = np.random.PCG64(size).random_raw(size * EMBEDDING_SIZE // 64)
    bits = np.unpackbits(raw.astype("<u8").view(np.uint8))
    return bits.reshape(size, EMBEDDING_SIZE).astype(np.float32) * 2 - 1
