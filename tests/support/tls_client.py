# SPDX-License-Identifier: Apache-2.0
"""A TLS and HTTP/1.1 client that can misbehave: keep-alive requests, trickles, half handshakes.

Certificates are not verified unless an authority is given: the tests that are about certificates
give one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> Optional[str]:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ReviewAnswer:
    """The response of an AdmissionReview, its patch decoded."""

    answer: Answer
    uid: str
    allowed: bool
    code: Optional[int]
    message: str
    warnings: list[str]
    patch: Optional[list[dict[str, Any]]]
    audit_annotations: dict[str, str]


class ClosedEarly(Exception):
    """The server ended the connection before a whole answer."""


def _context(
    ca_pem: Optional[str], versions: Optional[tuple[ssl.TLSVersion, ssl.TLSVersion]]
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=ca_pem)
    if versions is not None:
        context.minimum_version, context.maximum_version = versions
    context.set_alpn_protocols(["http/1.1"])
    return context


def client_hello(server_name: str = "localhost") -> bytes:
    """The first record of a handshake, as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _context(None, None).wrap_bio(incoming, outgoing, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def half_handshake(port: int, host: str = "127.0.0.1", sent: Optional[int] = None) -> socket.socket:
    """A connection that has sent `sent` bytes of its ClientHello (default: all), and no more."""
    sock = socket.create_connection((host, port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(client_hello()[:sent])
    return sock


def seconds_until_closed(sock: socket.socket, timeout: float) -> float:
    """How long until the peer ends the connection; what it sends before is discarded."""
    started = time.monotonic()
    while (rest := started + timeout - time.monotonic()) > 0:
        sock.settimeout(rest)
        try:
            if not sock.recv(65536):
                return time.monotonic() - started
        except TimeoutError:
            break
        except OSError:
            return time.monotonic() - started
    raise TimeoutError(f"still open after {timeout} s")


class TlsConnection:
    """One connection to a server. `ca_pem` switches verification on, for `server_name`."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        ca_pem: Optional[str] = None,
        server_name: str = "localhost",
        versions: Optional[tuple[ssl.TLSVersion, ssl.TLSVersion]] = None,
        timeout: float = 10.0,
    ):
        plain = socket.create_connection((host, port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = _context(ca_pem, versions).wrap_socket(plain, server_hostname=server_name)
        except BaseException:
            plain.close()
            raise
        self._host = server_name
        self._pending = b""

    def __enter__(self) -> "TlsConnection":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Ends with RST instead of close_notify and FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def peer_certificate(self) -> bytes:
        """DER."""
        return self.sock.getpeercert(binary_form=True) or b""

    # -- requests -------------------------------------------------------------------------------

    def encode(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] = {},  # noqa: B006 (never changed)
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] = {},  # noqa: B006
    ) -> Answer:
        self.send(self.encode(method, path, body, headers))
        return self.read_answer(head_only=method == "HEAD")

    def post_review(
        self,
        path: str,
        review: Any,
        headers: Mapping[str, str] = {},  # noqa: B006
    ) -> ReviewAnswer:
        """Sends an AdmissionReview and takes its response apart."""
        body = review if isinstance(review, bytes) else json.dumps(review).encode()
        answer = self.request("POST", path, body, {"Content-Type": "application/json", **headers})
        if answer.status != 200:
            raise AssertionError(f"HTTP {answer.status} for a review")
        response = answer.json()["response"]
        patch = response.get("patch")
        if patch is not None and response.get("patchType") != "JSONPatch":
            raise AssertionError("a patch without patchType JSONPatch")
        status = response.get("status") or {}
        return ReviewAnswer(
            answer,
            response["uid"],
            response["allowed"],
            status.get("code"),
            status.get("message", ""),
            response.get("warnings") or [],
            json.loads(base64.b64decode(patch, validate=True)) if patch is not None else None,
            response.get("auditAnnotations") or {},
        )

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _fill(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ClosedEarly(f"closed with {len(self._pending)} bytes of an answer")
        self._pending += data

    def _line(self) -> str:
        while b"\r\n" not in self._pending:
            self._fill()
        line, _, self._pending = self._pending.partition(b"\r\n")
        return line.decode("latin-1")

    def _exactly(self, count: int) -> bytes:
        while len(self._pending) < count:
            self._fill()
        data, self._pending = self._pending[:count], self._pending[count:]
        return data

    def read_answer(self, head_only: bool = False) -> Answer:
        """The next answer; interim ones (1xx) are passed over."""
        while True:
            status = int(self._line().split(" ", 2)[1])
            headers = []
            while line := self._line():
                name, _, value = line.partition(":")
                headers.append((name, value.strip()))
            answer = Answer(status, headers, b"")
            if status >= 200:
                break
        if not head_only and status not in (204, 304):
            answer.body = self._body(answer)
        return answer

    def _body(self, answer: Answer) -> bytes:
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            body = b""
            while size := int(self._line().partition(";")[0], 16):
                body += self._exactly(size)
                self._line()
            while self._line():
                pass
            return body
        length = answer.header("content-length")
        if length is not None:
            return self._exactly(int(length))
        with contextlib.suppress(ClosedEarly):
            while True:
                self._fill()
        body, self._pending = self._pending, b""
        return body

    # -- misbehaviour ---------------------------------------------------------------------------

    def trickle(
        self, data: bytes, interval: float, *, step: int = 1, give_up: float = 60.0
    ) -> Optional[float]:
        """Sends `data` a few bytes at a time. Seconds until the server ended the connection, or
        None when it took everything."""
        started = time.monotonic()
        for start in range(0, len(data), step):
            if time.monotonic() - started > give_up:
                raise TimeoutError(f"still accepted after {give_up} s")
            try:
                self.sock.sendall(data[start : start + step])
            except OSError:
                return time.monotonic() - started
            if self._closed_within(interval):
                return time.monotonic() - started
        return None

    def _closed_within(self, seconds: float) -> bool:
        """Waits that long, and less when the peer ends meanwhile; keeps what it sends."""
        deadline = time.monotonic() + seconds
        timeout = self.sock.gettimeout()
        try:
            while (rest := deadline - time.monotonic()) > 0:
                self.sock.settimeout(rest)
                try:
                    data = self.sock.recv(65536)
                except TimeoutError:
                    return False
                except OSError:
                    return True
                if not data:
                    return True
                self._pending += data
            return False
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(timeout)

    def seconds_until_closed(self, timeout: float) -> float:
        return seconds_until_closed(self.sock, timeout)


def idle_connections(port: int, count: int, host: str = "127.0.0.1") -> Sequence[TlsConnection]:
    """Finished handshakes that send nothing."""
    return [TlsConnection(port, host) for _ in range(count)]
