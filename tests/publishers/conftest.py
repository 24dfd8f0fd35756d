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
    """The database of a store, with a mongod that lives as long as the tests, away from the user's FiftyOne."""
    from publishers.mongod import hold_mongod
    from storage.store import Store

    settings = tmp_path_factory.mktemp("settings")
    os.environ |= {
        "FIFTYONE_CONFIG_PATH": str(settings / "config.json"),
        "FIFTYONE_APP_CONFIG_PATH": str(settings / "app_config.json"),
        "FIFTYONE_PLUGINS_DIR": str(settings / "plugins"),
    }
    os.environ.pop("FIFTYONE_DATABASE_URI", None)
    folder = Store.open(tmp_path_factory.mktemp("store")).root / "fiftyone"
    with hold_mongod(folder):
        yield folder
