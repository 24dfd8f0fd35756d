"""Each library's own word on whether it reports on its user, in a process that came to it as our commands do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# Whether each library reports, after the preparation that our rooms do before they import it.
QUESTIONS = {
    "prefect": """
from flows.prefect_settings import configure_prefect
from pathlib import Path
configure_prefect(Path("prefect").absolute())
from prefect.settings import get_current_settings
from prefect._internal.analytics.enabled import is_telemetry_enabled
reports = get_current_settings().server.analytics_enabled, is_telemetry_enabled()
""",
    "fiftyone": """
import os
from publishers.fiftyone_session import environment_for
os.environ.update(environment_for("mongodb://127.0.0.1:9"))
import fiftyone
reports = (not fiftyone.config.do_not_track,)
""",
    "ultralytics": """
from annotators.offline import REPORTING_SETTINGS, prepare_ultralytics
prepare_ultralytics()
from ultralytics.utils import SETTINGS
reports = [SETTINGS[name] for name in REPORTING_SETTINGS]
""",
    "hugging face": """
from huggingface_hub.constants import HF_HUB_DISABLE_TELEMETRY
reports = (not HF_HUB_DISABLE_TELEMETRY,)
""",
    "openvino": """
from annotators.offline import prepare_openvino
prepare_openvino()
from openvino.tools.ovc.telemetry_utils import tm
reports = ("stub" not in tm.__name__,)
""",
    "nncf": """
import os
os.environ.pop("NNCF_CI", None)
from annotators.offline import prepare_openvino
prepare_openvino()
from nncf.telemetry.wrapper import NNCFTelemetry, telemetry
reports = (isinstance(telemetry, NNCFTelemetry),)
""",
    "ray": """
import prefect_ray
class Enough(Exception): pass
def start_no_cluster(**_): raise Enough
prefect_ray.RayTaskRunner = start_no_cluster
from flows.ray_workers import ray_workers
try:
    with ray_workers(1, {}): pass
except Enough: pass
from ray._common.usage.usage_lib import usage_stats_enabled
reports = (usage_stats_enabled(),)
""",
}
# What the user sets for it, and what it is then to say.
WISHES = {
    "prefect": {"DO_NOT_TRACK": "0", "PREFECT_SERVER_ANALYTICS_ENABLED": "true"},
    "fiftyone": {"FIFTYONE_DO_NOT_TRACK": "false"},
    "hugging face": {"DO_NOT_TRACK": "0"},
    "ray": {"RAY_USAGE_STATS_ENABLED": "1"},
}
SWITCHES = ("DO_NOT_TRACK", "PREFECT_", "FIFTYONE_DO", "YOLO_", "HF_", "DISABLE_TELEMETRY", "RAY_", "NNCF", "CI")


def ask(library: str, home: Path, **wishes: str) -> bool:
    """Whether ``library`` reports, for a user whose home is ``home`` and who set ``wishes``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SWITCHES)}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(PROJECT), **wishes}
    # The command line's own callback comes first, as in every command.
    start = "from typer.testing import CliRunner\nfrom cli.main import app\nCliRunner().invoke(app, ['status', '-h'])\n"
    code = f"{start}{QUESTIONS[library]}\nprint('REPORTS', any(reports))"
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=home, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.rpartition("REPORTS ")[2].strip() == "True"


@pytest.mark.slow
@pytest.mark.parametrize("library", QUESTIONS)
def test_no_library_reports_on_its_user_by_default(library, tmp_path):
    assert not ask(library, tmp_path)
    assert not (tmp_path / "intel").exists(), "what OpenVINO counts its user by"


@pytest.mark.slow
@pytest.mark.parametrize("library", WISHES)
def test_who_wants_to_report_is_let(library, tmp_path):
    assert ask(library, tmp_path, **WISHES[library])


@pytest.mark.slow
def test_who_said_yes_to_openvino_is_let(tmp_path):
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "openvino_telemetry").write_text("1\n")
    assert ask("openvino", tmp_path)
