import pytest

from schemas.errors import RecipeError
from storage.recipes import read_recipe

RECIPE = """
name: street
classes: [car]
prompts:
  template: "{objects} by day"
  axes: {objects: [{text: a car, count: {car: 1}}]}
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="recipe.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_recipe_is_read(write):
    assert read_recipe(write(RECIPE)).name == "street"


def test_a_byte_order_mark_is_passed_over(write):
    assert read_recipe(write(b"\xef\xbb\xbf" + RECIPE.encode())).name == "street"


def test_a_prompt_file_lies_beside_its_recipe(write, tmp_path, monkeypatch):
    path = write("name: a\nprompts: {file: prompts/mine.csv}\n", "sub/recipe.yaml")
    assert read_recipe(path).prompts.file == tmp_path / "sub" / "prompts" / "mine.csv"
    monkeypatch.chdir(tmp_path)
    assert read_recipe(path.relative_to(tmp_path)).prompts.file == tmp_path / "sub" / "prompts" / "mine.csv"


def test_footage_lies_beside_its_recipe_and_absolute_paths_stay(write, tmp_path):
    beside = write("name: a\ngenerator: {kind: footage, path: ../videos}\n", "sub/recipe.yaml")
    assert read_recipe(beside).generator.path.resolve() == tmp_path / "videos"
    absolute = write("name: a\ngenerator: {kind: footage, path: /data/videos}\n")
    assert str(read_recipe(absolute).generator.path) == "/data/videos"


def test_weights_become_a_path_only_where_such_a_file_lies(write, tmp_path):
    path = write(RECIPE + "annotator: {kind: yolo, weights: my.pt}\n")
    assert read_recipe(path).annotator.weights == "my.pt"
    (tmp_path / "my.pt").write_bytes(b"x")
    assert read_recipe(path).annotator.weights == str(tmp_path / "my.pt")


def test_an_embedder_becomes_a_path_only_where_such_a_folder_lies(write, tmp_path):
    path = write(RECIPE + "curation: {accept: 0.7, near_duplicates: {embedder: vit}}\n")
    assert read_recipe(path).curation.near_duplicates.embedder == "vit"
    (tmp_path / "vit").mkdir()
    curation = read_recipe(path).curation
    assert curation.near_duplicates.embedder == str(tmp_path / "vit") and curation.accept == 0.7


def test_a_diffusion_model_becomes_a_path_only_where_such_a_folder_lies(write, tmp_path):
    path = write(RECIPE + "generator: {kind: diffusers, model: org/tiny}\n")
    assert read_recipe(path).generator.model == "org/tiny"
    (tmp_path / "org" / "tiny").mkdir(parents=True)
    assert read_recipe(path).generator.model == str(tmp_path / "org" / "tiny")


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"absent\.yaml: no such file.*recipe new") as caught:
        read_recipe(tmp_path / "absent.yaml")
    assert caught.value.exit_code == 2


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(RecipeError, match="is a folder"):
        read_recipe(tmp_path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\xde\xad", b"name: \xe9"])
def test_a_file_that_is_not_text_is_named(write, data):
    with pytest.raises(RecipeError, match=r"recipe\.yaml"):
        read_recipe(write(data))


def test_a_file_too_large_for_a_recipe_is_not_read(write):
    with pytest.raises(RecipeError, match="no recipe"):
        read_recipe(write(b"#" * 5_000_001))


def test_a_path_that_cannot_be_is_told(tmp_path):
    with pytest.raises(RecipeError):
        read_recipe(tmp_path / ("x" * 400))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("- a\n", "list"),
        ("name: [", "not valid YAML"),
        ("name: a\nname: b\n", "twice"),
        ("nam: a\n", "did you mean 'name'"),
    ],
)
def test_faults_of_the_text_name_the_file(write, text, said):
    with pytest.raises(RecipeError, match=rf"(?s)recipe\.yaml.*{said}"):
        read_recipe(write(text))
