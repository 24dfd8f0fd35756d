import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecipeError
from schemas.recipe_text import parse_recipe, recipe_json_schema, validate_recipe


def _refused(data):
    with pytest.raises(RecipeError) as caught:
        validate_recipe(data, "street.yaml")
    assert caught.value.message.startswith("street.yaml: ")
    assert caught.value.exit_code == 2
    return caught.value.message.removeprefix("street.yaml: ")


def test_the_good_recipe_is_taken(good_text):
    recipe = parse_recipe(good_text)
    assert recipe.class_names == ("person", "car", "dog")
    assert recipe.prompts.slots == ("objects", "place", "weather")
    assert recipe.prompts.axes["objects"][1].count == {"person": 2, "dog": 1}
    assert recipe.annotator.refine.max_gap_frames == 10
    assert recipe.publish.coco is None


def test_a_recipe_survives_its_own_json(good):
    recipe = validate_recipe(good)
    assert validate_recipe(recipe.model_dump(mode="json")) == recipe


def test_the_smallest_recipe_is_footage_and_a_name():
    recipe = validate_recipe({"name": "a", "generator": {"kind": "footage", "path": "videos"}})
    assert recipe.prompts is None
    assert recipe.class_names == ()


def test_a_recipe_cannot_be_changed(good):
    with pytest.raises(ValueError, match="frozen"):
        validate_recipe(good).seed = 8


# Unknown keys name the nearest one, at every level -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("promts", "prompts"),
        ("anotator", "annotator"),
        ("prompts.strateg", "strategy"),
        ("prompts.axes.objects.0.cont", "count"),
        ("prompts.axes.weather.1.wieght", "weight"),
        ("clip.frame", "frames"),
        ("annotator.traker", "tracker"),
        ("annotator.refine.smooth_frame", "smooth_frames"),
        ("curation.acept", "accept"),
        ("split.trian", "train"),
        ("publish.yollo", "yolo"),
        ("publish.yolo.strid", "stride"),
        ("publish.fiftyone.nam", "name"),
    ],
)
def test_an_unknown_key_names_its_place_and_the_nearest_key(spoiled, path, nearest):
    assert _refused(spoiled(path, 1)) == f"{path}: unknown key; did you mean {nearest!r}?"


def test_keys_of_another_kind_are_unknown(spoiled):
    assert "generator.fit: unknown key; allowed: kind" in _refused(spoiled("generator.fit", "crop"))
    footage = {"kind": "footage", "path": "x", "fitt": "crop"}
    assert _refused(spoiled("generator", footage)) == "generator.fitt: unknown key; did you mean 'fit'?"
    file = {"file": "a.csv", "repeat": 2}
    assert _refused(spoiled("prompts", file)) == "prompts.repeat: unknown key; did you mean 'repeats'?"


def test_a_key_like_no_other_lists_what_is_allowed(spoiled):
    assert _refused(spoiled("split.zzz", 1)) == "split.zzz: unknown key; allowed: train, val, test, by"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("generator.kind", "procedual", "'procedual' is not allowed; did you mean 'procedural'?"),
        ("annotator.kind", "yollo", "'yollo' is not allowed; did you mean 'yolo'?; allowed: yolo, carried, truth"),
        ("annotator.kind", "zz", "'zz' is not allowed; allowed: yolo, carried, truth"),
        ("annotator", {"tracker": "ocsort"}, "annotator: `kind` is missing; one of: yolo, carried, truth"),
        ("generator", {}, "generator: `kind` is missing; one of: procedural, footage, diffusers"),
        ("annotator.tracker", "byte-track", "did you mean 'bytetrack'?"),
        ("prompts.strategy", "pairs", "prompts.strategy: 'pairs' is not allowed; did you mean 'pairwise'?"),
        ("publish.yolo.ignore", "keep", "publish.yolo.ignore: 'keep' is not allowed"),
    ],
)
def test_a_choice_that_is_none_names_the_nearest(spoiled, path, value, said):
    assert said in _refused(spoiled(path, value))


