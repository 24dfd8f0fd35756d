"""From a recipe to the annotator that it names."""

from annotators.protocol import Annotator
from schemas.annotator_options import TruthOptions, YoloOptions
from schemas.recipe import Recipe
from storage.store import Store


def build_annotator(recipe: Recipe, store: Store) -> Annotator:
    """The recipe's annotator. No model is loaded yet, but what it needs is known to be there.

    Raises:
        EnvironmentFault: its weights are missing, are not weights, or not those that it pins.
    """
    sources = [source for names in recipe.classes.values() for source in names]
    if isinstance(recipe.annotator, TruthOptions):
        from annotators.truth import TruthAnnotator

        return TruthAnnotator(store, sources)
    from annotators.weights import resolve_weights
    from annotators.yolo import YoloAnnotator

    options = recipe.annotator
    detecting = YoloAnnotator(options, resolve_weights(options.weights, store, options.weights_sha256), store)
    if isinstance(recipe.annotator, YoloOptions):
        return detecting
    from annotators.carried import CarriedAnnotator

    return CarriedAnnotator(detecting, store, sources)
