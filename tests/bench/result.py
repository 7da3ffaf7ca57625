# SPDX-License-Identifier: Apache-2.0
"""A budget and what was measured against it, as a line: `P1 1.83 of at most 2.50 ok`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    name: str
    value: float
    limit: float
    digits: int = 2
    note: str = ""
    at_least: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        bound = "at least" if self.at_least else "at most"
        missed = "under" if self.at_least else "over"
        verdict = "ok" if self.ok else missed
        numbers = f"{self.value:.{self.digits}f} of {bound} {self.limit:.{self.digits}f}"
        return f"{self.name} {numbers} {verdict}" + (f"   ({self.note})" if self.note else "")
