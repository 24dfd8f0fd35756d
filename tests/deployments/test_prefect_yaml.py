"""Prefect ignores keys that it does not know, in silence; so its file is held to its models here."""

from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((PROJECT / "deployments" / "prefect.yaml").read_text())
DEPLOYMENTS = {deployment["name"]: deployment for deployment in DOCUMENT["deployments"]}
ABSOLUTE = ("{{ $FRAMEFOUNDRY_HOME }}/", "{{ $FRAMEFOUNDRY_STORE }}", "{{ $FRAMEFOUNDRY_INBOX }}")


def unknown_keys(document: dict[str, Any]) -> list[str]:
    """Paths of all keys in a ``prefect.yaml`` that Prefect's own models do not have."""
    from prefect.cli.deploy._models import (
        ConcurrencyLimitSpec,
        DeploymentConfig,
        PrefectYamlModel,
        RawScheduleConfig,
        WorkPoolConfig,
    )
    from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger

    top = {field.alias or name for name, field in PrefectYamlModel.model_fields.items()}
    found = sorted(set(document) - top)
    for deployment in document["deployments"]:
        parts = [
            ("", deployment, DeploymentConfig),
            ("work_pool.", deployment.get("work_pool") or {}, WorkPoolConfig),
            ("concurrency_limit.", deployment.get("concurrency_limit") or {}, ConcurrencyLimitSpec),
            *((f"schedules[{i}].", each, RawScheduleConfig) for i, each in numbered(deployment, "schedules")),
            *((f"triggers[{i}].", each, DeploymentEventTrigger) for i, each in numbered(deployment, "triggers")),
        ]
        for path, mapping, model in parts:
            found += [f"{deployment['name']}.{path}{key}" for key in sorted(set(mapping) - set(model.model_fields))]
    return found


def numbered(deployment: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(deployment.get(key) or []))


SCHEDULED = {
    "build-dataset": ("flows.build.build_dataset", "0 2 * * *"),
    "label-footage": ("flows.label.label_footage", "*/15 * * * *"),
    "retrain-detector": ("flows.retrain.retrain_detector", "0 4 * * 0"),
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_what_runs_by_itself_and_when(name):
    entrypoint, cron = SCHEDULED[name]
    assert DEPLOYMENTS[name]["entrypoint"] == entrypoint
    assert [schedule["cron"] for schedule in DEPLOYMENTS[name]["schedules"]] == [cron]


def test_everything_else_is_run_by_hand():
    assert {name for name in DEPLOYMENTS if "schedules" not in DEPLOYMENTS[name]} == {"calibrate-labels", "republish"}


def test_every_key_is_one_that_prefect_knows():
    assert unknown_keys(DOCUMENT) == []


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ([], "deploymnets"),
        (["deployments", 0], "parameter"),
        (["deployments", 0, "schedules", 0], "crom"),
        (["deployments", 2, "triggers", 0], "expects"),
    ],
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
def test_the_form_explains_every_parameter(name):
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    fields = parameter_schema(load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"])).properties
    assert {field for field, form in fields.items() if not form.get("description")} == set()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("build-dataset", {"recipes": "x.yaml"}),
        ("label-footage", {"accept": 1.5}),
        ("label-footage", {"tracker": "sort"}),
        ("retrain-detector", {"epochs": 0}),
    ],
)
def test_a_form_that_is_filled_in_wrongly_is_refused(name, values):
    from prefect.exceptions import ParameterTypeError
    from prefect.flows import load_flow_from_entrypoint

    flow = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)
    with pytest.raises((ParameterTypeError, TypeError)):
        flow.validate_parameters(DEPLOYMENTS[name]["parameters"] | values)


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_schedule_is_valid(name):
    from prefect.client.schemas.schedules import construct_schedule

    for schedule in DEPLOYMENTS[name]["schedules"]:
        assert construct_schedule(cron=schedule["cron"], timezone=schedule["timezone"])
        assert schedule["active"] is True


def test_publication_of_the_dataset_starts_its_retraining():
    from prefect.cli.deploy._triggers import DeploymentTriggerAdapter

    from flows.events import DATASET_PUBLISHED

    retraining = DEPLOYMENTS["retrain-detector"]
    (spec,) = retraining["triggers"]
    trigger = DeploymentTriggerAdapter.validate_python(spec)
    assert trigger.expect == {DATASET_PUBLISHED}
    assert trigger.match.root == {"prefect.resource.id": f"framefoundry.dataset.{retraining['parameters']['dataset']}"}
    assert set(trigger.parameters) <= {"dataset", "epochs", "base", "holdout"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_paths_are_absolute_whatever_the_working_directory(name):
    parameters = DEPLOYMENTS[name]["parameters"]
    assert parameters["store"] == "{{ $FRAMEFOUNDRY_STORE }}"
    for value in parameters.values():
        assert str(value).startswith(ABSOLUTE) or "/" not in str(value)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_never_runs_twice_at_once_and_has_tags_a_queue_and_a_version(name):
    from flows.serve import WORK_POOL, WORK_QUEUES

    deployment = DEPLOYMENTS[name]
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert "framefoundry" in deployment["tags"]
    assert deployment["version"] == "{{ $FRAMEFOUNDRY_VERSION }}"
    assert deployment["work_pool"]["name"] == WORK_POOL
    assert deployment["work_pool"]["work_queue_name"] in WORK_QUEUES


def test_the_nightly_recipe_exists_and_names_the_dataset_that_is_retrained():
    recipe = DEPLOYMENTS["build-dataset"]["parameters"]["recipe"].removeprefix("{{ $FRAMEFOUNDRY_HOME }}/")
    built = yaml.safe_load((PROJECT / recipe).read_text())
    assert built["name"] == DEPLOYMENTS["retrain-detector"]["parameters"]["dataset"]
