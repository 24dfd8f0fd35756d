"""Locks between machines, each of which has a folder of its own."""

import time

import pytest
from memory_bucket import MemoryBucket

from schemas.errors import BusyError, StoreError
from storage import leases
from storage.leases import hold_removal, lease_name, list_leases, share_work
from storage.s3_objects import S3Objects

TOLD = {"pid": 7, "host": "north", "since": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def bucket():
    return MemoryBucket()


@pytest.fixture
def machine(bucket, tmp_path):
    def make(name):
        for folder in ("tmp", "locks", "cache"):
            (tmp_path / name / folder).mkdir(parents=True)
        return S3Objects(bucket, "store/", tmp_path / name)

    return make


@pytest.fixture
def north(machine):
    return machine("north")


@pytest.fixture
def south(machine):
    return machine("south")


def left_behind(context):
    """Enter ``context`` and die in it: nothing is given back, nothing renewed."""
    context.__enter__()
    return context  # kept: a generator that is collected is closed


def test_a_name_is_held_by_one_machine_at_a_time(north, south):
    with lease_name(north, "recipe-a", TOLD, wait=False):
        with pytest.raises(BusyError, match=r"recipe-a .*process 7 on north, since 2026"):
            lease_name(south, "recipe-a", TOLD, wait=False).__enter__()
        with lease_name(south, "recipe-b", TOLD, wait=False):
            assert sorted(one["work"] for one in list_leases(north)) == ["recipe-a", "recipe-b"]
    with lease_name(south, "recipe-a", TOLD, wait=False):
        pass
    assert list_leases(north) == []


def test_what_a_dead_machine_held_is_free_when_its_lease_has_run_out(north, south, bucket):
    dead = left_behind(lease_name(north, "a", TOLD, wait=False))
    bucket.sleep(leases.LEASE_SECONDS - 1)
    with pytest.raises(BusyError):
        lease_name(south, "a", TOLD, wait=False).__enter__()
    bucket.sleep(1)
    with lease_name(south, "a", TOLD, wait=False):
        assert [one["home"] for one in list_leases(north)] == [leases.machine_of(south.home)]
    assert dead is not None


def test_what_a_dead_process_of_this_machine_held_is_free_at_once(north):
    dead = left_behind(lease_name(north, "a", TOLD, wait=False))
    with lease_name(north, "a", TOLD, wait=False):
        assert dead is not None


def test_who_gives_back_late_takes_nothing_from_who_holds_it_now(north, south, bucket):
    late = left_behind(lease_name(north, "a", TOLD, wait=False))
    bucket.sleep(leases.LEASE_SECONDS)
    with lease_name(south, "a", TOLD, wait=False):
        late.__exit__(None, None, None)
        assert [one["home"] for one in list_leases(north)] == [leases.machine_of(south.home)]


def test_a_lease_is_renewed_while_its_holder_lives(north, south, bucket, monkeypatch):
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    with lease_name(north, "a", TOLD, wait=False):
        bucket.sleep(leases.LEASE_SECONDS)
        end = time.monotonic() + 20
        while not list_leases(south) and time.monotonic() < end:
            time.sleep(0.01)
        with pytest.raises(BusyError):
            lease_name(south, "a", TOLD, wait=False).__enter__()


def test_machines_work_together_and_nobody_removes_meanwhile(north, south):
    with (
        share_work(north, TOLD, wait=False),
        share_work(south, TOLD, wait=False),
        pytest.raises(BusyError, match="being worked on by process 7 on north"),
    ):
        hold_removal(south, "gc", TOLD).__enter__()
    with hold_removal(south, "gc", TOLD):
        pass


def test_nobody_begins_to_work_while_things_are_removed(north, south, bucket):
    with hold_removal(south, "gc", TOLD):
        with pytest.raises(BusyError, match="being removed"):
            share_work(north, TOLD, wait=False).__enter__()
        assert not [name for name in bucket.objects if "work" in name.split("/")]
    with share_work(north, TOLD, wait=False):
        pass


def test_a_worker_that_stood_still_too_long_is_told_so(north, south, bucket, monkeypatch):
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    with pytest.raises(StoreError, match="stood still"), share_work(north, TOLD, wait=False):
        bucket.objects.clear()  # what another machine does that finds the lease run out
        time.sleep(0.5)


def test_two_machines_have_two_names_and_keep_them(north, south):
    assert leases.machine_of(north.home) == leases.machine_of(north.home) != leases.machine_of(south.home)
