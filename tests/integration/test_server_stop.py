# SPDX-License-Identifier: Apache-2.0
"""Drain and stop: what is in flight is answered, and what comes meanwhile is served."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.integration.builds import SLOWER
from tests.integration.probe import JSON, REVIEW, Probe, eventually
from tests.support.tls_client import ClosedEarly, half_handshake

StartProbe = Callable[..., Probe]

BODY = json.dumps(REVIEW).encode()


def test_s35_sigterm_in_the_middle_of_a_request_finishes_it(start_probe: StartProbe) -> None:
    probe = start_probe(drain_ms=300)
    with probe.connect() as suspended, probe.connect() as sending, probe.connect() as header:
        suspended.send(suspended.encode("POST", "/mutate/wait", BODY, JSON))
        whole = sending.encode("POST", "/mutate/now", BODY, JSON)
        sending.send(whole[:-10])
        header.send(whole[:20])
        probe.wait_counter("suspended", lambda value: value == 1)
        probe.wait_counter("in_flight", lambda value: value == 2)
        probe.process.signal(signal.SIGTERM)
        # The one that waits is resumed at the end of the drain.
        answer = suspended.read_answer()
        assert answer.status == 200 and answer.header("connection") == "close"
        for connection, rest in ((sending, whole[-10:]), (header, whole[20:])):
            connection.send(rest)
            answer = connection.read_answer()
            assert answer.status == 200 and answer.header("connection") == "close"
    assert probe.process.wait(20 * SLOWER) == 0
    stopped = probe.process.wait_log("stopped")
    assert stopped["clean"] is True and stopped["budget_used"] == 0


def test_s35_new_connections_are_served_while_draining(start_probe: StartProbe) -> None:
    probe = start_probe()
    with probe.connect() as early:
        assert early.request("GET", "/readyz").status == 200
        probe.command("drain")
        answer = early.request("GET", "/readyz")
        assert answer.status == 503 and answer.header("connection") == "close"
        with pytest.raises((ClosedEarly, OSError)):
            early.request("GET", "/healthz")
    with probe.connect() as late:
        answer = late.request("POST", "/mutate/now", BODY, JSON)
        assert answer.status == 200 and answer.header("connection") == "close"
    assert probe.stop() == 0


def test_after_the_stop_connections_are_refused(start_probe: StartProbe) -> None:
    probe = start_probe()
    idle = [probe.connect() for _ in range(10)]
    assert idle[0].request("GET", "/healthz").status == 200
    assert probe.stop() == 0
    for each in idle:
        assert each.seconds_until_closed(5) < 5
        each.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", probe.port), timeout=5)


def test_a_second_signal_cuts_the_drain_short(start_probe: StartProbe) -> None:
    probe = start_probe(drain_ms=600_000)
    probe.process.signal(signal.SIGTERM)
    eventually(lambda: not_ready(probe), "readiness gone")
    assert probe.stop() == 0


def not_ready(probe: Probe) -> bool:
    with probe.connect() as connection:
        return connection.request("GET", "/readyz").status == 503


def test_stalled_peers_do_not_hold_up_the_stop(start_probe: StartProbe) -> None:
    probe = start_probe()
    with contextlib.ExitStack() as stack:
        for sent in (0, 50, None):
            stack.enter_context(contextlib.closing(half_handshake(probe.port, sent=sent)))
        stack.enter_context(probe.connect())
        started = time.monotonic()
        assert probe.stop() == 0
        # Newcomers get a second to begin a request, a header its five.
        assert time.monotonic() - started < 5 * SLOWER


def test_a_body_that_stalls_holds_up_the_stop_until_its_deadline(start_probe: StartProbe) -> None:
    probe = start_probe(body_ms=int(1000 * SLOWER))
    with probe.connect() as connection:
        connection.send(connection.encode("POST", "/mutate/now", BODY, JSON)[:-1])
        probe.wait_counter("in_flight", lambda value: value == 1)
        assert probe.stop() == 0
    assert probe.process.wait_log("stopped")["clean"] is True


def test_p18_no_request_fails_over_a_rolling_restart(start_probe: StartProbe) -> None:
    """Callers follow readiness, as behind a Service: nobody meets a closed door."""
    first = start_probe(drain_ms=60_000)
    second = start_probe()
    errors: list[str] = []
    served = {first.port: 0, second.port: 0}
    moved: set[int] = set()
    endpoint = [first]
    stop = threading.Event()

    def call() -> None:
        try:
            while not stop.is_set():
                target = endpoint[0]
                with target.connect(verify=True) as connection:
                    if target is second:
                        moved.add(threading.get_ident())
                    while not stop.is_set():
                        answer = connection.post_review("/mutate/now", REVIEW)
                        served[target.port] += 1
                        if answer.answer.header("connection") == "close":
                            break
        except Exception as error:  # noqa: BLE001 (every failure counts)
            errors.append(repr(error))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: served[first.port] > 50, "requests at the first replica")
    first.process.signal(signal.SIGTERM)
    eventually(lambda: not_ready(first), "readiness gone")
    endpoint[0] = second
    # In a cluster they have so long as the drain takes; here until all have.
    eventually(lambda: len(moved) == len(threads) or bool(errors), "all callers at the second")
    first.process.signal(signal.SIGTERM)
    assert first.process.wait(20 * SLOWER) == 0
    before = served[second.port]
    eventually(lambda: served[second.port] > before + 50, "requests at the second replica")
    stop.set()
    for thread in threads:
        thread.join(20 * SLOWER)
    assert errors == []
