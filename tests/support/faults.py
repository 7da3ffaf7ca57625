# SPDX-License-Identifier: Apache-2.0
"""Scripted faults of the test servers: which calls they hit, and what they do to an answer.

A fault is armed for the next `times` matching calls, or until cleared. Kinds that take time (delay,
hold) let the call go on afterwards; every other kind decides the answer, and the first armed one
wins. A hold is a condition, not a sleep: a test waits until a call is held, does what it wants
to do meanwhile, and releases it.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any, Callable, Mapping, Optional

from tests.support.http_wire import Connection, ConnectionGone, Response

# Kinds every server here understands, with the parameters each accepts and their defaults.
TIMING_KINDS: dict[str, dict[str, Any]] = {"delay": {"ms": 0}, "hold": {}}
WIRE_KINDS: dict[str, dict[str, Any]] = {
    "close_before_headers": {},
    "reset_before_headers": {},
    "reset_after_headers": {},
    "half_body": {},
    "drip": {"chunk": 1, "interval_ms": 5},
    "content_length": {"delta": 1},
    "garbage": {"body": b'{"SecretString": "'},
    "answer": {"status": 200, "body": b"", "content_type": "text/html", "headers": ()},
}


class Fault:
    """One armed fault. `hits` counts the calls it has affected, `held` those it holds now."""

    def __init__(
        self,
        book: "FaultBook",
        serial: int,
        kind: str,
        times: Optional[int],
        where: Mapping[str, Any],
        params: Mapping[str, Any],
        skip: int = 0,
    ):
        self._book = book
        self.serial = serial
        self.kind = kind
        self.remaining = times
        self.skip = skip
        self.where = dict(where)
        self.params = dict(params)
        self.hits = 0
        self.held = 0
        self.released = False

    def matches(self, facts: Mapping[str, Any]) -> bool:
        for name, wanted in self.where.items():
            actual = facts.get(name)
            if isinstance(actual, (list, tuple, set, frozenset)):
                if wanted not in actual:
                    return False
            elif actual != wanted:
                return False
        return True

    def clear(self) -> None:
        """No further call is affected; calls held go on."""
        self._book.clear(self)

    def release(self) -> None:
        """Lets held calls go on, and disarms the fault."""
        self._book.clear(self)

    def wait_held(self, count: int = 1, timeout: float = 10.0) -> None:
        """Returns when `count` calls are held at the same time."""
        self._book.wait_for(lambda: self.held >= count, timeout, f"{count} held calls")

    def wait_hits(self, count: int = 1, timeout: float = 10.0) -> None:
        self._book.wait_for(lambda: self.hits >= count, timeout, f"{count} calls hit")

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.serial,
            "kind": self.kind,
            "remaining": self.remaining,
            "where": self.where,
            "hits": self.hits,
            "held": self.held,
        }


class FaultBook:
    def __init__(self, kinds: Mapping[str, Mapping[str, Any]], facts: tuple[str, ...]):
        self._kinds = {**TIMING_KINDS, **WIRE_KINDS, **kinds}
        self._facts = facts
        self._serials = itertools.count(1)
        self._condition = threading.Condition()
        self._armed: list[Fault] = []
        self._holding: set[Fault] = set()
        self._stopped = False

    def arm(
        self, kind: str, times: Optional[int] = None, skip: int = 0, **arguments: Any
    ) -> Fault:
        """Arguments named like a fact select calls, the others are the kind's parameters. The first
        `skip` matching calls are let be.

        "never" is a hold that nobody means to release.
        """
        kind = "hold" if kind == "never" else kind
        if kind not in self._kinds:
            raise ValueError(f"no fault kind {kind!r}; known: {', '.join(sorted(self._kinds))}")
        if times is not None and times < 1:
            raise ValueError("times is at least 1")
        defaults = self._kinds[kind]
        where = {k: v for k, v in arguments.items() if k in self._facts and v is not None}
        params = {k: v for k, v in arguments.items() if k not in self._facts}
        unknown = set(params) - set(defaults)
        if unknown:
            raise TypeError(f"fault {kind!r} has no parameter {', '.join(sorted(unknown))}")
        with self._condition:
            merged = {**defaults, **params}
            fault = Fault(self, next(self._serials), kind, times, where, merged, skip)
            self._armed.append(fault)
        return fault

    def armed(self) -> list[Fault]:
        with self._condition:
            return list(self._armed)

    def find(self, serial: int) -> Optional[Fault]:
        return next((fault for fault in self.armed() if fault.serial == serial), None)

    def clear(self, fault: Optional[Fault] = None) -> None:
        """Disarms one fault, or all."""
        with self._condition:
            for each in [fault] if fault is not None else [*self._armed, *self._holding]:
                each.released = True
                if each in self._armed:
                    self._armed.remove(each)
            self._condition.notify_all()

    def stop(self) -> None:
        """The server ends: whatever is held fails."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def wait_for(self, predicate: Callable[[], bool], timeout: float, what: str) -> None:
        with self._condition:
            if not self._condition.wait_for(predicate, timeout):
                raise TimeoutError(f"no {what} within {timeout} s")

    def take(
        self, facts: Mapping[str, Any], decides: Callable[[str], bool] = lambda _: True
    ) -> list[Fault]:
        """The faults this call meets: timing kinds in order, and at most one deciding kind.

        Deciding kinds for which `decides` is false are left armed for other calls.
        """
        taken = []
        with self._condition:
            for fault in list(self._armed):
                timing = fault.kind in TIMING_KINDS
                if not fault.matches(facts) or not (timing or decides(fault.kind)):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                taken.append(fault)
                fault.hits += 1
                if fault.remaining is not None:
                    fault.remaining -= 1
                    if fault.remaining == 0:
                        self._armed.remove(fault)
                if not timing:
                    break
            self._condition.notify_all()
        return taken

    def pause(self, fault: Fault) -> None:
        """Carries out a timing fault on the calling thread."""
        if fault.kind == "delay":
            self.rest(fault.params["ms"] / 1000)
            return
        with self._condition:
            fault.held += 1
            self._holding.add(fault)
            self._condition.notify_all()
            self._condition.wait_for(lambda: fault.released or self._stopped)
            fault.held -= 1
            self._holding.discard(fault)
            self._condition.notify_all()
            if self._stopped:
                raise ConnectionGone("server stopped")

    def rest(self, seconds: float) -> None:
        """A pause that ends early, with the connection, when the server stops."""
        with self._condition:
            if self._condition.wait_for(lambda: self._stopped, seconds):
                raise ConnectionGone("server stopped")

    def settle(self, facts: Mapping[str, Any]) -> Optional[Fault]:
        """Takes this call's faults, waits as they say, and returns the deciding one if any."""
        deciding = None
        for fault in self.take(facts):
            if fault.kind in TIMING_KINDS:
                self.pause(fault)
            else:
                deciding = fault
        return deciding


