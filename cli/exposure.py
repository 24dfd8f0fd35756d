"""Whether a server may listen beyond this machine: only where the user said so twice."""

import ipaddress

from cli.session import Session
from schemas.errors import RecipeError

LOOPBACK = "127.0.0.1"
CONSENT = "--anyone-who-can-reach-it"


def check_address(session: Session, host: str, what: str, *, consented: bool) -> str:
    """``host`` if ``what`` may listen there; beyond loopback, with a warning.

    Raises:
        RecipeError: not an IPv4 address, or beyond loopback without the flag that says what it means.
    """
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise RecipeError(
            f"--host {host} is no IPv4 address.", f"Give {LOOPBACK} for this machine only, or 0.0.0.0 for any network."
        ) from None
    if address.is_loopback:
        return host
    if not consented:
        raise RecipeError(
            f"--host {host}: {what} asks nobody who they are, and whoever can reach it acts as you.",
            f"Better: `ssh -L` to this machine. To open it all the same, add {CONSENT}.",
        )
    session.note(
        f"[bold]Warning:[/bold] {what} listens on {host} without a password: whoever can reach this machine reads and "
        "changes what it keeps, and can have it run programs as you. Let a firewall decide who that is."
    )
    return host
