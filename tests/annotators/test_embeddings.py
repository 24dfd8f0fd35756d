import numpy as np
import pytest

from annotators.embedders import BackboneEmbedder, build_embedder
from annotators.embeddings import embed_clip, embed_missing, is_embedded, read_embeddings, stream_embeddings
from annotators.weights import resolve_weights
from schemas.errors import EnvironmentFault, StoreError
from schemas.recipe_text import validate_recipe
from schemas.tables import EMBEDDING_SIZE, EMBEDDINGS
from storage.clips import media_path


@pytest.fixture
def embedder(random_weights, store, one_thread):
    return BackboneEmbedder(resolve_weights(str(random_weights), store), every=3, device="cpu")


@pytest.fixture(scope="session")
def vision_folder(tmp_path_factory):
    """A ViT of a few kilobytes with random weights, as transformers saves it."""
    import torch
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vit")
    size = {"height": 32, "width": 32}
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(size=size).save_pretrained(folder)
    return folder


def recipe_with(embedder, **annotator):
    return validate_recipe(
        {
            "name": "r", "generator": {"kind": "footage", "path": "."}, "annotator": {"kind": "yolo", **annotator},
            "curation": {"near_duplicates": {"embedder": embedder}},
        }
    )  # fmt: skip


def similarity(first, second):
    return float((first.astype(np.float64) * second.astype(np.float64)).sum())


def test_vectors_have_length_one_and_one_size(embedder, moving_blocks):
    vectors = embedder.embed(list(moving_blocks(3)))
    assert vectors.shape == (3, EMBEDDING_SIZE) and vectors.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=2e-3)


def test_a_noisy_copy_is_nearer_than_another_picture_even_to_a_network_that_learned_nothing(embedder, moving_blocks):
    picture, other = moving_blocks(1, seed=1)[0], moving_blocks(1, seed=2)[0]
    noise = np.random.default_rng(0).normal(0, 5, picture.shape)
    copy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    vectors = embedder.embed([picture, copy, other])
    assert similarity(vectors[0], vectors[1]) > 0.97 > similarity(vectors[0], vectors[2])


def test_a_clip_is_embedded_every_so_many_frames_and_only_once(embedder, store, commit_video, moving_blocks):
    record = commit_video(store, "a", moving_blocks(8))
    assert not is_embedded(embedder, store, record)
    assert list(embed_missing(embedder, store, [record])) == []
    table = read_embeddings(embedder, store, [record])
    assert table["frame"].to_pylist() == [0, 3, 6] and set(table["clip_id"].to_pylist()) == {"a"}
    embedder.describe = None  # a second look would fail
    assert list(embed_missing(embedder, store, [record])) == []


def test_vectors_do_not_depend_on_how_many_frames_are_left_for_the_last_batch(
    embedder, store, commit_video, moving_blocks
):
    frames = moving_blocks(55)
    long, short = (commit_video(store, name, frames[:count]) for name, count in (("long", 55), ("short", 7)))
    tables = [embed_clip(embedder, store, record) for record in (long, short)]
    assert tables[0].schema.equals(EMBEDDINGS)
    first = [np.array(table["vector"].to_pylist()[:3], np.float32) for table in tables]
    np.testing.assert_allclose(*first, atol=0.01)  # the two files are encoded anew, so not to the last bit


def test_embeddings_are_read_in_parts_in_the_order_that_was_asked_for(embedder, store, commit_video, moving_blocks):
    records = [commit_video(store, name, moving_blocks(4, seed)) for seed, name in enumerate("bca")]
    list(embed_missing(embedder, store, records))
    parts = list(stream_embeddings(embedder, store, records, at_once=2))
    assert [part["clip_id"].unique().to_pylist() for part in parts] == [["b", "c"], ["a"]]


def test_a_clip_that_cannot_be_decoded_fails_alone(embedder, store, commit_video, moving_blocks):
    broken, record = (commit_video(store, name, moving_blocks(4, seed)) for seed, name in enumerate("ba"))
    media_path(store, broken).write_bytes(b"no video")
    assert [failure.clip_id for failure in embed_missing(embedder, store, [broken, record])] == ["b"]
    assert is_embedded(embedder, store, record) and not is_embedded(embedder, store, broken)


def test_a_clip_that_was_never_embedded_is_refused(embedder, store, commit_video, moving_blocks):
    with pytest.raises(StoreError):
        read_embeddings(embedder, store, [commit_video(store, "a", moving_blocks(2))])


def test_the_fingerprint_tells_models_and_strides_apart(random_weights, store):
    weights = resolve_weights(str(random_weights), store)
    prints = {
        BackboneEmbedder(weights, 2).fingerprint,
        BackboneEmbedder(weights, 3).fingerprint,
        BackboneEmbedder(resolve_weights("starter", store), 2).fingerprint,
    }
    assert len(prints) == 3


@pytest.mark.parametrize("curation", [{}, {"near_duplicates": {"clips": None, "frames": None}}])
def test_a_recipe_that_looks_for_no_near_duplicates_needs_no_embedder(store, curation):
    recipe = validate_recipe({"name": "r", "generator": {"kind": "footage", "path": "."}, "curation": curation})
    assert build_embedder(recipe, store) is None


def test_the_detector_looks_for_itself_and_the_starter_for_what_cannot_be_looked_into(store, random_weights, tmp_path):
    export = tmp_path / "x_openvino_model"
    export.mkdir()
    for name in ("x.xml", "x.bin", "metadata.yaml"):
        (export / name).write_text("x")
    assert build_embedder(recipe_with("detector", weights=str(random_weights)), store).name == str(random_weights)
    assert build_embedder(recipe_with("detector", weights=str(export)), store).name == "starter"


def test_a_local_transformers_model_looks_too(store, vision_folder, moving_blocks):
    embedder = build_embedder(recipe_with(str(vision_folder), device="cpu"), store)
    vectors = embedder.embed(list(moving_blocks(2)))
    assert embedder.name == str(vision_folder) and vectors.shape == (2, EMBEDDING_SIZE)
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=2e-3)


def test_an_embedder_that_is_not_there_or_is_no_model_is_refused(store, tmp_path):
    with pytest.raises(EnvironmentFault, match=r"nowhere\.pt"):
        build_embedder(recipe_with("nowhere.pt"), store)
    with pytest.raises(EnvironmentFault, match=r"config\.json"):
        build_embedder(recipe_with(str(tmp_path)), store)
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    embedder = build_embedder(recipe_with(str(tmp_path), device="cpu"), store)
    with pytest.raises(EnvironmentFault, match="cannot be loaded"):
        embedder.embed([np.zeros((8, 8, 3), np.uint8)])
