"""`framefoundry bootstrap video`: make the bundled tiny video model, its VAE and its detector again."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flows.progress import Progress
from generators.shapes import MOTIFS, SHAPES, TRAINED, ShapeClips, draw_shape_clips
from trainers.detector import TrainedDetector
from trainers.tiny_vae import TinyVaeTraining, TrainedVae, decode_latents, encode_clips, train_tiny_vae
from trainers.tiny_video import StepReport, TinyVideoTraining, TrainedVideoModel, frames_to_clips, train_tiny_video

MODEL_FOLDER = Path("generators") / "tiny_video"
DETECTOR_FILE = Path("annotators") / "starter" / "yolo26n-shapes.pt"
FRAMES, SIZE = 9, 32

_DETECTOR_CLIPS = 1200
_TRIAL_CLIPS = 256
_CARD = "README.md"


@dataclass(frozen=True)
class TinyModels:
    """The three trainings; the VAE is in the video model's folder too."""

    vae: TrainedVae
    video: TrainedVideoModel
    detector: TrainedDetector

    @property
    def seconds(self) -> float:
        """Of all three."""
        return self.vae.seconds + self.video.seconds + self.detector.seconds


def train_tiny_models(
    folder: Path, tell: Callable[[Progress], None], *, steps: int | None = None, epochs: int | None = None
) -> TinyModels:
    """Train all from scratch below ``folder``, on one thread; ``steps`` and ``epochs`` shorten it, for a trial."""
    from trainers.tiny_detector import TINY_TRAINING, train_tiny_detector

    rng = np.random.default_rng(0)

    def draw(count: int) -> tuple[np.ndarray, Sequence[str]]:
        clips = _draw_trained(rng, count)
        return clips.frames, [motif.prompt for motif in clips.motifs]

    def tell_step(report: StepReport) -> None:
        tell(Progress("train", report.step, report.steps))

    coding, training = TinyVaeTraining(), TinyVideoTraining()
    if steps is not None:
        coding = replace(coding, steps=steps, clips=_TRIAL_CLIPS)
        training = replace(training, rounds=((steps, 2e-3),), clips=_TRIAL_CLIPS)
    vae = train_tiny_vae(lambda count: frames_to_clips(draw(count)[0]), coding, tell_step)
    video = train_tiny_video(
        draw,
        [motif.prompt for motif in MOTIFS],
        vae.vae,
        folder / "model",
        training,
        tell_step,
    )
    detector = train_tiny_detector(
        *draw_detector_frames(vae.vae, _DETECTOR_CLIPS),
        class_names=SHAPES,
        folder=folder / "detector",
        training=TINY_TRAINING if epochs is None else replace(TINY_TRAINING, epochs=epochs),
        on_epoch=lambda report: tell(Progress("train", report.epoch, report.epochs)),
    )
    return TinyModels(vae, video, detector)


def draw_detector_frames(vae: Any, clips: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Two frames of each of that many clips, boxes and class indexes, in random order.

    One of the two has been through the VAE, so that the detector knows shapes as the model draws them.
    """
    rng = np.random.default_rng(1)
    drawn = _draw_trained(rng, clips)
    again = decode_latents(vae, encode_clips(vae, frames_to_clips(drawn.frames)))
    coded = np.rint(((again + 1) * 127.5).clamp(0, 255).numpy()).astype(np.uint8).transpose(0, 2, 3, 4, 1)
    moments, each = rng.integers(0, FRAMES, (clips, 2)), np.arange(clips)
    frames = np.concatenate([drawn.frames[each, moments[:, 0]], coded[each, moments[:, 1]]])
    boxes = np.concatenate([drawn.boxes[each, moments[:, 0]], drawn.boxes[each, moments[:, 1]]])
    classes = np.array([SHAPES.index(motif.shape) for motif in drawn.motifs] * 2)
    order = rng.permutation(2 * clips)
    return frames[order], boxes[order], classes[order].tolist()


def install_tiny_models(models: TinyModels, model_folder: Path, detector: Path) -> None:
    """Put both where recipes look for them; the model's card stays."""
    card = model_folder / _CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else None
    shutil.rmtree(model_folder, ignore_errors=True)
    shutil.copytree(models.video.folder, model_folder)
    for path in model_folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors are written for their owner alone
    if text is not None:
        card.write_text(text, encoding="utf-8")
    detector.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(models.detector.weights, detector)


def _draw_trained(rng: np.random.Generator, count: int) -> ShapeClips:
    motifs = [TRAINED[index] for index in rng.integers(len(TRAINED), size=count)]
    return draw_shape_clips(rng, motifs, FRAMES, SIZE)