# Types and ranges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("clip.frames", 0, "clip.frames: must be greater than or equal to 1 (value: 0)"),
        ("clip.frames", 5000, "clip.frames: must be less than or equal to 4999 (value: 5000)"),
        ("clip.frames", "48", "clip.frames: must be a whole number (value: '48')"),
        ("clip.frames", 48.5, "clip.frames: must be a whole number (value: 48.5)"),
        ("clip.frames", True, "clip.frames: must be a whole number (value: True)"),
        ("clip.frames", None, "clip.frames: must be a whole number (value: None)"),
        ("clip.width", 321, "clip.width: must be a multiple of 2 (value: 321)"),
        ("clip.fps", 0, "clip.fps: must be greater than 0 (value: 0)"),
        ("clip.fps", float("nan"), "clip.fps: must be a finite number"),
        ("clip.fps", float("inf"), "clip.fps: must be a"),
        ("clip", None, "clip: must be a mapping of keys (value: None)"),
        ("clip", [], "clip: must be a mapping of keys"),
        ("curation.accept", 1.01, "curation.accept: must be less than or equal to 1 (value: 1.01)"),
        ("annotator.score_floor", 0, "annotator.score_floor: must be greater than or equal to 0.001 (value: 0)"),
        ("annotator.weights", "", "annotator.weights: must not be empty"),
        ("publish.yolo.stride", 0, "publish.yolo.stride: must be greater than 0 (value: 0)"),
        ("publish.yolo", True, "publish.yolo: must be a mapping of keys (value: True)"),
        ("seed", -1, "seed: must be greater than or equal to 0 (value: -1)"),
        ("seed", 2**63, "seed: must be less than"),
        ("name", 5, "name: must be text (value: 5)"),
        ("name", "../x", "name: '../x' is not a name"),
        ("name", "Street", "name: 'Street' is not a name"),
        ("name", "x" * 64, "is not a name"),
        ("name", "del", "name: missing; it is required"),
        ("classes", "car", "classes: must be a mapping of keys (value: 'car')"),
        ("classes", {"vehicle": "car"}, "classes.vehicle: must be a list (value: 'car')"),
        ("classes", {"vehicle": []}, "classes: class 'vehicle' gathers nothing"),
        ("classes", ["car", "car"], "classes: class 'car' is listed twice"),
        ("classes", {"a": ["car"], "b": ["car"]}, "'car' is gathered by both 'a' and 'b'"),
        ("generator", {"kind": "footage"}, "generator.path: missing; it is required"),
        ("prompts", "a red car", "prompts: must be a mapping of keys (value: 'a red car')"),
        ("prompts", {"file": "prompts.txt"}, "prompts.txt ends with '.txt'; use .csv or .jsonl"),
        ("prompts.template", "{objects", "not a template"),
        ("prompts.template", "{objects} {place} {weather} {0}", "slot {0} is not a name"),
        ("prompts.template", "{objects!r} {place} {weather}", "slot {objects} has a format (r)"),
        ("prompts.template", "{objects:>9} {place} {weather}", "slot {objects} has a format (>9)"),
        ("prompts.axes.place", [], "prompts.axes.place: must hold at least one value"),
        ("prompts.axes.place", "city", "prompts.axes.place: must be a list (value: 'city')"),
        ("prompts.axes.place", [True, "x"], "prompts.axes.place.0: true is no axis value"),
        ("prompts.axes.place", ["  "], "prompts.axes.place.0: an axis value needs `value` or `text`"),
        ("prompts.axes.place", [{"weight": 2}], "prompts.axes.place.0: an axis value needs `value` or `text`"),
        ("prompts.axes.place", [["x"]], "prompts.axes.place.0: must be a mapping of keys"),
        ("prompts.axes.weather.1.weight", 0, "weather.1.weight: must be greater than 0 (value: 0)"),
        ("prompts.axes.objects.0.count", {"car": 0}, "count.car: must be greater than 0 (value: 0)"),
        ("prompts.variations", 0, "prompts.variations: must be greater than 0 (value: 0)"),
    ],
)
def test_a_wrong_value_names_its_place_what_is_wanted_and_itself(spoiled, path, value, said):
    assert said in _refused(spoiled(path, value))


