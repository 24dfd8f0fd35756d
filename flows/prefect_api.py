"""Prefect's HTTP interface, for those who do not want to import Prefect."""

import base64
import json
import os
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from flows.prefect_settings import CLIENT_LOGIN
from schemas.errors import EnvironmentFault

BUSY_SECONDS = 60.0


def ask(method: str, url: str, body: Mapping[str, Any]) -> Any:
    """The answer to a request; a server whose database is locked for the moment answers 503, and is asked again.

    Raises:
        EnvironmentFault: it refuses, or stays busy; the message holds what it said.
    """
    try:
        return _ask(method, url, body)
    except HTTPError as fault:
        raise _refused(url, fault) from fault


def create_unless_there(url: str, body: Mapping[str, Any]) -> None:
    """Post ``body``; that the thing exists already is no fault.

    Raises:
        EnvironmentFault: as :func:`ask`.
    """
    try:
        _ask("POST", url, body)
    except HTTPError as fault:
        if fault.code != HTTPStatus.CONFLICT:
            raise _refused(url, fault) from fault


def _ask(method: str, url: str, body: Mapping[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", **_login()}
    request = Request(url, json.dumps(body).encode(), headers, method=method)
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as fault:
            if fault.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _login() -> dict[str, str]:
    words = os.environ.get(CLIENT_LOGIN)
    return {"Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"} if words else {}


def _refused(url: str, fault: HTTPError) -> EnvironmentFault:
    said = fault.read().decode(errors="replace")[:500]
    return EnvironmentFault(f"Prefect's server refused {url}: {fault} {said}".rstrip(), "Look at its log.")
