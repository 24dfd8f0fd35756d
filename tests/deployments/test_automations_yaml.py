"""The automations that are served, held to Prefect's own models, which pass over unknown keys in silence."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.automations import read_automations

FILE = Path(__file__).parents[2] / "deployments" / "automations.yaml"
AUTOMATIONS = {automation["name"]: automation for automation in read_automations(FILE)}
HEARTBEAT = "prefect.flow-run.heartbeat"


def unknown_keys(automation: dict[str, Any]) -> set[str]:
    """Keys of an automation, its trigger and its actions that Prefect's models do not have."""
    from prefect.events.schemas.automations import AutomationCore

    model = AutomationCore.model_validate(deepcopy(automation))  # its validators write into what they are given
    parts = zip(
        [automation, automation["trigger"], *automation["actions"]],
        [model, model.trigger, *model.actions],
        strict=True,
    )
    return {key for given, parsed in parts for key in set(given) - set(type(parsed).model_fields)}


@pytest.mark.parametrize("name", AUTOMATIONS)
def test_every_key_is_one_that_prefect_knows(name):
    assert unknown_keys(AUTOMATIONS[name]) == set()


@pytest.mark.parametrize("place", [[], ["trigger"], ["actions", 0]])
def test_a_misspelt_key_is_found(place):
    spoilt = yaml.safe_load(yaml.safe_dump(AUTOMATIONS["framefoundry-zombies"]))
    part = spoilt
    for step in place:
        part = part[step]
    part["widthin"] = 3
    assert unknown_keys(spoilt) == {"widthin"}


@pytest.mark.parametrize("name", AUTOMATIONS)
def test_the_server_takes_it_as_it_stands_and_it_is_switched_on(name):
    from prefect.server.events.schemas.automations import AutomationCreate

    assert AutomationCreate.model_validate(deepcopy(AUTOMATIONS[name])).enabled


def test_a_run_is_a_zombie_only_after_several_heartbeats_that_did_not_come():
    from flows.prefect_settings import _SETTINGS

    trigger = AUTOMATIONS["framefoundry-zombies"]["trigger"]
    assert HEARTBEAT in trigger["after"] and HEARTBEAT in trigger["expect"]
    assert trigger["within"] >= 3 * int(_SETTINGS["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])


def test_what_pauses_the_nightly_build_is_the_event_that_our_flows_emit():
    from flows.events import RUN_DEGRADED

    trigger = AUTOMATIONS["framefoundry-degraded-quality"]["trigger"]
    deployments = yaml.safe_load((FILE.parent / "prefect.yaml").read_text())["deployments"]
    assert trigger["expect"] == [RUN_DEGRADED]
    assert trigger["match_related"]["prefect.resource.name"] in {deployment["name"] for deployment in deployments}
