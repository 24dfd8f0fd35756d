"""The generator as flows see it: identities, records, failures; and once with a real model in a real process."""

import os
import signal

import pytest
import stand_in_renderers as stand_in

from generators.clip_identity import attempt_seed
from generators.diffusers_video.generator import DiffusersGenerator
from generators.diffusers_video.tiny_pipelines import SMALL
from generators.protocol import RenderedClip
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.records import Failure, Scenario
from storage.store import Store
from storage.video import check_clip

SCENARIOS = [
    Scenario(f"s{index}", f"a {colour} ball", "fog", seed=index + 1) for index, colour in enumerate(["red", "blue"])
]


@pytest.fixture
def generator_of(models, tmp_path):
    made = []

    def make(scenarios=SCENARIOS, clip=SMALL, *, model="wan", serve=None, **options):
        asked = DiffusersOptions(
            model=str(models(model)), **{"steps": 2, "dtype": "float32", "devices": "cpu", **options}
        )
        extra = {"serve": serve} if serve else {}
        made.append(DiffusersGenerator(asked, clip, scenarios, Store.open(tmp_path / "store"), **extra))
        return made[-1]

    yield make
    for generator in made:
        generator.close()
        generator.close()  # may be called twice


def ids(generator) -> list[str]:
    return [job.clip_id for job in generator.jobs()]


def test_a_clips_identity_holds_what_determines_its_pixels(generator_of):
    base = ids(generator_of())
    assert len(set(base)) == 2
    assert ids(generator_of(batch=3, timeout_seconds=5, labelling="cpu")) == base
    assert ids(generator_of(clip=ClipOptions(frames=6, fps=8, width=32, height=34))) == base  # snapped to the same clip
    for change in ({"steps": 3}, {"guidance": 2}, {"dtype": "bfloat16"}, {"mode": "video", "source": "procedural"}):
        assert not set(base) & set(ids(generator_of(**change))), change


def test_records_say_what_was_rendered_and_by_which_model(generator_of, tmp_path):
    generator = generator_of(serve=stand_in.spoils_first_attempts)
    poisoned = generator_of([*SCENARIOS, Scenario("p", "poison", seed=9)], serve=stand_in.spoils_first_attempts)
    clip = next(iter(generator.render(generator.jobs()[:1], tmp_path)))
    assert isinstance(clip, RenderedClip)
    assert (clip.job.attempt, clip.origin.generator, clip.origin.model, clip.origin.licence) == (
        1,
        "diffusers",
        "wan",
        "Apache-2.0",
    )
    assert clip.origin.revision == generator.plan.revision
    assert clip.record().has_truth is False
    failure = next(iter(poisoned.render(poisoned.jobs()[2:], tmp_path)))
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == ("render", "black_frames")
    assert str(attempt_seed(Scenario("p", "poison", seed=9), 1)) in failure.detail


@pytest.mark.slow
def test_a_renderer_killed_in_mid_clip_costs_nothing_but_time(generator_of, tmp_path):
    scenarios = [
        Scenario(f"s{index}", f"a {colour} car", seed=index) for index, colour in enumerate(["red", "blue", "green"])
    ]
    generator = generator_of(scenarios, batch=1, steps=40)
    answers = generator.render(generator.jobs(), tmp_path)
    first = next(answers)
    (worker,) = generator._pool._workers
    os.kill(worker.process.pid, signal.SIGKILL)
    clips = [first, *answers]
    assert all(isinstance(clip, RenderedClip) for clip in clips), clips
    assert {clip.job.clip_id for clip in clips} == set(ids(generator))
    for clip in clips:
        check_clip(clip.encoded.path, 5)
    assert any("ended with -9" in event for event in generator.events)
    assert sum("encoded" in event for event in generator.events) == 1  # the second process found the embeddings
    assert 0 < generator.usage[0].busy_share <= 1
