# SPDX-License-Identifier: Apache-2.0
"""One budget for the bodies and JSON nodes of all requests in flight."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from tests.integration.builds import SANITIZED, SLOWER
from tests.integration.probe import JSON, REVIEW, Probe, eventually, review_of
from tests.support.tls_client import TlsConnection

StartProbe = Callable[..., Probe]

KIB = 1024
MIB = 1024 * KIB
LIMIT = 7 * MIB
BUDGET = 64 * MIB
# What connections, TLS and the allocator may take besides (P16b).
BESIDES = 16 * MIB


def begin(connection: TlsConnection, length: int) -> None:
    """The header of a review with so long a body, and nothing of the body."""
    head = connection.encode("POST", "/mutate/now", b"", JSON)
    connection.send(head.replace(b"Content-Length: 0", b"Content-Length: %d" % length))


def taken(probe: Probe) -> int:
    return probe.counters()["budget_used"] // LIMIT


def refused(probe: Probe) -> int:
    return probe.counters()["refused_budget"]


def test_s75_bodies_with_the_last_byte_withheld(start_probe: StartProbe) -> None:
    probe = start_probe(body_ms=60_000)
    assert probe.healthy().status == 200
    before = probe.process.rss_bytes()
    body = review_of(LIMIT)[:-1]
    with contextlib.ExitStack() as stack:
        holders = []
        for i in range(64):
            peer = stack.enter_context(probe.connect(timeout=60 * SLOWER))
            begin(peer, LIMIT)
            eventually(lambda: taken(probe) + refused(probe) == i + 1, "a verdict on the header")
            if refused(probe) == i + 1 - len(holders):
                # At once: not a byte of the body has been sent.
                answer = peer.read_answer()
                assert answer.status == 503
                assert answer.header("retry-after") is None
            else:
                peer.send(body)
                holders.append(peer)
        assert taken(probe) == len(holders) == BUDGET // LIMIT
        # Everybody else is served as ever.
        with probe.connect() as other:
            assert other.post_review("/mutate/now", REVIEW).allowed
        if not SANITIZED:
            assert probe.process.peak_rss_bytes() - before <= BUDGET + BESIDES
        # Who finishes is answered, and makes room.
        holders[0].send(b"}")
        assert holders[0].read_answer().status in (200, 503)
    probe.wait_counter("budget_used", lambda value: value == 0, 20)


def test_s75_memory_is_given_back(start_probe: StartProbe) -> None:
    if SANITIZED:
        pytest.skip("the sanitizer's allocator keeps what is released")
    probe = start_probe()
    body = review_of(LIMIT)
    with probe.connect(timeout=60) as connection:
        connection.post_review("/mutate/now", body)
        before = probe.process.rss_bytes()
        for _ in range(20):
            connection.post_review("/mutate/now", body)
        assert probe.process.rss_bytes() - before < 8 * MIB
    assert before < 32 * MIB


def test_the_budget_is_given_back_however_a_request_ends(start_probe: StartProbe) -> None:
    hasty = start_probe(body_ms=int(500 * SLOWER))
    with hasty.connect() as slow:
        begin(slow, 100 * KIB)
        slow.seconds_until_closed(20 * SLOWER)
    hasty.wait_counter("cut_body", lambda value: value == 1)
    hasty.wait_counter("budget_used", lambda value: value == 0)
    probe = start_probe(body_ms=60_000)
    with probe.connect() as gone:
        begin(gone, 100 * KIB)
        probe.wait_counter("budget_used", lambda value: value == 100 * KIB)
        gone.reset()
    probe.wait_counter("budget_used", lambda value: value == 0)
    with probe.connect() as whole:
        assert whole.post_review("/mutate/now", review_of(100 * KIB)).allowed
        assert whole.request("POST", "/mutate/now", b"[" * (100 * KIB), JSON).status in (400, 413)
    probe.wait_counter("budget_used", lambda value: value == 0)


def test_strangers_take_nothing_from_the_budget(start_probe: StartProbe) -> None:
    probe = start_probe()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            peer = stack.enter_context(probe.connect())
            head = peer.encode("POST", "/mutate/guess", b"", JSON)
            peer.send(head.replace(b"Content-Length: 0", b"Content-Length: %d" % LIMIT))
            assert peer.read_answer().status == 404
        assert probe.counters()["budget_used"] == 0


@pytest.mark.parametrize("kind", ["list", "nested"])
def test_p16_hostile_json_is_bounded(start_probe: StartProbe, kind: str) -> None:
    """A body of commas would have 24 times its size in nodes, one of brackets a stack as deep."""
    probe = start_probe()
    probe.healthy()
    before = probe.process.rss_bytes()
    body = b"[" + b"0," * (3 * MIB) + b"0]" if kind == "list" else b"[" * (6 * MIB)
    with probe.connect(timeout=60 * SLOWER) as connection:
        assert connection.request("POST", "/mutate/now", body, JSON).status in (400, 413, 503)
        assert connection.request("GET", "/healthz").status == 200
    if not SANITIZED:
        assert probe.process.peak_rss_bytes() - before <= BUDGET
    assert probe.counters()["budget_used"] == 0


def test_a_spent_budget_refuses_small_bodies_and_keeps_their_connection(
    start_probe: StartProbe,
) -> None:
    probe = start_probe(budget=100 * KIB, body_ms=60_000)
    with probe.connect() as holder, probe.connect() as other:
        begin(holder, 100 * KIB)
        probe.wait_counter("budget_used", lambda value: value == 100 * KIB)
        for _ in range(2):
            assert other.request("POST", "/mutate/now", review_of(10 * KIB), JSON).status == 503
        # What needs no body needs no budget.
        assert other.request("GET", "/healthz").status == 200
        assert probe.counters()["refused_budget"] == 2
