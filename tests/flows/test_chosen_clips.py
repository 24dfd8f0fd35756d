import pytest

from annotators.build import build_annotator
from annotators.embedders import build_embedder
from annotators.label_keys import group_sequences
from annotators.labelling import is_labelled, label_sequences
from flows.publishing import curated_rows
from flows.residents import release
from generators.build import build_generator
from generators.rendering import render_into_store
from schemas.errors import StoreError
from schemas.recipe_text import validate_recipe
from storage.clips import find_clip
from storage.store import Store


def make_recipe(**curation):
    return validate_recipe(
        {
            "name": "street",
            "classes": ["car", "person"],
            "prompts": {
                "template": "{objects} {light}",
                "axes": {
                    "objects": [{"text": "two cars and a person", "count": {"car": 2, "person": 1}}],
                    "light": ["day", "night"],
                },
                "strategy": "full",
            },
            "clip": {"frames": 8, "fps": 8, "width": 160, "height": 96},
            "annotator": {"kind": "truth"},
            "curation": {"min_track_frames": 1, "min_box_side": 0, **curation},
            "publish": {"yolo": {"stride": 2}},
        }
    )


@pytest.fixture
def residents_leave():
    yield
    release("annotator")
    release("embedder")


def test_a_recipe_that_wants_it_is_embedded_thinned_and_chosen_from(tmp_path, residents_leave):
    recipe = make_recipe(near_duplicates={"frames": 0.5}, quota={"per_class": 100, "per": ["light"]})
    store = Store.open(tmp_path / "store")
    generator = build_generator(recipe, store)
    try:
        jobs = generator.jobs()
        list(render_into_store(generator, store, jobs))
    finally:
        generator.close()
    sequences = group_sequences([find_clip(store, job.clip_id) for job in jobs])
    annotator, embedder = build_annotator(recipe, store), build_embedder(recipe, store)

    list(label_sequences(annotator, store, sequences))
    assert is_labelled(store, annotator, sequences[0]) and not is_labelled(store, annotator, sequences[0], embedder)
    keys = [[record.clip_id for record in sequence] for sequence in sequences]
    with pytest.raises(StoreError, match="embeddings"):
        curated_rows(recipe, store, keys)

    list(label_sequences(annotator, store, sequences, embedder))
    rows, _ = curated_rows(recipe, store, keys)
    uses = rows.frames["use"].to_pylist()
    assert "near_duplicate" in uses and "labelled" in uses
    cells = rows.quota.to_pylist()
    assert [(cell["class_name"], dict(cell["attributes"])["light"]) for cell in cells] == [
        ("car", "day"), ("person", "day"), ("car", "night"), ("person", "night")
    ]  # fmt: skip
    assert all(cell["kept"] == cell["available"] > 0 and cell["missing"] == 100 - cell["kept"] for cell in cells)
