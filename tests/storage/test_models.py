import json

import pytest

from schemas.errors import RecipeError, StoreError
from storage.models import find_model, list_models, promoted_version, publish_model


def _trained(map50_95=0.5, weights=b"checkpoint"):
    def build(folder):
        (folder / "weights.pt").write_bytes(weights)
        (folder / "report.json").write_text(json.dumps({"map50_95": map50_95}))

    return build


def test_a_model_is_found_by_its_version_with_weights_and_report(store):
    model = publish_model(store, "street", "v1", _trained(0.6), promote=False)
    assert find_model(store, "street", "v1") == model
    assert model.weights.read_bytes() == b"checkpoint"
    assert model.report == {"map50_95": 0.6}


def test_without_promotion_no_model_is_current(store):
    publish_model(store, "street", "v1", _trained(), promote=False)
    assert promoted_version(store, "street") is None
    with pytest.raises(RecipeError, match="no current version; it has: street@v1"):
        find_model(store, "street")


def test_only_promotion_changes_the_current_model(store):
    publish_model(store, "street", "v1", _trained(), promote=True)
    publish_model(store, "street", "v2", _trained(), promote=False)
    assert find_model(store, "street").version == "v1"
    publish_model(store, "street", "v2", _trained(), promote=True)
    assert find_model(store, "street").version == "v2"
    assert [model.version for model in list_models(store)] == ["v1", "v2"]


def test_weights_without_a_report_are_no_model(store):
    with pytest.raises(StoreError, match=r"report\.json was not written"):
        publish_model(store, "street", "v1", lambda folder: (folder / "weights.pt").write_bytes(b"x"), promote=True)
    assert list_models(store) == []
    assert promoted_version(store, "street") is None


def test_an_unknown_model_says_how_to_get_one(store):
    with pytest.raises(RecipeError, match=r"no model 'street'.*retrain"):
        find_model(store, "street")


def test_odd_names_are_refused(store):
    with pytest.raises(RecipeError, match="name"):
        publish_model(store, "../street", "v1", _trained(), promote=True)
