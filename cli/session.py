"""What every command knows: the global options, and where to write."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from storage.store import Store


@dataclass(frozen=True)
class Session:
    """The global options of one call, and its two outputs: results on stdout, everything else on stderr.

    Attributes:
        store: ``--store``; None leaves the choice to ``FRAMEFOUNDRY_STORE`` and the default.
        json: print the result as JSON and nothing else on stdout.
        verbose: show tracebacks and Prefect's own messages.
    """

    store: str | None = None
    json: bool = False
    verbose: bool = False

    @cached_property
    def results(self) -> "Console":
        """Where tables and answers go."""
        from rich.console import Console

        return Console(file=sys.stdout, highlight=False)

    @cached_property
    def notes(self) -> "Console":
        """Where progress, warnings and errors go."""
        from rich.console import Console

        return Console(file=sys.stderr, highlight=False)

    def open_store(self, *, create: bool = True) -> "Store":
        """The store that this call works on; see ``storage.store.Store.open``."""
        from storage.store import Store

        return Store.open(self.store, create=create)

    def show(self, renderable: "RenderableType") -> None:
        """Print a result for people; silent with ``--json``."""
        if not self.json:
            self.results.print(renderable, soft_wrap=isinstance(renderable, str))

    def note(self, text: str) -> None:
        """Say something that is not the result; logins in addresses are left out."""
        from schemas.redaction import without_login

        self.notes.print(without_login(text), soft_wrap=True)

    def emit(self, value: Any) -> None:
        """Print the result for machines; silent without ``--json``."""
        if self.json:
            sys.stdout.write(json.dumps(value, indent=2, default=_as_json) + "\n")
            sys.stdout.flush()


def _as_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextlib.contextmanager
def quiet_stdout(session: Session) -> Iterator[None]:
    """With ``--json``, send whatever libraries and child processes print on stdout to stderr inside this block."""
    if not session.json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr), _redirected_descriptor(sys.__stdout__, sys.__stderr__):
        yield


@contextlib.contextmanager
def _redirected_descriptor(stdout: IO[str] | None, stderr: IO[str] | None) -> Iterator[None]:
    """Point the descriptor behind ``stdout`` at that of ``stderr``: what child processes inherit."""
    try:
        out, err = stdout.fileno(), stderr.fileno()  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something in memory
        yield
        return
    stdout.flush()  # type: ignore[union-attr]
    kept = os.dup(out)
    try:
        os.dup2(err, out)
        yield
    finally:
        stdout.flush()  # type: ignore[union-attr]
        os.dup2(kept, out)
        os.close(kept)
