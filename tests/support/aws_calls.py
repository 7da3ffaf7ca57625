# SPDX-License-Identifier: Apache-2.0
"""What was asked of the AWS stand-in: a record for each request, for tests that count them."""

from __future__ import annotations

import collections
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from tests.support.http_wire import Connection, Request

CALLS_KEPT = 100_000
_KEPT_HEADERS = ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "host", "expect")


@dataclass
class Call:
    """One request as recorded: never a value, never a token.

    `ids` is what it asked for, as it named them (secrets, parameters, roles, queues), `names` what
    that was found to be. `principal` is the access key id, `session` the session name of a role.
    `outcome` is "ok", an error code, or the kind of the fault that ended it; None while it is in
    flight.
    """

    serial: int
    at: float
    connection: int
    service: str
    operation: str
    headers: dict[str, str]
    request_id: str
    principal: Optional[str] = None
    identity: Optional[str] = None
    session: Optional[str] = None
    region: Optional[str] = None
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    opened: Optional[str] = None  # access key id of the session that it was given
    ended: Optional[float] = None
    outcome: Optional[str] = None
    status: Optional[int] = None
    batch_errors: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "service": self.service,
            "operation": self.operation,
            "principal": self.principal,
            "identity": self.identity,
            "session": self.session,
            "region": self.region,
            "ids": self.ids,
            "outcome": self.outcome,
            "status": self.status,
            "request_id": self.request_id,
            "batch_errors": self.batch_errors,
        }


# What a test may select calls by, besides the id: fields of Call.
_SELECTORS = ("service", "principal", "session", "identity", "region", "outcome")
# An id of whichever kind.
_ID_SELECTORS = ("secret", "parameter", "role", "queue")


class CallLog:
    """Any thread."""

    def __init__(self, log: Optional[Callable[[dict[str, Any]], None]] = None):
        self._log = log
        self._changed = threading.Condition()
        self._calls: collections.deque[Call] = collections.deque(maxlen=CALLS_KEPT)
        self._serial = 0
        self._in_flight = 0
        self._most_in_flight = 0

    def begin(self, connection: Connection, request: Request, service: str, operation: str) -> Call:
        headers = {n: v for n in _KEPT_HEADERS if (v := request.value(n)) is not None}
        with self._changed:
            self._serial += 1
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            call = Call(
                self._serial,
                time.monotonic(),
                connection.serial,
                service,
                operation,
                headers,
                str(uuid.uuid4()),
            )
            self._calls.append(call)
            self._changed.notify_all()
        return call

    def update(self, call: Call, **fields: Any) -> None:
        with self._changed:
            for name, value in fields.items():
                setattr(call, name, value)

    def decided(self, call: Call, outcome: str, status: Optional[int]) -> None:
        """Once per call; the record is complete before the client can see the answer."""
        with self._changed:
            if call.outcome is not None:
                return
            call.outcome, call.status, call.ended = outcome, status, time.monotonic()
            self._changed.notify_all()
        if self._log is not None:
            self._log({"msg": "call", **call.describe()})

    def left(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def calls(self, operation: Optional[str] = None, **where: Optional[str]) -> list[Call]:
        """Oldest first, those in flight included. Selected by `service`, `principal`, `session`,
        `identity`, `region`, `outcome`, and by `secret`, `parameter`, `role` or `queue`: the id as
        requested, the name or the ARN."""
        unknown = set(where) - {*_SELECTORS, *_ID_SELECTORS}
        if unknown:
            raise TypeError(f"calls have no {', '.join(sorted(unknown))}")
        with self._changed:
            return [
                call
                for call in self._calls
                if operation in (None, call.operation) and _matches(call, where)
            ]

    def wait(
        self, count: int, operation: Optional[str], timeout: float, **where: Any
    ) -> list[Call]:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                done = [c for c in self.calls(operation, **where) if c.outcome is not None]
                if len(done) >= count:
                    return done
                rest = deadline - time.monotonic()
                if rest <= 0 or not self._changed.wait(rest):
                    raise TimeoutError(f"{len(done)} of {count} calls within {timeout} s")

    def reset(self) -> None:
        with self._changed:
            self._calls.clear()
            self._most_in_flight = self._in_flight

    def most_in_flight(self, operation: Optional[str] = None, **where: Any) -> int:
        """How many of the matching calls there were at the same time, at most."""
        if operation is None and not where:
            with self._changed:
                return self._most_in_flight
        steps: list[tuple[float, int]] = []
        for call in self.calls(operation, **where):
            steps += [(call.at, 1)] + ([(call.ended, -1)] if call.ended is not None else [])
        now = most = 0
        for _, step in sorted(steps):
            now += step
            most = max(most, now)
        return most

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls by operation, and by id as requested of each service."""
        counts: dict[str, collections.Counter[str]] = {
            name: collections.Counter()
            for name in ("operations", "secrets", "parameters", "roles", "queues")
        }
        kinds = {
            "secretsmanager": "secrets",
            "ssm": "parameters",
            "sts": "roles",
            "sqs": "queues",
        }
        for call in self.calls():
            counts["operations"][call.operation] += 1
            if call.service in kinds:
                counts[kinds[call.service]].update(call.ids)
        return {name: dict(counter) for name, counter in counts.items()}


def _matches(call: Call, where: dict[str, Optional[str]]) -> bool:
    for name, wanted in where.items():
        if wanted is None:
            continue
        if name in _ID_SELECTORS:
            if wanted not in call.ids and wanted not in call.names:
                return False
        elif getattr(call, name) != wanted:
            return False
    return True
