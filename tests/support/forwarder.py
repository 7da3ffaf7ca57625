# SPDX-License-Identifier: Apache-2.0
"""A TCP forwarder that stands for a Kubernetes Service in front of several replicas.

New connections go round-robin to the backends that are ready; established ones keep flowing when
theirs turns unready, as with kube-proxy. Without a ready backend connections are reset, as a
Service without endpoints refuses them.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Optional

Address = tuple[str, int]
PROBE_TIMEOUT_SECONDS = 1.0


def https_ready(host: str, port: int) -> bool:
    """GET /readyz answers 200, whatever the certificate: a kubelet's HTTPS probe."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        host, port, timeout=PROBE_TIMEOUT_SECONDS, context=context
    )
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass
class Backend:
    address: Address
    ready: bool = False
    probes: int = 0
    connections: int = 0
    open: int = 0
    removed: threading.Event = field(default_factory=threading.Event, repr=False)


class Forwarder:
    """`ready(host, port)` is asked every `poll_seconds`, for each backend on a thread of its own,
    so that one that hangs does not hide the others."""

    def __init__(
        self,
        listen_port: int = 0,
        backends: Iterable[Address] = (),
        ready: Callable[[str, int], bool] = https_ready,
        *,
        host: str = "127.0.0.1",
        poll_seconds: float = 0.1,
    ):
        self._ready = ready
        self._poll_seconds = poll_seconds
        self._changed = threading.Condition()
        self._backends: list[Backend] = []
        self._sockets: set[socket.socket] = set()
        self._next = 0
        self._stopping = False
        self._listener = socket.create_server((host, listen_port), backlog=1024)
        self.host, self.port = self._listener.getsockname()[:2]
        self._initial = list(backends)
        self._thread = threading.Thread(target=self._accept, name="forwarder", daemon=True)

    def start(self) -> "Forwarder":
        for address in self._initial:
            self.add_backend(address)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends the listener, the probes and every connection."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            for backend in self._backends:
                backend.removed.set()
            open_sockets = list(self._sockets)
        for sock in open_sockets:
            _shut(sock, socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(5)
        with self._changed:
            self._changed.wait_for(lambda: not self._sockets, 5)

    def __enter__(self) -> "Forwarder":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def add_backend(self, address: Address) -> Backend:
        backend = Backend(address)
        with self._changed:
            self._backends.append(backend)
        threading.Thread(target=self._probe, args=(backend,), name="probe", daemon=True).start()
        return backend

    def remove_backend(self, address: Address) -> None:
        """No new connections; established ones go on."""
        with self._changed:
            for backend in [each for each in self._backends if each.address == address]:
                backend.removed.set()
                self._backends.remove(backend)
            self._changed.notify_all()

    def backends(self) -> list[Backend]:
        with self._changed:
            return list(self._backends)

    def ready_addresses(self) -> list[Address]:
        return [each.address for each in self.backends() if each.ready]

    def wait_ready(self, addresses: Iterable[Address], timeout: float = 10.0) -> None:
        """Returns when exactly these backends are ready."""
        wanted = set(addresses)
        with self._changed:
            if not self._changed.wait_for(
                lambda: {each.address for each in self._backends if each.ready} == wanted, timeout
            ):
                raise TimeoutError(f"ready: {self.ready_addresses()}, not {sorted(wanted)}")

    def _probe(self, backend: Backend) -> None:
        while not backend.removed.is_set():
            ready = self._ready(*backend.address)
            with self._changed:
                backend.ready = ready
                backend.probes += 1
                self._changed.notify_all()
            backend.removed.wait(self._poll_seconds)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _choose(self) -> list[Backend]:
        """Ready backends, the one whose turn it is first."""
        with self._changed:
            ready = [each for each in self._backends if each.ready]
            if not ready:
                return []
            start = self._next % len(ready)
            self._next += 1
            return ready[start:] + ready[:start]

    def _serve(self, client: socket.socket) -> None:
        chosen: Optional[Backend] = None
        server: Optional[socket.socket] = None
        for backend in self._choose():
            try:
                server = socket.create_connection(backend.address, timeout=5)
            except OSError:
                continue
            chosen = backend
            break
        if chosen is None or server is None:
            _reset(client)
            return
        server.settimeout(None)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            chosen.connections += 1
            chosen.open += 1
            self._sockets |= {client, server}
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()
        client.close()
        server.close()
        with self._changed:
            chosen.open -= 1
            self._sockets -= {client, server}
            self._changed.notify_all()


def _shut(sock: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(how)


def _linger(sock: socket.socket) -> None:
    """The next close of this socket is a reset."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _reset(sock: socket.socket) -> None:
    _linger(sock)
    sock.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """One direction, until its end; an end is passed on as an end, a reset as a reset."""
    buffer = bytearray(65536)
    view = memoryview(buffer)
    while True:
        try:
            count = source.recv_into(buffer)
        except OSError:
            _linger(sink)
            _shut(sink, socket.SHUT_RD)
            return
        if count == 0:
            _shut(sink, socket.SHUT_WR)
            return
        try:
            sink.sendall(view[:count])
        except OSError:
            _linger(source)
            _shut(source, socket.SHUT_RD)
            return