def test_one_bad_axis_value_is_one_fault(spoiled):
    assert "faults" not in _refused(spoiled("prompts.axes.place", [None]))


def test_all_faults_are_listed(spoiled):
    data = spoiled("clip.frames", 0)
    data["seed"], data["nme"] = -1, "x"
    message = _refused(data)
    assert message.startswith("3 faults:")
    assert all(part in message for part in ("clip.frames: ", "seed: ", "nme: unknown key"))


# Parts that must agree -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("prompts.template", "{objects} {place} {wether}", "prompts: slot {wether} has no axis; axes are: objects"),
        ("prompts.axes.extra", ["a", "b"], "axis 'extra' is used by no slot of the template"),
        ("prompts.axes.place", ["a", "b", "a"], "axis 'place' has the value 'a' twice"),
        ("prompts", "del", "generator `procedural` needs `prompts`"),
        ("classes", ["person", "car", "dog", "cat"], "class 'cat' is promised by no axis value"),
        ("classes", ["person", "car"], "an axis value promises 'dog', which is not among `classes`"),
        (
            "prompts.axes.objects.0.count",
            {"cra": 1},
            "promises 'cra', which is not among `classes`; did you mean 'car'?",
        ),
        ("curation.ignore", 0.7, "curation: ignore (0.7) is above accept (0.6)"),
        ("split.train", 0.5, "split: train + val + test is 0.7; it must be 1"),
        (
            "curation.quota",
            {"per_class": 5, "per": ["wether"]},
            "curation.quota.per names the axis 'wether', which does not exist; did you mean 'weather'?",
        ),
        ("split.by", ["wether"], "split.by names the axis 'wether', which does not exist; did you mean 'weather'?"),
    ],
)
def test_parts_that_disagree_are_told(spoiled, path, value, said):
    assert said in _refused(spoiled(path, value))


def test_random_needs_a_number_of_scenarios(spoiled):
    data = spoiled("prompts.variations")
    data["prompts"]["strategy"] = "random"
    assert "strategy `random` needs `variations`" in _refused(data)


def test_truth_labels_need_a_generator_that_knows_the_truth(spoiled):
    data = spoiled("annotator", {"kind": "truth"})
    assert validate_recipe(data).annotator.kind == "truth"
    data["generator"] = {"kind": "diffusers", "preset": "wan2.1-1.3b"}
    assert "annotator `truth` needs a generator that knows the truth; `diffusers` does not" in _refused(data)


def test_carried_labels_need_sources_whose_labels_are_known(spoiled):
    data = spoiled("annotator", {"kind": "carried", "weights": "starter"})
    assert "annotator `carried` needs sources whose labels are known" in _refused(data)
    restyled = {"kind": "diffusers", "preset": "wan2.1-1.3b", "mode": "video", "source": "procedural"}
    assert validate_recipe(data | {"generator": restyled}).annotator.kind == "carried"
    for other in ({**restyled, "source": "footage"}, {"kind": "diffusers", "preset": "wan2.1-1.3b"}):
        assert "annotator `carried` needs sources" in _refused(data | {"generator": other})


def test_classes_may_gather_classes_of_the_detector(spoiled):
    recipe = validate_recipe(spoiled("classes", {"vehicle": ["car", "bus"], "person": ["person"], "dog": ["dog"]}))
    assert recipe.class_names == ("vehicle", "person", "dog")
    assert [recipe.published_class(name) for name in ("bus", "person", "cat")] == ["vehicle", "person", None]


