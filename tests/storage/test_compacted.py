import os
import shutil

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import StoreError
from schemas.tables import DETECTIONS, table_from_columns
from storage import compacted
from storage.commits import commit_table
from storage.compacted import read_commits
from storage.tables import gather_tables

STAGE, FINGERPRINT = "detections", "f"


def detections(score, rows):
    columns = {name: [score] * rows for name in DETECTIONS.names}
    return table_from_columns(DETECTIONS, columns | {"frame": list(range(rows)), "class_name": [f"c{rows}"] * rows})


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(compacted, "FEWEST_KEYS", 4)
    monkeypatch.setattr(compacted, "SHARD_KEYS", 5)


@pytest.fixture
def keys(store):
    """Twelve commits of 0 to 4 rows, their scores 1, 2, …"""
    names = [f"k{place:02}" for place in range(12)]
    for place, name in enumerate(names):
        commit_table(store, STAGE, FINGERPRINT, name, detections(place + 1.0, place % 5))
    return names


def read(store, keys):
    table, rows = read_commits(store, STAGE, FINGERPRINT, keys, DETECTIONS)
    assert rows.sum() == len(table)
    return [(key, score) for key, score in zip(np.repeat(keys, rows).tolist(), table["score"].to_pylist(), strict=True)]


def expected(keys):
    numbers = [int(key[1:]) for key in keys]
    return [(key, number + 1.0) for key, number in zip(keys, numbers, strict=True) for _ in range(number % 5)]


def shards(store):
    return sorted((store.root / "tables" / STAGE / FINGERPRINT).glob("*.rows.parquet"))


def refuse_objects(monkeypatch):
    monkeypatch.setattr(compacted, "read_tables", lambda *_: pytest.fail("an object was read"))


def test_what_is_read_once_is_then_read_without_its_objects(store, keys, monkeypatch):
    assert read(store, keys) == expected(keys)
    assert len(shards(store)) == 3
    refuse_objects(monkeypatch)
    assert read(store, keys) == expected(keys)


@pytest.mark.parametrize("seed", range(5))
def test_any_choice_comes_in_the_order_asked_for(store, keys, seed):
    read(store, keys[:7])
    random = np.random.default_rng(seed)
    chosen = random.permutation(keys)[: random.integers(1, 13)].tolist()
    assert read(store, chosen) == expected(chosen)


def test_few_commits_are_not_copied(store, keys):
    assert read(store, keys[:3]) == expected(keys[:3])
    assert not shards(store)


def test_a_removed_commit_is_missed_though_a_shard_holds_it(store, keys):
    read(store, keys)
    store.path(f"objects/{STAGE}/{FINGERPRINT}/k03").unlink()
    with pytest.raises(StoreError, match="objects/detections/f/k03"):
        read(store, keys)


def test_a_commit_made_anew_outweighs_its_copy(store, keys):
    read(store, keys)
    path = store.path(f"objects/{STAGE}/{FINGERPRINT}/k03")
    before = path.stat()
    path.unlink()
    commit_table(store, STAGE, FINGERPRINT, "k03", detections(99.0, 3))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert read(store, ["k03"]) == [("k03", 99.0)] * 3
    assert ("k03", 99.0) in read(store, keys)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "index gone", "index cut", "all gone"])
def test_damage_to_the_copies_costs_time_and_nothing_else(store, keys, damage):
    read(store, keys)
    rows = shards(store)[0]
    index = rows.with_name(rows.name.replace(".rows.", ".index."))
    target = index if "index" in damage else rows
    data = bytearray(target.read_bytes())
    if damage == "all gone":
        shutil.rmtree(store.root / "tables")
    elif "gone" in damage:
        target.unlink()
    elif damage == "flipped":
        data[len(data) // 3] ^= 0xFF
        target.write_bytes(bytes(data))
    else:
        target.write_bytes(bytes(data[: len(data) // 2]))
    assert read(store, keys) == expected(keys)


def test_a_kill_at_any_step_leaves_the_same_rows(store, keys, killed_runs):
    for number in range(100):
        if not killed_runs.kill_at(number, lambda: read(store, keys[:5])):
            break
        assert read(store, keys[4::-1]) == expected(keys[4::-1])
        shutil.rmtree(store.root / "tables")
    assert number > 10
    assert read(store, keys) == expected(keys)


def test_many_small_shards_become_few(store, monkeypatch):
    monkeypatch.setattr(compacted, "FEWEST_KEYS", 1)
    monkeypatch.setattr(compacted, "SHARD_KEYS", 100)
    names = [f"k{place:02}" for place in range(20)]
    for place, name in enumerate(names):
        commit_table(store, STAGE, FINGERPRINT, name, detections(place + 1.0, place % 5))
        assert read(store, names[: place + 1]) == expected(names[: place + 1])
        assert len(shards(store)) <= compacted.MOST_SMALL_SHARDS
    assert len(shards(store)) == len(list((store.root / "tables" / STAGE / FINGERPRINT).glob("*.index.parquet")))


def test_a_shard_of_which_little_is_asked_for_is_not_read(store, monkeypatch):
    monkeypatch.setattr(compacted, "SHARD_KEYS", 100)
    names = [f"k{place:02}" for place in range(40)]
    for place, name in enumerate(names):
        commit_table(store, STAGE, FINGERPRINT, name, detections(place + 1.0, place % 5))
    read(store, names)
    monkeypatch.setattr(compacted._Shard, "read", lambda *_: pytest.fail("the shard was read"))
    assert read(store, names[:3]) == expected(names[:3])


def test_a_shard_of_another_form_is_not_taken_for_the_commits(store, keys, monkeypatch):
    read(store, keys)
    for file in shards(store):
        file.write_bytes(b"")
        pa.parquet.write_table(pa.table({"score": [7.0] * 10}), file)
    assert read(store, keys) == expected(keys)


def test_compact_tables_equal_those_of_single_commits(store, keys):
    named = {f"clip-{key}": key for key in keys}
    alone = gather_tables(store, STAGE, FINGERPRINT, named, DETECTIONS)
    for _ in range(2):
        together = gather_tables(store, STAGE, FINGERPRINT, named, DETECTIONS, compact=True)
        assert together.schema.equals(alone.schema, check_metadata=True)
        assert together.to_pylist() == alone.to_pylist()
