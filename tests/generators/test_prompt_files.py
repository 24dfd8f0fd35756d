from pathlib import Path

import pytest

from generators.prompt_files import parse_prompt_rows, read_prompt_file
from schemas.errors import RecipeError

CSV, JSONL = Path("p.csv"), Path("p.jsonl")


def test_csv_columns_become_prompt_negative_objects_and_attributes():
    (row,) = parse_prompt_rows('prompt,negative,objects,weather\n"a car, fast",blur,car=1; person = 2,fog\n', CSV)
    assert (row.line, row.prompt, row.negative) == (2, "a car, fast", "blur")
    assert row.attributes == {"weather": "fog"} and row.objects == {"car": 1, "person": 2}


def test_jsonl_gives_the_same_as_csv():
    text = '{"prompt": "a car", "negative": null, "objects": {"car": 1}, "lane": 2, "wet": true}\n\n{"prompt": "b"}\n'
    first, second = parse_prompt_rows(text, JSONL)
    assert first.attributes == {"lane": "2", "wet": "true"} and first.objects == {"car": 1} and first.negative is None
    assert (second.line, second.prompt, dict(second.attributes)) == (3, "b", {})


@pytest.mark.parametrize("cell", ['"{""car"": 1}"', "car=1", "car=1;"])
def test_promises_may_be_json_or_short(cell):
    assert parse_prompt_rows(f"prompt,objects\na,{cell}\n", CSV)[0].objects == {"car": 1}


def test_empty_cells_are_no_attributes_and_blank_lines_no_rows():
    rows = parse_prompt_rows("prompt,weather\r\na,\r\n\r\nb,fog\r\n", CSV)
    assert [(row.line, dict(row.attributes)) for row in rows] == [(2, {}), (4, {"weather": "fog"})]


def test_a_line_separator_inside_a_json_text_does_not_end_the_line():
    assert parse_prompt_rows('{"prompt": "a\u2028b"}', JSONL)[0].prompt == "a\u2028b"


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "p.csv").write_bytes("\ufeffprompt\na car\n".encode())
    assert read_prompt_file(tmp_path / "p.csv")[0].prompt == "a car"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("", CSV, "p.csv: holds no prompts"),
        ("prompt\n", CSV, "p.csv: holds no prompts"),
        ("promt,x\na,b\n", CSV, r"no column 'prompt'.*did you mean 'promt'"),
        ("prompt,x,x\na,b,c\n", CSV, "line 1: the column 'x' stands there twice"),
        ("prompt,\na,b\n", CSV, "line 1: a column has no name"),
        ("prompt,x\na\n", CSV, "p.csv, line 2: 1 cells where the header has 2"),
        ("prompt\na,b\n", CSV, "p.csv, line 2: 2 cells"),
        ('prompt\n"a\n', CSV, "p.csv, line 2: not valid CSV"),
        ("prompt,x\n ,b\n", CSV, "p.csv, line 2, column 'prompt': empty"),
        ("prompt,objects\na,car\n", CSV, "line 2, column 'objects': 'car' has no count"),
        ("prompt,objects\na,car=many\n", CSV, "line 2, column 'objects': 'car': 'many' is no count"),
        ("prompt,objects\na,car=0\n", CSV, "'car': 0 is no count"),
        ('prompt,objects\na,"{""car"": }"\n', CSV, "line 2, column 'objects': not valid JSON"),
        ('{"prompt": "a"}\n{"prompt": \n', JSONL, "p.jsonl, line 2: not valid JSON"),
        ('["a"]', JSONL, "line 1: holds no JSON object"),
        ('{"text": "a"}', JSONL, "line 1: no key 'prompt'"),
        ('{"prompt": ["a"]}', JSONL, "line 1, column 'prompt': list"),
        ('{"prompt": "a", "objects": [1]}', JSONL, "column 'objects': .1. is no set of counts"),
        ('{"prompt": "a", "objects": {"car": 1.5}}', JSONL, "'car': 1.5 is no count"),
        ("\n\n", JSONL, "p.jsonl: holds no prompts"),
    ],
)
def test_faults_name_file_line_and_column(text, path, says):
    with pytest.raises(RecipeError, match=says):
        parse_prompt_rows(text, path)


def test_a_file_that_is_absent_or_not_utf8_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"absent\.csv: cannot be read"):
        read_prompt_file(tmp_path / "absent.csv")
    (tmp_path / "latin.csv").write_bytes("prompt\nein grünes Auto\n".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"latin\.csv: not UTF-8 text \(byte 13\)"):
        read_prompt_file(tmp_path / "latin.csv")


def test_what_is_no_file_or_has_no_end_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    with pytest.raises(RecipeError, match="not a file"):
        read_prompt_file(tmp_path / "device.csv")
    monkeypatch.setattr("generators.prompt_files.MAX_BYTES", 10)
    (tmp_path / "long.csv").write_text("prompt\na street\n")
    with pytest.raises(RecipeError, match="the limit is 10"):
        read_prompt_file(tmp_path / "long.csv")
