"""`framefoundry fetch`: what is told before anything is downloaded, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from generators.diffusers_video import fetch

PLAN = fetch.FetchPlan("owner/name", "c" * 40, False, 3_000_000_000, 2_000_000_000, "terms apply", False)


@pytest.fixture
def hub(monkeypatch):
    """A hub that would send two of three gigabytes; the models that were downloaded."""
    downloaded = []

    def carry_out(plan):
        downloaded.append(plan.model)
        return Path("/models/name")

    monkeypatch.setattr(
        fetch, "plan_fetch", lambda model, revision, lora: replace(PLAN, revision=revision or PLAN.revision)
    )
    monkeypatch.setattr(fetch, "carry_out", carry_out)
    return downloaded


def test_size_licence_and_commit_are_told_before_the_download(framefoundry, hub):
    answer = framefoundry("fetch", "owner/name", "--yes")
    assert answer.code == 0
    assert hub == ["owner/name"]
    for words in ("2.0 of 3.0 GB", "terms apply", "trained on its outputs", "c" * 40):
        assert words in answer.stderr
    assert framefoundry("fetch", "owner/name", "--yes", "--json").json["folder"] == "/models/name"


def test_without_consent_nothing_is_downloaded(framefoundry, hub):
    assert framefoundry("fetch", "owner/name").code != 0
    assert hub == []


def test_offline_it_is_refused_with_the_exit_code_of_the_environment(framefoundry, monkeypatch):
    monkeypatch.setenv("FRAMEFOUNDRY_OFFLINE", "1")
    answer = framefoundry("fetch", "wan2.1-1.3b")
    assert answer.code == 4
    assert "FRAMEFOUNDRY_OFFLINE is set" in answer.stderr
