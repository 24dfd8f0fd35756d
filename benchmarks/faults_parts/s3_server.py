"""An S3 server on loopback, in a process of its own that outlives whoever is killed while talking to it.

It is moto's server, unchanged, at one request a time: moto looks at a condition and writes without a lock between the
two, so that only in single file are its conditional writes as atomic as those of S3.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_SERVE = """
import logging, sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
"""
_START_SECONDS = 60.0
_SMALLEST_PART = "256"


@contextlib.contextmanager
def serve_s3(log: Path) -> Iterator[Mapping[str, str]]:
    """Serve an empty S3 inside the block.

    Args:
        log: file for what the server says.

    Yields:
        environment variables that lead to it.
    """
    port = _free_port()
    environment = os.environ | {"S3_UPLOAD_PART_MIN_SIZE": _SMALLEST_PART}
    with log.open("w") as said:
        server = subprocess.Popen([sys.executable, "-c", _SERVE, str(port)], stderr=said, stdout=said, env=environment)
        try:
            _wait_for(port, server)
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "loopback",
                "AWS_SECRET_ACCESS_KEY": "loopback",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the S3 server did not start (status {server.poll()})")
