"""Requests as browsers and programs send them, to a server that would answer all of them."""

import asyncio
import socket

import pytest

from publishers.browser_guard import guard_app

HOME = "127.0.0.1:5151"


async def answer_all(scope, receive, send):
    """An app that lets everybody in."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"everything"})
    else:
        await send({"type": f"{scope['type']}.answered"})


def send_request(path="/", query="", kind="http", method="GET", folders=None, **headers):
    """What comes back: the messages of the answer."""
    sent = []
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": lines}

    async def send(message):
        sent.append(message)

    asyncio.run(guard_app(answer_all, folders)(scope, None, send))
    return sent


def status_of(*args, **named):
    return send_request(*args, **named)[0]["status"]


@pytest.mark.parametrize(
    "host", [HOME, "localhost:5151", "[::1]:5151", "192.168.1.7:5151", "127.0.0.1", f"{socket.gethostname()}:5151"]
)
def test_programs_and_typed_addresses_get_through(host):
    assert status_of(host=host) == 200
    assert status_of(host=host, sec_fetch_site="none") == 200
    assert status_of(host=host, sec_fetch_site="same-origin", method="POST", origin=f"http://{host}") == 200


@pytest.mark.parametrize(
    "host", ["evil.example:5151", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "0"]
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(host):
    assert status_of(host=host) == 403
    assert status_of(host=host, origin=f"http://{host}") == 403


def test_a_request_without_a_host_is_refused():
    assert status_of() == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:8000", "null", "http://[", "http://127.0.0.1:x"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_origins_are_refused_be_they_on_this_machine(origin, method):
    assert status_of(host=HOME, origin=origin, method=method) == 403


def test_localhost_and_its_address_are_one_server():
    assert status_of(host=HOME, origin="http://localhost:5151", sec_fetch_site="cross-site") == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(("mode", "target"), [("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")])
def test_what_another_site_embeds_is_refused(site, mode, target):
    headers = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": target}
    assert status_of("/media", "filepath=/etc/passwd", host=HOME, **headers) == 403
    assert status_of("/", host=HOME, **headers) == 403


def test_a_link_that_the_user_follows_opens_the_page_but_no_file_and_sends_nothing():
    followed = {
        "host": HOME,
        "sec_fetch_site": "cross-site",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "document",
    }
    assert status_of("/datasets/a", **followed) == 200
    assert status_of("/media", "filepath=/etc/passwd", **followed) == 403
    assert status_of("/datasets/a", method="POST", **followed) == 403


def test_a_socket_of_another_site_is_closed_before_it_is_open():
    assert send_request(kind="websocket", host=HOME, origin="http://evil.example")[0]["type"] == "websocket.close"
    assert send_request(kind="websocket", host="evil.example")[0]["type"] == "websocket.close"
    assert send_request(kind="websocket", host=HOME, origin=f"http://{HOME}")[0]["type"] == "websocket.answered"


def test_pages_stay_out_of_frames_and_life_cycles_pass():
    assert (b"x-frame-options", b"SAMEORIGIN") in send_request(host=HOME)[0]["headers"]
    assert send_request(kind="lifespan") == [{"type": "lifespan.answered"}]


def test_media_are_served_from_the_named_folders_only(tmp_path):
    inside, outside = tmp_path / "store", tmp_path / "store-of-another"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(b"")
    (inside / "way out.mp4").symlink_to(outside / "clip.mp4")
    (inside / "folder").symlink_to(outside)

    def status(path, more=""):
        return status_of("/media", f"filepath={path}{more}", host=HOME, folders=[inside])

    assert status(inside / "clip.mp4") == 200
    refused = [outside / "clip.mp4", inside / "way%20out.mp4", inside / "folder" / "clip.mp4", "/etc/passwd"]
    refused += [
        f"{inside}/../store-of-another/clip.mp4",
        f"{inside}%2F..%2F..%2Fx",
        "etc/passwd",
        f"{inside}%00/clip.mp4",
    ]
    assert [status(path) for path in refused] == [403] * len(refused)
    assert status(inside / "clip.mp4", more=f"&filepath={outside}/clip.mp4") == 403
    assert status_of("/media/", "filepath=/etc/passwd", host=HOME, folders=[inside]) == 403


def test_links_to_the_folder_itself_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "clip.mp4").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("real", "link"):
        path = tmp_path / name / "clip.mp4"
        assert status_of("/media", f"filepath={path}", host=HOME, folders=[tmp_path / "link"]) == 200
