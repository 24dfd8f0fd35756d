import threading

import pytest

from flows import device_limits
from flows.budget import Budget, refuse_unlabelled
from flows.device_limits import DeviceUse, devices_of, hold_devices, limit_name
from flows.progress import Progress, listen
from schemas.budget import BudgetOptions, Spending
from schemas.errors import EmptyResultError
from schemas.recipe import Recipe

PROMPTS = {"template": "a car in {weather}", "axes": {"weather": ["clear"]}}
WAN = {"kind": "diffusers", "preset": "wan2.1-1.3b"}


def recipe(generator, device="cpu"):
    return Recipe.model_validate(
        {"name": "r", "prompts": PROMPTS, "generator": generator, "annotator": {"kind": "yolo", "device": device}}
    )


@pytest.mark.parametrize(
    ("generator", "labelling", "devices"),
    [
        ({"kind": "procedural"}, "cpu", ("cpu",)),
        ({"kind": "procedural"}, "cuda:1", ("cpu", "cuda:1")),
        (WAN | {"devices": ["cuda:0", "cuda:1"]}, "cuda:1", ("cuda:0", "cuda:1")),
        (WAN | {"devices": ["cuda:0"]}, "cpu", ("cuda:0",)),
        (WAN | {"devices": ["cpu"]}, "cpu", ("cpu",)),
    ],
)
def test_a_run_holds_what_renders_and_the_gpu_that_labels(generator, labelling, devices):
    assert devices_of(recipe(generator, labelling)) == devices


@pytest.mark.parametrize("gpus", [0, 1])
def test_labels_are_made_on_a_gpu_where_there_is_one(monkeypatch, gpus):
    monkeypatch.setattr(device_limits, "count_cuda_devices", lambda: gpus)
    assert devices_of(recipe({"kind": "procedural"}, "auto")) == ("cpu", *["cuda:0"][:gpus])


@pytest.mark.parametrize(
    ("asked", "meant"), [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("1", "cuda:1"), ("auto", "cpu")]
)
def test_a_device_has_one_name_whoever_asks_for_it(monkeypatch, asked, meant):
    monkeypatch.setattr(device_limits, "count_cuda_devices", lambda: 0)
    assert device_limits.name_device(asked) == meant


def test_all_devices_of_a_machine_have_a_limit(monkeypatch):
    monkeypatch.setattr(device_limits, "count_cuda_devices", lambda: 2)
    assert device_limits.devices_here() == ("cpu", "cuda:0", "cuda:1")


def test_hours_are_those_of_gpus_or_of_the_cpu_where_there_are_none():
    assert device_limits.metered(("cpu", "cuda:0")) == ("cuda:0",)
    assert device_limits.metered(("cpu",)) == ("cpu",)


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when told, and devices that nobody else wants."""
    now = [100.0]
    monkeypatch.setattr(device_limits, "monotonic", lambda: now[0])
    return now


def test_seconds_count_while_devices_are_held_each_for_itself(clock):
    use = DeviceUse(["cuda:0", "cuda:1"], exclusive=False)
    clock[0] += 5
    with use.held():
        clock[0] += 10
        assert use.seconds == 20
    clock[0] += 100
    with use.held():
        clock[0] += 1
    assert use.seconds == 22


def test_a_budget_is_spent_when_its_hours_are(clock):
    use = DeviceUse(["cpu"], exclusive=False)
    budget = Budget(BudgetOptions(device_hours=0.5), use)
    with use.held():
        clock[0] += 1799
        assert not budget.is_spent
        clock[0] += 1
        assert budget.is_spent
    assert budget.spent(frames=40, clips_left=3) == Spending(devices=("cpu",), seconds=1800, frames=40, clips_left=3)


@pytest.mark.parametrize("options", [None, BudgetOptions(price_per_device_hour=3)])
def test_without_hours_a_budget_is_never_spent(clock, options):
    use = DeviceUse(["cpu"], exclusive=False)
    with use.held():
        clock[0] += 1e9
        assert not Budget(options, use).is_spent


def test_a_budget_too_small_for_any_label_says_so():
    with pytest.raises(EmptyResultError, match="7 clips are left"):
        refuse_unlabelled(0, Spending(devices=("cpu",), seconds=1, frames=0, clips_left=7))
    refuse_unlabelled(1, Spending(devices=("cpu",), seconds=1, frames=0, clips_left=7))
    refuse_unlabelled(0, Spending(devices=("cpu",), seconds=1, frames=0))


def test_a_second_run_waits_until_the_first_has_left_the_device_and_says_so(prefect_server):
    from prefect import flow

    order, told = [], []
    in_first, is_waiting = threading.Event(), threading.Event()

    def listener(progress):
        told.append(progress)
        is_waiting.set()

    @flow(persist_result=False)
    def first():
        with hold_devices(["cuda:7"]):
            in_first.set()
            assert is_waiting.wait(60)
            order.append("first leaves")

    @flow(persist_result=False)
    def second():
        in_first.wait(60)
        with listen(listener), hold_devices(["cuda:7"]):
            order.append("second enters")

    others = threading.Thread(target=first)
    others.start()
    second()
    others.join()
    assert order == ["first leaves", "second enters"]
    assert told == [Progress(f"wait for {limit_name('cuda:7')}", done, 1) for done in (0, 1)]


def test_a_limit_that_somebody_raised_is_kept_and_two_run_at_once(prefect_server):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    @flow(persist_result=False)
    def holds(inner=False):
        with hold_devices(["cuda:8"]):
            if inner:
                holds()

    holds()
    with get_client(sync_client=True) as client:
        client.update_global_concurrency_limit(limit_name("cuda:8"), GlobalConcurrencyLimitUpdate(limit=2))
        holds(inner=True)
        assert client.read_global_concurrency_limit_by_name(limit_name("cuda:8")).active_slots == 0
