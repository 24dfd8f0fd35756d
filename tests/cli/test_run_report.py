import pytest

from cli.run_report import closing_lines, finish_run, is_empty, outcome_table
from cli.session import Session
from schemas.run_report import RunReport, StageTally


@pytest.fixture
def report(tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "data.yaml").touch()
    return RunReport(
        recipe="street",
        scenarios=24,
        clips=23,
        frames=1104,
        render=StageTally(done=20, reused=3, failed={"timeout": 1}, seconds=12.5),
        label=StageTally(done=23),
        failures=["render abc: timeout: took [too] long"],
        boxes={"car": 900, "dog": 70},
        boxes_by_split={"train": {"car": 700, "dog": 60}, "val": {"car": 200, "dog": 10}},
        box_verdicts={"accept": 970, "ignore: confidence": 31},
        clip_verdicts={"accepted": 22, "rejected: frozen": 1},
        frame_uses={"labelled": 1000, "background": 104},
        seconds={"render": 12.5, "label": 30.25},
        dataset="street@abcd1234",
        path=str(tmp_path),
        weights_sha256="d" * 64,
    )


def rendered(renderable) -> str:
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_every_outcome_is_in_the_table(report):
    shown = rendered(outcome_table(report))
    for part in (
        "24", "20 rendered, 3 reused, 1 failed: timeout 1", "1,104", "labelled 1,000", "accepted 22",
        "rejected: frozen 1", "ignore: confidence 31", "render 12.5", "took [too] long", "900", "700", "d" * 64,
    ):  # fmt: skip
        assert part in shown


def test_where_the_dataset_is_and_how_to_look_at_it(report):
    lines = "\n".join(closing_lines(report))
    assert "street@abcd1234" in lines
    assert "framefoundry view street" in lines
    assert "yolo/data.yaml" in lines
    assert "report.html" not in lines  # none was written


def test_a_second_run_says_that_nothing_was_made_again(report):
    again = report.model_copy(
        update={"render": StageTally(reused=23), "label": StageTally(reused=23), "new_version": False}
    )
    lines = "\n".join(closing_lines(again))
    assert "Nothing was rendered or labelled again" in lines
    assert "same as before" in lines
    assert "Nothing was rendered" not in "\n".join(closing_lines(report))


def test_json_is_the_report(report, capsys):
    finish_run(Session(json=True), report)
    assert RunReport.model_validate_json(capsys.readouterr().out) == report


def test_warnings_go_to_stderr(report, capsys):
    finish_run(Session(), report.model_copy(update={"warnings": ["split val lacks dog"]}))
    said = capsys.readouterr()
    assert "split val lacks dog" in said.err
    assert "split val lacks dog" not in said.out


@pytest.mark.parametrize("change", [{"clip_verdicts": {"rejected: black": 23}}, {"boxes": {"car": 0}}])
def test_nothing_accepted_is_empty(report, change):
    assert not is_empty(report)
    assert is_empty(report.model_copy(update=change))


def test_nothing_accepted_ends_with_7_and_the_reasons(report, capsys):
    import typer

    empty = report.model_copy(update={"clip_verdicts": {"rejected: black": 23}, "boxes": {}, "dataset": ""})
    with pytest.raises(typer.Exit) as ended:
        finish_run(Session(), empty)
    assert ended.value.exit_code == 7
    assert "rejected: black 23" in capsys.readouterr().err


def test_a_failure_is_not_read_as_markup(report):
    assert "took [too] long" in rendered(outcome_table(report))
