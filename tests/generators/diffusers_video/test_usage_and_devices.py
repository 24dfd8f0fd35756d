"""How busy a device was, and which devices there are."""

from types import SimpleNamespace

import pytest

from generators.diffusers_video.devices import choose_devices, count_cuda_devices
from generators.diffusers_video.messages import Usage, describe_usage
from generators.diffusers_video.usage_meter import UsageMeter, length_of_union
from schemas.diffusers_options import DiffusersOptions


def test_work_that_overlaps_counts_once():
    assert length_of_union([(0, 2), (1, 3), (5, 6), (5.2, 5.4)]) == 4
    assert length_of_union([]) == 0


def test_encoding_does_not_keep_the_device_busy_and_waiting_lowers_the_share():
    meter = UsageMeter("cpu", SimpleNamespace())
    meter.add("denoise", 10, 14)
    meter.add("decode", 13, 16)
    meter.add("encode", 16, 18)
    used = meter.usage()
    assert (used.busy_seconds, used.wall_seconds, used.busy_share) == (6, 8, 0.75)


@pytest.mark.parametrize(("share", "words"), [(None, "12 clips"), (0.4, "saved 40%"), (0.0, "it has no effect")])
def test_a_cache_without_effect_is_said_to_have_none(share, words):
    assert words in describe_usage(Usage("cuda:0", 9, 10, clips=12, cached_share=share))


@pytest.mark.parametrize(("visible", "count"), [("", 0), ("-1", 0), ("0", 1), ("2,5,7", 3)])
def test_only_visible_devices_are_taken(monkeypatch, visible, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert count_cuda_devices() == count
    expected = tuple(f"cuda:{index}" for index in range(count)) or ("cpu",)
    assert choose_devices(DiffusersOptions(model="m")) == expected


def test_devices_that_the_recipe_names_are_taken_as_they_are():
    assert choose_devices(DiffusersOptions(model="m", devices=["cuda:1", "cuda:3"])) == ("cuda:1", "cuda:3")
