"""From a recipe to the annotator that it names."""

from annotators.protocol import Annotator
from schemas.annotator_options import TruthOptions, YoloOptions
from schemas.recipe import Recipe
from storage.store import Store


def build_annotator(recipe: Recipe, store: Store) -> Annotator:
    """The recipe's annotator. No model is loaded yet, but what it needs is known to be there.

    Raises:
        EnvironmentFault: its weights are missing, or are not weights.
    """
    sources = [source for names in recipe.classes.values() for source in names]
    if isinstance(recipe.annotator, TruthOptions):
        from annotators.truth import TruthAnnotator

        return TruthAnnotator(store, sources)
    from annotators.weights import resolve_weights
    from annotators.yolo import YoloAnnotator

    detecting = YoloAnnotator(recipe.annotator, resolve_weights(recipe.annotator.weights, store), store)
    if isinstance(recipe.annotator, YoloOptions):
        return detecting
    from annotators.carried import CarriedAnnotator

    return CarriedAnnotator(detecting, store, sources)
