"""Who has the GPU while labels are made, as the recipe's `generator.labelling` says."""

from schemas.annotator_options import DetectorOptions
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import Recipe


def renderer_stays(recipe: Recipe) -> bool:
    """Whether the renderer keeps its models loaded, within its share of the memory, while labels are made."""
    return isinstance(recipe.generator, DiffusersOptions) and recipe.generator.labelling == "share"


def labels_beside_rendering(recipe: Recipe) -> bool:
    """Whether clips are labelled while later ones render: always, unless both want the whole of one GPU."""
    return not (isinstance(recipe.generator, DiffusersOptions) and recipe.generator.labelling == "wait")


def with_labelling_device(recipe: Recipe) -> Recipe:
    """``recipe`` with its detector on the CPU where `labelling: cpu` asks for that; else as it is."""
    asked = isinstance(recipe.generator, DiffusersOptions) and recipe.generator.labelling == "cpu"
    if not asked or not isinstance(recipe.annotator, DetectorOptions):
        return recipe
    return recipe.model_copy(update={"annotator": recipe.annotator.model_copy(update={"device": "cpu"})})


def needs_gpu(task: str, recipe: Recipe) -> bool:
    """Whether ``task``, a batch of one stage, runs on a GPU where its worker has one."""
    if task == "render-batch":
        options = recipe.generator
        return isinstance(options, DiffusersOptions) and "cpu" not in options.devices
    annotator = recipe.annotator
    return task == "label-batch" and isinstance(annotator, DetectorOptions) and annotator.device != "cpu"
