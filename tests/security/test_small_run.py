"""A real run and a failing one, from the command line, by a careless user: everything they leave is looked through."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parents[2]
RECIPE = """
name: careless
classes: {"../../EVIL<script>": [car], person: [person]}
prompts:
  template: "{objects} on a {place}"
  axes:
    objects: [{text: "a red car", count: {car: 1}}, {text: "two people", count: {person: 2}}]
    place: [city street, {value: "../../../EVIL<script>", text: "/etc/EVIL"}]
    "../EVIL": [{value: "../../EVIL", count: {car: 1}}]
  strategy: full
clip: {frames: 8, fps: 8, width: 160, height: 96}
annotator: {kind: yolo}
curation: {accept: 0.05, ignore: 0.02, min_track_frames: 1}
publish: {yolo: {stride: 4}%s}
"""
# What a user's shell may hold; none of it is needed here.
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED01",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret-7Qm2",
    "AWS_SESSION_TOKEN": "planted-session-9Zx4",
    "HF_TOKEN": "hf_plantedtoken3Lk8",
    "PREFECT_API_KEY": "pnu_plantedkey5Rt6",
    "PREFECT_API_AUTH_STRING": "ann:planted-login-1Vb0",
    "WANDB_API_KEY": "planted-wandb-8Hj3",
    "DATABASE_URL": "postgresql://ann:planted-postgres-4Wn7@127.0.0.1/x",
}
MONGO = "mongodb://ann:planted-mongo-2Gd5@127.0.0.1:9/?serverSelectionTimeoutMS=300&directConnection=true"
LOST_SERVER = "http://ann:planted-url-6Yc1@127.0.0.1:9/api"
# Every Python process of the run notes whom it would have asked outside this machine, and is refused.
WATCH = """
import os, socket
def note(what):
    with open(os.environ["NETWORK_NOTES"], "a") as file: file.write(f"{what!r}\\n")
def is_ours(host): return host in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname())
connect, look_up = socket.socket.connect, socket.getaddrinfo
def watched_connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not is_ours(address[0]):
        note(address)
        raise ConnectionRefusedError(111, "refused by the test")
    return connect(self, address)
def watched_look_up(host, *rest, **named):
    name = host.decode() if isinstance(host, bytes) else host
    if not is_ours(name):
        note(name)
        raise socket.gaierror(-2, "refused by the test")
    return look_up(host, *rest, **named)
socket.socket.connect, socket.getaddrinfo = watched_connect, watched_look_up
"""


@dataclass(frozen=True)
class Aftermath:
    """What two runs left: their home and store, what they printed, and whom they would have asked."""

    folder: Path
    printed: str
    asked: str

    @property
    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if not path.is_symlink()]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory):
    folder, tools = tmp_path_factory.mktemp("careless"), tmp_path_factory.mktemp("tools")
    (tools / "sitecustomize.py").write_text(WATCH)
    (tools / "good.yaml").write_text(RECIPE % "")
    (tools / "bad.yaml").write_text((RECIPE % ", fiftyone: {}").replace("careless", "failing"))
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LANG", "OMP_", "LD_"))}
    environment = {
        **kept, **SECRETS, "HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": f"{tools}:{PROJECT}", "NETWORK_NOTES": str(tools / "asked"),
    }  # fmt: skip
    for place in ("home", "temporary"):
        (folder / place).mkdir()
    good = run(folder, environment, "run", tools / "good.yaml")
    again = run(folder, environment, "status")
    bad = run(folder, {**environment, "FIFTYONE_DATABASE_URI": MONGO}, "run", tools / "bad.yaml", "--verbose")
    # Its login is part of what is looked up: a name that nobody has.
    elsewhere = {"PREFECT_API_URL": LOST_SERVER, "NETWORK_NOTES": os.devnull}
    lost = run(folder, {**environment, **elsewhere}, "run", tools / "good.yaml")
    printed = "".join(answer.stdout + answer.stderr for answer in (good, again, bad, lost))
    assert [answer.returncode for answer in (good, again, bad, lost)] == [0, 0, 4, 4], printed
    return Aftermath(folder, printed, (tools / "asked").read_text() if (tools / "asked").exists() else "")


def run(folder, environment, *words):
    command = ["from cli.main import run; import os; os.umask(0); run()", "--store", folder / "store", *words]
    return subprocess.run(
        [sys.executable, "-c", *map(str, command)], env=environment, cwd=folder, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip


def test_both_runs_told_what_they_were_to_tell(aftermath):
    assert "careless@" in aftermath.printed
    assert "mongodb://***@127.0.0.1:9" in aftermath.printed
    assert "http://***@127.0.0.1:9/api does not answer" in " ".join(aftermath.printed.split())


@pytest.mark.parametrize("secret", [*SECRETS.values(), "planted-mongo-2Gd5", "planted-url-6Yc1"])
def test_no_secret_is_printed_or_left_in_any_file(aftermath, secret):
    hidden = secret.rpartition(":")[2].partition("@")[0]  # of an address, the password
    assert hidden not in aftermath.printed
    held = [path for path in aftermath.files if path.is_file() and hidden in read(path)]
    assert held == []


def read(path):
    data = path.read_bytes()
    return repr(pq.read_table(path).to_pylist()) if data.startswith(b"PAR1") else data.decode("latin-1")


def test_the_files_that_were_looked_through_are_those_that_matter(aftermath):
    names = {path.relative_to(aftermath.folder).as_posix() for path in aftermath.files}
    assert {"store/prefect/prefect.db", "store/prefect/logs/embedded.log", "store/store.json"} <= names
    for part in ("dataset.json", "CARD.md", "report.html", "frames.parquet", ".mp4", "data.yaml"):
        assert any(name.endswith(part) for name in names), part


def test_nobody_outside_this_machine_was_asked(aftermath):
    assert aftermath.asked == ""


def test_nothing_is_writable_for_everybody_and_what_is_private_is_private(aftermath):
    assert [path for path in aftermath.files if path.stat().st_mode & 0o002 and not path.is_socket()] == []
    private = [aftermath.folder / "store" / "prefect", *aftermath.folder.glob("home/.cache/framefoundry/*")]
    assert len(private) >= 3
    for folder in private:
        assert folder.stat().st_mode & 0o077 == 0, folder


def test_names_that_lead_elsewhere_or_begin_a_tag_do_neither(aftermath):
    assert list(aftermath.folder.parent.rglob("*EVIL*")) == []
    shown = [path for path in aftermath.files if path.name in {"CARD.md", "report.html"}]
    assert shown
    for page in shown:
        assert "EVIL" in page.read_text()
        assert "<script" not in page.read_text()
