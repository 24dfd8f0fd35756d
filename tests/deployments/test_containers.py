"""Docker is not at hand where tests run; what can be known of the container files without it is held here."""

import importlib.metadata
import importlib.util
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "deployments" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (PROJECT / "deployments" / "Dockerfile").read_text()
INSTRUCTIONS = [
    line.split(None, 1) for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if re.match("[A-Z]+ ", line)
]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
RUNTIME = (PROJECT / "requirements" / "runtime.txt").read_text()

# Keys of the Compose specification that we use, and so far as we use them.
SERVICE_KEYS = {
    "image", "build", "restart", "init", "cap_drop", "security_opt", "hostname", "command", "environment", "ports",
    "volumes", "depends_on", "healthcheck", "shm_size", "stop_grace_period",
}  # fmt: skip
HEALTH_KEYS = {"test", "interval", "timeout", "start_period", "retries"}
BUILD_KEYS = {"context", "dockerfile", "args"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def unknown_keys(document):
    """Paths of keys that Compose does not know: it refuses the file, and nobody could tell us here."""
    found = sorted(key for key in document if key not in {"name", "services", "volumes"} and not key.startswith("x-"))
    for name, service in document["services"].items():
        parts = [("", service, SERVICE_KEYS), ("healthcheck.", service.get("healthcheck", {}), HEALTH_KEYS)]
        parts.append(("build.", service.get("build", {}), BUILD_KEYS))
        found += [f"{name}.{path}{key}" for path, part, known in parts for key in sorted(set(part) - known)]
    return found


def texts(value):
    """Every text in a document."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else [str(value)]


def test_every_key_is_one_that_compose_knows():
    assert unknown_keys(COMPOSE) == []


def test_a_misspelt_key_is_found():
    spoilt = yaml.safe_load((PROJECT / "deployments" / "compose.yaml").read_text())
    spoilt["services"]["mongo"]["volume"] = []
    spoilt["services"]["server"]["healthcheck"]["retry"] = 3
    assert unknown_keys(spoilt) == ["mongo.volume", "server.healthcheck.retry"]


def test_what_belongs_to_a_deployment_is_there():
    assert set(SERVICES) == {"postgres", "mongo", "server", "deploy", "worker", "fiftyone"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_alone(name):
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_databases_have_no_port_outside():
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"server", "fiftyone"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name):
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.fullmatch(r"\d+\.\d+.*", tag)


def test_our_image_has_the_version_of_the_package():
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    assert ours == {f"framefoundry:{PYPROJECT['project']['version']}"}


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_our_containers_gain_no_rights(name):
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    build = SERVICES[name]["build"]
    assert (PROJECT / "deployments" / build["context"] / build["dockerfile"]).is_file()


def test_secrets_come_from_the_environment_and_are_refused_where_they_are_not_set():
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|AUTH|_URI|CONNECTION_URL", variable):
                assert value is None or re.search(r"\$\{\w+:\?", value), f"{name}: {variable}"


def test_every_interpolation_is_well_formed():
    for text in texts(COMPOSE):
        assert "$" not in re.sub(r"\$\{[A-Z_]+(:[-?][^}]*)?\}", "", text), text


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_come_about(name):
    for other, wanted in (SERVICES[name].get("depends_on") or {}).items():
        assert wanted["condition"] in CONDITIONS
        assert wanted["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
        assert wanted["condition"] != "service_completed_successfully" or SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_whatever_stays_up_says_how_it_is(name):
    assert ("healthcheck" in SERVICES[name]) == (SERVICES[name]["restart"] != "no")


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_are_declared(name):
    for volume in SERVICES[name].get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "command" in service])
def test_the_program_of_a_command_is_there(name):
    command = SERVICES[name]["command"]
    if command[0] == "prefect":
        assert "prefect" in {script.name for script in importlib.metadata.entry_points(group="console_scripts")}
        return
    assert command[:2] == ["python", "-m"]
    assert importlib.util.find_spec(command[2]) is not None
    for word in command[3:]:
        module, colon, attribute = word.partition(":")
        if colon:
            assert callable(getattr(importlib.import_module(module), attribute))


def test_prefect_knows_the_words_of_the_worker_s_command():
    from prefect.cli.worker import start

    options = " ".join(texts(SERVICES["worker"]["command"]))
    known = Path(importlib.util.find_spec("prefect.cli.worker").origin).read_text()
    assert callable(start)
    assert {word for word in options.split() if word.startswith("--") and f'"{word}"' not in known} == set()


def test_the_worker_polls_the_pool_that_is_made():
    from flows.serve import WORK_POOL

    command = SERVICES["worker"]["command"]
    assert command[command.index("--pool") + 1] == WORK_POOL


def test_prefect_s_server_is_set_as_serve_sets_it():
    from flows.prefect_settings import _SETTINGS

    wanted = {name: value for name, value in _SETTINGS.items() if name.startswith("PREFECT_SERVER_")}
    del wanted["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]  # of the embedded one
    assert wanted.items() <= SERVICES["server"]["environment"].items()


@pytest.mark.parametrize("name", ["worker", "deploy"])
def test_runs_are_set_as_serve_sets_them(name):
    from flows.prefect_settings import _SETTINGS

    wanted = {key: value for key, value in _SETTINGS.items() if not key.startswith("PREFECT_SERVER_")}
    del wanted["DO_NOT_TRACK"]  # set in the image
    wanted["PREFECT_LOGGING_LEVEL"] = "INFO"  # as serve does: what the pages show of a run
    assert wanted.items() <= SERVICES[name]["environment"].items()


def test_what_the_image_copies_is_there():
    copied = [path for word, rest in INSTRUCTIONS if word == "COPY" for path in rest.split()[:-1]]
    assert copied and [path for path in copied if not (PROJECT / path).exists()] == []


def test_every_package_is_copied():
    packages = {pattern.rstrip("*") for pattern in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = {path for word, rest in INSTRUCTIONS if word == "COPY" for path in rest.split()[:-1]}
    assert packages <= copied
    sent = (PROJECT / ".dockerignore").read_text().split()
    assert {f"!{path.split('/')[0]}" for path in copied} <= set(sent)


def test_the_image_runs_as_nobody_in_particular():
    users = [rest for word, rest in INSTRUCTIONS if word == "USER"]
    assert users == ["framefoundry"]
    assert "useradd --uid 10001" in DOCKERFILE


def test_the_image_is_built_with_the_pinned_tools():
    makefile = (PROJECT / "Makefile").read_text()
    assert re.search(r"uv==([\d.]+)", DOCKERFILE)[1] == re.search(r"UV_VERSION := ([\d.]+)", makefile)[1]
    base = re.search(r"PYTHON_IMAGE=python:(\d+)\.(\d+)\.\d+-slim", DOCKERFILE)
    assert base, "the base image has an exact version"
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=").split(".")
    assert [int(part) for part in base.groups()] >= [int(part) for part in oldest]


def test_the_extras_of_the_image_are_ours_and_pinned():
    extra = re.search(r"ARG EXTRAS=(\w+)", DOCKERFILE)[1]
    pinned = (PROJECT / "requirements" / "dev.txt").read_text() + RUNTIME
    for requirement in PYPROJECT["project"]["optional-dependencies"][extra]:
        assert f"{re.match('[a-z-]+', requirement)[0]}==" in pinned


def test_no_address_is_written_down():
    inside = ("http://127.0.0.1", "http://server:4200")
    for text in (DOCKERFILE, (PROJECT / "deployments" / "compose.yaml").read_text()):
        assert [url for url in re.findall(r"https?://[^\s'\"]+", text) if not url.startswith(inside)] == []


def test_the_server_answers_to_the_name_that_others_call_it_by():
    called = urlsplit(SERVICES["worker"]["environment"]["PREFECT_API_URL"]).hostname
    assert SERVICES["server"]["hostname"] == called == "server"
