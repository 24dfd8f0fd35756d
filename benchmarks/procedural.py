"""Frames per second of the procedural renderer on one core at 320x192, by condition.

Two columns, measured in turn in the same run: the pictures alone, and the pictures with their exact truth.
The last line is one JSON object; its `frames_per_second` is the second column over all clips, with the placing of the
cast and the painting of the background.
"""

import argparse
import json
import time
from collections.abc import Iterator

import cv2

from generators.procedural import render
from generators.procedural.scene import SceneRequest

CONDITIONS = {
    "clear day, static": {"weather": "clear", "light": "day", "camera": "static", "density": "normal"},
    "rain at dusk, shaking": {"weather": "rain", "light": "dusk", "camera": "shaking", "density": "normal"},
    "fog by day, panning": {"weather": "fog", "light": "day", "camera": "panning", "density": "normal"},
    "snow at night, static": {"weather": "snow", "light": "night", "camera": "static", "density": "normal"},
    "clear night, panning": {"weather": "clear", "light": "night", "camera": "panning", "density": "normal"},
    "crowded day, static": {"weather": "clear", "light": "day", "camera": "static", "density": "crowded"},
}
OBJECTS = {"car": 2, "person": 2, "bicycle": 1, "dog": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="more and longer clips, for the record")
    clips, frames = (8, 96) if parser.parse_args().full else (2, 48)
    cv2.setNumThreads(1)
    list(render.render_scene(SceneRequest(frames=2)))  # load and warm up
    unit = f"frames/s, one core, 320x192, {clips} x {frames} frames"
    print(f"{'condition':<24}{'pictures':>12}{'with truth':>12}{'ratio':>8}   {unit}")
    count = seconds = 0.0
    table = {}
    for name, attributes in CONDITIONS.items():
        objects = {key: 2 * value for key, value in OBJECTS.items()} if attributes["density"] == "crowded" else OBJECTS
        alone = with_truth = 0.0
        for seed in range(clips):
            request = SceneRequest(attributes, objects, seed, frames, 12.0, 320, 192)
            alone += _seconds(render.render_pictures(request))
            with_truth += _seconds(render.render_scene(request))
        total = clips * frames
        table[name] = round(total / with_truth, 1)
        count, seconds = count + total, seconds + with_truth
        print(f"{name:<24}{total / alone:>12.1f}{total / with_truth:>12.1f}{alone / with_truth:>8.2f}")
    print(
        json.dumps(
            {
                "frames_per_second": round(count / seconds, 1),
                "by_condition": table,
                "clips": clips * len(CONDITIONS),
                "frames": frames,
            }
        )
    )


def _seconds(frames: Iterator[object]) -> float:
    """Processor seconds of this process, so that other work on the machine does not count."""
    start = time.process_time()
    for _ in frames:
        pass
    return time.process_time() - start


if __name__ == "__main__":
    main()
