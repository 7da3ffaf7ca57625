# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one control plane for the session, one Keyturn for a module, a namespace for each test.

A module says how Keyturn is to be started in a constant of its own, with Keyturn's parameters:

    KEYTURN = {"replicas": 2, "options": {"debounce": "1s"}}

or, where they are known only when the tests run, in a fixture `keyturn_parameters` of its own.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import Keyturn
from tests.cluster.scenario import Scenario
from tests.support.aws_standin import AwsStandIn

# What a failed test leaves behind in its namespace is written beside the logs. Not Secrets.
DUMPED_KINDS = ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Event")

_control_plane = pytest.StashKey[ControlPlane]()
_keyturn = pytest.StashKey[Keyturn]()
_kept_logs = pytest.StashKey[set[Path]]()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    cluster = ControlPlane(nodes=2)
    request.config.stash[_control_plane] = cluster
    with cluster:
        yield cluster


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsStandIn]:
    """With one principal, who may read everything."""
    with AwsStandIn() as standin:
        standin.add_principal()
        yield standin


@pytest.fixture(scope="module")
def keyturn_parameters(request: pytest.FixtureRequest) -> dict[str, Any]:
    return getattr(request.module, "KEYTURN", {})


@pytest.fixture(scope="module")
def keyturn(
    control_plane: ControlPlane,
    keyturn_parameters: dict[str, Any],
    request: pytest.FixtureRequest,
) -> Iterator[Keyturn]:
    """Installed and in force; at the end of the module stopped and uninstalled."""
    with Keyturn(control_plane, **keyturn_parameters) as running:
        request.config.stash[_keyturn] = running
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh one, named after the test; its removal is not waited for."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"{words[:50].rstrip('-')}-{secrets.token_hex(3)}"
    control_plane.create_namespace(name)
    yield name
    if request.node.stash.get(_failed, False):
        _dump(control_plane, name)
    control_plane.api.delete("Namespace", name)


@pytest.fixture
def scenario(control_plane: ControlPlane, keyturn: Keyturn, namespace: str) -> Scenario:
    return Scenario(control_plane, keyturn, namespace)


_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    report: pytest.TestReport = yield
    if report.failed:
        item.stash[_failed] = True
        cluster = item.config.stash.get(_control_plane, None)
        if cluster is not None:
            folder = cluster.keep_logs()
            item.config.stash.setdefault(_kept_logs, set()).add(folder)
            report.sections.append(("control plane", f"logs: {folder}"))
            if "keyturn" in getattr(item, "fixturenames", ()):
                running = item.config.stash.get(_keyturn, None)
                if running is not None:
                    running.write_logs()
                    end = "\n".join(replica.stderr()[-4000:] for replica in running.replicas)
                    report.sections.append(("end of Keyturn's log", end))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for folder in terminalreporter.config.stash.get(_kept_logs, set()):
        terminalreporter.write_line(f"logs of the control plane are kept: {folder}")


def _dump(cluster: ControlPlane, namespace: str) -> None:
    objects = {kind: cluster.api.list(kind, namespace) for kind in DUMPED_KINDS}
    (cluster.log_folder / f"{namespace}.json").write_text(json.dumps(objects, indent=1))
