"""A recipe with something in every part, for tests to spoil."""

import copy

import pytest
import yaml

GOOD = """
name: street-night
classes: [person, car, dog]
prompts:
  template: "{objects} on a {place}, {weather}"
  axes:
    objects:
      - {text: a red car, count: {car: 1}}
      - {text: two people and a dog, count: {person: 2, dog: 1}}
    place: [city street, country road]
    weather: [clear, {value: fog, weight: 2}, rain]
  strategy: pairwise
  variations: 24
generator: {kind: procedural}
clip: {frames: 48, fps: 12, width: 320, height: 192}
annotator: {kind: yolo, weights: starter, tracker: ocsort, refine: {max_gap_frames: 10}}
curation: {accept: 0.6, ignore: 0.2, min_track_frames: 4}
split: {train: 0.8, val: 0.1, test: 0.1, by: [weather]}
publish: {parquet: {}, fiftyone: {}, yolo: {stride: 2}}
seed: 7
"""


@pytest.fixture
def good_text():
    return GOOD


@pytest.fixture
def good():
    return yaml.safe_load(GOOD)


@pytest.fixture
def spoiled(good):
    """The good recipe with one value put in (or, for ``del``, taken out) at a dotted path."""

    def spoil(path, value="del"):
        data = copy.deepcopy(good)
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place = data
        for part in parents:
            place = place[part]
        if value == "del":
            del place[last]
        else:
            place[last] = value
        return data

    return spoil
