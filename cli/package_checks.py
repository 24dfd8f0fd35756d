"""Preflight of the Python environment: the interpreter, every dependency and its version."""

import sys
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import Version

from cli.checks import Check, fault, ok

OLDEST_PYTHON = (3, 11)
REINSTALL = "Install the pinned set: uv pip install --no-deps -r requirements/runtime.txt (`make quickstart` does it)."
# (package, limit, what breaks): Prefect declares none of these limits.
PREFECT_BREAKERS = (
    ("fastapi<0.151", "newer ones kill Prefect 3.8's server"),
    ("sqlalchemy<2.1", "from 2.1 on Prefect 3.8 creates no scheduled run, and says nothing"),
)
FIRST_PREFECT_WITHOUT_LIMITS = Version("3.9.1")
# What a wrong twin of a package does to its sister: both unpack into one folder.
RIVALS = (("opencv-python", "opencv-python-headless"),)

FindVersion = Callable[[str], str]


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Whether the interpreter is new enough."""
    found = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        return fault("python", found, "Framefoundry needs Python 3.11 or newer: make quickstart PYTHON=python3.12")
    return ok("python", found)


def declared_requirements() -> list[Requirement]:
    """Our own dependencies, as the installed package declares them."""
    lines = metadata.requires("framefoundry") or []
    return [wanted for wanted in map(Requirement, lines) if wanted.marker is None or wanted.marker.evaluate()]


def check_packages(wanted: Iterable[Requirement], find_version: FindVersion = metadata.version) -> list[Check]:
    """One check for each required distribution: present, and recent enough."""
    return [_check_package(requirement, find_version) for requirement in wanted]


def check_prefect_breakers(find_version: FindVersion = metadata.version) -> list[Check]:
    """Versions that pip accepts and Prefect does not survive."""
    prefect = _version_or_none("prefect", find_version)
    if prefect is None or Version(prefect) >= FIRST_PREFECT_WITHOUT_LIMITS:
        return []
    checks = []
    for limit, consequence in PREFECT_BREAKERS:
        requirement = Requirement(limit)
        found = _version_or_none(requirement.name, find_version)
        if found is None:
            checks.append(fault(requirement.name, "not installed", REINSTALL))
        elif found not in requirement.specifier:
            checks.append(fault(requirement.name, f"{found}: {consequence}", f'Run: uv pip install "{limit}"'))
        else:
            checks.append(ok(requirement.name, found))
    return checks


def check_rivals(find_version: FindVersion = metadata.version) -> list[Check]:
    """Packages that overwrite each other's files."""
    checks = []
    for rival, ours in RIVALS:
        found = _version_or_none(rival, find_version)
        if found is not None:
            remedy = f"Run: uv pip uninstall {rival} && uv pip install --reinstall {ours}"
            checks.append(fault(rival, f"{found} shares a folder with {ours}", remedy))
    return checks


def _check_package(requirement: Requirement, find_version: FindVersion) -> Check:
    found = _version_or_none(requirement.name, find_version)
    if found is None:
        return fault(requirement.name, "not installed", REINSTALL)
    if not requirement.specifier.contains(found, prereleases=True):
        return fault(requirement.name, f"{found}, needs {requirement.specifier}", REINSTALL)
    return ok(requirement.name, found)


def _version_or_none(name: str, find_version: FindVersion) -> str | None:
    try:
        return find_version(name)
    except metadata.PackageNotFoundError:
        return None
