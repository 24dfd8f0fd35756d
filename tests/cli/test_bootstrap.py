import sys
import types
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.run_report import RunReport


@pytest.fixture
def training(monkeypatch, tmp_path):
    """Stand-ins for the flow and the trainer; what the trainer was called with."""
    calls = []
    trained = tmp_path / "run" / "weights.pt"
    trained.parent.mkdir()
    trained.write_bytes(b"new weights")

    @contextmanager
    def surroundings(session):
        yield session.open_store()

    def build(recipe, store):
        assert Path(recipe).is_file()
        return RunReport(recipe="starter", path="/datasets/starter/1", dataset="starter@1")

    def train(data_yaml, folder, on_epoch, epochs):
        calls.append((data_yaml, epochs))
        on_epoch(types.SimpleNamespace(epoch=1, epochs=1))
        return types.SimpleNamespace(weights=trained, images=900, seconds=120.0)

    monkeypatch.setattr("cli.flow_calls.flow_surroundings", surroundings)
    flow = types.ModuleType("flows.build")
    flow.build_dataset = build
    monkeypatch.setitem(sys.modules, "flows.build", flow)
    monkeypatch.setattr("trainers.bootstrap.train_starter", train)
    return calls


def test_bootstrap_trains_on_the_starter_recipe_and_puts_the_weights_in_place(framefoundry, training, tmp_path):
    target = tmp_path / "new" / "starter.pt"
    answer = framefoundry("bootstrap", "--epochs", 1, "--weights", target, "--folder", tmp_path / "run", "--json")
    assert answer.code == 0, answer.stderr
    assert training == [(Path("/datasets/starter/1/yolo/data.yaml"), 1)]
    assert target.read_bytes() == b"new weights"
    assert answer.json["images"] == 900
