import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves it out; publishers_inputs.py lies here

from publishers_inputs import make_rows


@pytest.fixture
def rows():
    return make_rows()


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A data directory with a mongod that lives as long as the tests, away from the user's FiftyOne."""
    from publishers.mongod import hold_mongod

    folder = tmp_path_factory.mktemp("fiftyone")
    os.environ |= {
        "FIFTYONE_CONFIG_PATH": str(folder / "config.json"),
        "FIFTYONE_APP_CONFIG_PATH": str(folder / "app_config.json"),
        "FIFTYONE_PLUGINS_DIR": str(folder / "plugins"),
    }
    os.environ.pop("FIFTYONE_DATABASE_URI", None)
    with hold_mongod(folder):
        yield folder
