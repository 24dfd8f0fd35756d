import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app


@dataclass(frozen=True)
class Answer:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def store_folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def framefoundry(store_folder, monkeypatch):
    """Call the command line in this process, on a store of its own."""
    monkeypatch.setenv("FRAMEFOUNDRY_STORE", str(store_folder))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("PREFECT_API_URL", "FIFTYONE_DATABASE_URI"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: object) -> Answer:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def recipe_file(tmp_path):
    """A recipe of eight tiny procedural clips with the renderer's own labels."""
    path = tmp_path / "tiny.yaml"
    path.write_text(
        """
name: tiny
classes: [car, person]
prompts:
  template: "{objects} in {weather} by {light}"
  axes:
    objects: [{text: a car, count: {car: 1}}, {text: a person, count: {person: 1}}]
    weather: [clear, rain]
    light: [day, night]
  strategy: full
clip: {frames: 8, fps: 8, width: 160, height: 96}
annotator: {kind: truth}
"""
    )
    return path
