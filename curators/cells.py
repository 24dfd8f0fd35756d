"""Cells: a class under a condition, and how many labelled objects each clip has to put into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.prompts import PromptTemplate
from schemas.recipe import Recipe
from schemas.tables import ACCEPT


@dataclass(frozen=True)
class Holdings:
    """What clips hold, as aligned columns of one row for each clip and class, sorted by clip and class.

    Attributes:
        clip: int64 (N,), row of the clip.
        class_index: int64 (N,), index into ``class_names``.
        objects: int64 (N,), labelled objects: tracks of the clip with at least one label, at least 1.
        class_names: published classes.
    """

    clip: np.ndarray
    class_index: np.ndarray
    objects: np.ndarray
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Conditions:
    """The condition of each clip: its values on some axes.

    Attributes:
        axes: their names.
        values: for each condition its value on each axis, in the order of the recipe.
        of_clip: int64 (clips,), index into ``values``; -1 for a clip that lacks one of the axes.
    """

    axes: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    of_clip: np.ndarray


def count_objects(clips: pa.Table, tracks: pa.Table, verdicts: pa.Array, recipe: Recipe) -> Holdings:
    """Labelled objects of each clip by published class; an object is one track, however many labels it has.

    Args:
        clips: ``CLIPS``.
        tracks: ``TRACKS`` with ``clip_id`` in front.
        verdicts: on each row of ``tracks``.
        recipe: names the published classes; where it names none, those with labels are taken.
    """
    labels = tracks.select(["clip_id", "track", "class_name"]).filter(pc.equal(verdicts.cast(pa.string()), ACCEPT))
    clip = pc.index_in(
        labels["clip_id"].cast(pa.string()).combine_chunks(), value_set=clips["clip_id"].combine_chunks()
    )
    encoded = labels["class_name"].cast(pa.string()).combine_chunks().dictionary_encode()
    published = [recipe.published_class(name) for name in encoded.dictionary.to_pylist()]
    names = recipe.class_names or tuple(sorted(name for name in published if name is not None))
    class_of_code = np.array([names.index(name) if name in names else -1 for name in published], np.int64)
    class_index = class_of_code[encoded.indices.to_numpy()] if len(encoded) else np.empty(0, np.int64)
    classes = max(len(names), 1)
    place = clip.to_numpy().astype(np.int64) * classes + class_index
    # Sorting single numbers is many times faster than sorting rows, and a million frames hold millions of labels.
    objects = np.unique((place << 32 | labels["track"].to_numpy().astype(np.int64))[class_index >= 0])
    held, counts = np.unique(objects >> 32, return_counts=True)
    return Holdings(held // classes, held % classes, counts.astype(np.int64), names)


def find_conditions(clips: pa.Table, axes: Sequence[str], recipe: Recipe) -> Conditions:
    """The condition of each of ``clips`` on ``axes``; without axes, all share one condition.

    A template's conditions are all combinations of its values, shown by a clip or not; otherwise those that occur.
    """
    words = [axis_values(clips, axis) for axis in axes]
    template = recipe.prompts
    if isinstance(template, PromptTemplate) and all(axis in template.axes for axis in axes):
        values = list(product(*([value.value for value in template.axes[axis]] for axis in axes)))
    else:
        shown = set(zip(*(column.to_pylist() for column in words), strict=True)) if axes else {()}
        values = sorted(row for row in shown if None not in row)
    place = {row: index for index, row in enumerate(values)}
    of_clip = np.zeros(len(clips), np.int64)
    if axes:
        rows = zip(*(column.to_pylist() for column in words), strict=True)
        of_clip = np.fromiter((place.get(row, -1) for row in rows), np.int64, len(clips))
    return Conditions(tuple(axes), tuple(values), of_clip)


def axis_values(clips: pa.Table, axis: str) -> pa.Array:
    """Each clip's value of ``axis``, text; null where it has none."""
    attributes = clips["attributes"].combine_chunks()
    return pc.map_lookup(attributes, query_key=pa.scalar(axis), occurrence="first")


def list_things(holdings: Holdings, clips: pa.Table, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """What clips show that coverage means to keep: each class, under each value of each axis, and in each quota cell.

    Axes with a value of their own for most clips, such as a free text, tell clips apart instead of conditions and are
    left out.

    Returns:
        int64 (N,), rising: clips; int64 (N,): a number for each thing that the clip shows.
    """
    names = pc.unique(clips["attributes"].combine_chunks().keys).to_pylist()
    groups: list[tuple[str, ...]] = [(), *((axis,) for axis in sorted(names) if _is_shared(axis_values(clips, axis)))]
    if recipe.curation.quota and len(recipe.curation.quota.per) > 1:
        groups.append(recipe.curation.quota.per)
    owners, things, first = [], [], 0
    for axes in groups:
        conditions = find_conditions(clips, axes, recipe)
        condition = conditions.of_clip[holdings.clip]
        known = condition >= 0
        owners.append(holdings.clip[known])
        things.append(first + condition[known] * len(holdings.class_names) + holdings.class_index[known])
        first += len(conditions.values) * len(holdings.class_names)
    owner, thing = np.concatenate(owners), np.concatenate(things)
    by_clip = np.argsort(owner, kind="stable")
    return owner[by_clip], thing[by_clip]


def _is_shared(values: pa.Array) -> bool:
    present = values.drop_null()
    return 2 * len(present.unique()) <= len(present)
