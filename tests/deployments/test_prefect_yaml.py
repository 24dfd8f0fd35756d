"""Prefect ignores keys that it does not know, in silence; so its file is held to its models here."""

from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((PROJECT / "deployments" / "prefect.yaml").read_text())
DEPLOYMENTS = {deployment["name"]: deployment for deployment in DOCUMENT["deployments"]}
ABSOLUTE = ("{{ $FRAMEFOUNDRY_HOME }}/", "{{ $FRAMEFOUNDRY_STORE }}")


def unknown_keys(document: dict[str, Any]) -> list[str]:
    """Paths of all keys in a ``prefect.yaml`` that Prefect's own models do not have."""
    from prefect.cli.deploy._models import (
        ConcurrencyLimitSpec,
        DeploymentConfig,
        PrefectYamlModel,
        RawScheduleConfig,
        WorkPoolConfig,
    )

    top = {field.alias or name for name, field in PrefectYamlModel.model_fields.items()}
    found = sorted(set(document) - top)
    for deployment in document["deployments"]:
        parts = [
            ("", deployment, DeploymentConfig),
            ("work_pool.", deployment.get("work_pool") or {}, WorkPoolConfig),
            ("concurrency_limit.", deployment.get("concurrency_limit") or {}, ConcurrencyLimitSpec),
            *(
                (f"schedules[{i}].", each, RawScheduleConfig)
                for i, each in enumerate(deployment.get("schedules") or [])
            ),
        ]
        for path, mapping, model in parts:
            found += [f"{deployment['name']}.{path}{key}" for key in sorted(set(mapping) - set(model.model_fields))]
    return found


def test_there_is_a_nightly_build_and_a_weekly_retraining():
    assert DEPLOYMENTS["build-dataset"]["entrypoint"] == "flows.build.build_dataset"
    assert DEPLOYMENTS["retrain-detector"]["entrypoint"] == "flows.retrain.retrain_detector"


def test_every_key_is_one_that_prefect_knows():
    assert unknown_keys(DOCUMENT) == []


@pytest.mark.parametrize(
    ("path", "key"),
    [([], "deploymnets"), (["deployments", 0], "parameter"), (["deployments", 0, "schedules", 0], "crom")],
)
def test_a_misspelt_key_is_found(path, key):
    spoilt = yaml.safe_load(yaml.safe_dump(DOCUMENT))
    place = spoilt
    for step in path:
        place = place[step]
    place[key] = "x"
    assert [found.rpartition(".")[2] for found in unknown_keys(spoilt)] == [key]


def test_prefect_s_own_models_accept_the_file():
    from prefect.cli.deploy._models import PrefectYamlModel

    assert len(PrefectYamlModel.model_validate(DOCUMENT).deployments) == len(DEPLOYMENTS)


def test_the_file_names_the_prefect_that_is_pinned():
    pinned = (PROJECT / "requirements" / "runtime.txt").read_text()
    assert f"prefect=={DOCUMENT['prefect-version']}" in pinned


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_entrypoint_loads_and_takes_the_parameters(name):
    from prefect.flows import load_flow_from_entrypoint

    flow = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)
    flow.validate_parameters(DEPLOYMENTS[name]["parameters"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_schedule_is_valid(name):
    from prefect.client.schemas.schedules import construct_schedule

    schedules = DEPLOYMENTS[name]["schedules"]
    assert schedules
    for schedule in schedules:
        assert construct_schedule(cron=schedule["cron"], timezone=schedule["timezone"])
        assert schedule["active"] is True


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_paths_are_absolute_whatever_the_working_directory(name):
    parameters = DEPLOYMENTS[name]["parameters"]
    assert parameters["store"] == "{{ $FRAMEFOUNDRY_STORE }}"
    for value in parameters.values():
        assert value.startswith(ABSOLUTE) or "/" not in value


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_never_runs_twice_at_once_and_has_tags_and_a_queue(name):
    from flows.serve import WORK_POOL, WORK_QUEUE

    deployment = DEPLOYMENTS[name]
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert "framefoundry" in deployment["tags"]
    assert deployment["work_pool"]["name"] == WORK_POOL
    assert deployment["work_pool"]["work_queue_name"] == WORK_QUEUE


def test_the_nightly_recipe_exists_and_names_the_dataset_that_is_retrained():
    recipe = DEPLOYMENTS["build-dataset"]["parameters"]["recipe"].removeprefix("{{ $FRAMEFOUNDRY_HOME }}/")
    built = yaml.safe_load((PROJECT / recipe).read_text())
    assert built["name"] == DEPLOYMENTS["retrain-detector"]["parameters"]["dataset"]
