# SPDX-License-Identifier: Apache-2.0
"""The forwarder that stands for a Service."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Iterator

import pytest

from tests.support.certificates import Authority
from tests.support.forwarder import Address, Forwarder, https_ready
from tests.support.http_wire import Connection, Request, Response, WireServer


class EchoServer:
    """Answers every connection with its name, then echoes until the peer ends."""

    def __init__(self, name: bytes):
        self.name = name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self.accepted: list[socket.socket] = []
        self.saw_end = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted.append(sock)
                threading.Thread(target=self._echo, args=(sock,), daemon=True).start()

    def _echo(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(self.name)
            while data := sock.recv(65536):
                if data == b"RESET":
                    linger = struct.pack("ii", 1, 0)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    sock.close()
                    return
                sock.sendall(data)
            self.saw_end.set()
            sock.sendall(b"bye")
            sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self.accepted:
            sock.close()


class Pair:
    """Two echo servers behind a forwarder whose readiness the test sets."""

    def __init__(self) -> None:
        self.servers = [EchoServer(b"A"), EchoServer(b"B")]
        self.ready = {server.address: True for server in self.servers}
        self.forwarder = Forwarder(
            backends=[server.address for server in self.servers],
            ready=lambda host, port: self.ready.get((host, port), False),
            poll_seconds=0.01,
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.forwarder.port), timeout=5)

    def names(self, count: int) -> list[bytes]:
        names = []
        for _ in range(count):
            with self.connect() as sock:
                names.append(sock.recv(1))
        return names

    def set_ready(self, *ready: bool) -> None:
        for server, each in zip(self.servers, ready, strict=True):
            self.ready[server.address] = each
        self.forwarder.wait_ready([address for address, each in self.ready.items() if each])


@pytest.fixture
def pair() -> Iterator[Pair]:
    both = Pair()
    with both.forwarder:
        both.set_ready(True, True)
        yield both
    for server in both.servers:
        server.close()


def test_new_connections_go_round_robin(pair: Pair) -> None:
    assert pair.names(4) in ([b"A", b"B"] * 2, [b"B", b"A"] * 2)
    assert [backend.connections for backend in pair.forwarder.backends()] == [2, 2]


def test_unready_backend_gets_no_new_connection_but_keeps_its_own(pair: Pair) -> None:
    pair.set_ready(False, True)
    first = pair.connect()
    assert first.recv(1) == b"B"
    pair.set_ready(True, False)
    assert pair.names(3) == [b"A"] * 3
    first.sendall(b"still here")
    assert first.recv(100) == b"still here"
    first.close()


def test_without_ready_backend_connections_are_reset(pair: Pair) -> None:
    pair.set_ready(False, False)
    with pytest.raises(ConnectionResetError), pair.connect() as sock:
        sock.sendall(b"x")
        while sock.recv(1):
            pass
    pair.set_ready(False, True)
    assert pair.names(1) == [b"B"]


def test_ready_backend_that_refuses_is_passed_over(pair: Pair) -> None:
    pair.servers[0].close()
    assert pair.names(4) == [b"B"] * 4


def test_half_close_and_large_transfers_pass_through(pair: Pair) -> None:
    pair.set_ready(True, False)
    data = bytes(range(256)) * 20_000
    with pair.connect() as sock:
        assert sock.recv(1) == b"A"

        def send() -> None:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received = bytearray()
        while chunk := sock.recv(65536):
            received += chunk
        sender.join()
    assert bytes(received) == data + b"bye"
    assert pair.servers[0].saw_end.is_set()


def test_reset_of_the_backend_reaches_the_client(pair: Pair) -> None:
    pair.set_ready(True, False)
    with pair.connect() as sock:
        assert sock.recv(1) == b"A"
        sock.sendall(b"RESET")
        with pytest.raises(ConnectionResetError):
            assert sock.recv(1) != b"", "an orderly end"


def test_backends_come_and_go(pair: Pair) -> None:
    third = EchoServer(b"C")
    pair.ready[third.address] = True
    pair.forwarder.add_backend(third.address)
    pair.forwarder.wait_ready(pair.ready)
    assert sorted(pair.names(3)) == [b"A", b"B", b"C"]
    pair.forwarder.remove_backend(pair.servers[0].address)
    assert b"A" not in pair.names(4)
    third.close()


def test_backend_that_hangs_does_not_hide_the_others() -> None:
    release = threading.Event()
    good = EchoServer(b"G")

    def ready(_host: str, port: int) -> bool:
        return port == good.address[1] or release.wait(10)

    with Forwarder(backends=[("127.0.0.1", 1), good.address], ready=ready) as forwarder:
        forwarder.wait_ready([good.address], timeout=3)
        with socket.create_connection(("127.0.0.1", forwarder.port), timeout=5) as sock:
            assert sock.recv(1) == b"G"
        release.set()
    good.close()


def test_stop_ends_connections(pair: Pair) -> None:
    sock = pair.connect()
    assert sock.recv(1)
    pair.forwarder.stop()
    with contextlib.suppress(ConnectionResetError):
        while sock.recv(100):
            pass
    with pytest.raises(OSError):
        pair.connect()


def test_default_probe_asks_readyz_over_https() -> None:
    status = 503
    paths: list[bytes] = []

    def handler(connection: Connection, request: Request) -> None:
        paths.append(request.target)
        connection.answer(Response(status))

    context = Authority().issue().server_context()
    server = WireServer(handler, tls=context).start()
    assert not https_ready("127.0.0.1", server.port)
    status = 200
    assert https_ready("127.0.0.1", server.port)
    server.stop()
    assert not https_ready("127.0.0.1", server.port)
    assert paths == [b"/readyz"] * 2
