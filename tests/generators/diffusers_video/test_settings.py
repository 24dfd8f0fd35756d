"""Each setting does what it claims: the lossy ones change pixels or memory, the others change neither."""

import pytest

from generators.diffusers_video.loading import load_renderer
from generators.diffusers_video.profiles import LOSSY, PROFILES, Settings, lossy_settings, resolve_settings
from generators.diffusers_video.quantisation import weight_bytes
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import RecipeError


@pytest.fixture
def task(tasks_of):
    return tasks_of("a red ball moving left")


@pytest.fixture(scope="session")
def plain(plan_of):
    return plan_of("wan", steps=4)


EAGER = {"first_block": {"cache_threshold": 0.9}, "taylorseer": {"cache_interval": 2}}


@pytest.mark.parametrize(
    ("model", "cache"),
    [
        *((model, "first_block") for model in ("wan", "ltx", "cogvideox", "mochi")),
        *((model, "taylorseer") for model in ("wan", "ltx")),
    ],
)
def test_a_cache_saves_computation_and_changes_the_output(plan_of, task, latents_of, model, cache):
    from generators.diffusers_video.usage_meter import CacheMeter

    plan = plan_of(model, steps=6, cache=cache, **EAGER[cache])
    pipe = load_renderer(plan, "cpu")
    meter = CacheMeter.watch(pipe)
    cached = latents_of(plan, task, pipe)
    assert meter.share() > 0.2
    assert (cached - latents_of(plan_of(model, steps=6), task)).abs().max() > 0


def test_a_cache_whose_threshold_is_never_met_is_seen_to_save_nothing(plan_of, task, latents_of):
    from generators.diffusers_video.usage_meter import CacheMeter

    plan = plan_of("wan", steps=4, cache="first_block", cache_threshold=1e-9)
    pipe = load_renderer(plan, "cpu")
    meter = CacheMeter.watch(pipe)
    latents_of(plan, task, pipe)
    assert meter.share() == 0


def test_fp8_makes_the_weights_smaller_and_changes_the_output(plain, plan_of, task, latents_of):
    import torch

    quantised = plan_of("wan", steps=4, quantise="fp8")
    small, large = load_renderer(quantised, "cpu"), load_renderer(plain, "cpu")
    assert weight_bytes(small.transformer) < 0.7 * weight_bytes(large.transformer)
    assert any(weight.dtype is torch.float8_e4m3fn for weight in small.transformer.parameters())
    assert (latents_of(quantised, task, small) - latents_of(plain, task, large)).abs().max() > 0


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_int8_makes_the_weights_of_the_blocks_smaller_and_changes_the_output(plan_of, task, latents_of, model):
    plain, quantised = plan_of(model, steps=4), plan_of(model, steps=4, quantise="int8")
    small, large = load_renderer(quantised, "cpu"), load_renderer(plain, "cpu")
    assert weight_bytes(small.transformer) < 0.7 * weight_bytes(large.transformer)
    distance = (latents_of(quantised, task, small) - latents_of(plain, task, large)).abs()
    assert 0 < distance.mean() < 0.1


def test_a_quantisation_that_leaves_the_weights_as_they_were_is_refused(plan_of, monkeypatch):
    import torchao.quantization

    from schemas.errors import EnvironmentFault

    monkeypatch.setattr(torchao.quantization, "quantize_", lambda *_: None)
    with pytest.raises(EnvironmentFault, match="int8 left the weights of WanTransformer3DModel as large"):
        load_renderer(plan_of("wan", quantise="int8"), "cpu")


def test_compiling_int8_is_refused_on_a_cpu_where_it_crashes(plan_of):
    with pytest.raises(RecipeError, match="compiling int8"):
        plan_of("wan", quantise="int8", compile=True)
    assert plan_of("wan", quantise="int8", compile=True, devices="cuda:0").settings.compile


def test_dtypes_reach_their_components_and_halve_the_weights(plain, plan_of):
    import torch

    half = load_renderer(plan_of("wan", dtype="bfloat16"), "cpu")
    assert half.transformer.dtype is torch.bfloat16
    assert half.vae.dtype is torch.float32
    assert weight_bytes(half.transformer) < 0.6 * weight_bytes(load_renderer(plain, "cpu").transformer)


def test_another_attention_kernel_is_really_another(plain, plan_of, task, latents_of):
    import torch

    def kernels(plan) -> set[str]:
        pipe = load_renderer(plan, "cpu")
        with torch.profiler.profile() as profile:
            latents_of(plan, task, pipe)
        return {event.key for event in profile.key_averages() if "dot_product" in event.key}

    assert kernels(plan_of("wan", steps=4, attention="math")) != kernels(plain)


