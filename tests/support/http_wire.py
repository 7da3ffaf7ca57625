# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server that shows its handler the bytes as received.

`http.server` hands out parsed headers; a signature check and a fault script need the raw lines and
the socket. One thread per connection, keep-alive, TCP_NODELAY, no ceiling on connections.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
import traceback
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Callable, Iterable, Optional, Union

HEAD_CEILING = 256 * 1024
LISTEN_BACKLOG = 1024
HANDSHAKE_SECONDS = 10.0


class ConnectionGone(Exception):
    """The peer, or a fault, ended the connection."""


class MalformedRequest(Exception):
    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


@dataclass
class Request:
    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    serial: int

    def values(self, name: str) -> list[bytes]:
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    def value(self, name: str) -> Optional[str]:
        """The only or first value, trimmed; None when the header was not sent."""
        values = self.values(name)
        return values[0].strip(b" \t").decode("latin-1") if values else None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.target!r})"


@dataclass
class Response:
    """`body` is bytes, or an iterable of chunks together with `length`."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Union[bytes, Iterable[bytes]] = b""
    length: Optional[int] = None
    close: bool = False

    def content_length(self) -> int:
        if self.length is not None:
            return self.length
        assert isinstance(self.body, bytes)
        return len(self.body)

    def chunks(self) -> Iterable[bytes]:
        return [self.body] if isinstance(self.body, bytes) else self.body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def encode_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_reason(status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Connection:
    """One accepted connection. Only its own thread reads, and answers; any thread may abort it."""

    def __init__(self, server: "WireServer", sock: socket.socket, serial: int):
        self.server = server
        self.serial = serial
        self.requests = 0
        self.closed = False
        self._sock = sock
        self._pending = bytearray()
        self._lock = threading.Lock()

    def handshake(self, context: ssl.SSLContext) -> None:
        self._sock.settimeout(HANDSHAKE_SECONDS)
        with self._lock:
            wrapped = context.wrap_socket(
                self._sock, server_side=True, do_handshake_on_connect=False
            )
            self._sock = wrapped
        wrapped.do_handshake()
        wrapped.settimeout(None)

    def _fill(self) -> bool:
        """Adds what the peer sent; False at its end."""
        try:
            data = self._sock.recv(65536)
        except socket.timeout:
            return False
        except (OSError, ValueError) as error:
            raise ConnectionGone(str(error)) from None
        self._pending += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def read_request(self, body_ceiling: int, idle_seconds: Optional[float]) -> Optional[Request]:
        """The next request, or None when the peer ended or stayed idle for too long."""
        self._sock.settimeout(idle_seconds)
        while (end := self._pending.find(b"\r\n\r\n")) < 0:
            if len(self._pending) > HEAD_CEILING:
                raise MalformedRequest(431, "request head too large")
            if not self._fill():
                return None
        self._sock.settimeout(None)
        head = self._take(end + 4)[:-4]
        method, target, headers = _parse_head(head)
        request = Request(method, target, headers, b"", self.requests)
        self.requests += 1
        length = _body_length(request, body_ceiling)
        if (request.value("expect") or "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._pending) < length:
            if not self._fill():
                raise ConnectionGone("ended within a body")
        request.body = self._take(length)
        return request

    def send(self, data: Union[bytes, memoryview]) -> None:
        if self.closed:
            raise ConnectionGone("closed")
        try:
            self._sock.sendall(data)
        except (OSError, ValueError) as error:
            raise ConnectionGone(str(error)) from None

    def send_head(self, response: Response, length: Optional[int] = None) -> None:
        """The status line and headers; `length` replaces the true Content-Length."""
        headers = list(response.headers)
        if length is None:
            length = response.content_length()
        headers.append(("Content-Length", str(length)))
        if response.close:
            headers.append(("Connection", "close"))
        self.send(encode_head(response.status, headers))

    def answer(self, response: Response) -> None:
        if isinstance(response.body, bytes):
            headers = list(response.headers) + [("Content-Length", str(len(response.body)))]
            if response.close:
                headers.append(("Connection", "close"))
            self.send(encode_head(response.status, headers) + response.body)
        else:
            self.send_head(response)
            for chunk in response.chunks():
                self.send(chunk)
        if response.close:
            self.close()

    def start_chunked(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.send(encode_head(status, [*headers, ("Transfer-Encoding", "chunked")]))

    def send_chunk(self, data: bytes) -> None:
        if data:
            self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end_chunked(self) -> None:
        self.send(b"0\r\n\r\n")

    def peer_gone(self) -> bool:
        """Whether the peer has closed; for handlers that only send, such as a watch."""
        if self.closed:
            return True
        try:
            self._sock.setblocking(False)
            try:
                data = self._sock.recv(65536)
            finally:
                self._sock.setblocking(True)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except (OSError, ValueError):
            return True
        self._pending += data
        return not data

    def close(self) -> None:
        """Ends the connection in order (close_notify, FIN). For the connection's own thread."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
        with contextlib.suppress(OSError, ValueError):
            # Non-blocking: the alert is sent, the peer's own is not waited for.
            self._sock.setblocking(False)
            if isinstance(self._sock, ssl.SSLSocket):
                self._sock.unwrap()
        with contextlib.suppress(OSError, ValueError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        self._sock.close()

    def reset(self) -> None:
        """Ends the connection with a reset (RST). For the connection's own thread."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._sock.close()

    def interrupt(self) -> None:
        """From any thread: whatever the connection's own thread waits for on the socket ends."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


_METHOD_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _parse_head(head: bytes) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
    lines = head.split(b"\r\n")
    parts = lines[0].split(b" ")
    if len(parts) != 3 or not parts[0] or not set(parts[0]) <= _METHOD_CHARACTERS:
        raise MalformedRequest(400, "request line")
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise MalformedRequest(505, "version")
    if not parts[1].startswith(b"/"):
        raise MalformedRequest(400, "target")
    headers: list[tuple[bytes, bytes]] = []
    for line in lines[1:]:
        if b"\n" in line or b"\r" in line or b"\0" in line:
            raise MalformedRequest(400, "control byte in header")
        if line[:1] in (b" ", b"\t"):
            if not headers:
                raise MalformedRequest(400, "folded line without header")
            name, value = headers[-1]
            headers[-1] = (name, value + b"\r\n" + line)
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name or name.strip() != name or b" " in name:
            raise MalformedRequest(400, "header line")
        headers.append((name, value))
    return parts[0].decode(), parts[1], headers


def _body_length(request: Request, ceiling: int) -> int:
    if len(request.values("host")) != 1:
        raise MalformedRequest(400, "exactly one Host is required")
    if request.values("transfer-encoding"):
        raise MalformedRequest(411, "chunked request bodies are not accepted")
    lengths = request.values("content-length")
    if len(lengths) > 1:
        raise MalformedRequest(400, "Content-Length repeated")
    if not lengths:
        if request.method in ("POST", "PUT", "PATCH"):
            raise MalformedRequest(411, "Content-Length required")
        return 0
    text = lengths[0].strip(b" \t")
    if not text.isdigit():
        raise MalformedRequest(400, "Content-Length")
    if int(text) > ceiling:
        raise MalformedRequest(413, "body too large")
    return int(text)


class WireServer:
    """Accepts on a loopback port and runs `handler(connection, request)` for every request."""

    def __init__(
        self,
        handler: Callable[[Connection, Request], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: Optional[ssl.SSLContext] = None,
        body_ceiling: int = 16 * 1024 * 1024,
        idle_seconds: Optional[float] = None,
        name: str = "http",
    ):
        self.idle_seconds = idle_seconds
        self.accepted = 0
        self._handler = handler
        self._tls = tls
        self._ceiling = body_ceiling
        self._name = name
        self._lock = threading.Condition()
        self._open: set[Connection] = set()
        self._stopping = False
        self._failures: list[str] = []
        self._listener = socket.create_server((host, port), backlog=LISTEN_BACKLOG)
        self.host, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)

    def start(self) -> "WireServer":
        self._thread.start()
        return self

    def set_tls(self, context: ssl.SSLContext) -> None:
        """New connections use this context: a certificate renewal."""
        self._tls = context

    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def close_connections(self) -> None:
        """Ends every connection, as a server that restarts would."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.interrupt()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the listener and every connection, and waits for their threads.

        Raises when a handler failed meanwhile, so that a defect of a test server fails the test.
        """
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        with self._lock:
            self._lock.wait_for(lambda: not self._open, timeout)
            failures, self._failures = self._failures, []
        if failures:
            raise RuntimeError(f"{self._name}: a handler failed\n" + "\n".join(failures))

    def _accept(self) -> None:
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                if self._stopping:
                    return
                # Out of descriptors: the peer waits in the backlog until one is free.
                time.sleep(0.01)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.accepted += 1
                connection = Connection(self, sock, self.accepted)
                self._open.add(connection)
            threading.Thread(
                target=self._serve,
                args=(connection,),
                name=f"{self._name}-{connection.serial}",
                daemon=True,
            ).start()

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                connection.handshake(self._tls)
            while not connection.closed and not self._stopping:
                request = connection.read_request(self._ceiling, self.idle_seconds)
                if request is None:
                    break
                self._handler(connection, request)
                if (request.value("connection") or "").lower() == "close":
                    break
        except MalformedRequest as error:
            with contextlib.suppress(ConnectionGone):
                connection.answer(Response(error.status, body=b"", close=True))
        except (ConnectionGone, OSError):
            pass
        except Exception:
            with self._lock:
                self._failures.append(traceback.format_exc())
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)
                self._lock.notify_all()
