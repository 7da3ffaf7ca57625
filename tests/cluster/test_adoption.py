# SPDX-License-Identifier: Apache-2.0
"""Item A2d and scenario 67: what runs already when Keyturn, or another installation key, comes is
given its stamps and left alone."""

from __future__ import annotations

import base64
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import INSTALLATION_KEY_SECRET, NAMESPACE, Keyturn
from tests.cluster.rollouts import (
    MAKE,
    NAMES,
    WINDOW,
    assert_all_settled,
    create_all,
    identities,
    start_again,
    uses_each,
    wait_rolled_once_more,
)
from tests.cluster.scenario import (
    KEYTURN_USER,
    STAMP,
    Scenario,
    is_hash,
    marker,
    rolled_out,
    stamp,
    uses,
)

OLD = "older-than-keyturn"
# Enough to see the pace.
REPLICAS = {"Deployment": 30, "StatefulSet": 2}
ADOPTIONS_A_SECOND = 10


@pytest.fixture(scope="module")
def older(control_plane: ControlPlane) -> Iterator[dict[str, set[str]]]:
    """Workloads of before there was any Keyturn in the cluster, and the uids of their Pods."""
    control_plane.create_namespace(OLD)
    api = control_plane.api
    assert api.list("MutatingWebhookConfiguration") == []
    api.create(objects.secret("db", key="x", unrelated="0"), OLD)
    for kind, name in NAMES.items():
        manifest = MAKE[kind](name, **uses_each("db"))
        if kind in REPLICAS:
            manifest["spec"]["replicas"] = REPLICAS[kind]
        api.create(manifest, OLD)
    for kind, name in NAMES.items():
        control_plane.wait_for(lambda: rolled_out(api.get(kind, name, OLD)), what=f"{kind} running")
    uids: dict[str, set[str]] = {name: set() for name in NAMES.values()}
    for pod in api.list("Pod", OLD):
        assert stamp(pod) is None
        uids[pod["metadata"]["labels"]["app"]].add(pod["metadata"]["uid"])
    yield uids
    api.delete("Namespace", OLD)


@pytest.fixture(scope="module")
def keyturn_parameters(older: dict[str, set[str]]) -> dict[str, Any]:
    return {"options": WINDOW}


@pytest.mark.sanitizers
def test_a2d_workloads_older_than_keyturn_are_adopted(
    control_plane: ControlPlane, keyturn: Keyturn, older: dict[str, set[str]]
) -> None:
    scenario = Scenario(control_plane, keyturn, OLD)
    scenario.audit_start = 0
    count = sum(map(len, older.values()))
    assert count > 3 * ADOPTIONS_A_SECOND
    for kind, name in NAMES.items():
        scenario.wait_pods(name, lambda pod: is_hash(stamp(pod)), len(older[name]))
        scenario.wait_evaluated(kind, name, 0, "adopted")
    assert len({stamp(pod) for name in NAMES.values() for pod in scenario.pods(name)}) == 1

    patches = [
        event
        for event in scenario.audit(verb="patch", resource="pods", user=KEYTURN_USER)
        if event["responseStatus"]["code"] == 200
    ]
    assert len(patches) == count
    for event in patches:
        # One annotation, on the Pod that was judged.
        assert set(event["requestObject"]) == {"metadata"}
        assert set(event["requestObject"]["metadata"]) == {"annotations", "resourceVersion"}
        assert set(event["requestObject"]["metadata"]["annotations"]) == {STAMP}
    # The pace is kept by Keyturn's clock, whose seconds begin anywhere within those of the log.
    seconds = Counter(event["requestReceivedTimestamp"][:19] for event in patches)
    assert max(seconds.values()) <= 2 * ADOPTIONS_A_SECOND
    assert len(seconds) > count // ADOPTIONS_A_SECOND - 1

    assert_all_settled(scenario, "db", rolled=0)
    for kind, name in NAMES.items():
        assert set(identities(scenario, name).values()) == older[name]
        workload = scenario.get(kind, name)
        assert (marker(workload), workload["metadata"]["generation"]) == (None, 1)
    scenario.change_secret("db", key="y")
    for kind, name in NAMES.items():
        rolled = wait_rolled_once_more(scenario, kind, name)
        assert rolled["from"] == ""
    assert_all_settled(scenario, "db", rolled=1)


# 67: another installation key.


@pytest.mark.sanitizers
def test_s67_another_installation_key_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    create_all(scenario, uses_each("db"))
    before = {name: identities(scenario, name) for name in NAMES.values()}
    backup = read_key(scenario)
    first = key_id(scenario)

    # Lost: the next start makes another.
    (replica,) = scenario.keyturn.replicas
    assert replica.stop() == 0
    scenario.api.delete("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)
    began = time.time()
    start_again(scenario.keyturn, replica)
    assert read_key(scenario) != backup
    second = key_id(scenario)
    assert second != first
    assert_adopted(scenario, second, began)
    assert before == {name: identities(scenario, name) for name in NAMES.values()}
    scenario.change_secret("db", key="y")
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name)
    assert_all_settled(scenario, "db", rolled=1)
    before = {name: identities(scenario, name) for name in NAMES.values()}

    # Replaced while running.
    began = time.time()
    write_key(scenario, base64.b64encode(secrets.token_bytes(32)).decode())
    third = scenario.wait_for(lambda: other_key_id(scenario, second), "the third key in use")
    assert third != first
    assert_adopted(scenario, third, began, rolled=1)

    # And restored from a backup that is older than what has happened since: the templates bear a
    # marker of the second key, and those of the first are known again.
    began = time.time()
    write_key(scenario, backup)
    scenario.wait_for(lambda: key_id(scenario) == first, "the first key in use")
    assert_adopted(scenario, first, began, rolled=1)
    assert before == {name: identities(scenario, name) for name in NAMES.values()}

    scenario.change_secret("db", key="z")
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name, 2)
    assert_all_settled(scenario, "db", rolled=2)


def assert_adopted(scenario: Scenario, key: str, since: float, rolled: int = 0) -> None:
    """All Pods bear stamps of this key, Keyturn has said so, and nothing has rolled."""
    for kind, name in NAMES.items():
        scenario.wait_for(
            lambda: all(key in (stamp(pod) or "") for pod in scenario.pods(name)),
            f"the Pods of {name} stamped with key {key}",
        )
        scenario.wait_evaluated(kind, name, since, "adopted")
    assert_all_settled(scenario, "db", rolled)


def key_id(scenario: Scenario) -> str | None:
    """Of the key that hashes are made with now."""
    probe = objects.pod("probe", **uses("db", "key"))
    text = stamp(scenario.create(probe, dryRun="All").object)
    return f"-{text.split('-')[1]}-" if text else None


def other_key_id(scenario: Scenario, than: str | None) -> str | None:
    now = key_id(scenario)
    return now if now != than else None


def read_key(scenario: Scenario) -> str:
    return scenario.api.get("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)["data"]["key"]


def write_key(scenario: Scenario, key: str) -> None:
    """Deleted and made anew, as a restore does it."""
    scenario.api.delete("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)
    manifest: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": INSTALLATION_KEY_SECRET},
        "data": {"key": key},
    }
    scenario.api.create(manifest, NAMESPACE)