def deliver(
    connection: Connection, response: Response, fault: Optional[Fault], book: FaultBook
) -> None:
    """Sends the answer, with what a fault of WIRE_KINDS does to it."""
    kind = fault.kind if fault is not None else None
    params = fault.params if fault is not None else {}
    if kind == "close_before_headers":
        connection.close()
    elif kind == "reset_before_headers":
        connection.reset()
    elif kind == "reset_after_headers":
        connection.send_head(response)
        connection.reset()
    elif kind == "half_body":
        body = b"".join(response.chunks())
        connection.send_head(response)
        connection.send(body[: len(body) // 2])
        connection.close()
    elif kind == "drip":
        connection.send_head(response)
        _drip(connection, b"".join(response.chunks()), params, book)
    elif kind == "content_length":
        connection.send_head(response, max(0, response.content_length() + params["delta"]))
        for chunk in response.chunks():
            connection.send(chunk)
        connection.close()
    elif kind == "garbage":
        connection.answer(Response(response.status, response.headers, params["body"]))
    elif kind == "answer":
        headers = [("Content-Type", params["content_type"]), *params["headers"]]
        connection.answer(Response(params["status"], headers, params["body"]))
    else:
        connection.answer(response)


def _drip(connection: Connection, body: bytes, params: Mapping[str, Any], book: FaultBook) -> None:
    step = params["chunk"]
    for start in range(0, len(body), step):
        connection.send(body[start : start + step])
        book.rest(params["interval_ms"] / 1000)
