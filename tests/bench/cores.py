# SPDX-License-Identifier: Apache-2.0
"""One half of this machine's cores for control planes, the other for whoever asks them, as if they
were two machines. Of a single core both have all.

What is started has the cores of the thread that asks for it (tests/cluster/processes.py and
tests/support/process.py see to that), and a Go program counts them when it begins.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

ALL = sorted(os.sched_getaffinity(0))
HALF = len(ALL) // 2


@contextlib.contextmanager
def _only(cores: list[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def of_control_planes() -> contextlib.AbstractContextManager[None]:
    return _only(ALL[:HALF] or ALL)


def of_clients() -> contextlib.AbstractContextManager[None]:
    return _only(ALL[HALF:])
