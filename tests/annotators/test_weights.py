import json
import subprocess
import sys
from pathlib import Path

import pytest

from annotators import weights
from annotators.weights import resolve_weights
from schemas.errors import EnvironmentFault
from storage.models import publish_model
from storage.store import Store


def export_folder(folder: Path) -> Path:
    path = folder / "tiny_openvino_model"
    path.mkdir()
    for name in ("tiny.xml", "tiny.bin", "metadata.yaml"):
        (path / name).write_text(name)
    return path


def test_a_checkpoint_is_identified_by_its_bytes(store: Store, random_weights: Path, tmp_path: Path):
    copy = tmp_path / "renamed.pt"
    copy.write_bytes(random_weights.read_bytes())
    found = resolve_weights(str(random_weights), store)
    assert found.path == random_weights
    assert not found.is_export
    assert resolve_weights(str(copy), store).sha256 == found.sha256


@pytest.mark.parametrize("name", ["yolo26n.pt", "nowhere/else.pt", "absent_openvino_model"])
def test_a_file_that_is_not_there_is_refused_and_not_fetched(store: Store, name: str):
    with pytest.raises(EnvironmentFault, match="downloads no weights"):
        resolve_weights(name, store)


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"<html>404</html>", b"PK\x03\x04broken"]
)
def test_weights_that_are_not_weights_are_refused(store: Store, tmp_path: Path, content: bytes):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(EnvironmentFault, match="holds no weights"):
        resolve_weights(str(path), store)


def test_another_kind_of_file_is_refused(store: Store, tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x")
    with pytest.raises(EnvironmentFault, match=r"not a \.pt file"):
        resolve_weights(str(path), store)


def test_an_export_is_identified_by_all_of_its_files(store: Store, tmp_path: Path):
    folder = export_folder(tmp_path)
    before = resolve_weights(str(folder), store)
    (folder / "tiny.bin").write_text("other")
    assert before.is_export
    assert resolve_weights(str(folder), store).sha256 != before.sha256


@pytest.mark.parametrize("missing", ["tiny.xml", "tiny.bin", "metadata.yaml"])
def test_an_export_that_lacks_a_file_is_refused(store: Store, tmp_path: Path, missing: str):
    folder = export_folder(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(EnvironmentFault, match="not an OpenVINO export"):
        resolve_weights(str(folder), store)


def test_a_missing_starter_names_the_command_that_makes_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(weights, "STARTER_PATH", tmp_path / "gone.pt")
    with pytest.raises(EnvironmentFault, match="framefoundry bootstrap"):
        resolve_weights("starter", store)


def test_a_model_of_the_store_is_found_by_name_and_version(store: Store, random_weights: Path):
    def build(folder: Path) -> None:
        (folder / "weights.pt").write_bytes(random_weights.read_bytes())
        (folder / "report.json").write_text(json.dumps({"schema_version": 1}))

    publish_model(store, "street", "abc123", build, promote=True)
    assert resolve_weights("street", store).sha256 == resolve_weights("street@abc123", store).sha256
    with pytest.raises(EnvironmentFault, match="no file and no model"):
        resolve_weights("streets", store)


def test_finding_weights_loads_neither_torch_nor_ultralytics():
    code = (
        "import sys, annotators.weights, annotators.build; sys.exit(bool({'torch', 'ultralytics'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0
