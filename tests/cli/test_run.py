"""The commands that run flows, with the flows themselves replaced: what they pass on, and what they refuse first."""

import sys
import types
from contextlib import contextmanager

import pytest

from cli.flow_calls import refuse_silent_server
from cli.label import split_classes
from schemas.errors import BusyError, EnvironmentFault, RecipeError
from schemas.run_report import RunReport, StageTally
from storage.store import Store

REPORT = RunReport(
    recipe="tiny", clips=8, frames=64, render=StageTally(done=8), label=StageTally(done=8), boxes={"car": 9},
    clip_verdicts={"accepted": 8}, dataset="tiny@abc",
)  # fmt: skip


@pytest.fixture
def flows(monkeypatch, store_folder):
    """Replaces the flows' modules; the calls that the command line made of them."""
    calls: list[tuple[str, tuple, dict]] = []

    @contextmanager
    def surroundings(session):
        yield session.open_store()

    def stand_in(module: str, name: str, answer=REPORT):
        def flow(*words, **options):
            calls.append((name, words, options))
            if isinstance(answer, BaseException):
                raise answer
            return answer

        fake = types.ModuleType(module)
        setattr(fake, name, flow)
        monkeypatch.setitem(sys.modules, module, fake)

    monkeypatch.setattr("cli.flow_calls.flow_surroundings", surroundings)
    stand_in("flows.build", "build_dataset")
    stand_in("flows.label", "label_footage")
    stand_in("flows.republish", "republish")
    return types.SimpleNamespace(calls=calls, stand_in=stand_in)


def test_run_passes_absolute_paths_on(framefoundry, flows, recipe_file, store_folder, monkeypatch):
    monkeypatch.chdir(recipe_file.parent)
    answer = framefoundry("run", recipe_file.name, "--json")
    assert answer.code == 0, answer.stderr
    by_threads = {"runner": "threads", "workers": None}
    assert flows.calls == [("build_dataset", (str(recipe_file),), {"store": str(store_folder), **by_threads})]
    assert answer.json["dataset"] == "tiny@abc"


def test_run_passes_the_choice_of_a_runner_on(framefoundry, flows, recipe_file):
    assert framefoundry("run", recipe_file, "--runner", "ray", "--workers", "3").code == 0
    _, _, options = flows.calls[0]
    assert (options["runner"], options["workers"]) == ("ray", 3)


def test_workers_without_a_cluster_never_reach_a_flow(framefoundry, flows, recipe_file):
    answer = framefoundry("run", recipe_file, "--workers", "3")
    assert answer.code == 2
    assert "workers: 3 has no effect" in " ".join(answer.stderr.split())
    assert flows.calls == []


def test_a_faulty_recipe_never_reaches_a_flow(framefoundry, flows, recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("strategy: full", "strategy: fulll"))
    answer = framefoundry("run", recipe_file)
    assert answer.code == 2
    assert "fulll" in answer.stderr
    assert flows.calls == []


def test_missing_weights_never_reach_a_flow(framefoundry, flows, recipe_file):
    text = recipe_file.read_text().replace("annotator: {kind: truth}", "annotator: {kind: yolo, weights: nowhere.pt}")
    recipe_file.write_text(text)
    assert framefoundry("run", recipe_file).code == 4
    (recipe_file.parent / "clip.mp4").touch()
    assert framefoundry("label", recipe_file.parent, "--weights", "nowhere.pt").code == 4
    assert flows.calls == []


def test_a_flow_s_error_is_ours(framefoundry, flows, recipe_file):
    flows.stand_in("flows.build", "build_dataset", BusyError("tiny is being run.", "Wait."))
    answer = framefoundry("run", recipe_file)
    assert answer.code == 6
    assert answer.stderr.splitlines()[-2:] == ["Error: tiny is being run.", "  Wait."]


def test_publish_passes_thresholds_on(framefoundry, flows, recipe_file):
    assert framefoundry("publish", recipe_file, "--accept", "0.7").code == 0
    assert flows.calls[0][2]["accept"] == 0.7
    assert flows.calls[0][2]["ignore"] is None


@pytest.mark.parametrize("value", ["1.2", "-0.1", "high"])
def test_thresholds_out_of_range_are_refused(framefoundry, flows, recipe_file, value):
    assert framefoundry("publish", recipe_file, f"--accept={value}").code == 2
    assert flows.calls == []


def test_label_passes_its_options_on(framefoundry, flows, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").touch()
    weights = tmp_path / "w_openvino_model"
    weights.mkdir()
    for name in ("m.xml", "m.bin", "metadata.yaml"):
        (weights / name).touch()
    answer = framefoundry("label", tmp_path / "clips", "--weights", weights, "--classes", "car, dog", "--name", "mine")
    assert answer.code == 0, answer.stderr
    _, words, options = flows.calls[0]
    assert words == (str(tmp_path / "clips"),)
    assert options["weights"] == str(weights)
    assert options["classes"] == ["car", "dog"]
    assert options["name"] == "mine"


def test_label_refuses_a_folder_without_videos(framefoundry, flows, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, said in (("nowhere", "no such folder"), ("empty", "no videos")):
        answer = framefoundry("label", tmp_path / folder)
        assert answer.code == 3
        assert said in answer.stderr
    assert flows.calls == []


def test_classes_are_split_at_commas():
    assert split_classes(None) is None
    assert split_classes(" car,dog ,") == ["car", "dog"]
    with pytest.raises(RecipeError):
        split_classes(" , ")


def test_the_store_is_opened_for_the_flow(framefoundry, flows, recipe_file, store_folder):
    framefoundry("run", recipe_file)
    assert Store.open(store_folder, create=False).root == store_folder


def test_a_prefect_server_that_does_not_answer_is_refused_at_once():
    with pytest.raises(EnvironmentFault, match="unset PREFECT_API_URL"):
        refuse_silent_server("http://127.0.0.1:9/api")
