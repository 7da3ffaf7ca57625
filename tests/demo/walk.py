# SPDX-License-Identifier: Apache-2.0
"""Runs the steps of the demo one after another, and counts what was shown."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.cluster.api import ApiError, wait_for
from tests.cluster.control_plane import CommandError
from tests.cluster.processes import ProcessError
from tests.cluster.go_module import ProgramsError
from tests.demo.screen import Screen
from tests.support.process import ProcessEnded

T = TypeVar("T")


class NotShown(Exception):
    """A check did not hold. The text says what was found instead."""


# Their text says enough. Anything else is shown with its traceback.
FAILURES = (
    ApiError,
    CommandError,
    NotShown,
    OSError,  # TimeoutError is one
    ProcessEnded,
    ProcessError,
    ProgramsError,
)
SLOW_CHECK_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """`show` raises when the step cannot be shown. `needs` are the steps (their `show`) without
    which it makes no sense."""

    title: str
    show: Callable[[], None]
    needs: Sequence[Callable[[], None]] = ()


@dataclass
class Walk:
    screen: Screen
    shown: list[Callable[[], None]] = field(default_factory=list)
    tried: int = 0
    # Called before each look at a condition that is waited for; raises when waiting is in vain.
    check_alive: Callable[[], None] = lambda: None

    def take(self, step: Step, number: int) -> bool:
        """Prints one step, and its time; says why it was not shown."""
        self.screen.title(number, step.title)
        self.tried += 1
        lacking = [needed for needed in step.needs if needed not in self.shown]
        if lacking:
            self.screen.failed("a step that this one needs was not shown")
            return False
        began = time.monotonic()
        try:
            step.show()
        except FAILURES as failure:
            self.screen.failed(str(failure))
        except Exception:
            self.screen.failed(traceback.format_exc())
        else:
            self.shown.append(step.show)
        self.screen.line(f"      {time.monotonic() - began:.1f} s", "quiet")
        return step.show in self.shown

    def last_line(self) -> str:
        return f"demo: {len(self.shown)} of {self.tried} shown"

    @property
    def complete(self) -> bool:
        return len(self.shown) == self.tried

    # What a step checks with.

    def check(self, condition: object, text: str, found: object = None) -> None:
        """`text` says what must hold, `found` what is there if it does not."""
        if not condition:
            raise NotShown(text if found is None else f"{text}\nfound: {found}")
        self.screen.ok(text)

    def wait(self, text: str, predicate: Callable[[], T], timeout: float = 20) -> T:
        """Waits until the predicate is true and returns what it returned."""

        def look() -> T:
            self.check_alive()
            return predicate()

        began = time.monotonic()
        try:
            value = wait_for(look, timeout, text)
        except TimeoutError as error:
            raise NotShown(str(error)) from None
        seconds = time.monotonic() - began
        self.screen.ok(f"{text} ({seconds:.1f} s)" if seconds >= SLOW_CHECK_SECONDS else text)
        return value
