"""What Prefect costs: the flow against the same stages, with the same overlap, called by plain threads.

Both render, label, prepare images, curate and publish the same recipe into stores of their own; the server runs
before the clock starts, and its start is given beside it. Then the flow is run again on a store that holds 1,000
finished clips. The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

RECIPE = """
name: overhead
classes: [person, car, bus, dog]
prompts:
  template: "{{objects}} on a {{place}}, {{weather}}, {{light}}"
  axes:
    objects:
      - {{text: cars, count: {{car: 2}}}}
      - {{text: people, count: {{person: 2}}}}
      - {{text: a bus and a dog, count: {{bus: 1, dog: 1}}}}
    place: [city street, country road, park]
    weather: [clear, rain, fog]
    light: [day, dusk]
  strategy: random
  variations: {variations}
  repeats: {repeats}
generator: {{kind: procedural}}
clip: {{frames: {frames}, fps: 12, width: {width}, height: {height}}}
curation: {{accept: 0.1, ignore: 0.05, min_track_frames: 1, min_box_side: 0, max_background: 1, max_frozen: 1}}
split: {{train: 0.6, val: 0.4, test: 0}}
publish: {{yolo: {{stride: 4}}}}
seed: 5
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="a minute of work and more, 1,000 clips to reuse")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory(prefix="flow-overhead-") as name:
        folder = Path(name)
        work = write_recipe(folder / "work.yaml", variations=40, repeats=4 if full else 1, frames=48)
        many = write_recipe(
            folder / "many.yaml", variations=50, repeats=20 if full else 4, frames=4, width=96, height=64
        )
        cold = seconds_of(lambda: start_server(folder / "prefect"))
        run_flow(many, folder / "reused")  # loads everything that both sides need
        plain = seconds_of(lambda: run_plainly(work, folder / "plain"))
        flow = seconds_of(lambda: run_flow(work, folder / "flow"))
        reuse = seconds_of(lambda: run_flow(many, folder / "reused"))
    clips = 1000 if full else 200
    print(f"{'the same stages in plain threads':<44}{plain:>8.1f} s")
    print(f"{'the flow, server running':<44}{flow:>8.1f} s   {flow / plain - 1:+.1%}")
    print(f"{'start of the embedded server':<44}{cold:>8.1f} s")
    print(f"{f'a second run of {clips:,} finished clips':<44}{reuse:>8.1f} s")
    figures = {
        "overhead_warm": round(flow / plain - 1, 4),
        "overhead_cold_seconds": round(cold, 2),
        "reuse_seconds_1000": round(reuse * 1000 / clips, 2),
        "work_seconds": round(plain, 1),
        "clips_reused": clips,
    }
    print(json.dumps(figures))


def write_recipe(
    path: Path, *, variations: int, repeats: int, frames: int, width: int = 320, height: int = 192
) -> Path:
    text = RECIPE.format(variations=variations, repeats=repeats, frames=frames, width=width, height=height)
    path.write_text(text, encoding="utf-8")
    return path


def start_server(home: Path) -> None:
    from flows.embedded_server import start_embedded_server
    from flows.prefect_settings import configure_prefect

    os.environ["PREFECT_HOME"] = str(home)
    configure_prefect(home)
    start_embedded_server()


def run_flow(recipe: Path, store: Path) -> None:
    from flows.build import build_dataset

    build_dataset(str(recipe), str(store))


def run_plainly(recipe_file: Path, location: Path | str) -> None:
    """The stages of the flow, in its own order and overlap, with threads in place of Prefect's runner."""
    from annotators.label_keys import group_sequences
    from flows.production import Launcher, make_labelled_clips
    from flows.publishing import curate_and_publish
    from flows.residents import release, resident_generator
    from storage.recipes import read_recipe
    from storage.store import Store

    recipe, store = read_recipe(recipe_file), Store.open(location)
    with ThreadPoolExecutor(3) as threads:
        launcher = Launcher(lambda work, *arguments: threads.submit(work.fn, *arguments), lambda stage, clips: None)
        produced = make_labelled_clips(recipe, store, resident_generator(recipe, store).jobs(), launcher=launcher)
        keys = [[record.clip_id for record in sequence] for sequence in group_sequences(produced.labelled)]
        curate_and_publish.fn(recipe, store.location, keys)
    release("generator")
    release("annotator")


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
