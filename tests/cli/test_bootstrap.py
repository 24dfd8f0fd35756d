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


@pytest.fixture
def tiny_training(monkeypatch, tmp_path):
    """Stand-ins for the three trainings of `bootstrap video`; what they were told."""
    calls = {}
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    (model / "model_index.json").write_text("{}")
    weights = tmp_path / "run" / "shapes.pt"
    weights.write_bytes(b"shape weights")

    def train_vae(draw, training, on_step):
        calls.update(vae_steps=training.steps, vae_clips=tuple(draw(2).shape))
        return types.SimpleNamespace(vae="the vae", seconds=60.0)

    def train_video(draw, prompts, vae, folder, training, on_step):
        frames, captions = draw(4)
        calls.update(prompts=prompts, captions=captions, vae=vae, steps=training.steps, shape=frames.shape)
        on_step(types.SimpleNamespace(step=1, steps=training.steps))
        return types.SimpleNamespace(folder=model, parameters=9, loss=0.5, seconds=60.0)

    def train_shapes(frames, boxes, classes, class_names, folder, training, on_epoch):
        calls.update(frames=len(frames), class_names=class_names, epochs=training.epochs)
        on_epoch(types.SimpleNamespace(epoch=1, epochs=training.epochs))
        return types.SimpleNamespace(weights=weights, images=len(frames), seconds=60.0)

    monkeypatch.setattr("cli.bootstrap_video.train_tiny_vae", train_vae)
    monkeypatch.setattr("cli.bootstrap_video.encode_clips", lambda vae, clips: clips)
    monkeypatch.setattr("cli.bootstrap_video.decode_latents", lambda vae, latents: latents)
    monkeypatch.setattr("cli.bootstrap_video.train_tiny_video", train_video)
    monkeypatch.setattr("trainers.tiny_detector.train_tiny_detector", train_shapes)
    return calls


def test_bootstrap_video_trains_on_what_is_not_held_out_and_puts_both_in_place(framefoundry, tiny_training, tmp_path):
    from generators.shapes import HELD_OUT

    model, weights = tmp_path / "place", tmp_path / "new" / "shapes.pt"
    model.mkdir()
    (model / "README.md").write_text("the card")
    answer = framefoundry(
        "bootstrap", "video", "--steps", 5, "--epochs", 1, "--model", model, "--weights", weights,
        "--folder", tmp_path / "work", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.stderr
    assert (tiny_training["steps"], tiny_training["epochs"], tiny_training["shape"]) == (5, 1, (4, 9, 32, 32, 3))
    assert (tiny_training["vae"], tiny_training["vae_steps"], tiny_training["vae_clips"]) == (
        "the vae",
        5,
        (2, 3, 9, 32, 32),
    )
    assert answer.json["seconds"] == 180.0
    assert not set(tiny_training["captions"]) & {motif.prompt for motif in HELD_OUT}
    assert tiny_training["class_names"] == ("circle", "cross", "triangle")
    assert weights.read_bytes() == b"shape weights"
    assert sorted(path.name for path in model.iterdir()) == ["README.md", "model_index.json"]
