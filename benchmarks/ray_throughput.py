"""Throughput of 1, 2 and 4 Ray workers of this machine, through the very path by which the flow sends its batches.

Two stages that have no other limit than the one they are named for: ``sleep`` waits as one waits for a GPU or a
service, ``cpu`` computes on one thread as a renderer or a detector does. Each batch is a Prefect task that opens a
store, takes items by key, commits each once and returns counts. Every cluster is warmed up by a batch for each worker
before the clock starts; the start of each is given beside it. Workers beyond the cores can speed up the first stage
only. The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

WORKERS = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="six times the work")
    items, seconds = (384, 0.1) if parser.parse_args().full else (64, 0.1)
    with tempfile.TemporaryDirectory(prefix="ray-throughput-") as name:
        start_server(Path(name) / "prefect")
        from throughput.sleep_and_compute import STAGES, measure, steps_for

        cores = len(os.sched_getaffinity(0))
        steps = steps_for(seconds)
        measured = {
            workers: measure(workers, str(Path(name) / f"store{workers}"), items, seconds, steps) for workers in WORKERS
        }
    print(f"{items} items of {seconds} s; {cores} cores, load {os.getloadavg()[0]:.1f} at the end")
    print(f"{'workers':<9}{'start':>9}" + "".join(f"{stage + ' items/s':>16}{'ratio':>8}" for stage in STAGES))
    for workers, found in measured.items():
        cells = "".join(f"{found.rates[stage]:>16.1f}{speedup(measured, stage, workers):>8.2f}" for stage in STAGES)
        print(f"{workers:<9}{found.start:>7.1f} s{cells}")
    figures = {
        f"{stage}_speedup_{workers}": round(speedup(measured, stage, workers), 2)
        for stage in STAGES
        for workers in WORKERS[1:]
    }
    print(json.dumps({**figures, "cores": cores, "load": round(os.getloadavg()[0], 1)}))


def start_server(home: Path) -> None:
    from flows.embedded_server import start_embedded_server
    from flows.prefect_settings import configure_prefect

    os.environ["PREFECT_HOME"] = str(home)
    configure_prefect(home)
    start_embedded_server()


def speedup(measured, stage: str, workers: int) -> float:
    """Items a second of ``workers`` over those of one."""
    return measured[workers].rates[stage] / measured[1].rates[stage]


if __name__ == "__main__":
    main()
