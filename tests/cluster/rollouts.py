# SPDX-License-Identifier: Apache-2.0
"""Counting rolls: the revisions that Kubernetes keeps of a workload, against Keyturn's own log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.keyturn import Keyturn, Replica
from tests.cluster.scenario import Scenario, container, stamp, variable

MAKE: Mapping[str, Callable[..., Object]] = {
    "Deployment": objects.deployment,
    "StatefulSet": objects.stateful_set,
    "DaemonSet": objects.daemon_set,
}

# The three kinds that roll, each as a workload named after it.
NAMES = {kind: kind.lower() for kind in MAKE}

# No window within which two changes fall together by chance, and none that a slow machine misses.
WINDOW = {"debounce": "1s", "max-wait": "5s"}


def uses_each(*names: str, key: str = "key") -> Object:
    """Arguments for the functions of objects.py: one container with this key of each Secret."""
    return {"containers": [container(*(variable(name, key) for name in names))]}


def create_all(scenario: Scenario, spec: Object) -> None:
    """One workload of each kind, rolled out."""
    for kind, name in NAMES.items():
        scenario.create(MAKE[kind](name, **spec))
    for kind, name in NAMES.items():
        scenario.wait_rolled_out(kind, name)


def revisions(scenario: Scenario, kind: str, name: str) -> list[Object]:
    """Every Pod template this workload ever had (fewer than revisionHistoryLimit)."""
    uid = scenario.get(kind, name)["metadata"]["uid"]
    found = scenario.api.list(
        "ReplicaSet" if kind == "Deployment" else "ControllerRevision", scenario.namespace
    )
    return [
        each
        for each in found
        if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or [])
    ]


def assert_rolled(scenario: Scenario, kind: str, name: str, times: int) -> None:
    """Exactly so often, by what Keyturn says and by what Kubernetes has."""
    assert len(scenario.rolls(name)) == times
    assert len(revisions(scenario, kind, name)) == times + 1


def assert_settled(
    scenario: Scenario, kind: str, name: str, secret: str, rolled: int, result: str = "fresh"
) -> None:
    """Keyturn looks once more, finds nothing to do, and has rolled just so often."""
    scenario.settle(kind, name, secret, result)
    assert_rolled(scenario, kind, name, rolled)


def assert_all_settled(scenario: Scenario, secret: str, rolled: int) -> None:
    """The same for the workloads of create_all()."""
    for kind, name in NAMES.items():
        assert_settled(scenario, kind, name, secret, rolled)


def wait_rolled_once_more(scenario: Scenario, kind: str, name: str, count: int = 1) -> Object:
    """Waits for roll number `count` and until all Pods run with its hash; returns its log entry."""
    entry = scenario.wait_roll(name, count)
    scenario.wait_rolled_out(kind, name)
    scenario.wait_for(
        lambda: all(stamp(pod) == entry["to"] for pod in scenario.pods(name)),
        f"all Pods of {name} with {entry['to']}",
    )
    return entry


def identities(scenario: Scenario, name: str) -> dict[str, str]:
    """Of the Pods of a workload: name and uid."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in scenario.pods(name)}


def start_again(keyturn: Keyturn, replica: Replica) -> None:
    replica.start()
    replica.wait_ready()
    keyturn.wait_in_force()
