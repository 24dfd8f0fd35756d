"""Imports between the rooms point one way, and light modules stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "schemas": set(),
    "storage": {"schemas"},
    "evaluators": {"schemas"},
    "generators": {"schemas", "storage"},
    "annotators": {"schemas", "storage", "evaluators"},
    "curators": {"schemas"},
    "publishers": {"schemas", "storage"},
    "trainers": {"schemas", "storage", "evaluators", "annotators"},
    "flows": {"schemas", "storage", "evaluators", "generators", "annotators", "curators", "publishers", "trainers"},
    "cli": {
        "schemas", "storage", "evaluators", "generators", "annotators", "curators", "publishers", "trainers", "flows",
    },
}  # fmt: skip


def imported_packages(source: str) -> set[str]:
    """Top-level packages that ``source`` imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_below_it(room):
    for module in modules(room):
        ours = imported_packages(module.read_text()) & MAY_IMPORT.keys()
        assert ours <= MAY_IMPORT[room] | {room}, (
            f"{module.relative_to(ROOT)} imports {ours - MAY_IMPORT[room] - {room}}"
        )


def test_only_flows_import_prefect():
    # The command line's preflight asks whether Prefect is there and reachable; it runs nothing with it.
    users = {
        m.relative_to(ROOT).parts[0]
        for room in MAY_IMPORT
        for m in modules(room)
        if "prefect" in imported_packages(m.read_text())
    }
    assert users <= {"flows", "cli"}


def test_only_publishers_import_fiftyone():
    users = {
        m.relative_to(ROOT).parts[0]
        for room in MAY_IMPORT
        for m in modules(room)
        if "fiftyone" in imported_packages(m.read_text())
    }
    assert users <= {"publishers"}


def test_schemas_touch_no_heavy_library():
    heavy = {"torch", "cv2", "av", "ultralytics", "diffusers", "fiftyone", "prefect", "pandas"}
    for module in modules("schemas"):
        assert not imported_packages(module.read_text()) & heavy, module


def test_the_check_sees_an_import_inside_a_function():
    assert imported_packages("def f():\n    from flows.build import x\n    import torch.nn\n") == {"flows", "torch"}


def test_generators_and_annotators_import_without_prefect_and_fiftyone():
    probe = (
        "import sys, importlib, pkgutil\n"
        "for name in ('prefect', 'fiftyone', 'pandas', 'typer'): sys.modules[name] = None\n"
        "import generators, annotators\n"
        "for package in (generators, annotators):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'ultralytics' not in sys.modules and 'diffusers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=120)
