# SPDX-License-Identifier: Apache-2.0
"""A wall clock that a test can move or stop."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate
from typing import Optional


class SettableClock:
    """Epoch seconds: the system's plus an offset, or a frozen instant. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = 0.0
        self._frozen: Optional[float] = None

    def now(self) -> float:
        with self._lock:
            return time.time() + self._offset if self._frozen is None else self._frozen

    def set_offset(self, seconds: float) -> None:
        """Runs `seconds` ahead of the system clock (negative: behind)."""
        with self._lock:
            self._frozen, self._offset = None, seconds

    def freeze(self, instant: float) -> None:
        with self._lock:
            self._frozen = instant

    def http_date(self) -> str:
        return formatdate(self.now(), usegmt=True)
