"""Prefect automations kept in a file: created where absent, updated where they differ, known by their names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.prefect_api import ask
from schemas.errors import EnvironmentFault


def read_automations(file: Path) -> list[dict[str, Any]]:
    """The automations in ``file``, as Prefect's API takes them; none where there is no such file.

    Raises:
        EnvironmentFault: not a list of automations, each with a name of its own.
    """
    try:
        document = yaml.safe_load(file.read_text())
        automations = list(document["automations"])
        names = [str(automation["name"]) for automation in automations]
    except FileNotFoundError:
        return []
    except (OSError, yaml.YAMLError, KeyError, TypeError) as fault:
        raise EnvironmentFault(
            f"{file}: no list of automations: {fault}", "See deployments/automations.yaml."
        ) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EnvironmentFault(f"{file}: {', '.join(twice)} is there twice.", "Give each automation a name of its own.")
    return automations


def apply_automations(api: str, automations: Sequence[dict[str, Any]]) -> None:
    """Create the automations on the server at ``api``; those that it has by that name are replaced, others are kept.

    Raises:
        EnvironmentFault: the server refuses one.
    """
    for automation in automations:
        of_that_name = {"automations": {"name": {"any_": [automation["name"]]}}}
        there = ask("POST", f"{api}/automations/filter", of_that_name)
        if there:
            ask("PUT", f"{api}/automations/{there[0]['id']}", automation)
        else:
            ask("POST", f"{api}/automations/", automation)
