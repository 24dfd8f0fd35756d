"""What earns a family the word `tested`: snapping, batching, cancelling and decoding with a pipeline of its class."""

import pytest

from generators.diffusers_video import families
from generators.diffusers_video.inputs import DrawnScene
from generators.diffusers_video.messages import Done
from generators.procedural.scene import SceneRequest
from schemas.recipe import ClipOptions
from storage.video import check_clip

CASES = {
    "WanPipeline": ("wan", {}),
    "WanImageToVideoPipeline": ("wan-i2v", {"mode": "image", "images": "procedural"}),
    "WanVideoToVideoPipeline": ("wan", {"mode": "video", "source": "procedural", "strength": 1.0}),
    "LTXPipeline": ("ltx", {}),
    "CogVideoXPipeline": ("cogvideox", {}),
    "CogVideoXVideoToVideoPipeline": ("cogvideox", {"mode": "video", "source": "procedural", "strength": 1.0}),
    "MochiPipeline": ("mochi", {}),
    "SanaVideoPipeline": ("sana", {}),
    "LTXImageToVideoPipeline": ("ltx", {"mode": "image", "images": "procedural"}),
    "LTXConditionPipeline": ("ltx", {"mode": "video", "source": "procedural", "strength": 1.0}),
}
ODD = ClipOptions(frames=7, fps=8, width=36, height=50)


def test_the_families_called_tested_are_those_tested_here():
    assert {family.pipeline for family in families.FAMILIES if family.tested} == set(CASES)


@pytest.fixture(params=CASES)
def family(request, plan_of):
    model, options = CASES[request.param]
    plan = plan_of(model, ODD, **options)
    assert plan.pipeline == request.param
    return plan


@pytest.fixture
def two_tasks(family, tasks_of):
    drawn = [
        DrawnScene(SceneRequest(seed=seed, frames=family.frames, fps=8, width=family.width, height=family.height))
        for seed in (1, 2)
    ]
    return tasks_of("a red ball", "a blue box", sources=None if family.mode == "text" else drawn)


def test_frames_and_size_are_snapped_and_come_back_as_planned(family, two_tasks, render):
    height = 64 if family.pipeline.startswith(("LTX", "Sana")) else 48
    frames = 7 if family.pipeline.startswith("Mochi") else 9
    assert (family.width, family.height, family.frames) == (32, height, frames)
    answers, _, _ = render(family, two_tasks)
    for task in two_tasks:
        done = answers[task.clip_id]
        assert isinstance(done, Done), done
        assert (done.encoded.width, done.encoded.height, done.encoded.frames) == (
            family.width,
            family.height,
            family.frames,
        )
        check_clip(done.encoded.path, family.frames)


def test_a_clip_in_a_batch_is_the_clip_alone(family, two_tasks, latents_of):
    alone = [latents_of(family, [task]) for task in two_tasks]
    assert (alone[0] - alone[1]).abs().max() > 0.01  # the prompts, seeds and inputs matter
    if not family.family.batches:
        return
    together = latents_of(family, two_tasks)
    for index in range(2):
        assert (together[index : index + 1] - alone[index]).abs().max() < 1e-4


def test_a_cancelled_batch_stops_after_the_step_and_gives_nothing(family, two_tasks, render):
    asked = []  # once before the batch, then after each of its two steps

    def stopped() -> bool:
        asked.append(len(asked))
        return len(asked) > 1

    answers, _, _ = render(family, two_tasks[:1], stopped=stopped)
    assert answers == {}
    assert len(asked) == 2


def test_decoding_put_off_gives_the_frames_of_the_pipeline_itself(family, two_tasks, embeddings_of):
    import torch

    from generators.diffusers_video.decoding import decode_clip
    from generators.diffusers_video.denoising import Denoiser
    from generators.diffusers_video.loading import load_renderer

    task = two_tasks[:1]
    denoiser = Denoiser(
        load_renderer(family, "cpu"), family, "cpu", embeddings_of(family, task) if family.embeddings else None
    )
    call = denoiser.denoise(task).decode
    ours = decode_clip(denoiser.pipe, denoiser.vae, call.of_clip(0, 1))

    plain = load_renderer(family, "cpu")
    with torch.no_grad():
        theirs = plain(**denoiser._arguments(task) | {"output_type": "np"}).frames[0]
    assert ours.shape == theirs.shape
    assert abs(ours.astype(float) - theirs * 255).max() <= 0.5 + 1e-3


def test_weights_for_both_modes_take_a_first_frame(plan_of, tasks_of, render):
    plan = plan_of("wan-both", ODD, mode="image", images="procedural")
    assert plan.pipeline == "WanImageToVideoPipeline"
    drawn = DrawnScene(SceneRequest(seed=1, frames=9, fps=8, width=plan.width, height=plan.height))
    answers, _, _ = render(plan, tasks_of("a red ball", sources=[drawn]))
    assert answers["clip0"].encoded.frames == 9


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_less_strength_stays_closer_to_the_source(model, plan_of, tasks_of, latents_of):
    """At no strength at all the latents would be the source's; all the noise is another clip."""
    drawn = DrawnScene(SceneRequest(seed=1, frames=9, fps=8, width=32, height=64))
    latents = [
        latents_of(
            plan_of(model, ODD, mode="video", source="procedural", strength=strength, steps=8),
            tasks_of("a red ball", sources=[drawn]),
        )
        for strength in (0.15, 0.3, 1.0)
    ]
    near, far = ((latents[0] - other).abs().mean() for other in latents[1:])
    assert near < far
