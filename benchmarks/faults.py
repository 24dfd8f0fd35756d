"""Runs that are killed (SIGKILL) and started again: what is lost, doubled or done twice.

First with stages that compute nothing, killed before, within and after every system call by which a run changes a local
store, and before and after every request by which it changes one in a bucket; then a real `framefoundry run`, killed
several times inside each stage. An outcome counts as survived when nothing unfinished was visible after the kill and
the restarted run ended as an undisturbed one: the same version, no row lost or doubled, no finished clip rendered or
labelled again. The last line is one JSON object: the counts of all, and of each store's writes.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from faults_parts.commit_kills import kill_every_commit, kill_every_request
from faults_parts.outcomes import print_table, summarise
from faults_parts.run_kills import kill_every_stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="every step of the commits; three kills inside each stage")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        local = list(kill_every_commit(folder / "commits", every=1 if full else 16))
        remote = list(kill_every_request(folder / "requests", every=1 if full else 16))
        outcomes = [*local, *remote, *kill_every_stage(folder / "run", full=full)]
    print_table(outcomes)
    print(json.dumps({**summarise(outcomes), "local_writes": summarise(local), "s3_writes": summarise(remote)}))


if __name__ == "__main__":
    main()
