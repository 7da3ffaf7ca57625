# SPDX-License-Identifier: Apache-2.0
"""Watches of the scripted Kubernetes API server."""

from __future__ import annotations

import collections
import threading
import time
from typing import Any, Callable, Iterator, Mapping, Optional

from tests.support.faults import Fault
from tests.support.http_wire import Connection
from tests.support.kube_http import ChunkedBody, Recorded, encode, padded, shown
from tests.support.kube_store import ApiError, Change, KubeStore, Object, Resource, too_old

DEFAULT_WATCH_SECONDS = 1800.0
PEER_CHECK_SECONDS = 0.2


class Watcher:
    """One open watch. Tests steer it from their own thread; its connection's thread obeys."""

    def __init__(self, condition: threading.Condition, call: Recorded, resource: Resource):
        self._condition = condition
        self._commands: collections.deque[tuple[str, Any]] = collections.deque()
        self.resource = resource
        self.namespace = call.namespace
        self.query = call.query
        self.connection = call.connection
        self.start_version = call.query.get("resourceVersion", "")
        self.stalled = False
        self.alive = True
        self.events_sent = 0
        self.bookmarks_sent = 0

    def stall(self) -> None:
        """No events, no bookmarks of its own, connection open."""
        with self._condition:
            self.stalled = True

    def resume(self) -> None:
        with self._condition:
            self.stalled = False
            self._condition.notify_all()

    def bookmark(self) -> None:
        """Sends a bookmark now, if the watch allows them."""
        self._command("bookmark")

    def gone(self) -> None:
        """An ERROR event with code 410, then the end of the stream."""
        self._command("gone")

    def end(self) -> None:
        """Ends the stream in order, as at its timeoutSeconds."""
        self._command("end")

    def cut(self, part: bytes = b'{"type":"MODIFIED","object":{"ki', reset: bool = False) -> None:
        """Ends the connection after a part of an event."""
        self._command("cut", (part, reset))

    def send_raw(self, data: bytes) -> None:
        """Puts bytes into the stream as they are: a malformed or a chopped event."""
        self._command("raw", data)

    def wait_ended(self, timeout: float = 10.0) -> None:
        with self._condition:
            if not self._condition.wait_for(lambda: not self.alive, timeout):
                raise TimeoutError(f"the watch of {self.resource.qualified} is still open")

    def _command(self, name: str, value: Any = None) -> None:
        with self._condition:
            self._commands.append((name, value))
            self._condition.notify_all()

    def take_command(self) -> Optional[tuple[str, Any]]:
        return self._commands.popleft() if self._commands else None


class WatchStream:
    """What one watch sends, on its connection's thread."""

    def __init__(
        self,
        store: KubeStore,
        connection: Connection,
        call: Recorded,
        watcher: Watcher,
        fault: Optional[Fault],
        bookmark_seconds: float,
    ):
        self._store = store
        self._connection = connection
        self._call = call
        self._watcher = watcher
        self._resource = watcher.resource
        self._fault = fault
        self._bookmark_seconds = bookmark_seconds
        self._body = ChunkedBody(connection, call, store.changed)
        self._selector = call.selector(watcher.resource)

    def begin(self) -> tuple[int, Iterator[Object]]:
        """The version to follow from, and the objects to announce first."""
        asked = self._call.query.get("resourceVersion", "")
        if asked in ("", "0") or self._call.query.get("sendInitialEvents") == "true":
            page = self._store.page(self._resource, self._call.namespace or None, self._selector)
            return page.version, page.items
        if not asked.isdigit():
            raise ApiError(400, "BadRequest", f"invalid resource version: {asked}")
        return int(asked), iter(())

    def run(self, cursor: int, initial: Iterator[Object], stopping: Callable[[], bool]) -> None:
        if self._fault is not None and self._fault.kind == "gone":
            self._error(too_old(cursor, self._store.version()))
            return
        for obj in initial:
            if not self._event("ADDED", obj):
                return
        if self._call.query.get("sendInitialEvents") == "true":
            self._bookmark(cursor, {"k8s.io/initial-events-end": "true"})
        self._follow(cursor, stopping)

    def _follow(self, cursor: int, stopping: Callable[[], bool]) -> None:
        seconds = float(self._call.query.get("timeoutSeconds") or DEFAULT_WATCH_SECONDS)
        deadline = time.monotonic() + seconds
        next_bookmark = time.monotonic() + self._bookmark_seconds
        while not self._connection.closed:
            try:
                command, found, head = self._next(cursor, min(deadline, next_bookmark), stopping)
            except ApiError as error:
                self._error(error)
                return
            if stopping():
                return
            if command is None and not found and self._connection.peer_gone():
                return
            for change in found:
                seen = change.seen_by(self._call.namespace or None, self._selector)
                if seen is not None and not self._event(*seen):
                    return
            cursor = max(cursor, head)
            if command is not None and not self._obey(command, cursor):
                return
            now = time.monotonic()
            if now >= deadline:
                self._body.end()
                return
            if now >= next_bookmark:
                next_bookmark = now + self._bookmark_seconds
                if not self._watcher.stalled:
                    self._bookmark(cursor)

    def _next(
        self, cursor: int, until: float, stopping: Callable[[], bool]
    ) -> tuple[Optional[tuple[str, Any]], list[Change], int]:
        """A command and the changes after `cursor`, with the version they reach up to; returns
        without any after a moment, so that the caller can look after the peer and the time."""
        with self._store.changed:
            for attempt in range(2):
                command = self._watcher.take_command()
                stalled = self._watcher.stalled
                found = [] if stalled else self._store.changes(self._resource, cursor)
                head = cursor if stalled else self._store.version()
                if attempt or command is not None or found or stopping():
                    break
                rest = until - time.monotonic()
                self._store.changed.wait(max(0.0, min(PEER_CHECK_SECONDS, rest)))
        return command, found, head

    def _event(self, kind: str, obj: Object) -> bool:
        """False when a fault has ended the stream."""
        fault, watcher = self._fault, self._watcher
        if fault is not None and fault.kind == "huge" and watcher.events_sent == 0:
            obj = padded(obj, fault.params["size"])
        line = _line(kind, shown(obj, self._resource, self._call))
        if (
            fault is not None
            and fault.kind == "cut"
            and watcher.events_sent == fault.params["after"]
        ):
            self._body.cut(line, fault)
            return False
        # Counted first: whoever has read the event finds it counted.
        watcher.events_sent += 1
        self._body.send(line)
        return True

    def _bookmark(self, version: int, annotations: Optional[Mapping[str, str]] = None) -> None:
        if self._call.query.get("allowWatchBookmarks") not in ("1", "true"):
            return
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = dict(annotations)
        obj = {
            "kind": self._resource.kind,
            "apiVersion": self._resource.api_version(self._call.version),
            "metadata": metadata,
        }
        self._watcher.bookmarks_sent += 1
        self._body.send(_line("BOOKMARK", obj))

    def _error(self, error: ApiError) -> None:
        self._body.send(_line("ERROR", error.status()))
        self._body.end()

    def _obey(self, command: tuple[str, Any], cursor: int) -> bool:
        """Carries out a command of the test; False when it ended the stream."""
        name, value = command
        if name == "bookmark":
            self._bookmark(cursor)
            return True
        if name == "raw":
            self._body.send(value)
            return True
        if name == "gone":
            self._error(too_old(cursor, self._store.version()))
        elif name == "end":
            self._body.end()
        else:
            part, reset = value
            self._body.break_off(part, len(part) + 100, reset)
        return False


def _line(kind: str, obj: Object) -> bytes:
    return encode({"type": kind, "object": obj}) + b"\n"
