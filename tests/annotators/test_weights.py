import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from annotators import weights
from annotators.weights import resolve_weights
from schemas.curation_options import CurationOptions, NearDuplicateOptions
from schemas.errors import EnvironmentFault
from schemas.recipe import Recipe
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


def test_weights_of_another_hash_than_the_pinned_one_are_refused_whatever_they_are(
    store: Store, tmp_path: Path, random_weights: Path
):
    folder = export_folder(tmp_path)
    for name in (str(random_weights), str(folder), "starter"):
        known = resolve_weights(name, store).sha256
        assert resolve_weights(name, store, known).sha256 == known
        with pytest.raises(
            EnvironmentFault, match=f"SHA-256 {known}, and the recipe wants {'0' * 64}. It was not loaded"
        ):
            resolve_weights(name, store, "0" * 64)
    assert weights.resolve_folder("x", folder, None).sha256 == weights.resolve_folder("x", folder).sha256
    with pytest.raises(EnvironmentFault, match="was not loaded"):
        weights.resolve_folder("x", folder, "0" * 64)


def pinned_recipe(**annotator: str) -> Recipe:
    footage, looking_alike = {"kind": "footage", "path": "."}, {"near_duplicates": {}}
    return Recipe.model_validate(
        {"name": "a", "generator": footage, "annotator": {"kind": "yolo", **annotator}, "curation": looking_alike}
    )


def test_the_annotator_and_the_embedder_of_a_recipe_hold_to_its_pins(store: Store, tmp_path: Path):
    from annotators.build import build_annotator
    from annotators.embedders import build_embedder

    known = resolve_weights("starter", store).sha256
    free, pinned, other = (
        pinned_recipe(**pin) for pin in ({}, {"weights_sha256": known}, {"weights_sha256": "0" * 64})
    )
    assert build_annotator(pinned, store).weights_sha256 == known
    assert build_annotator(pinned, store).fingerprint == build_annotator(free, store).fingerprint
    assert build_embedder(pinned, store).fingerprint == build_embedder(free, store).fingerprint
    for build in (build_annotator, build_embedder):
        with pytest.raises(EnvironmentFault, match="was not loaded"):
            build(other, store)
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    for embedder in (str(tmp_path), str(weights.STARTER_PATH)):
        near = NearDuplicateOptions(embedder=embedder, embedder_sha256="0" * 64)
        with pytest.raises(EnvironmentFault, match="was not loaded"):
            build_embedder(free.model_copy(update={"curation": CurationOptions(near_duplicates=near)}), store)


@pytest.mark.parametrize("pin", ["0" * 63, "A" * 64, "", "starter"])
def test_a_pin_that_is_no_hash_is_refused(pin: str):
    with pytest.raises(ValueError, match="weights_sha256"):
        pinned_recipe(weights_sha256=pin)


def test_a_checkpoint_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path: Path, store: Store):
    """As ``torch.save`` writes it: the pickle inside calls ``os.system`` when it is loaded without care."""
    ran = tmp_path / "ran"

    class Command:
        def __reduce__(self):
            return os.system, (f"touch {ran}",)

    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps({"model": Command()}, protocol=2))
        archive.writestr("evil/version", "3\n")
        archive.writestr("evil/byteorder", "little")
    code = (
        "import sys; from pathlib import Path; "
        "from annotators.checkpoint import load_detection_model\n"
        f"try: load_detection_model(Path({str(path)!r}))\n"
        "except Exception as fault: print(type(fault).__name__, fault)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert not ran.exists()
    assert told.stdout.startswith("EnvironmentFault"), told.stdout
