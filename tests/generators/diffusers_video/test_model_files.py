"""Which models are opened, and which are refused before anything is loaded."""

import hashlib
import json
import shutil
from types import SimpleNamespace

import pytest

from generators.diffusers_video.fetch import carry_out, plan_fetch, verify_content
from generators.diffusers_video.model_files import locate_model
from schemas.diffusers_options import REMOTE_CODE_CONSENT, DiffusersOptions
from schemas.errors import EnvironmentFault, RecipeError


@pytest.fixture
def model(models, tmp_path):
    """A copy of the tiny Wan that a test may damage."""
    return shutil.copytree(models("wan"), tmp_path / "model")


def locate(folder, **options):
    return locate_model(DiffusersOptions(model=str(folder), **options))


def change_index(folder, **entries):
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_folder_is_known_by_its_content_and_not_by_its_place(models, model):
    here, there = locate(model), locate(models("wan"))
    assert here.fingerprint == there.fingerprint
    assert here.pipeline == "WanPipeline"
    assert {part.name for part in here.components} == {"scheduler", "text_encoder", "tokenizer", "transformer", "vae"}
    weights = next((model / "vae").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert locate(model).fingerprint != there.fingerprint


@pytest.mark.parametrize("options", [{"preset": "wan2.1-1.3b"}, {"model": "somebody/some-model"}])
def test_a_model_that_is_not_here_is_one_message_that_says_how_to_fetch_it(options, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentFault, match=r"is not on this machine.*framefoundry fetch"):
        locate_model(DiffusersOptions(**options))


def test_pickled_weights_are_refused(model):
    weights = next((model / "transformer").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(EnvironmentFault, match=r"\.bin and no safetensors"):
        locate(model)


@pytest.mark.parametrize("damage", ["folder", "weights", "shard"])
def test_an_incomplete_model_is_refused(model, damage):
    if damage == "folder":
        shutil.rmtree(model / "vae")
    elif damage == "weights":
        next((model / "vae").glob("*.safetensors")).unlink()
    else:
        index = {"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
        (model / "vae" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EnvironmentFault, match="vae"):
        locate(model)


@pytest.mark.parametrize(
    "entries", [{"transformer": ["my_transformer", "Mine"]}, {"_class_name": ["my_pipeline", "MyPipeline"]}]
)
def test_a_model_with_its_own_code_needs_consent_in_words(model, entries):
    change_index(model, **entries)
    with pytest.raises(RecipeError, match="brings its own code"):
        locate(model)
    assert locate(model, trust_remote_code=REMOTE_CODE_CONSENT)


def test_consent_is_a_sentence_and_not_a_yes():
    with pytest.raises(ValueError, match="remote code is refused"):
        DiffusersOptions(model="m", trust_remote_code="yes")


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(EnvironmentFault, match=r"model_index\.json"):
        locate(tmp_path)


def test_fetching_offline_is_refused_before_the_network_is_tried(monkeypatch):
    monkeypatch.setenv("FRAMEFOUNDRY_OFFLINE", "1")
    with pytest.raises(EnvironmentFault, match="FRAMEFOUNDRY_OFFLINE is set"):
        plan_fetch("wan2.1-1.3b")


def test_fetching_an_unknown_preset_names_the_nearest():
    with pytest.raises(RecipeError, match=r"wan2\.1-1\.3b"):
        plan_fetch("wan2.1-1.3")


def test_a_damaged_download_is_seen_by_its_hash_and_removed(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "c0ffee" / "vae"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    blob = blobs / hashlib.sha256(b"weights").hexdigest()
    blob.write_bytes(b"weights")
    (snapshot / "w.safetensors").symlink_to(blob)
    assert verify_content(snapshot.parent) == 1
    blob.write_bytes(b"weighty")
    with pytest.raises(EnvironmentFault, match="was removed"):
        verify_content(snapshot.parent)
    assert not blob.exists()


@pytest.fixture
def hub(models, monkeypatch):
    """A hub that has one model, the tiny Wan; what it was asked for is kept."""
    asked = []
    file = SimpleNamespace(file_size=1000, will_download=True)
    kept = SimpleNamespace(file_size=24, will_download=False)

    def snapshot_download(name, revision=None, dry_run=False, **options):
        asked.append((name, revision, dry_run))
        return [file, kept] if dry_run else str(models("wan"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    info = SimpleNamespace(model_info=lambda name, revision=None: SimpleNamespace(sha="c" * 40))
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: info)
    for variable in ("FRAMEFOUNDRY_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    return asked


def test_fetching_tells_size_and_licence_first_and_downloads_the_commit_that_it_told(hub):
    plan = plan_fetch("wan2.1-1.3b")
    assert (plan.bytes_missing, plan.bytes_total, plan.revision, plan.pinned) == (1000, 1024, "c" * 40, False)
    assert "Apache-2.0" in plan.licence
    assert [dry for _, _, dry in hub] == [True]
    assert (carry_out(plan) / "model_index.json").is_file()
    assert ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "c" * 40, False) in hub


def test_of_a_lora_only_the_named_file_is_fetched_and_only_safetensors(hub, monkeypatch, tmp_path):
    wanted = []

    def snapshot_download(name, revision=None, allow_patterns=None, dry_run=False, **options):
        wanted.append(allow_patterns or [])
        (tmp_path / "few.safetensors").write_bytes(b"weights")
        return [SimpleNamespace(file_size=7, will_download=True)] if dry_run else str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    plan = plan_fetch("owner/lora", lora="few.safetensors")
    assert carry_out(plan) == tmp_path / "few.safetensors"
    assert [patterns[:1] for patterns in wanted] == [["few.safetensors"], ["few.safetensors"], []]
    with pytest.raises(RecipeError, match=r"only \.safetensors files are loaded"):
        plan_fetch("owner/lora", lora="few.bin")
