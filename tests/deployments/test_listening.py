"""Who can reach `framefoundry serve`: this machine, and of its browsers' pages only its own."""

import http.client
from urllib.parse import urlsplit

import psutil
import pytest

pytestmark = pytest.mark.slow


def test_neither_the_server_nor_its_worker_listens_beyond_loopback(serving):
    family = [psutil.Process(serving.process.pid), *psutil.Process(serving.process.pid).children(recursive=True)]
    listening = {
        (place.laddr.ip, place.laddr.port)
        for member in family if member.is_running()
        for place in member.net_connections("inet") if place.status == psutil.CONN_LISTEN
    }  # fmt: skip
    assert ("127.0.0.1", urlsplit(serving.api).port) in listening
    assert {address for address, _ in listening} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "rebound.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
    ],
)
def test_pages_of_other_sites_may_start_no_run(serving, headers, status):
    address = urlsplit(serving.api)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", "/api/deployments/filter", "{}", {"Content-Type": "application/json", **headers})
    assert connection.getresponse().status == status
