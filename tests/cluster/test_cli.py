# SPDX-License-Identifier: Apache-2.0
"""./dev cluster, in a cache folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.api import wait_for
from tests.cluster.programs import locate_programs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    # The programs of the usual cache, as if somebody supplied them.
    assets = Path(locate_programs()["kubectl"]).parent
    return {**os.environ, "KEYTURN_CACHE": str(tmp_path), "KUBEBUILDER_ASSETS": str(assets)}


def cluster(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.cluster.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def owner(environment: dict[str, str]) -> int:
    return json.loads((Path(environment["KEYTURN_CACHE"]) / "cluster.json").read_text())["pid"]


def children_of(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def test_up_kubectl_down(environment: dict[str, str]) -> None:
    started = cluster(environment, "up", "--nodes", "1")
    try:
        assert started.returncode == 0, started.stderr
        assert started.stdout.startswith("export KUBECONFIG=/")
        programs = children_of(owner(environment))
        assert len(programs) == 5
        # Up is up: a second one changes nothing.
        assert cluster(environment, "up").stdout == started.stdout
        nodes = cluster(environment, "kubectl", "get", "nodes", "-o", "name")
        assert nodes.stdout == "node/node-0\n", nodes.stderr
    finally:
        stopped = cluster(environment, "down")
    assert stopped.returncode == 0, stopped.stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in programs)
    kubeconfig = Path(started.stdout.strip().split("=")[1])
    assert not kubeconfig.parent.exists()
    refused = cluster(environment, "kubectl", "get", "nodes")
    assert refused.returncode == 1
    assert "no control plane is up" in refused.stderr


def test_owner_that_was_killed_is_not_up(environment: dict[str, str]) -> None:
    assert cluster(environment, "up", "--nodes", "0").returncode == 0
    pid = owner(environment)
    programs = children_of(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: not any(Path(f"/proc/{program}").exists() for program in programs),
        what="programs gone",
    )
    stopped = cluster(environment, "down")
    assert (stopped.returncode, stopped.stderr) == (0, "no control plane is up\n")
