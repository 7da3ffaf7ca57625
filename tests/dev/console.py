# SPDX-License-Identifier: Apache-2.0
"""Long commands: output into a log, a line with the elapsed time every ten seconds."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.processes import Process

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "build-logs"
PROGRESS_SECONDS = 10

_output = threading.Lock()


def say(line: str) -> None:
    with _output:
        print(line, flush=True)


def elapsed(since: float) -> str:
    seconds = int(time.monotonic() - since)
    return f"{seconds // 60}:{seconds % 60:02d}"


def run(
    title: str,
    argv: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    timeout: float = 3600,
) -> int:
    """Runs `argv` with its output in `log` (a new file) and returns its exit status; 124 when it
    took longer than `timeout` seconds. It ends with us, whatever ends us. `env` is added to ours.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    started = time.monotonic()
    process = Process(argv, log, env={**os.environ, **(env or {})}, cwd=cwd)
    try:
        while time.monotonic() - started < timeout:
            try:
                return process.wait(PROGRESS_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"  {title} {elapsed(started)}  {last_line(log)}".rstrip())
        say(f"  {title} {elapsed(started)}  takes too long: stopped")
        process.stop(60)  # time for tests to clear away what they started
        return 124
    except BaseException:
        process.stop(60)
        raise


def last_line(log: Path) -> str:
    """The last line that has been written so far, cut to a terminal's width."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        text = stream.read().decode(errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return printable(lines[-1][:100]) if lines else ""


def show_end(log: Path, lines: int = 40) -> None:
    """The end of a log, to be read where the failure is reported. Ninja's lines about what went
    well are left out, since compilers run side by side."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    telling = [line for line in text if not re.match(r"\[\d+/\d+\] ", line)]
    for line in telling[-lines:]:
        say(f"    {printable(line)}")
    say(f"  log: {log.relative_to(ROOT) if log.is_relative_to(ROOT) else log}")


def printable(line: str) -> str:
    """Test programs write whatever bytes they are fed; a terminal must not get them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
