"""Who has the GPU while labels are made."""

import pytest

from flows.device_plan import renderer_stays, with_labelling_device
from schemas.recipe_text import validate_recipe


def recipe(generator: dict, annotator: dict):
    prompts = {"template": "a {colour} car", "axes": {"colour": ["red"]}}
    return validate_recipe({"name": "r", "prompts": prompts, "generator": generator, "annotator": annotator})


@pytest.mark.parametrize(
    ("labelling", "stays", "device"), [("wait", False, "cuda"), ("share", True, "cuda"), ("cpu", False, "cpu")]
)
def test_labelling_waits_shares_or_goes_to_the_cpu(labelling, stays, device):
    asked = recipe({"kind": "diffusers", "model": "m", "labelling": labelling}, {"kind": "yolo", "device": "cuda"})
    assert renderer_stays(asked) is stays
    assert with_labelling_device(asked).annotator.device == device


def test_other_generators_leave_the_detector_where_it_is():
    asked = recipe({"kind": "procedural"}, {"kind": "yolo", "device": "cuda"})
    assert not renderer_stays(asked)
    assert with_labelling_device(asked) is asked
