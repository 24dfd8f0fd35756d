"""Named models: what to fetch, how to run it, what it needs and what its licence says about outputs."""

from dataclasses import dataclass

from schemas.closest import closest_hint
from schemas.diffusers_options import Dtype
from schemas.errors import RecipeError

WAN_OUTPUTS = "Apache-2.0; the authors claim no rights over generated contents"
LTX_OUTPUTS = "LTX-2 community licence: a model trained on outputs counts as a derivative of LTX-2"


@dataclass(frozen=True)
class Preset:
    """A model with the values that its authors recommend.

    Attributes:
        name: as in a recipe's `generator.preset`.
        model: hub id.
        revision: commit, or a branch where the commit is not pinned (see ``is_pinned``).
        pipeline: diffusers class of the pipeline.
        width, height, frames, fps: the clip that the model was trained for; used where the recipe sets no `clip` value.
        steps: denoising steps.
        guidance: classifier-free guidance; 1 where it is distilled away.
        dtype: of transformer and text encoder.
        sigmas: noise levels of a distilled model whose pipeline takes them; empty: the scheduler's own.
        distilled: few steps by distillation; caches between steps gain nothing there.
        memory_gb: GPU memory needed with profile `balanced` and one clip a batch; GB, by the authors' figures.
        download_gb: about what `framefoundry fetch` downloads.
        published_seconds: of a clip of this size at these steps on one H200, stock; None where nobody published it.
        licence: of the outputs, recorded with every clip.
        trains_freely: whether the licence lets a detector be trained on the outputs without further terms.
    """

    name: str
    model: str
    revision: str
    pipeline: str
    width: int
    height: int
    frames: int
    fps: float
    steps: int
    guidance: float
    memory_gb: float
    download_gb: float
    licence: str
    dtype: Dtype = "bfloat16"
    sigmas: tuple[float, ...] = ()
    distilled: bool = False
    published_seconds: float | None = None
    trains_freely: bool = True

    @property
    def is_pinned(self) -> bool:
        """Whether ``revision`` is a commit and so always means the same weights."""
        return len(self.revision) == 40 and all(digit in "0123456789abcdef" for digit in self.revision)


PRESETS: tuple[Preset, ...] = (
    Preset(
        name="wan2.1-1.3b",
        model="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
        revision="0fad780a534b6463e45facd96134c9f345acfa5b",
        pipeline="WanPipeline",
        width=832, height=480, frames=81, fps=16, steps=50, guidance=5.0,
        memory_gb=16, download_gb=29, published_seconds=95, licence=WAN_OUTPUTS,
    ),
    Preset(
        name="wan2.2-5b",
        model="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        revision="b8fff7315c768468a5333511427288870b2e9635",
        pipeline="WanPipeline",
        width=1280, height=704, frames=121, fps=24, steps=50, guidance=5.0,
        memory_gb=32, download_gb=34, published_seconds=157, licence=WAN_OUTPUTS,
    ),
    Preset(
        name="fastwan-1.3b",
        model="FastVideo/FastWan2.1-T2V-1.3B-Diffusers",
        revision="main",
        pipeline="WanPipeline",
        width=832, height=448, frames=61, fps=16, steps=3, guidance=1.0,
        memory_gb=16, download_gb=29, published_seconds=5, licence=WAN_OUTPUTS, distilled=True,
    ),
    Preset(
        name="ltx-2-distilled",
        model="rootonchair/LTX-2-19b-distilled",
        revision="main",
        pipeline="LTX2Pipeline",
        width=768, height=512, frames=121, fps=24, steps=8, guidance=1.0,
        sigmas=(1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875),
        memory_gb=64, download_gb=90, licence=LTX_OUTPUTS, distilled=True, trains_freely=False,
    ),
)  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        RecipeError: there is none of that name.
    """
    found = next((preset for preset in PRESETS if preset.name == name), None)
    if found is None:
        names = [preset.name for preset in PRESETS]
        raise RecipeError(
            f"generator.preset: {name!r} is not a preset{closest_hint(name, names)}.",
            f"Presets: {', '.join(names)}; or name a `model`.",
        )
    return found


def preset_of_model(model: str) -> Preset | None:
    """The preset whose hub id is ``model``; its licence and pins hold for the model by whatever name it is called."""
    return next((preset for preset in PRESETS if preset.model == model), None)
