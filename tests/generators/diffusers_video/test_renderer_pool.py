"""Renderer processes that work, die, hang or spoil clips; what the pool makes of each."""

import pytest
import stand_in_renderers as stand_in

from generators.clip_identity import attempt_seed
from generators.diffusers_video.messages import Done, GivenUp, RendererStart
from generators.diffusers_video.renderer_pool import PoolLimits, RendererPool
from schemas.errors import EnvironmentFault


@pytest.fixture
def pool_of(tmp_path):
    pools = []

    def make(serve, *, devices=("cpu",), batch=2, clip=30.0, plan=None):
        starts = [RendererStart(device, tmp_path) for device in devices]
        pools.append(RendererPool(serve, plan, starts, PoolLimits(clip=clip, load=120.0, batch=batch)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def outcome(answers) -> dict[str, str]:
    return {answer.clip_id: "done" if isinstance(answer, Done) else answer.reason for answer in answers}


def test_every_clip_is_rendered_once_and_the_process_lives_on_between_calls(pool_of, tasks_of):
    pool = pool_of(stand_in.sound)
    first = list(pool.render(tasks_of("a", "b", "c")))
    assert sorted(answer.clip_id for answer in first) == ["clip0", "clip1", "clip2"]
    list(pool.render(tasks_of("a")))
    pids = {event.split()[2] for event in pool.events}
    assert len(pids) == 1
    assert pool.usage["cpu"].device == "cpu"


def test_clips_go_to_devices_as_they_free_up_and_none_twice(pool_of, tasks_of, tmp_path):
    plan = str(tmp_path / "taken")
    pool = pool_of(stand_in.waits_for_the_other, devices=("cuda:0", "cuda:1"), batch=1, clip=120, plan=plan)
    answers = list(pool.render(tasks_of(*"abcdefgh")))
    assert sorted(answer.clip_id for answer in answers) == [f"clip{index}" for index in range(8)]
    assert set(pool.usage) == {"cuda:0", "cuda:1"}


def test_a_killed_renderer_is_replaced_and_only_the_clip_that_kills_it_is_lost(pool_of, tasks_of):
    pool = pool_of(stand_in.dies_on_one)
    found = outcome(pool.render(tasks_of("a", "poison", "b", "c")))
    assert found == {"clip0": "done", "clip1": "renderer_died", "clip2": "done", "clip3": "done"}
    assert any("ended with -9" in event for event in pool.events)


def test_a_hung_renderer_is_killed_after_the_clips_time_and_the_clip_tried_again(pool_of, tasks_of, tmp_path):
    pool = pool_of(stand_in.hangs_once, clip=1.0, batch=1, plan=str(tmp_path / "hung"))
    assert outcome(pool.render(tasks_of("a", "hang", "c"))) == dict.fromkeys(("clip0", "clip1", "clip2"), "done")
    assert any("hung and was killed" in event for event in pool.events)


def test_a_spoiled_clip_gets_one_more_seed_of_its_own(pool_of, tasks_of):
    tasks = tasks_of("a", "poison")
    answers = {answer.clip_id: answer for answer in pool_of(stand_in.spoils_first_attempts).render(tasks)}
    assert answers["clip0"].attempt == 1
    refused = answers["clip1"]
    assert isinstance(refused, GivenUp)
    assert refused.reason == "black_frames"
    assert str(attempt_seed(tasks[1].job.scenario, 1)) in refused.detail
    assert "after 2 seeds" in refused.detail


def test_a_model_that_cannot_be_loaded_is_one_clear_message(pool_of, tasks_of):
    with pytest.raises(EnvironmentFault, match="weights are damaged"):
        list(pool_of(stand_in.cannot_load).render(tasks_of("a")))


def test_a_renderer_that_dies_while_loading_is_tried_twice_and_then_told(pool_of, tasks_of):
    with pytest.raises(EnvironmentFault, match="2 times before it could render"):
        list(pool_of(stand_in.dies_while_loading).render(tasks_of("a")))


def test_turning_away_in_mid_batch_leaves_no_process_at_work(pool_of, tasks_of):
    pool = pool_of(stand_in.sound)
    answers = pool.render(tasks_of(*"abcdef"))
    next(answers)
    answers.close()
    assert pool._workers == []
    assert len(list(pool.render(tasks_of("a", "b")))) == 2
