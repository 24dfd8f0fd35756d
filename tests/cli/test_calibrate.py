from cli.calibrate import show_calibration
from cli.session import Session
from schemas.calibration import ExpectedQuality, QualityCell, Share
from schemas.calibration_report import CalibrationReport

GOOD = Share(value=0.9, low=0.86, high=0.94, count=4000, clips=50)
FEW = Share(value=None, low=None, high=None, count=4, clips=1)
EXPECTED = ExpectedQuality(
    calibration="0123456789abcdef",
    basis="truth",
    accept=0.6,
    clips=50,
    calibration_error=0.02,
    precision=GOOD,
    recall=GOOD,
    classes=(QualityCell(axis="class", value="dog", precision=FEW, recall=FEW),),
    conditions=(QualityCell(axis="light", value="night", precision=GOOD, recall=GOOD),),
)


def report(**changes):
    same = {"recipe": "street", "generator": "procedural 3", "basis": "truth", "clips": 50, "frames": 2400}
    return CalibrationReport(**{**same, "boxes": 9000, **changes})


def test_figures_and_wide_intervals_are_told(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    show_calibration(Session(), report(expected=EXPECTED, calibration=EXPECTED.calibration))
    out, err = capsys.readouterr()
    assert "0.900 (0.860-0.940)" in out and "light: night" in out and "too few" in out
    assert "calibration 0123456789ab;" in out
    assert "--clips 100" in err


def test_too_few_reviews_are_told_without_figures(capsys):
    show_calibration(Session(), report(basis="reviews", boxes=120, wanted_boxes=300))
    assert "120 of 300 boxes reviewed" in capsys.readouterr().out


def test_json_is_the_whole_report(capsys):
    show_calibration(Session(json=True), report(expected=EXPECTED))
    assert CalibrationReport.model_validate_json(capsys.readouterr().out).expected == EXPECTED


def test_a_recipe_of_exact_labels_is_refused_before_anything_starts(framefoundry, tmp_path):
    path = tmp_path / "exact.yaml"
    path.write_text(
        "name: exact\nclasses: [car]\nprompts: {template: '{o}', axes: {o: [{text: a car, count: {car: 1}}]}}\n"
        "annotator: {kind: truth}\n"
    )
    result = framefoundry("calibrate", path)
    assert result.code == 2 and "which are exact" in result.stderr


def test_reviews_that_are_not_there_are_refused_before_anything_starts(framefoundry, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "name: r\nclasses: [car]\nprompts: {template: '{o}', axes: {o: [{text: a car, count: {car: 1}}]}}\n"
    )
    result = framefoundry("calibrate", path, "--from-reviews", tmp_path / "none.json")
    assert result.code == 2 and "none.json" in result.stderr
