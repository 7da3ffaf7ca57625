# SPDX-License-Identifier: Apache-2.0
"""Looks for planted values in the memory of another process, as root, from outside.

A process that is not dumpable cannot read itself; and what a library kept a copy of is only seen
from outside. Every mapping is read; one that cannot be is reported, not skipped silently. Values
are never shown: results name markers, forms and mappings.

A copy may be damaged (the allocator writes its links over the first bytes of a freed block), so
besides whole values every 16-byte window of them is counted.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Iterable, Iterator, Optional

WINDOW_BYTES = 16
CHUNK_BYTES = 4 * 1024 * 1024
_WORD_BYTES = 8
_MAPS_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)")


class Marker:
    """A planted value and what it looks like in memory: as it is, and within base64."""

    def __init__(self, name: str, value: Optional[bytes] = None):
        self.name = name
        self.value = value if value is not None else secrets.token_urlsafe(48).encode()
        if len(self.value) < 2 * WINDOW_BYTES:
            raise ValueError(f"a marker has at least {2 * WINDOW_BYTES} bytes")
        self.forms = {"raw": self.value}
        for offset in range(3):
            self.forms[f"base64+{offset}"] = _base64_at(self.value, offset)

    @property
    def text(self) -> str:
        return self.value.decode()

    def __repr__(self) -> str:
        return f"Marker({self.name!r})"


def _base64_at(value: bytes, offset: int) -> bytes:
    """The base64 characters that depend on the value alone when `offset` bytes precede it."""
    encoded = base64.b64encode(b"\0" * offset + value)
    end = (offset + len(value)) * 8 // 6
    return encoded[(offset * 8 + 5) // 6 : end]


def _windows(needle: bytes) -> list[bytes]:
    return [
        needle[start : start + WINDOW_BYTES]
        for start in range(0, len(needle) - WINDOW_BYTES + 1, WINDOW_BYTES)
    ]


@dataclass(frozen=True)
class Hit:
    """`whole` copies and `parts` (windows, those of whole copies included) in one mapping."""

    marker: str
    form: str
    mapping: str
    whole: int
    parts: int


@dataclass
class ScanResult:
    hits: list[Hit] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    mappings: int = 0
    bytes_read: int = 0

    def whole(self, marker: Optional[str] = None, form: Optional[str] = None) -> int:
        return sum(hit.whole for hit in self._chosen(marker, form))

    def parts(self, marker: Optional[str] = None, form: Optional[str] = None) -> int:
        """The strict count: 0 means that no window of any value is left."""
        return sum(hit.parts for hit in self._chosen(marker, form))

    def _chosen(self, marker: Optional[str], form: Optional[str]) -> Iterator[Hit]:
        for hit in self.hits:
            if (marker is None or hit.marker == marker) and (
                form is None or hit.form.startswith(form)
            ):
                yield hit

    def describe(self) -> str:
        """For assertion messages; no values."""
        lines = [
            f"{hit.marker} {hit.form}: {hit.whole} whole, {hit.parts} parts in {hit.mapping}"
            for hit in self.hits
        ]
        lines += [f"unreadable: {name}" for name in self.unreadable]
        return "\n".join(lines) or "nothing found"


def scan(pid: int, markers: Iterable[Marker], *, freeze: bool = True) -> ScanResult:
    """Counts the markers in every mapping of the process. `freeze` stops it meanwhile, so that a
    value cannot move from a mapping not yet read to one already read."""
    needles = _Needles(markers)
    with _frozen(pid) if freeze else contextlib.nullcontext():
        result = ScanResult()
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            lines = maps.read().splitlines()
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        try:
            for line in lines:
                _scan_mapping(memory, line, needles, result)
        finally:
            os.close(memory)
    return result


class _Needles:
    """All forms of all markers, with an index that tells quickly which of them memory may hold.

    Wherever a window lies, one aligned word is wholly within its first 15 bytes: so memory is gone
    through once, word by word, and searched only for those forms of which a word was met.
    """

    def __init__(self, markers: Iterable[Marker]):
        self._words: dict[int, set[tuple[str, str, bytes]]] = {}
        self.longest = 1
        for marker in markers:
            for form, needle in marker.forms.items():
                self.longest = max(self.longest, len(needle))
                for window in _windows(needle):
                    for start in range(_WORD_BYTES):
                        word = window[start : start + _WORD_BYTES]
                        entry = self._words.setdefault(int.from_bytes(word, sys.byteorder), set())
                        entry.add((marker.name, form, needle))
        self._known = set(self._words)

    def within(self, data: bytes) -> set[tuple[str, str, bytes]]:
        """Name, form and bytes of what may be there; `data` begins where words do."""
        words = memoryview(data)[: len(data) // _WORD_BYTES * _WORD_BYTES].cast("Q")
        met = self._known.intersection(words)
        return set().union(*(self._words[word] for word in met))


def _scan_mapping(memory: int, line: str, needles: _Needles, result: ScanResult) -> None:
    match = _MAPS_LINE.fullmatch(line)
    assert match is not None, "a line of /proc/PID/maps"
    start, end = int(match[1], 16), int(match[2], 16)
    name = f"{match[4] or 'anonymous'} {match[3]} {match[1]}-{match[2]}"
    result.mappings += 1
    counts: dict[tuple[str, str], list[int]] = {}
    # A needle that crosses two chunks is found in the second, which begins with the first's tail.
    overlap = needles.longest - 1
    tail = b""
    before: set[tuple[str, str, bytes]] = set()
    at = start
    while at < end:
        try:
            data = os.pread(memory, min(CHUNK_BYTES, end - at), at)
        except (OSError, OverflowError):
            data = b""
        if not data:
            result.unreadable.append(f"{name} at {at:x}")
            break
        at += len(data)
        result.bytes_read += len(data)
        if data.count(0) == len(data):
            # Reserved and never touched, as most of a process with threads is.
            tail, before = data[-overlap:], set()
            continue
        # What crosses the border has its words on one side of it or the other.
        here = needles.within(data)
        _count(tail + data, len(tail), here | before, counts)
        tail, before = (tail + data)[-overlap:], here
    for (marker, form), (whole, parts) in sorted(counts.items()):
        result.hits.append(Hit(marker, form, name, whole, parts))


def _count(
    data: bytes,
    fresh: int,
    needles: Iterable[tuple[str, str, bytes]],
    counts: dict[tuple[str, str], list[int]],
) -> None:
    """Adds the matches that end after the first `fresh` bytes; the others are counted already."""
    for name, form, needle in needles:
        whole = _matches(data, needle, fresh)
        parts = sum(_matches(data, window, fresh) for window in _windows(needle))
        if whole or parts:
            entry = counts.setdefault((name, form), [0, 0])
            entry[0] += whole
            entry[1] += parts


def _matches(data: bytes, needle: bytes, fresh: int) -> int:
    count = 0
    at = data.find(needle, max(0, fresh - len(needle) + 1))
    while at >= 0:
        count += 1
        at = data.find(needle, at + 1)
    return count


@contextlib.contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 5
        while _state(pid) not in "Tt":
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {pid} did not stop")
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[0]
