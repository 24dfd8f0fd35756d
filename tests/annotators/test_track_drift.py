import numpy as np
import pyarrow as pa
import pytest
from score_inputs import make_tracks

from annotators.track_drift import drift_in_images

FRAMES = 12


def bus_track(*, side: float = 40.0, **kind) -> pa.Table:
    table = make_tracks(("bus", 0, FRAMES), **kind)
    for name, value in {"x": 20.0, "y": 20.0, "w": side, "h": side}.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array([value] * FRAMES, pa.float32()))
    return table


def film(colours, light=lambda frame: 1.0):
    """Frames with a two-coloured bus on grey; ``colours`` gives its colours in a frame."""
    for frame in range(FRAMES):
        image = np.full((96, 160, 3), 120, np.uint8)
        roof, side = colours(frame)
        image[20:40, 20:60], image[40:60, 20:60] = roof, side
        yield frame, np.clip(image * light(frame), 0, 255).astype(np.uint8)


RED, BLUE, YELLOW = (190, 40, 40), (40, 60, 190), (200, 190, 40)


def test_a_bus_that_stays_the_same_has_not_drifted():
    assert drift_in_images(film(lambda _: (RED, YELLOW)), bus_track()) == pytest.approx(0, abs=1e-6)


def test_neither_light_nor_a_short_occlusion_is_drift():
    dimmed = film(lambda _: (RED, YELLOW), light=lambda frame: 1 - 0.015 * frame)
    hidden = film(lambda frame: ((90, 90, 90), (80, 80, 80)) if frame == 6 else (RED, YELLOW))
    assert drift_in_images(dimmed, bus_track()) < 0.2
    assert drift_in_images(hidden, bus_track()) < 0.05


def test_a_bus_that_slowly_turns_from_red_to_blue_has_drifted():
    def colours(frame):
        share = frame / (FRAMES - 1)
        body = tuple(int(a + (b - a) * share) for a, b in zip(RED, BLUE, strict=True))
        return body, body

    assert drift_in_images(film(colours), bus_track()) > 0.5


def test_small_filled_in_or_doubtful_boxes_are_no_evidence():
    changing = [lambda frame: (RED, RED) if frame < 6 else (BLUE, BLUE)] * 3
    tracks = (bus_track(side=8.0), bus_track(source="interpolated"), bus_track(confidence=0.3))
    assert [drift_in_images(film(c), t) for c, t in zip(changing, tracks, strict=True)] == [None] * 3


def test_a_track_that_is_hardly_seen_is_not_judged():
    assert drift_in_images(film(lambda _: (RED, RED)), bus_track().slice(0, 3)) is None