def test_an_attention_kernel_that_is_not_installed_is_refused(plan_of):
    from schemas.errors import EnvironmentFault

    with pytest.raises(EnvironmentFault, match=r"attention: 'sage'"):
        load_renderer(plan_of("wan", attention="sage"), "cpu")


def test_compile_compiles_the_repeated_blocks(plan_of):
    pipe = load_renderer(plan_of("wan", compile=True), "cpu")
    assert all(block._compiled_call_impl is not None for block in pipe.transformer.blocks)


@pytest.mark.slow
def test_what_a_cache_saves_is_counted_without_compiling_again_for_each_count(plan_of, task, latents_of, monkeypatch):
    import torch

    from generators.diffusers_video.usage_meter import CacheMeter

    monkeypatch.setattr(torch._dynamo.config, "fail_on_recompile_limit_hit", True)
    pipe = load_renderer(plan_of("wan", steps=12, cache="first_block", cache_threshold=0.9, compile=True), "cpu")
    meter = CacheMeter.watch(pipe)
    latents_of(plan_of("wan", steps=12), task, pipe)
    assert meter.share() > 0.2


@pytest.mark.slow
def test_compiled_blocks_run_and_are_lossless(plan_of, plain, task, latents_of):
    import torch
    from torch._dynamo.utils import counters

    torch._dynamo.reset()  # what another test compiled would be used again
    counters.clear()
    compiled = latents_of(plan_of("wan", steps=4, compile=True), task)
    assert counters["stats"]["unique_graphs"] >= 1
    assert (compiled - latents_of(plain, task)).abs().max() < 1e-4


def test_lossless_settings_are_not_in_a_clips_identity_and_lossy_ones_are(plan_of):
    base = plan_of("wan").identity()
    assert plan_of("wan", batch=7, compile=True).identity() == base
    assert plan_of("wan", profile="low-memory", vae_tiling=False, devices="cuda").identity() == base
    for change in (
        {"dtype": "bfloat16"},
        {"cache": "first_block"},
        {"cache": "first_block", "cache_threshold": 0.2},
        {"cache": "taylorseer"},
        {"quantise": "int8"},
        {"vae_tiling": True},
        {"quantise": "fp8"},
        {"steps": 3},
    ):
        assert plan_of("wan", **change).identity() != base, change


def test_balanced_is_lossless_but_for_its_dtypes():
    assert lossy_settings(PROFILES["balanced"]) == lossy_settings(Settings())
    assert set(lossy_settings(PROFILES["fast"])) <= set(LOSSY)


def test_single_options_override_the_profile_and_offload_ends_the_overlap():
    options = DiffusersOptions(model="m", profile="fast", compile=False, offload="group")
    found = resolve_settings(options, distilled=False)
    assert (found.compile, found.cache, found.offload, found.overlap) == (False, "first_block", "group", False)
    assert resolve_settings(options, distilled=True).cache == "none"


def test_a_cache_is_refused_where_the_pipeline_cannot_have_one(plan_of):
    with pytest.raises(RecipeError, match="WanVideoToVideoPipeline cannot have the cache"):
        plan_of("wan", mode="video", source="procedural", cache="first_block")


@pytest.mark.parametrize("cache", ["pyramid_attention", "faster_cache", "magcache"])
def test_caches_that_do_not_work_are_refused_with_their_reason(cache):
    with pytest.raises(ValueError, match=f"'{cache}' is not offered: it .*use first_block or taylorseer"):
        DiffusersOptions(model="m", cache=cache)


def test_a_cache_that_was_not_tried_on_a_pipeline_is_refused(plan_of):
    with pytest.raises(RecipeError, match=r"MochiPipeline cannot have the cache 'taylorseer'") as refused:
        plan_of("mochi", cache="taylorseer")
    assert "first_block" in str(refused.value)


def test_settings_of_another_cache_are_refused(plan_of):
    with pytest.raises(ValueError, match="cache_interval has no effect with `cache: first_block`"):
        DiffusersOptions(model="m", cache="first_block", cache_interval=2)
    with pytest.raises(RecipeError, match="cache_interval belongs to"):
        plan_of("wan", cache_interval=2)


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_batches_that_are_not_full_have_the_shape_of_full_ones(plan_of, tasks_of, embeddings_of, model):
    from generators.diffusers_video.denoising import Denoiser

    plan, tasks = plan_of(model), tasks_of("a red ball", "a blue box", "a car", "a dog")
    denoiser = Denoiser(load_renderer(plan, "cpu"), plan, "cpu", embeddings_of(plan, tasks))

    def last_of(tasks, size: int):
        batch = denoiser.denoise(tasks, size)
        assert (len(batch.tasks), batch.rows, batch.decode.args[0].shape[0]) == (len(tasks), size, size)
        return batch.decode.of_clip(len(tasks) - 1, batch.rows).args[0]

    assert (last_of(tasks[3:], 4) - last_of(tasks, 4)).abs().max() < 1e-5
