"""What all tests share: a machine of their own, and shorthand for the records that rooms exchange."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A shared, busy machine: how long an example takes says nothing about the code.
settings.register_profile("framefoundry", deadline=None)
settings.load_profile("framefoundry")

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def _own_machine(tmp_path_factory):
    """Homes of all libraries lie in a temporary folder; nothing of the user's is read or written."""
    home = tmp_path_factory.mktemp("home")
    kept = dict(os.environ)
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "FIFTYONE_DATABASE_URI", "FRAMEFOUNDRY_STORE"):
        os.environ.pop(name, None)
    os.environ.update(
        FRAMEFOUNDRY_OFFLINE="1",
        FRAMEFOUNDRY_STORE=str(home / "store"),
        PREFECT_HOME=str(home / "prefect"),
        YOLO_CONFIG_DIR=str(home / "ultralytics"),
        FIFTYONE_CONFIG_PATH=str(home / "fiftyone" / "config.json"),
        FIFTYONE_DATABASE_DIR=str(home / "fiftyone" / "db"),
        FIFTYONE_DEFAULT_DATASET_DIR=str(home / "fiftyone" / "datasets"),
        HF_HUB_OFFLINE="1",
        OMP_NUM_THREADS="1",
        OMP_WAIT_POLICY="PASSIVE",  # idle threads that spin take the cores from those that work
    )
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def shared_footage() -> Path:
    """The real footage that lies beside the checkout; skips where it is absent."""
    return _beside_the_checkout("footage")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The COCO YOLO26n export that lies beside the checkout; skips where it is absent."""
    return _beside_the_checkout("weights") / "yolo26n_int8_openvino_model"


def _beside_the_checkout(folder: str) -> Path:
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"{folder} is not beside this checkout; it is not part of the repository")
    return path
