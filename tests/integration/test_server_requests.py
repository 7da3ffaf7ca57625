# SPDX-License-Identifier: Apache-2.0
"""What the server makes of single requests: methods, paths, types, framing, sizes."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import Callable

import pytest

from tests.integration.builds import SLOWER
from tests.integration.probe import JSON, REVIEW, Probe, eventually, review_of
from tests.support.tls_client import ClosedEarly, TlsConnection

MIB = 1024 * 1024
LIMIT = 7 * MIB


def is_alive(connection: TlsConnection) -> bool:
    """Whether the connection takes another request."""
    try:
        return connection.request("GET", "/healthz").status == 200
    except (ClosedEarly, OSError):
        return False


def test_a_review_is_answered_over_a_verified_connection(probe: Probe) -> None:
    with probe.connect(verify=True) as connection:
        for _ in range(3):
            answer = connection.post_review("/mutate/now?timeout=10s", REVIEW)
            assert answer.uid == "0f5a-uid" and answer.allowed
            assert answer.answer.header("content-type") == "application/json"
            assert answer.answer.header("connection") is None
    assert probe.counters()["accepted"] == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/mutate/now", {}, 405),
        ("PUT", "/mutate/now", JSON, 405),
        ("DELETE", "/healthz", {}, 405),
        ("POST", "/healthz", JSON, 405),
        ("BREW", "/healthz", {}, 405),
        ("POST", "/", JSON, 404),
        ("POST", "/mutate", JSON, 404),
        ("POST", "/mutate/now/", JSON, 404),
        ("POST", "/mutate/%6eow", JSON, 404),
        ("POST", "/mutate/now%00", JSON, 404),
        ("GET", "/..//healthz", {}, 404),
        ("POST", "/mutate/now", {}, 415),
        ("POST", "/mutate/now", {"Content-Type": "text/plain"}, 415),
        ("POST", "/mutate/now", {"Content-Type": "application/json-patch+json"}, 415),
        ("POST", "/mutate/now", {"Content-Type": "Application/JSON; charset=utf-8"}, 200),
    ],
)
def test_s03_wrong_method_path_and_type(
    probe: Probe, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    with probe.connect() as connection:
        body = json.dumps(REVIEW).encode() if method != "GET" else b""
        answer = connection.request(method, path, body, headers)
        assert answer.status == status
        assert answer.header("retry-after") is None
        assert answer.header("location") is None
        if status == 405:
            assert answer.header("allow") == ("POST" if "mutate" in path else "GET")
        # A refusal costs the API server no connection.
        assert is_alive(connection)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"request":', b"not json", b"{} {}", b'{"a":1,"a":2}', b"\xff\xfe", b'"\x00"'],
)
def test_s03_empty_truncated_and_foreign_bodies(probe: Probe, body: bytes) -> None:
    with probe.connect() as connection:
        assert connection.request("POST", "/mutate/now", body, JSON).status == 400
        assert is_alive(connection)


def test_s03_over_seven_mebibytes_is_413_at_once(probe: Probe) -> None:
    with probe.connect() as connection:
        head = connection.encode("POST", "/mutate/now", b"", JSON)
        head = head.replace(b"Content-Length: 0", b"Content-Length: %d" % (LIMIT + 1))
        connection.send(head)
        # Nothing of the body has been sent.
        answer = connection.read_answer()
        assert answer.status == 413
        assert answer.header("retry-after") is None
    assert probe.counters()["budget_used"] == 0
    assert probe.healthy().status == 200


def test_s03_the_413_reaches_a_client_that_is_still_sending(probe: Probe) -> None:
    with probe.connect() as connection:
        head = connection.encode("POST", "/mutate/now", b"", JSON)
        connection.send(head.replace(b"Content-Length: 0", b"Content-Length: %d" % (9 * MIB)))
        with contextlib.suppress(OSError):
            for _ in range(9 * 16):
                connection.send(b"x" * (MIB // 16))
        assert connection.read_answer().status == 413


def test_s03_exactly_seven_mebibytes_are_read(probe: Probe) -> None:
    with probe.connect(timeout=60 * SLOWER) as connection:
        answer = connection.post_review("/mutate/now", review_of(LIMIT))
        assert answer.uid == "0f5a-uid"
        assert is_alive(connection)
    eventually(lambda: probe.counters()["budget_used"] == 0, "the body given back")


def test_bodies_of_all_sizes_over_one_connection(probe: Probe) -> None:
    with probe.connect() as connection:
        sizes = [118, 119, 1000, 4095, 8191, 16383, 16384, 16385, 50000, 262143, 262145, 300001]
        for size in sizes + sizes[::-1]:
            assert connection.post_review("/mutate/now", review_of(size)).uid == "0f5a-uid"
    assert probe.counters()["accepted"] == 1
    # The last answer is read before its request is done with.
    eventually(lambda: probe.counters()["budget_used"] == 0, "the last body given back")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Transfer-Encoding: gzip", 411),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: identity", 400),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 0x5", 400),
        ("X-None: 1", 411),
    ],
)
def test_s03_a_body_without_one_plain_length(probe: Probe, fields: str, status: int) -> None:
    with probe.connect() as connection:
        connection.send(
            f"POST /mutate/now HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{fields}"
            "\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode()
        )
        assert connection.read_answer().status == status
        # What follows could be anything: the connection must not be used again.
        assert not is_alive(connection)
    assert probe.healthy().status == 200


def test_a_header_too_large_for_its_room_is_refused(probe: Probe) -> None:
    with probe.connect() as connection:
        # The server stops reading as soon as it knows.
        with contextlib.suppress(OSError):
            connection.send(connection.encode("GET", "/healthz", b"", {"X-Long": "x" * 40000}))
        assert connection.read_answer().status == 431
    assert probe.healthy().status == 200


def test_a_client_that_asks_before_sending_is_told_to_go_on(probe: Probe) -> None:
    body = json.dumps(REVIEW).encode()
    with probe.connect() as connection:
        whole = connection.encode("POST", "/mutate/now", body, {**JSON, "Expect": "100-continue"})
        connection.send(whole[: -len(body)])
        # The interim answer is passed over by read_answer, so the body follows unconditionally.
        connection.send(body)
        assert connection.read_answer().status == 200


@pytest.mark.parametrize(
    ("query", "timeout_ms"),
    [
        ("?timeout=3s", 3000),
        ("?timeout=10s", 10000),
        ("?timeout=2s", 1000),
        ("?timeout=1s", 1),
        ("?timeout=", 0),
        ("?timeout=soon", 0),
        ("", 0),
    ],
)
def test_s04_the_timeout_is_read_as_rounded_up(probe: Probe, query: str, timeout_ms: int) -> None:
    with probe.connect() as connection:
        answer = connection.post_review(f"/mutate/now{query}", REVIEW)
        assert answer.audit_annotations["timeout_ms"] == str(timeout_ms)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        (ssl.TLSVersion.TLSv1_3, True),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_1, False),
    ],
)
def test_only_tls_1_2_and_1_3(probe: Probe, version: ssl.TLSVersion, accepted: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=probe.ca_pem)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    try:
        with socket.create_connection(("127.0.0.1", probe.port), timeout=10 * SLOWER) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                served = tls.recv(100).startswith(b"HTTP/1.1 200")
    except (ssl.SSLError, OSError):
        served = False
    assert served == accepted


def test_s58_h2_is_offered_and_http_1_1_chosen(probe: Probe) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=probe.ca_pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", probe.port), timeout=10 * SLOWER) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            assert tls.selected_alpn_protocol() == "http/1.1"


def test_metrics_have_a_plain_port_of_their_own(start_probe: Callable[..., Probe]) -> None:
    probe = start_probe(metrics_listen="127.0.0.1:0")
    with probe.connect() as connection:
        assert connection.request("GET", "/metrics").status == 404
        assert probe.process.metrics(probe.metrics_port).value("keyturn_connections") == 1
    with socket.create_connection(("127.0.0.1", probe.metrics_port), timeout=10) as plain:
        plain.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 405")
    with socket.create_connection(("127.0.0.1", probe.metrics_port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 404")
