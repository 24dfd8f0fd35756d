"""A server that fails for a while, and one that is gone."""

import errno
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from schemas.errors import StoreError
from storage import s3_client
from storage.s3_client import Bucket
from storage.s3_objects import S3Objects
from storage.store import Store

pytestmark = pytest.mark.slow


_OBJECT = bytes(range(256)) * 1000


class _Failing(BaseHTTPRequestHandler):
    """Answers 503 as often as it is told to, then as an empty bucket would."""

    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests += 1
        failing = self.server.requests <= self.server.failures
        if self.command == "GET" and not failing:
            return self._send_object()
        body = b"<Error><Code>SlowDown</Code><Message>wait</Message></Error>" if failing else b""
        self.send_response(503 if failing else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(b"" if self.command == "HEAD" else body)

    def _send_object(self):
        """All of it, or after its first half the connection ends."""
        cut, self.server.cuts = self.server.cuts > 0, self.server.cuts - 1
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(_OBJECT)))
        self.end_headers()
        self.wfile.write(_OBJECT[: len(_OBJECT) // 2] if cut else _OBJECT)
        self.close_connection = cut

    do_GET = do_PUT = do_HEAD = _answer  # noqa: N815  # names of the standard library

    def log_message(self, *_):
        pass


@pytest.fixture
def failing(monkeypatch):
    monkeypatch.setattr(s3_client, "_clients", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    server.requests, server.failures, server.cuts = 0, 0, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "loopback")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "PLANTEDSECRET")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield server
    server.shutdown()
    server.server_close()


def test_a_server_that_fails_for_a_while_is_asked_again(failing):
    failing.failures = 2
    Bucket("bucket").call("put_object", Key="k", Body=b"1")
    assert failing.requests == 3


def test_an_object_that_breaks_off_is_read_again_from_its_beginning(failing):
    failing.cuts = 2
    assert Bucket("bucket").read("k")[0] == _OBJECT
    assert failing.requests == 3


def test_a_full_disk_of_this_machine_is_not_laid_to_the_server(failing, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "cache").mkdir()
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(s3_client.Bucket, "download", _raising_inside_a_request(full))
    objects = S3Objects(Bucket("bucket"), "", tmp_path)
    with pytest.raises(StoreError, match=r"keeping a copy of media/a: the disk of .* is full"):
        objects.find_files(["media/a"])
    assert [entry.name for entry in (tmp_path / "tmp").iterdir()] == [".guard"]
    assert list((tmp_path / "cache" / "media").iterdir()) == []


def _raising_inside_a_request(fault):
    def download(bucket, key, file):
        def request():
            raise fault

        return bucket._explained(request)

    return download


def test_an_object_that_always_breaks_off_is_one_clear_error(failing):
    failing.cuts = 1000
    with pytest.raises(StoreError, match="cannot be reached or does not answer"):
        Bucket("bucket").read("k")


def test_a_server_that_goes_on_failing_is_one_clear_error(failing, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    failing.failures = 1000
    with pytest.raises(StoreError, match=r"bucket bucket cannot be reached or does not answer: SlowDown") as refused:
        Bucket("bucket").call("put_object", Key="k", Body=b"1")
    assert failing.requests == 2
    assert "PLANTED" not in str(refused.value)


@pytest.mark.parametrize("work", [lambda store: store.read("a"), lambda store: store.put("a", b"1")])
def test_a_server_that_is_gone_is_one_clear_error(remote, monkeypatch, work):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(s3_client, "_clients", {})
    began = time.monotonic()
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL") as refused:
        work(remote)
    assert time.monotonic() - began < 30
    assert "127.0.0.1" not in str(refused.value)
    with pytest.raises(StoreError, match="cannot be reached"):
        Store.open(remote.location)


def test_without_credentials_that_is_said(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreError, match="no credentials for bucket"):
        Store.open(f"s3://{s3}/x")
