# SPDX-License-Identifier: Apache-2.0
"""The TLS client of the integration tests, against the servers of this directory."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from typing import Any, Iterator, Optional

import pytest

from tests.support.certificates import Authority
from tests.support.http_wire import Connection, Request, Response, WireServer
from tests.support.tls_client import (
    ClosedEarly,
    TlsConnection,
    client_hello,
    half_handshake,
    seconds_until_closed,
)

AUTHORITY = Authority()


class Server:
    def __init__(self, idle_seconds: Optional[float] = None) -> None:
        self.requests: list[Request] = []
        self.answer: Any = lambda connection, request: connection.answer(Response(200, [], b"ok"))
        self.wire = WireServer(
            self._handle, tls=AUTHORITY.issue().server_context(), idle_seconds=idle_seconds
        ).start()
        self.port = self.wire.port

    def _handle(self, connection: Connection, request: Request) -> None:
        self.requests.append(request)
        self.answer(connection, request)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.wire.stop()


@pytest.fixture
def impatient() -> Iterator[Server]:
    """Gives up on a connection after half a second without a byte of a request."""
    running = Server(idle_seconds=0.5)
    yield running
    running.wire.stop()


def test_requests_share_one_connection(server: Server) -> None:
    with TlsConnection(server.port) as connection:
        for number in range(3):
            answer = connection.request("POST", f"/{number}", b"body", {"X-Test": "1"})
            assert (answer.status, answer.body) == (200, b"ok")
    assert server.wire.accepted == 1
    assert [(r.target, r.body, r.value("x-test")) for r in server.requests] == [
        (f"/{number}".encode(), b"body", "1") for number in range(3)
    ]


def test_pipelined_and_chunked_answers_are_kept_apart(server: Server) -> None:
    def answer(connection: Connection, request: Request) -> None:
        connection.start_chunked(200, [])
        connection.send_chunk(request.target)
        connection.send_chunk(b"!")
        connection.end_chunked()

    server.answer = answer
    with TlsConnection(server.port) as connection:
        connection.send(connection.encode("GET", "/a") + connection.encode("GET", "/b"))
        assert connection.read_answer().body == b"/a!"
        assert connection.read_answer().body == b"/b!"


def test_verification_with_an_authority(server: Server) -> None:
    with TlsConnection(server.port, ca_pem=AUTHORITY.pem) as connection:
        assert connection.request("GET", "/").status == 200
        assert connection.peer_certificate()[:1] == b"\x30"
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsConnection(server.port, ca_pem=Authority("another").pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsConnection(server.port, ca_pem=AUTHORITY.pem, server_name="other.example")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_version_can_be_pinned(server: Server, version: ssl.TLSVersion) -> None:
    with TlsConnection(server.port, versions=(version, version)) as connection:
        assert connection.sock.version() == version.name.replace("_", ".")


def test_review_answer_is_taken_apart(server: Server) -> None:
    patch = [{"op": "add", "path": "/metadata/labels", "value": {}}]
    response: dict[str, Any] = {
        "uid": "u",
        "allowed": False,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        "warnings": ["w"],
        "status": {"code": 403, "message": "m"},
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
    server.answer = lambda connection, _: connection.answer(
        Response(200, [], json.dumps(body).encode())
    )
    with TlsConnection(server.port) as connection:
        answer = connection.post_review("/mutate/x", {"request": {"uid": "u"}})
        assert (answer.uid, answer.allowed, answer.patch) == ("u", False, patch)
        assert (answer.code, answer.message, answer.warnings) == (403, "m", ["w"])
        assert server.requests[0].value("content-type") == "application/json"
        del response["patchType"]
        with pytest.raises(AssertionError):
            connection.post_review("/mutate/x", {"request": {"uid": "u"}})


def test_end_within_an_answer_is_noticed(server: Server) -> None:
    def answer(connection: Connection, _: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.close()

    server.answer = answer
    with TlsConnection(server.port) as connection, pytest.raises(ClosedEarly):
        connection.request("GET", "/")


def test_half_handshake_waits_for_the_server_to_give_up(server: Server) -> None:
    hello = client_hello("name.example")
    assert hello[:2] == b"\x16\x03" and b"name.example" in hello
    sock = half_handshake(server.port, sent=20)
    with pytest.raises(TimeoutError):
        seconds_until_closed(sock, 0.2)
    server.wire.close_connections()
    assert seconds_until_closed(sock, 20) < 20
    sock.close()


def test_idle_connection_is_seen_to_close(impatient: Server) -> None:
    with TlsConnection(impatient.port) as connection:
        assert connection.request("GET", "/").status == 200
        assert connection.seconds_until_closed(20) < 20


def test_trickle_tells_when_it_was_cut(server: Server, impatient: Server) -> None:
    with TlsConnection(server.port) as connection:
        request = connection.encode("GET", "/slow")
        assert connection.trickle(request, 0.001, step=8) is None
        assert connection.read_answer().status == 200
    with TlsConnection(impatient.port) as connection:
        cut = connection.trickle(connection.encode("GET", "/slow"), 1.0)
        assert cut is not None and cut < 20


def test_reset_is_a_reset(server: Server) -> None:
    connection = TlsConnection(server.port)
    connection.request("GET", "/")
    connection.reset()
    for _ in range(500):
        if server.wire.open_connections() == 0:
            break
        threading.Event().wait(0.01)
    assert server.wire.open_connections() == 0
