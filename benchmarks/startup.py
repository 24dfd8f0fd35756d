"""How long the command line takes to answer: `--help`, and `plan` on 100,000 scenarios.

Each command runs in fresh processes; the fastest of several counts, so that other work on the machine does not. The
last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = """
name: startup-benchmark
classes: [person, bicycle, car, bus, truck, dog]
prompts:
  template: "{objects} on a {place}, {weather}, {light}, {camera} shot, view {view}"
  axes:
    objects:
      - {text: a red car, count: {car: 1}}
      - {text: two people and a dog, count: {person: 2, dog: 1}}
      - {text: a bus, count: {bus: 1}}
      - {text: a truck and a bicycle, count: {truck: 1, bicycle: 1}}
    place: [city street, residential street, country road, park, square, parking lot]
    weather: [clear, fog, rain, snow]
    light: [day, dusk, night]
    camera: [static, panning, shaking]
    view: [%s]
  strategy: random
  variations: 100000
generator: {kind: procedural}
seed: 1
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more repeats, for the record")
    repeats = 7 if parser.parse_args().full else 3
    with tempfile.TemporaryDirectory(prefix="startup-benchmark-") as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(RECIPE % ", ".join(f"v{number}" for number in range(120)), encoding="utf-8")
        figures = {
            "help_seconds": fastest(["--help"], repeats + 2),
            "plan_100k_seconds": fastest(["plan", str(recipe), "--store", str(Path(folder) / "store")], repeats),
        }
    print(f"{'command':<34}{'seconds':>9}{'aim':>7}")
    print(f"{'framefoundry --help':<34}{figures['help_seconds']:>9.2f}{0.5:>7}")
    print(f"{'framefoundry plan, 100,000':<34}{figures['plan_100k_seconds']:>9.2f}{10:>7}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def fastest(arguments: list[str], repeats: int) -> float:
    """Seconds of the fastest of ``repeats`` runs of the command, from process start to its end."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(
            [Path(sys.executable).with_name("framefoundry"), *arguments], check=True, stdout=subprocess.DEVNULL
        )
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
