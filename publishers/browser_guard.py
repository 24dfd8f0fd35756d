"""What stands between a web page and a server on loopback that asks nobody who they are.

Any page that a user opens may send requests to `127.0.0.1`, and a page whose name is made to point there (DNS
rebinding) may read the answers too. The guard refuses what only such pages send: a `Host` that is the name of another
machine, an `Origin` that is not this server, and loads that a browser itself marks as those of another site. Programs
send none of these marks and are let through; they are kept out by listening on loopback, not by this.
"""

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MEDIA_ROUTE = "/media"
_OWN_SITE = frozenset({"same-origin", "none"})  # none: typed, bookmarked, or sent by the browser itself
_NEVER_EMBEDDED = {b"x-frame-options": b"SAMEORIGIN"}


def guard_app(app: App, media_folders: Iterable[Path] | None = None) -> App:
    """``app`` (ASGI) behind the guard.

    Args:
        app: of the server.
        media_folders: where given, ``/media?filepath=`` is answered for files below them only, links followed.
    """
    folders = None if media_folders is None else [os.path.realpath(folder) for folder in media_folders]

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await app(scope, receive, send)
            return
        reason = why_refused(scope)
        if not reason and folders is not None and scope["path"].rstrip("/") == MEDIA_ROUTE:
            reason = why_no_media(scope["query_string"].decode("latin-1"), folders)
        if reason:
            await _refuse(scope, send, reason)
        else:
            await app(scope, receive, _with_headers(send))

    return guarded


def why_refused(scope: Message) -> str:
    """Why a request comes from no page of this server; empty where it may pass."""
    headers = _headers(scope)
    host = headers.get("host", "")
    if not is_own_name(_host_name(host)):
        return f"{host!r} is no name of this machine"
    if "origin" in headers:
        return "" if _is_same_server(headers["origin"], host) else f"the origin {headers['origin']!r} is another site"
    if headers.get("sec-fetch-site", "none") in _OWN_SITE or _is_opened_link(scope, headers):
        return ""
    return "another site asks for it"


def why_no_media(query: str, folders: Iterable[str]) -> str:
    """Why the file that ``query`` names is not to be served; empty where it lies below one of ``folders``."""
    for path in parse_qs(query).get("filepath", []):
        try:
            real = Path(os.path.realpath(path))
        except ValueError:
            return "that is no path"
        if not any(real.is_relative_to(folder) for folder in folders):
            return "that file is not in the store"
    return ""


def is_own_name(name: str) -> bool:
    """Whether ``name`` stands for this machine whatever a name server says: an address, localhost, its own name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", socket.gethostname().lower()}
    return True


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_same_server(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` is of the server called ``host``: one port, and the same name or loopback."""
    try:
        page, server = urlsplit(origin), urlsplit(f"//{host}")
        if page.port != server.port:
            return False
    except ValueError:
        return False
    return page.hostname == server.hostname or (_is_loopback(page.hostname) and _is_loopback(server.hostname))


def _is_loopback(name: str | None) -> bool:
    return name in {"localhost", "127.0.0.1", "::1"}


def _is_opened_link(scope: Message, headers: dict[str, str]) -> bool:
    """A link somewhere else that the user followed: a page of its own, which the other site cannot look into."""
    is_page = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_page and scope["type"] == "http" and scope["method"] == "GET" and scope["path"].rstrip("/") != MEDIA_ROUTE


async def _refuse(scope: Message, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        return
    body = f"Refused: {reason}.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """``send`` that tells browsers to show these pages in no frame of another site."""

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_NEVER_EMBEDDED.items()]}
        await send(message)

    return telling