def test_without_classes_every_class_of_the_detector_is_published(spoiled):
    assert validate_recipe(spoiled("classes")).published_class("zebra") == "zebra"


def test_an_axis_that_only_promises_needs_no_slot(spoiled):
    data = spoiled("prompts.template", "a {place}, {weather}")
    assert validate_recipe(data).prompts.slots == ("place", "weather")


def test_numbers_are_words_of_an_axis(spoiled):
    values = validate_recipe(spoiled("prompts.axes.place", [1, 2.5, " lane "])).prompts.axes["place"]
    assert [(value.value, value.text) for value in values] == [("1", "1"), ("2.5", "2.5"), ("lane", "lane")]


def test_an_axis_value_takes_its_name_from_its_text_and_the_other_way_round(spoiled):
    values = validate_recipe(spoiled("prompts.axes.place", [{"value": "fog"}, {"text": "a road"}])).prompts.axes[
        "place"
    ]
    assert [(value.value, value.text) for value in values] == [("fog", "fog"), ("a road", "a road")]


# The text itself -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this holds nothing"),
        ("just words", "this holds str"),
        ("- a\n- b\n", "this holds list"),
        ("name: [", "not valid YAML"),
        ("name: a\nclip: {frames: 3}\nname: b\n", "the key 'name' stands here twice in line 3"),
        ("name: a\nclip: {frames: 3, frames: 4}\n", "the key 'frames' stands here twice"),
        ("name: a\non: 3\n", "the key 'on' is not text; write it in quotes"),
        ("name: a\n? [x]\n: 3\n", "is not text"),
        ("name: !!python/object/apply:os.system [x]\n", "not valid YAML"),
        ("name: 2024-13-45\n", "not valid YAML"),
        ("seed: " + "9" * 5000, "not valid YAML"),
        ("a: " + "[" * 1200, "not valid YAML"),
        ("a: &a [*a]\n", "one holds itself"),
        ("name: a\x00b\n", "not valid YAML"),
    ],
)
def test_text_that_is_no_recipe_is_told(text, said):
    with pytest.raises(RecipeError, match=r"^r\.yaml: ") as caught:
        parse_recipe(text, "r.yaml")
    assert said in caught.value.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "prompts", "axes", "kind", "clip", "template", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_stands_in_a_recipe_it_is_taken_or_refused_in_words(data):
    try:
        validate_recipe({"name": "a", "generator": {"kind": "procedural"}, "prompts": data})
    except RecipeError as fault:
        assert "prompts" in fault.message


@given(st.text(max_size=60))
def test_any_text_is_a_recipe_or_a_recipe_error(text):
    try:
        parse_recipe(text)
    except RecipeError as fault:
        assert fault.hint


# JSON Schema ---------------------------------------------------------------------------------------------------------


def _schema_refuses(data):
    return list(jsonschema.Draft202012Validator(recipe_json_schema()).iter_errors(data))


def test_the_json_schema_is_valid_and_takes_the_good_recipe(good):
    jsonschema.Draft202012Validator.check_schema(recipe_json_schema())
    assert _schema_refuses(good) == []
    assert _schema_refuses(good | {"classes": {"vehicle": ["car"], "person": ["person"], "dog": ["dog"]}}) == []
    assert _schema_refuses(good | {"prompts": {"file": "prompts.csv"}}) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("promts", 1),
        ("clip.frames", 0),
        ("clip.frames", "48"),
        ("annotator.tracker", "sort"),
        ("annotator.kind", "x"),
        ("prompts.axes.objects.0.cont", 1),
        ("prompts.axes.place", []),
        ("classes", "car"),
        ("name", "del"),
    ],
)
def test_the_json_schema_refuses_what_the_recipe_refuses(spoiled, path, value):
    assert _schema_refuses(spoiled(path, value))


