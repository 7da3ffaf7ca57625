# SPDX-License-Identifier: Apache-2.0
"""For every Python test."""

from __future__ import annotations

import signal
from types import FrameType

import pytest


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("SIGTERM")


def pytest_configure(config: pytest.Config) -> None:
    # As an interrupt from the terminal: fixtures are torn down, so that nothing stays behind.
    signal.signal(signal.SIGTERM, _interrupt)
