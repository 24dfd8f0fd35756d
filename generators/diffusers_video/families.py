"""Pipeline classes: the little that a call signature cannot tell, and which of them are tested here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.diffusers_options import Cache, Mode


@dataclass(frozen=True)
class Family:
    """One pipeline class of diffusers.

    Attributes:
        pipeline: class name.
        mode: what a clip of it starts from.
        fps: rate at which the model's motion looks natural; it is the file's rate where the recipe sets none.
        frame_step: it renders ``k * frame_step + 1`` frames.
        size_step: width and height are multiples of it.
        embeddings: what ``encode_prompt`` returns for a prompt, by the names under which the call takes it back; empty:
            prompts go in as text, and the text encoder stays loaded.
        batches: whether several clips can be denoised together, each from its own input.
        conditions: whether its input is a list of conditions, each with a strength of *keeping* it; elsewhere strength
            is that of the change.
        caches: what can be reused between its steps, of those in ``DiffusersOptions.cache``.
        siblings: classes that run the same weights in another mode.
        licence: of outputs of the family's published weights; "unknown" where each has its own.
        tested: a tiny pipeline of this very class passes this repository's tests of snapping, batching, cancelling and
            decoding.
    """

    pipeline: str
    mode: Mode
    fps: float
    frame_step: int
    size_step: int
    embeddings: tuple[str, ...] = ()
    batches: bool = True
    conditions: bool = False
    caches: tuple[Cache, ...] = ("first_block",)
    siblings: Mapping[Mode, str] = field(default_factory=dict)
    licence: str = "unknown"
    tested: bool = False


_EMBEDS = ("prompt_embeds",)
_BOTH: tuple[Cache, ...] = ("first_block", "taylorseer")
_MASKED = ("prompt_embeds", "prompt_attention_mask")
_WAN = "Apache-2.0"
_HUNYUAN = "Tencent Hunyuan community licence: not for improving other models; not licensed in the EU, UK, South Korea"
_NVIDIA = "NVIDIA open model licence; no claim on outputs"
_LTX = "LTX licence of the weights' version; a model trained on LTX-2 outputs counts as a derivative"

FAMILIES: tuple[Family, ...] = (
    Family(
        "WanPipeline", "text", 16, 4, 16, _EMBEDS, caches=_BOTH, licence=_WAN, tested=True,
        siblings={"image": "WanImageToVideoPipeline", "video": "WanVideoToVideoPipeline"},
    ),
    # Its latents of several first frames are mixed up between clips (each clip gets all frames), so one at a time.
    Family("WanImageToVideoPipeline", "image", 16, 4, 16, _EMBEDS, batches=False, licence=_WAN, tested=True),
    # It calls its transformer outside a cache context, which FirstBlockCache needs.
    Family("WanVideoToVideoPipeline", "video", 16, 4, 16, _EMBEDS, caches=(), licence=_WAN, tested=True),
    Family(
        "LTXPipeline", "text", 24, 8, 32, _MASKED, caches=_BOTH, licence=_LTX, tested=True,
        siblings={"image": "LTXImageToVideoPipeline", "video": "LTXConditionPipeline"},
    ),
    Family("LTXImageToVideoPipeline", "image", 24, 8, 32, _MASKED, batches=False, licence=_LTX, tested=True),
    Family(
        "LTXConditionPipeline", "video", 24, 8, 32, _MASKED, batches=False, caches=(), conditions=True, licence=_LTX,
        tested=True,
    ),
    Family("LTX2Pipeline", "text", 24, 8, 32, licence=_LTX, siblings={"image": "LTX2ImageToVideoPipeline"}),
    Family("LTX2ImageToVideoPipeline", "image", 24, 8, 32, batches=False, licence=_LTX),
    Family("HunyuanVideo15Pipeline", "text", 24, 4, 16, caches=(), licence=_HUNYUAN),
    Family(
        "CogVideoXPipeline", "text", 8, 8, 16, _EMBEDS, tested=True,
        siblings={"video": "CogVideoXVideoToVideoPipeline"},
    ),
    Family("CogVideoXVideoToVideoPipeline", "video", 8, 8, 16, _EMBEDS, batches=False, tested=True),
    Family("Cosmos2_5_PredictBasePipeline", "text", 16, 4, 16, caches=(), licence=_NVIDIA),
    Family("Cosmos2VideoToWorldPipeline", "image", 16, 4, 16, batches=False, caches=(), licence=_NVIDIA),
    # Its prompts are wrapped in instructions, which are not stored as embeddings: they go in as text.
    Family("SanaVideoPipeline", "text", 16, 4, 32, caches=(), licence="see the weights' licence", tested=True),
    Family("MochiPipeline", "text", 30, 6, 16, _MASKED, licence="Apache-2.0", tested=True),
    Family("Kandinsky5T2VPipeline", "text", 24, 4, 16, caches=(), licence="MIT"),
)  # fmt: skip


def find_family(pipeline: str) -> Family | None:
    """The family of the class ``pipeline``; None for a class that is not in the table."""
    return next((family for family in FAMILIES if family.pipeline == pipeline), None)


def family_table() -> list[tuple[str, str, str]]:
    """Class, mode and ``tested`` or ``untested`` of each family, as users see it."""
    return [(family.pipeline, family.mode, "tested" if family.tested else "untested") for family in FAMILIES]