def test_every_key_of_the_json_schema_says_what_it_is_for():
    schema = recipe_json_schema()
    models = [schema, *schema["$defs"].values()]
    untold = [
        f"{model.get('title')}.{name}"
        for model in models
        for name, field in model.get("properties", {}).items()
        if name != "kind" and "description" not in field and "$ref" not in str(field) and not _is_obvious(name)
    ]
    assert untold == []


def _is_obvious(name):
    return name in {"train", "val", "test", "tracker"}


def test_editors_get_the_schema_as_json(good_text):
    import json

    assert json.loads(json.dumps(recipe_json_schema()))["$schema"].startswith("https://json-schema.org/")
    assert yaml.safe_load(good_text)


def nested_aliases(form: str, levels: int) -> str:
    """Each line stands for nine of the line before."""
    lines = [f"a0: &a0 {form % ', '.join(['x'] * 9)}" if "[" in form else "a0: &a0 {k0: v}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} " + form % ", ".join([f"*a{level - 1}"] * 9))
    return "\n".join(lines) + "\n"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", [
    nested_aliases("[%s]", 40),
    nested_aliases("{<<: [%s]}", 12),
    "name: a\nclasses: &a [*a]\n",
    "name: &a {b: *a}\n",
])  # fmt: skip
def test_aliases_that_stand_for_more_than_fits_are_refused_before_they_are_written_out(text):
    with pytest.raises(RecipeError, match="written out"):
        parse_recipe(text)


def test_aliases_in_reason_are_written_out():
    assert parse_recipe("name: &a day\nclasses: [&b car]\ngenerator: {kind: footage, path: *a}\n").class_names == (
        "car",
    )


def test_nesting_without_end_is_refused():
    with pytest.raises(RecipeError, match="not valid YAML"):
        parse_recipe("name: " + "[" * 100_000)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("devices: tpu", "'tpu' is not a device"),
        ("devices: cpu:0", "'cpu:0' is not a device"),
        ("devices: 'cuda:'", "'cuda:' is not a device"),
        ("devices: cuda:x", "'cuda:x' is not a device"),
        ("lora: {model: a/b, scale: 0}", "a LoRA of scale 0 has no effect"),
        ("devices: [cuda, cuda]", "'cuda' is listed twice"),
        ("devices: cpu, offload: model", "`devices` has no GPU"),
        ("trust_remote_code: 'yes'", "remote code is refused unless"),
        ("trust_remote_code: ''", "remote code is refused unless"),
        ("cache: faster_cache", "'faster_cache' is not offered"),
        ("cache: taylorseer, cache_threshold: 0.1", "cache_threshold has no effect with `cache: taylorseer`"),
        ("cache: first_block, cache_interval: 3", "cache_interval has no effect with `cache: first_block`"),
        ("preset: wan2.1-1.3b", "one of the two"),
        ("images: procedural", "`images` belongs to `mode: image`"),
        ("mode: image", "`mode: image` needs `images`"),
        ("mode: video", "`mode: video` needs `source`"),
        ("strength: 0.5", "`strength` belongs to `mode: video`"),
    ],
)
def test_diffusers_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(RecipeError, match=said):
        parse_recipe(
            "name: a\nclasses: [car]\nprompts: {template: a car, axes: {}}\n"
            f"generator: {{kind: diffusers, model: a/b, {options}}}\n"
        )


@pytest.mark.parametrize(
    ("devices", "expected"),
    [("[cuda:0, cuda:1]", ("cuda:0", "cuda:1")), ("[cpu]", ("cpu",)), ("cuda:1", ("cuda:1",)), ("auto", "auto")],
)
def test_devices_are_one_several_or_all(devices, expected):
    recipe = parse_recipe(
        "name: a\nclasses: [car]\nprompts: {template: a car, axes: {}}\n"
        f"generator: {{kind: diffusers, model: a/b, devices: {devices}}}\n"
    )
    assert recipe.generator.devices == expected
