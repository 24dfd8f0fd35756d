import os
import subprocess
import sys
from pathlib import Path

CODE = """
from annotators.offline import REPORTING_SETTINGS, prepare_ultralytics
prepare_ultralytics()
from ultralytics.utils import AUTOINSTALL, SETTINGS, USER_CONFIG_DIR, is_online
print(AUTOINSTALL, any(SETTINGS[name] for name in REPORTING_SETTINGS), is_online(),
      sorted(path.name for path in USER_CONFIG_DIR.glob("*.ttf")), USER_CONFIG_DIR)
"""


def test_ultralytics_stays_off_the_network_and_out_of_the_users_settings(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("YOLO_")}
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    answer = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    printed = answer.stdout.splitlines()[-1]
    assert printed == (
        f"False False False ['Arial.Unicode.ttf', 'Arial.ttf'] {tmp_path}/framefoundry/ultralytics/Ultralytics"
    )


def test_the_engine_keeps_its_cores_after_ultralytics_was_imported():
    code = """
from annotators.engine.cores import usable_cores
from annotators.offline import prepare_ultralytics
before = usable_cores()
prepare_ultralytics()
import ultralytics
print(before, usable_cores())
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    before, after = answer.stdout.split()[-2:]
    assert before == after
