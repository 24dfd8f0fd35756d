"""The one exception hierarchy; the command line maps each branch to its exit code."""

from schemas.redaction import without_login


class FramefoundryError(Exception):
    """A fault that the user can act on.

    ``message`` says what was wrong, with the file, field and value; ``hint`` what to do about it. Logins in addresses
    are taken out of both: they are shown, logged and kept in Prefect's database.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = without_login(message)
        self.hint = without_login(hint)
        super().__init__(f"{self.message} {self.hint}".strip())

    def __reduce__(self) -> tuple[type["FramefoundryError"], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class RecipeError(FramefoundryError):
    """A recipe, prompt file or command argument that cannot be carried out as written."""

    exit_code = 2


class MediaError(FramefoundryError):
    """A video or image file that cannot be used: unreadable, truncated, empty."""

    exit_code = 3


class EnvironmentFault(FramefoundryError):
    """Something the machine lacks: a package, weights, a device, a database, disk space."""

    exit_code = 4


class StoreError(FramefoundryError):
    """The store refuses: written by a newer version, damaged, full, or not a store."""

    exit_code = 5


class BusyError(FramefoundryError):
    """Another process is doing the same work right now."""

    exit_code = 6


class EmptyResultError(FramefoundryError):
    """The work ran and nothing came of it: nothing rendered, nothing accepted."""

    exit_code = 7
