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

from tests.cluster import objects
from tests.cluster.api import wait_for
from tests.cluster.eso import locate_eso
from tests.cluster.programs import locate_programs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    # The programs of the usual cache, as if somebody supplied them.
    assets = Path(locate_programs()["kubectl"]).parent
    return {**os.environ, "KEYTURN_CACHE": str(tmp_path), "KUBEBUILDER_ASSETS": str(assets)}


def cluster(
    environment: dict[str, str], *arguments: str, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.cluster.cli", *arguments],
        input=input,
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


def test_up_with_eso_syncs_a_secret_from_the_stand_in(environment: dict[str, str]) -> None:
    controller = locate_eso().controller
    (Path(environment["KEYTURN_CACHE"]) / "eso").symlink_to(controller.parents[2])
    started = cluster(environment, "up", "--nodes", "0", "--eso")
    assert started.returncode == 0, started.stderr
    try:
        exported = (line.removeprefix("export ") for line in started.stdout.splitlines())
        shell = {**os.environ, **dict(line.split("=", 1) for line in exported)}
        aws = [sys.executable, "-m", "tests.support.aws_standin", "put", "prod/db", "from-aws"]
        subprocess.run(aws, cwd=ROOT, env=shell, check=True, capture_output=True, timeout=30)
        manifests = [objects.secret_store(), objects.external_secret("db", "prod/db")]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        applied = cluster(environment, "kubectl", "apply", "-f", "-", input=text)
        assert applied.returncode == 0, applied.stderr
        synced = ("wait", "--for=condition=Ready", "--timeout=30s", "externalsecret/db")
        assert cluster(environment, "kubectl", *synced).returncode == 0
        password = ("get", "secret", "db", "-o", "jsonpath={.data.password}")
        assert cluster(environment, "kubectl", *password).stdout == "ZnJvbS1hd3M="
    finally:
        cluster(environment, "down")
