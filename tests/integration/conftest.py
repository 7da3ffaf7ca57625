# SPDX-License-Identifier: Apache-2.0
"""Programs under test, started for one test and gone after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.builds import TOOLS
from tests.integration.probe import Probe


@pytest.fixture
def start_probe(tmp_path: Path) -> Iterator[Callable[..., Probe]]:
    """Starts server probes with options of the test's choice."""
    if not (TOOLS / "server_probe").exists():
        pytest.fail(f"{TOOLS / 'server_probe'} is not built: ninja -C build")
    probes: list[Probe] = []

    def start(**options: int | str) -> Probe:
        probes.append(Probe(tmp_path, f"probe{len(probes)}", **options))
        return probes[-1]

    yield start
    for probe in probes:
        probe.close()
        # A sanitizer's finding is on standard error, whatever the test looked at.
        reports = [line for line in probe.process.stderr_lines() if "Sanitizer" in line]
        assert not reports, "\n".join(probe.process.stderr_lines())


@pytest.fixture
def probe(start_probe: Callable[..., Probe]) -> Probe:
    """One with the defaults."""
    return start_probe()
