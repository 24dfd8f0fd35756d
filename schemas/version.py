"""The version of everything that is written to a store, and the check that every reader makes."""

from schemas.errors import StoreError

SCHEMA_VERSION = 1


def check_schema_version(found: object, where: str) -> None:
    """Refuse files that a newer Framefoundry wrote.

    Raises:
        StoreError: ``found`` is missing, is not a whole number from 1, or is above ``SCHEMA_VERSION``.
    """
    try:
        version = int(str(found))
    except ValueError:
        raise StoreError(
            f"{where}: schema version is {found!r}, not a whole number.",
            "The file was not written by Framefoundry, or is damaged.",
        ) from None
    if version < 1:
        raise StoreError(f"{where}: schema version is {version}; the first one was 1.", "The file is damaged.")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{where}: written with schema version {version}; this Framefoundry reads up to {SCHEMA_VERSION}.",
            "Upgrade Framefoundry, or point --store at another store.",
        )
