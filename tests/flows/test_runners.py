"""Which runners can be had, and what their workers are told, without starting any."""

import pytest

from flows import runner_choice, runners
from flows.batches import batch_size
from flows.device_plan import needs_gpu
from flows.runner_choice import check_runner
from schemas.errors import EnvironmentFault, RecipeError
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe


@pytest.fixture
def api(monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def at(url):
        return temporary_settings({PREFECT_API_URL: url})

    return at


@pytest.mark.parametrize("runner", ["ray", "dask"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, runner):
    monkeypatch.setattr(runner_choice, "find_spec", lambda package: None)
    with pytest.raises(EnvironmentFault, match=rf"prefect_{runner}.*framefoundry\[{runner}\]"):
        check_runner(runner, None)


@pytest.mark.parametrize("runner", ["threads", "ray", "dask"])
def test_what_is_installed_is_accepted(runner):
    check_runner(runner, None if runner == "threads" else 2)


def test_workers_of_no_cluster_are_refused():
    with pytest.raises(RecipeError, match="workers: 4 has no effect"):
        check_runner("threads", 4)


def test_a_recipe_cannot_name_a_runner():
    assert not {"runner", "workers"} & set(Recipe.model_fields)


@pytest.mark.parametrize("cluster", ["", "127.0.0.1:6379", "auto", "ray://localhost:10001"])
def test_workers_of_this_machine_may_report_to_its_loopback_interface(api, cluster):
    with api("http://127.0.0.1:4200/api"):
        runners._check_api(cluster)


@pytest.mark.parametrize("cluster", ["192.0.2.7:6379", "ray://head.example:10001", "tcp://192.0.2.7:8786"])
def test_workers_elsewhere_need_a_server_that_they_reach(api, cluster):
    with api("http://127.0.0.1:4200/api"), pytest.raises(EnvironmentFault, match="cannot report to"):
        runners._check_api(cluster)
    with api("http://prefect.example:4200/api"):
        runners._check_api(cluster)


def test_workers_need_a_server_by_name(api):
    with api(None), pytest.raises(EnvironmentFault, match="PREFECT_API_URL names none"):
        runners._check_api("")


@pytest.mark.parametrize(("cores", "sharing", "each"), [(8, 2, "4"), (8, 3, "2"), (2, 4, "1"), (8, None, "1")])
def test_workers_share_the_cores(monkeypatch, cores, sharing, each):
    monkeypatch.setattr(runners, "usable_cores", lambda: cores)
    environment = runners._worker_environment(sharing)
    assert {environment[name] for name in ("FRAMEFOUNDRY_CORES", "OMP_NUM_THREADS", "MKL_NUM_THREADS")} == {each}


def test_workers_are_told_to_stay_offline_as_we_are(monkeypatch):
    monkeypatch.setenv("FRAMEFOUNDRY_OFFLINE", "1")
    assert runners._worker_environment(1)["FRAMEFOUNDRY_OFFLINE"] == "1"


def test_secrets_do_not_travel(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    assert "planted" not in str(runners._worker_environment(1))


@pytest.mark.parametrize(
    ("items", "workers", "size"), [(240, 1, 24), (240, 4, 15), (2000, 4, 50), (10, 8, 8), (600, 16, 10)]
)
def test_every_worker_gets_several_batches_where_there_are_enough(items, workers, size):
    assert batch_size(items, workers) == size


def recipe_of(generator, **annotator):
    return validate_recipe(
        {
            "name": "r",
            "classes": ["car"],
            "prompts": {"template": "a car", "axes": {}},
            "generator": generator,
            "annotator": {"kind": "yolo", **annotator},
        },
        where="test",
    )


@pytest.mark.parametrize(
    ("generator", "annotator", "stages"),
    [
        ({"kind": "procedural"}, {}, {"label-batch"}),
        ({"kind": "procedural"}, {"device": "cpu"}, set()),
        ({"kind": "diffusers", "preset": "wan2.1-1.3b"}, {}, {"render-batch", "label-batch"}),
        ({"kind": "diffusers", "preset": "wan2.1-1.3b", "devices": "cpu"}, {"device": "cpu"}, set()),
    ],
)
def test_only_what_can_use_a_gpu_asks_for_one(generator, annotator, stages):
    recipe = recipe_of(generator, **annotator)
    assert {task for task in ("render-batch", "label-batch", "images-batch") if needs_gpu(task, recipe)} == stages


@pytest.mark.parametrize(
    ("generator", "has_gpus", "asked"),
    [
        ({"kind": "procedural"}, False, {}),
        ({"kind": "procedural"}, True, {"num_gpus": 1, "max_calls": 0}),
        ({"kind": "diffusers", "preset": "wan2.1-1.3b"}, True, {"num_gpus": 1, "max_calls": 1}),
        ({"kind": "diffusers", "preset": "wan2.1-1.3b", "labelling": "share"}, True, {"num_gpus": 0.5, "max_calls": 0}),
    ],
)
def test_a_labelling_batch_gets_its_gpu_and_gives_it_back_where_another_stage_waits_for_it(generator, has_gpus, asked):
    from prefect_ray.context import RemoteOptionsContext

    from flows.ray_workers import _demands

    with _demands("label-batch", recipe_of(generator), has_gpus):
        options = RemoteOptionsContext.get().current_remote_options
    assert options == {"num_cpus": 1, "max_retries": 0, **asked}
