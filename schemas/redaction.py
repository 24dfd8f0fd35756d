"""What of an address may be shown."""

import re

# The last @ before the path ends it: a password may hold one that is not escaped.
_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s'\"]*@", re.IGNORECASE)


def without_login(text: str) -> str:
    """``text`` with ``***`` in the place of the name and password of every address in it."""
    return _LOGIN.sub(r"\g<scheme>***@", text)
