# SPDX-License-Identifier: Apache-2.0
"""Programs of tests/tools: many questions in, as many answers out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.builds import TOOLS, program_environment

_SECONDS = 120


def tool_path(name: str) -> Path:
    return TOOLS / name


def ask_tool(name: str, lines: list[str]) -> list[str]:
    """One answer for each line. What goes to standard error, a sanitizer's report among it, fails
    the test."""
    path = tool_path(name)
    assert path.exists(), f"{path} is not built: ninja -C build"
    run = subprocess.run(
        [path],
        input="".join(f"{line}\n" for line in lines),
        env=program_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=_SECONDS,
    )
    assert (run.returncode, run.stderr) == (0, "")
    answers = run.stdout.split("\n")[:-1]
    assert len(answers) == len(lines)
    return answers
