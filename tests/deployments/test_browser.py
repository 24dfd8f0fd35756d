"""What a user sees of it: the pages of Prefect's UI in a real browser, driven by Playwright."""

import os
import shutil
from pathlib import Path

import pytest
from served import RUN_SECONDS, START_SECONDS

from flows.prefect_api import ask

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE_SECONDS = 60
SHOTS_VARIABLE = "FRAMEFOUNDRY_SCREENSHOTS"
"""A folder that takes a picture of each page, for the eyes; default: none are kept."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(START_SECONDS + RUN_SECONDS + 4 * PAGE_SECONDS),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(serving, browser, request):
    """Opens a page of the UI and waits until it shows a text."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PAGE_SECONDS)
    site = serving.api.removesuffix("/api")

    def open_page(path, text):
        page.goto(f"{site}{path}")
        page.get_by_text(text).first.wait_for()
        return page

    yield open_page
    folder = os.environ.get(SHOTS_VARIABLE)
    if folder:
        page.screenshot(path=Path(folder) / f"{request.node.name}.png", full_page=True)
    page.close()


@pytest.fixture
def run(serving):
    """A run that has completed."""
    return serving.finished_run("tick")


def artifact(serving, run, key):
    """Path of the page of what ``run`` showed under ``key``."""
    wanted = {"flow_run_id": {"any_": [run["id"]]}, "key": {"any_": [key]}}
    return f"/artifacts/artifact/{ask('POST', f'{serving.api}/artifacts/filter', {'artifacts': wanted})[0]['id']}"


def test_the_form_of_a_deployment_has_a_field_for_each_parameter_of_its_type(serving, visit):
    deployment = serving.deployment("retrain")["id"]
    page = visit(f"/deployments/deployment/{deployment}/run", "passes over the training images")
    assert page.locator("input[type=number]").first.input_value() == "1"  # epochs
    for parameter in ("dataset", "store (Optional)", "base (Optional)", "holdout (Optional)"):
        assert page.get_by_text(parameter, exact=True).first.is_visible()


def test_the_page_of_a_run_shows_its_name_its_state_and_its_log(run, visit):
    page = visit(f"/runs/flow-run/{run['id']}", "build tick, round 1")
    page.get_by_text("render: 2 clips done, 0 failed").first.wait_for()
    assert page.get_by_text("Completed").first.is_visible()


def test_the_table_of_outcomes_counts_what_became_of_clips(serving, run, visit):
    page = visit(artifact(serving, run, "tick-outcomes"), "accepted")
    assert page.get_by_text("waiting").count() == 0


def test_a_progress_bar_for_each_stage_is_full(serving, run, visit):
    for stage in ("render", "label"):
        visit(artifact(serving, run, f"progress-{stage}"), "100")


def test_the_summary_has_the_contact_sheet_the_cost_and_the_ways_on(serving, run, visit):
    page = visit(artifact(serving, run, "tick-summary"), "framefoundry view tick")
    assert page.locator("img[src^='data:image/jpeg']").first.evaluate("image => image.naturalWidth") > 100
    for words in ("Spent: ", " s on cpu", "report.html", "data.yaml"):
        assert page.get_by_text(words).first.is_visible()
