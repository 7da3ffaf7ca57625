# SPDX-License-Identifier: Apache-2.0
"""The server alone (tests/tools/server_probe.c), started, steered and looked at."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any, Callable, Optional

from tests.integration.builds import SLOWER, TOOLS, program_environment
from tests.support.process import Process
from tests.support.tls_client import Answer, TlsConnection

REVIEW = {
    "kind": "AdmissionReview",
    "apiVersion": "admission.k8s.io/v1",
    "request": {"uid": "0f5a-uid", "operation": "CREATE"},
}
JSON = {"Content-Type": "application/json"}


def eventually(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Until it holds; fails when that takes longer."""
    deadline = time.monotonic() + seconds * SLOWER
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * SLOWER:g} s: {what}")
        time.sleep(0.01)


class Probe:
    """Options are those of the program with underscores: `header_ms=500`."""

    def __init__(self, folder: Path, name: str = "probe", **options: int | str):
        self.folder = folder
        ca_file = folder / f"{name}-ca.pem"
        control = folder / f"{name}.sock"
        arguments = ["--ca", str(ca_file), "--control", str(control)]
        for option, value in options.items():
            arguments += [f"--{option.replace('_', '-')}", str(value)]
        self.process = Process.start(TOOLS / "server_probe", arguments, program_environment())
        try:
            started = self.process.wait_log("started", 10 * SLOWER)
            self.port: int = started["port"]
            self.metrics_port: int = started["metrics_port"]
            self.default_idle_ms: int = started["default_idle_ms"]
            self.ca_pem = ca_file.read_text()
            self._control = socket.socket(socket.AF_UNIX)
            self._control.settimeout(10 * SLOWER)
            self._control.connect(str(control))
            self._replies = self._control.makefile("rb")
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Kills it where the test has not stopped it."""
        self._replies.close()
        self._control.close()
        self.process.kill()

    def stop(self) -> int:
        """As the kubelet would; the exit status."""
        return self.process.stop(30 * SLOWER)

    def command(self, text: str) -> dict[str, Any]:
        self._control.sendall(text.encode() + b"\n")
        return json.loads(self._replies.readline())

    def counters(self) -> dict[str, int]:
        return self.command("counters")

    def wait_counter(self, name: str, predicate: Callable[[int], bool], seconds: float = 10) -> int:
        seen: list[int] = []

        def holds() -> bool:
            seen.append(self.counters()[name])
            return predicate(seen[-1])

        try:
            eventually(holds, f"counter {name}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; last value {seen[-1]}") from None
        return seen[-1]

    def connect(self, *, verify: bool = False, timeout: Optional[float] = None) -> TlsConnection:
        return TlsConnection(
            self.port,
            ca_pem=self.ca_pem if verify else None,
            timeout=timeout or 10 * SLOWER,
        )

    def healthy(self) -> Answer:
        """One request over a connection of its own."""
        with self.connect(verify=True) as connection:
            return connection.request("GET", "/healthz")


def review_of(size: int) -> bytes:
    """A review whose JSON has exactly that many bytes."""
    empty = json.dumps({**REVIEW, "padding": ""}).encode()
    return json.dumps({**REVIEW, "padding": "x" * (size - len(empty))}).encode()
