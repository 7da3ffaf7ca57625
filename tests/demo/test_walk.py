# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import pytest

from tests.demo.screen import Screen
from tests.demo.walk import NotShown, Step, Walk


@pytest.fixture
def walk() -> Walk:
    return Walk(Screen(io.StringIO()))


def nothing() -> None:
    pass


def fails() -> None:
    raise NotShown("why")


def breaks() -> None:
    raise ZeroDivisionError("a mistake of the demo")


def test_counts_what_was_shown(walk: Walk) -> None:
    assert walk.take(Step("good", nothing), 1)
    assert walk.last_line() == "demo: 1 of 1 shown"
    assert walk.complete


@pytest.mark.parametrize("show, told", [(fails, "why"), (breaks, "ZeroDivisionError")])
def test_step_that_fails_is_not_shown_and_says_why(walk: Walk, show, told: str) -> None:
    assert not walk.take(Step("bad", show), 1)
    assert told in walk.screen.transcript()
    assert walk.take(Step("good", nothing), 2)
    assert walk.last_line() == "demo: 1 of 2 shown"
    assert not walk.complete


def test_step_without_what_it_needs_is_not_run(walk: Walk) -> None:
    walk.take(Step("bad", fails), 1)
    assert not walk.take(Step("dependent", lambda: pytest.fail("was run"), (fails,)), 2)
    assert walk.last_line() == "demo: 0 of 2 shown"


def test_interrupt_ends_the_walk(walk: Walk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk.take(Step("interrupted", interrupt), 1)
    assert walk.last_line() == "demo: 0 of 1 shown"


def test_check_that_does_not_hold_says_what_was_found(walk: Walk) -> None:
    with pytest.raises(NotShown, match=r"two Pods\nfound: 3"):
        walk.check(False, "two Pods", 3)
    walk.check(True, "two Pods", 2)
    assert walk.screen.transcript() == "  ok  two Pods"


def test_wait_returns_what_it_waited_for(walk: Walk) -> None:
    answers = iter(["", "", "there"])
    assert walk.wait("it comes", lambda: next(answers)) == "there"
    assert "ok  it comes" in walk.screen.transcript()


def test_wait_has_an_end(walk: Walk) -> None:
    with pytest.raises(NotShown, match="it comes"):
        walk.wait("it comes", lambda: False, timeout=0.1)


def test_wait_ends_when_waiting_is_in_vain(walk: Walk) -> None:
    walk.check_alive = fails
    with pytest.raises(NotShown, match="why"):
        walk.wait("it comes", lambda: False, timeout=60)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream, coloured in ((Terminal(), True), (io.StringIO(), False)):
        screen = Screen(stream)
        screen.title(1, "a step")
        screen.ok("it holds")
        screen.failed("it does not\nfor a reason")
        assert ("\x1b[" in stream.getvalue()) == coloured
        assert "\x1b[" not in screen.transcript()
        assert "it holds" in screen.transcript()


def test_no_colours_where_the_user_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Screen(stream).title(1, "a step")
    assert "\x1b[" not in stream.getvalue()
