# SPDX-License-Identifier: Apache-2.0
"""Which build of Keyturn is under test, and how patient tests are with it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# ./dev test sets these; by hand the release build is taken.
BINARY = Path(os.environ.get("KEYTURN_BINARY") or ROOT / "build" / "webhook" / "keyturn")
BUILD = os.environ.get("KEYTURN_BUILD") or "release"
SLOWER = float(os.environ.get("KEYTURN_SLOWER") or 1)

SANITIZED = BUILD != "release"
TOOLS = BINARY.parents[1] / "tests" / "tools"


def program_environment() -> dict[str, str]:
    """What a program under test is given of this process's environment: how sanitizers report."""
    return {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
