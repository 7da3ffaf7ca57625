# SPDX-License-Identifier: Apache-2.0
"""What the demo prints. All of it is also kept, because no secret value may be in it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

STYLES = {
    "title": "1",
    "command": "36",
    "quiet": "2",
    "warning": "33",
    "ok": "32",
    "failed": "1;31",
}
MARGIN = "      "


class Screen:
    """Colours only on a terminal, and not where NO_COLOR is set (no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colours = (
            self._stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
        self._written: list[str] = []

    def transcript(self) -> str:
        """Everything printed so far, without colours."""
        return "\n".join(self._written)

    def line(self, text: str = "", style: str = "") -> None:
        self._written.append(text)
        print(self._styled(text, style), file=self._stream, flush=True)

    def title(self, number: int, text: str) -> None:
        self.line()
        self.line(f"[{number:2}]  {text}", "title")

    def say(self, text: str) -> None:
        self.line(f"{MARGIN}{text}")

    def ok(self, text: str) -> None:
        self._written.append(f"  ok  {text}")
        print(f"  {self._styled('ok', 'ok')}  {text}", file=self._stream, flush=True)

    def failed(self, text: str) -> None:
        first, *rest = text.splitlines() or [""]
        self.line(f"{MARGIN}FAILED  {first}", "failed")
        for line in rest:
            self.line(f"{MARGIN}        {line}", "quiet")

    def command(self, text: str) -> None:
        self.line(f"{MARGIN}$ {text}", "command")

    def output(self, text: str) -> None:
        """What a command printed; what kubectl passes on from the API server stands out."""
        for line in text.splitlines():
            style = "warning" if line.startswith(("Warning:", "Error")) else "quiet"
            self.line(f"{MARGIN}  {line}".rstrip(), style)

    def _styled(self, text: str, style: str) -> str:
        if not self._colours or not style or not text:
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m"
