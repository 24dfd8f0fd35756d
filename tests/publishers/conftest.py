import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves it out; publishers_inputs.py lies here

from publishers_inputs import make_rows


@pytest.fixture
def rows():
    return make_rows()
