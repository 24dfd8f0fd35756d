"""Out of memory, NaN and black frames, provoked in a tiny real pipeline by patching what it calls."""

from dataclasses import replace

import pytest

from generators.diffusers_video.memory_ladder import MemoryLadder, is_out_of_memory
from generators.diffusers_video.messages import Done, Event, GivenUp, Spoiled
from generators.diffusers_video.profiles import Settings
from schemas.recipe import ClipOptions


def out_of_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def fail_above(renderer, largest: int):
    """Let the transformer run out of memory on more than ``largest`` clips at once."""
    transformer = renderer._pipe.transformer
    forward = transformer.forward

    def failing(*args, hidden_states, **kwargs):
        if hidden_states.shape[0] > largest:
            raise out_of_memory()
        return forward(*args, hidden_states=hidden_states, **kwargs)

    transformer.forward = failing


def fail_to_decode(renderer, times: int):
    """Let the VAE run out of memory the first ``times`` times."""
    vae = renderer._denoiser.vae
    decode, left = vae._decode, [times]

    def failing(*args, **kwargs):
        if left[0]:
            left[0] -= 1
            raise out_of_memory()
        return decode(*args, **kwargs)

    vae._decode = failing


def events(said) -> list[str]:
    return [answer.text for answer in said if isinstance(answer, Event)]


def test_a_batch_too_large_is_halved_until_it_fits_and_no_clip_shrinks(plan_of, tasks_of, render):
    plan = plan_of("wan", batch=4)
    answers, said, renderer = render(plan, tasks_of(*"abcd"), change=lambda renderer: fail_above(renderer, 1))
    assert all(isinstance(answer, Done) for answer in answers.values())
    assert len(answers) == 4
    assert {answer.encoded.frames for answer in answers.values()} == {plan.frames}
    assert renderer.ladder.footing.batch == 1
    assert [event.split(": now ")[1] for event in events(said)] == ["batch 2", "batch 1"]
    assert answers["clip3"].notes == ("batch 2", "batch 1")


def test_a_clip_that_fits_in_no_way_is_given_up_and_says_why(plan_of, tasks_of, render):
    answers, said, _ = render(plan_of("wan"), tasks_of("a"), change=lambda renderer: fail_above(renderer, 0))
    assert isinstance(answers["clip0"], GivenUp)
    assert answers["clip0"].reason == "out_of_memory"
    assert "2.00 GiB" in answers["clip0"].detail
    assert [event.split(": now ")[1] for event in events(said)] == ["decode by itself"]  # 32 pixels are one tile


@pytest.mark.parametrize(("times", "taken"), [(1, ("decode by itself",)), (2, ("decode by itself", "vae tiling"))])
def test_decoding_without_memory_goes_alone_and_then_in_tiles(plan_of, tasks_of, render, times, taken):
    change = lambda renderer: fail_to_decode(renderer, times)  # noqa: E731
    wide = ClipOptions(frames=5, fps=8, width=272, height=32)  # wider than a tile
    answers, _, renderer = render(plan_of("wan", wide, steps=1), tasks_of("a", "b"), change=change)
    assert [type(answer) for answer in answers.values()] == [Done, Done]
    assert answers["clip0"].notes == taken
    assert renderer._pipe.vae.use_tiling is (len(taken) == 2)


def test_nan_in_one_clip_of_a_batch_is_seen_at_its_step_and_spares_the_other(plan_of, tasks_of, render):
    def poison(renderer):
        transformer = renderer._pipe.transformer
        forward = transformer.forward

        def failing(*args, **kwargs):
            (noise,) = forward(*args, **kwargs)
            noise[1] = float("nan")
            return (noise,)

        transformer.forward = failing

    answers, _, _ = render(plan_of("wan"), tasks_of("a", "b"), change=poison)
    assert isinstance(answers["clip0"], Done)
    assert answers["clip1"] == Spoiled("clip1", "not_finite", "NaN or infinity at step 0")


@pytest.mark.parametrize(("value", "reason"), [(float("nan"), "not_finite"), (-1.0, "black_frames")])
def test_frames_that_are_no_picture_are_refused_after_decoding(plan_of, tasks_of, render, value, reason):
    def ruin(renderer):
        vae = renderer._denoiser.vae
        decode = vae._decode
        vae._decode = lambda *args, **kwargs: (decode(*args, **kwargs)[0] * 0 + value,)

    answers, _, _ = render(plan_of("wan"), tasks_of("a"), change=ruin)
    assert isinstance(answers["clip0"], Spoiled)
    assert answers["clip0"].reason == reason


def test_a_pipeline_that_reports_no_steps_is_checked_after_decoding(plan_of, tasks_of, render):
    def silence(renderer):
        shape = renderer._denoiser._shape
        renderer._denoiser._shape = replace(shape, reports_steps=False)
        transformer = renderer._pipe.transformer
        forward = transformer.forward
        transformer.forward = lambda *args, **kwargs: (forward(*args, **kwargs)[0] * float("nan"),)

    answers, _, _ = render(plan_of("wan"), tasks_of("a"), change=silence)
    assert isinstance(answers["clip0"], Spoiled)
    assert "decoded frames" in answers["clip0"].detail


def test_a_fault_of_one_batch_leaves_the_renderer_at_work(plan_of, tasks_of, render):
    def break_first(renderer):
        denoise, left = renderer._denoiser.denoise, [1]

        def failing(*arguments, **options):
            if left[0]:
                left[0] -= 1
                raise RuntimeError("shapes do not match")
            return denoise(*arguments, **options)

        renderer._denoiser.denoise = failing

    answers, _, _ = render(plan_of("wan", batch=1), tasks_of("a", "b"), change=break_first)
    assert answers["clip0"] == GivenUp("clip0", "render_error", "RuntimeError: shapes do not match")
    assert isinstance(answers["clip1"], Done)


def test_the_ladder_ends_with_offload_on_a_gpu_and_without_it_on_a_cpu():
    def descend(*, can_offload: bool, can_tile: bool = True) -> list[str | None]:
        ladder = MemoryLadder(Settings(batch=4), can_offload=can_offload, can_tile=can_tile)
        rungs = [ladder.step_down("denoise", ladder.footing.batch)]
        while rungs[-1] is not None:
            rungs.append(ladder.step_down("denoise", ladder.footing.batch))
        return rungs

    without = ["batch 2", "batch 1", "decode by itself", "vae tiling"]
    assert descend(can_offload=False) == [*without, None]
    assert descend(can_offload=True) == [*without, "offload model", None]
    assert descend(can_offload=False, can_tile=False) == [*without[:-1], None]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
            True,
        ),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_faults_mean_want_of_memory(fault, expected):
    assert is_out_of_memory(fault) is expected
