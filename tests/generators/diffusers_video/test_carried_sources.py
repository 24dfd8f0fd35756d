"""The labels of a restyled source travel with the clip: beside it in the store, and through to decisions."""

import pytest
import stand_in_renderers as stand_in

from generators.build import build_generator
from generators.diffusers_video.generator import DiffusersGenerator
from generators.diffusers_video.inputs import source_labels
from generators.rendering import render_into_store
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.recipe_text import validate_recipe
from schemas.records import Scenario
from storage.clips import read_source_truth
from storage.store import Store

SCENARIO = Scenario("s", "a red car", objects={"car": 1}, seed=5)
CLIP = ClipOptions(frames=5, fps=8, width=32, height=32)


def render_one(models, tmp_path, **options):
    asked = DiffusersOptions(model=str(models("wan")), steps=2, dtype="float32", devices="cpu", **options)
    generator = DiffusersGenerator(asked, CLIP, [SCENARIO], serve=stand_in.sound)
    try:
        return next(iter(generator.render(generator.jobs(), tmp_path)))
    finally:
        generator.close()


def test_a_restyled_scene_brings_its_labels_and_no_truth(models, tmp_path):
    clip = render_one(models, tmp_path, mode="video", source="procedural")
    assert clip.source_truth.equals(source_labels(SCENARIO, CLIP))
    assert clip.source_truth.num_rows and clip.record().has_truth is False


def test_a_clip_made_of_words_has_no_source(models, tmp_path):
    assert render_one(models, tmp_path).source_truth is None


@pytest.mark.slow
def test_carried_labels_run_from_a_real_pipeline_to_decisions(models, tmp_path):
    """The tiny pipeline's weights are random: of its sources nothing is left to see, and no box may be a label."""
    from annotators.build import build_annotator
    from annotators.labelling import label_sequences, read_labels
    from curators.curate import curate
    from storage.clip_table import clips_table

    recipe = validate_recipe(
        {
            "name": "restyled",
            "prompts": {"template": "a {thing}", "axes": {"thing": [{"text": "red car", "count": {"car": 1}}]}},
            "generator": {
                "kind": "diffusers", "model": str(models("wan")), "mode": "video", "source": "procedural",
                "strength": 0.5, "steps": 2, "dtype": "float32", "devices": "cpu",
            },
            "clip": {"frames": 6, "fps": 8, "width": 100, "height": 60},
            "annotator": {"kind": "carried", "device": "cpu"},
        }
    )  # fmt: skip
    store = Store.open(tmp_path / "store")
    generator = build_generator(recipe, store)
    try:
        (record,) = render_into_store(generator, store, generator.jobs())
    finally:
        generator.close()
    source = read_source_truth(store, record)
    assert (record.frames, record.width, record.height) == (5, 96, 64) and not record.has_truth
    assert max(source["frame"].to_pylist()) == 4
    annotator = build_annotator(recipe, store)
    assert list(label_sequences(annotator, store, [(record,)])) == [record.clip_id]
    labels = read_labels(store, annotator, [(record,)])
    carried = [row for row in labels.tracks.to_pylist() if row["source"] == "carried"]
    assert len(carried) == source["difficult"].to_pylist().count(False) > 0
    decided = curate(clips_table([record]), labels.tracks, labels.clip_scores, recipe).boxes
    assert set(decided["verdict"].to_pylist()) <= {"ignore", "nothing"}
