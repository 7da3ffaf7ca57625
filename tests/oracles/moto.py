# SPDX-License-Identifier: Apache-2.0
"""A moto server as a process on loopback."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any

from tests.support.process import Process

_RUNNING = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_START_SECONDS = 60.0


class Moto:
    def __init__(self) -> None:
        # No proxy and no profile of whoever runs the tests.
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"}
        arguments = ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        self._process = Process.start(sys.executable, arguments, environment)
        self.endpoint = self._wait_running()

    def _wait_running(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.returncode() is None:
            match = _RUNNING.search("\n".join(self._process.stderr_lines()))
            if match is not None:
                return match[1]
            time.sleep(0.05)
        self._process.kill()
        raise RuntimeError("moto did not start:\n" + "\n".join(self._process.stderr_lines()))

    def __enter__(self) -> "Moto":
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
