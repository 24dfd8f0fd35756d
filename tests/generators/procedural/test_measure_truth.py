"""Truth of literal canvases, where every pixel can be counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from generators.procedural.canvas import Silhouette
from generators.procedural.truth import measure_truth


@pytest.mark.parametrize("shape", [(4, 1), (1, 4), (2, 2), (1, 1), (3, 5)])
def test_a_silhouette_of_any_shape_is_measured(shape):
    ids = np.zeros((8, 8), np.uint8)
    ids[2 : 2 + shape[0], 3 : 3 + shape[1]] = 1
    silhouette = Silhouette(np.full(shape, 255, np.uint8), 3, 2)
    truth = measure_truth((SimpleNamespace(class_name="car"),), ids, [silhouette], 1)
    assert truth.box.tolist() == [[3, 2, shape[1], shape[0]]]
    assert truth.visibility.tolist() == [1.0]


def test_a_hidden_object_has_no_row():
    ids = np.full((8, 8), 2, np.uint8)
    silhouette = Silhouette(np.full((4, 1), 255, np.uint8), 3, 2)
    assert len(measure_truth((SimpleNamespace(class_name="car"),), ids, [silhouette], 1)) == 0
