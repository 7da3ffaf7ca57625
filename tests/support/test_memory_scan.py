# SPDX-License-Identifier: Apache-2.0
"""The scan of another process' memory, on children that hold a value and wipe it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import Iterator

import pytest

from tests.support.memory_scan import WINDOW_BYTES, Marker, scan

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads another process as root")

# Takes commands of one byte. Data goes from the pipe straight into anonymous memory, so that no
# other copy of it is ever made.
CHILD = """
import ctypes, mmap, os, sys
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: as keyturn does
size, offset = int(sys.argv[1]), int(sys.argv[2])
area = mmap.mmap(-1, 16 * 1024 * 1024)
view = memoryview(area)[offset:offset + size]
while command := os.read(0, 1):
    if command == b"p":
        done = 0
        while done < size:
            done += os.readv(0, [view[done:]])
    elif command == b"w":
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(view)), 0, size)
    elif command == b"d":
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(view)), 0, 16)
    os.write(1, b".")
"""


class Child:
    def __init__(self, size: int, offset: int = 0):
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", CHILD, str(size), str(offset)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def tell(self, command: bytes) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command)
        assert self.process.stdout.read(1) == b"."

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def marker() -> Marker:
    return Marker("planted")


@pytest.fixture
def child(marker: Marker) -> Iterator[Child]:
    running = Child(len(marker.value))
    yield running
    running.close()


def test_finds_a_planted_value_and_not_after_wiping(child: Child, marker: Marker) -> None:
    absent = Marker("absent")
    before = scan(child.process.pid, [marker, absent])
    assert before.whole() == 0 and before.parts() == 0, before.describe()
    child.tell(b"p" + marker.value)
    planted = scan(child.process.pid, [marker, absent])
    assert planted.whole("planted", "raw") == 1, planted.describe()
    assert planted.parts("planted") == len(marker.value) // WINDOW_BYTES
    assert planted.whole("absent") == 0
    child.tell(b"w")
    wiped = scan(child.process.pid, [marker, absent])
    assert wiped.whole() == 0 and wiped.parts() == 0, wiped.describe()
    assert wiped.mappings > 10 and wiped.bytes_read > 16 * 1024 * 1024


def test_finds_a_value_whose_beginning_was_overwritten(child: Child, marker: Marker) -> None:
    child.tell(b"p" + marker.value)
    child.tell(b"d")
    result = scan(child.process.pid, [marker])
    assert result.whole() == 0
    assert result.parts() == len(marker.value) // WINDOW_BYTES - 1, result.describe()


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_finds_base64_at_every_alignment(marker: Marker, offset: int) -> None:
    encoded = base64.b64encode(b"x" * offset + marker.value + b"tail")
    child = Child(len(encoded))
    try:
        child.tell(b"p" + encoded)
        result = scan(child.process.pid, [marker])
        assert result.whole(form=f"base64+{offset}") == 1, result.describe()
        assert result.whole() == 1
    finally:
        child.close()


def test_finds_a_value_across_the_scanners_chunks(marker: Marker) -> None:
    child = Child(len(marker.value), 4 * 1024 * 1024 - 20)
    try:
        child.tell(b"p" + marker.value)
        result = scan(child.process.pid, [marker])
        assert result.whole() == 1 and result.parts() == len(marker.value) // WINDOW_BYTES
    finally:
        child.close()


def test_finds_what_the_environment_holds(marker: Marker) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={"VALUE": marker.text},
    )
    try:
        result = scan(process.pid, [marker])
        assert result.whole(form="raw") >= 1
        assert any("[stack]" in hit.mapping for hit in result.hits)
    finally:
        process.communicate()


def test_process_goes_on_after_the_scan(child: Child, marker: Marker) -> None:
    scan(child.process.pid, [marker])
    child.tell(b"p" + marker.value)


def test_nothing_shows_the_value(child: Child, marker: Marker) -> None:
    child.tell(b"p" + marker.value)
    result = scan(child.process.pid, [marker])
    shown = repr(result) + result.describe() + repr(marker)
    assert marker.text not in shown and marker.text[:16] not in shown
    assert "planted raw: 1 whole" in result.describe()


def test_short_marker_is_refused() -> None:
    with pytest.raises(ValueError):
        Marker("short", b"x" * 31)
