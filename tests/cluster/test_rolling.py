# SPDX-License-Identifier: Apache-2.0
"""Scenarios 10, 11, 54, 55 and 68: what a changed Secret does to the workloads that use it, and
what does nothing."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.keyturn import INSTALLATION_KEY_SECRET, NAMESPACE
from tests.cluster.scenario import (
    KEYTURN_USER,
    MARKER,
    QUICK,
    Scenario,
    container,
    gates,
    is_hash,
    marker,
    stamp,
    uses,
    webhook_notes,
)

KEYTURN = {"options": QUICK}

FOREIGN_GATE = "example.com/quota"


@pytest.mark.sanitizers
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_s10_a_changed_secret_rolls_the_workload_once(scenario: Scenario, kind: str) -> None:
    make: dict[str, Callable[..., Object]] = {
        "Deployment": objects.deployment,
        "StatefulSet": objects.stateful_set,
        "DaemonSet": objects.daemon_set,
    }
    scenario.secret("db", password="x", unrelated="0")
    created = scenario.create(make[kind]("web", **uses("db", "password"))).object
    old = scenario.wait_rolled_out(kind, "web")
    old_pods = {pod["metadata"]["uid"] for pod in scenario.pods("web")}
    scenario.change_secret("db", password="y")
    rolled = scenario.wait_roll("web")
    assert (rolled["from"], rolled["kind"]) == (marker(created), kind)
    new = scenario.wait_rolled_out(kind, "web")
    assert marker(new) == rolled["to"] != marker(old)
    assert new["metadata"]["generation"] == old["metadata"]["generation"] + 1
    pods = scenario.wait_pods("web", lambda pod: stamp(pod) == rolled["to"], len(old_pods))
    assert old_pods.isdisjoint(pod["metadata"]["uid"] for pod in pods)
    scenario.settle(kind, "web", "db")
    assert len(scenario.rolls("web")) == 1
    scenario.wait_event("web", "RolledForSecret")
    # One annotation under the resourceVersion that was read, and it is not asked about it.
    plural = f"{kind.lower()}s"
    (event,) = scenario.audit(verb="patch", resource=plural, name="web", user=KEYTURN_USER)
    assert webhook_notes(event) == {}
    assert event["requestObject"]["spec"] == {
        "template": {"metadata": {"annotations": {MARKER: rolled["to"]}}}
    }
    assert list(event["requestObject"]["metadata"]) == ["resourceVersion"]


def test_s10_metadata_alone_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", password="x", unrelated="0")
    scenario.create(objects.deployment("web", **uses("db", "password")))
    before = scenario.wait_rolled_out("Deployment", "web")
    labelled = {"metadata": {"labels": {"a": "b"}, "annotations": {"example.com/a": "b"}}}
    scenario.api.patch("Secret", "db", labelled, scenario.namespace)
    # Written again with the same content, as a refresh does it, and made anew.
    scenario.change_secret("db", password="x")
    scenario.api.delete("Secret", "db", scenario.namespace)
    scenario.secret("db", password="x", unrelated="1")
    scenario.settle("Deployment", "web", "db")
    assert scenario.get("Deployment", "web")["metadata"]["generation"] == 1
    assert scenario.marker("Deployment", "web") == marker(before)
    assert scenario.rolls("web") == []


def test_s11_only_keys_that_are_used_count(scenario: Scenario) -> None:
    scenario.secret("db", password="x", other="1")
    scenario.create(objects.deployment("key", **uses("db", "password")))
    whole = {"containers": [container(envFrom=[{"secretRef": {"name": "db"}}])]}
    scenario.create(objects.deployment("whole", **whole))
    for name in ("key", "whole"):
        scenario.wait_rolled_out("Deployment", name)
    scenario.change_secret("db", other="2")
    scenario.wait_roll("whole")
    scenario.wait_rolled_out("Deployment", "whole")
    assert len(scenario.replica_sets("whole")) == 2
    scenario.settle("Deployment", "key", "db")
    assert scenario.rolls("key") == []
    assert len(scenario.replica_sets("key")) == 1
    # That last change was one more for the other.
    scenario.wait_roll("whole", 2)


def test_s54_keyturns_own_patch_passes(scenario: Scenario) -> None:
    """The one changed hash on an otherwise unchanged template that may."""
    scenario.secret("db", password="x")
    created = scenario.create(objects.deployment("web", **uses("db", "password"))).object
    scenario.wait_rolled_out("Deployment", "web")
    scenario.change_secret("db", password="y")
    rolled = scenario.wait_roll("web")
    assert scenario.marker("Deployment", "web") == rolled["to"] != marker(created)
    # What the same patch of somebody else comes to.
    patch = {"spec": {"template": {"metadata": {"annotations": {MARKER: marker(created)}}}}}
    response = scenario.api.patch("Deployment", "web", patch, scenario.namespace)
    assert marker(response.object) == rolled["to"]


@pytest.mark.sanitizers
def test_s68_the_stamp_follows_the_secret_until_the_pod_is_bound(scenario: Scenario) -> None:
    scenario.secret("db", password="x", unrelated="0")
    waiting = {**uses("db", "password"), "schedulingGates": [{"name": FOREIGN_GATE}]}
    created = scenario.create(objects.deployment("web", **waiting)).object
    (pod,) = scenario.wait_pods("web", lambda pod: stamp(pod) == marker(created))
    scenario.change_secret("db", password="y")
    (pod,) = scenario.wait_pods("web", lambda pod: stamp(pod) not in (None, marker(created)))
    assert gates(pod) == [FOREIGN_GATE]
    late = scenario.create(objects.pod("late", **uses("db", "password"))).object
    assert stamp(pod) == stamp(late)
    name = pod["metadata"]["name"]
    scenario.api.patch("Pod", name, {"spec": {"schedulingGates": None}}, scenario.namespace)
    scenario.wait_running(name)
    scenario.wait_rolled_out("Deployment", "web")
    scenario.settle("Deployment", "web", "db")
    assert scenario.rolls("web") == []
    assert scenario.get("Deployment", "web")["metadata"]["generation"] == 1
    assert scenario.marker("Deployment", "web") == marker(created)


# 55: the installation key.


@pytest.fixture
def installation_key(scenario: Scenario) -> Iterator[str]:
    """As it is, base64; put back afterwards."""
    key = scenario.api.get("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)["data"]["key"]
    yield key
    write_key(scenario, key)


def write_key(scenario: Scenario, key: str) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": INSTALLATION_KEY_SECRET},
        "data": {"key": key},
    }
    if scenario.api.find("Secret", INSTALLATION_KEY_SECRET, NAMESPACE) is None:
        scenario.api.create(manifest, NAMESPACE)
    else:
        scenario.api.replace(manifest, NAMESPACE)


def hash_now(scenario: Scenario) -> str | None:
    """What a Pod that uses the Secret would be stamped with."""
    probe = objects.pod("probe", **uses("db", "password"))
    response = scenario.create(probe, dryRun="All")
    assert response.warnings == []
    return stamp(response.object)


def key_id(text: str) -> str:
    return text.split("-")[1]


@pytest.mark.sanitizers
def test_s55_another_installation_key_gives_other_hashes_and_rolls_nothing(
    scenario: Scenario, installation_key: str
) -> None:
    scenario.secret("db", password="x", unrelated="0")
    created = scenario.create(objects.deployment("web", **uses("db", "password"))).object
    scenario.wait_rolled_out("Deployment", "web")
    (before,) = scenario.pods("web")
    first = marker(created)
    assert is_hash(first) and hash_now(scenario) == first

    # Without a key there is no hash, least of all one without a key.
    scenario.api.delete("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)
    scenario.wait_for(lambda: hash_now(scenario) is None, "Keyturn to know that its key is gone")
    keyless = scenario.create(objects.deployment("keyless", **uses("db", "password")))
    assert marker(keyless.object) is None and keyless.warnings == []
    scenario.wait_rolled_out("Deployment", "keyless")
    (pod,) = scenario.pods("keyless")
    assert stamp(pod) is None

    # Another key: another id and another hash of the same data; every stamp is made anew.
    write_key(scenario, base64.b64encode(secrets.token_bytes(32)).decode())
    second = scenario.wait_for(lambda: hash_now(scenario), "a hash under the other key")
    assert is_hash(second) and key_id(second) != key_id(first)
    assert second.rsplit("-")[-1] != first.rsplit("-")[-1]
    for name in ("web", "keyless"):
        scenario.wait_pods(name, lambda pod: stamp(pod) == second)
        scenario.settle("Deployment", name, "db")

    # And back, as from a backup.
    write_key(scenario, installation_key)
    scenario.wait_for(lambda: hash_now(scenario) == first, "the first hash again")
    for name in ("web", "keyless"):
        scenario.wait_pods(name, lambda pod: stamp(pod) == first)
        scenario.settle("Deployment", name, "db")
        assert scenario.rolls(name) == []
        assert scenario.get("Deployment", name)["metadata"]["generation"] == 1
    (after,) = scenario.pods("web")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]

    # A rotation is seen all the same.
    scenario.change_secret("db", password="y")
    scenario.wait_roll("web")
    scenario.wait_rolled_out("Deployment", "web")
    scenario.settle("Deployment", "web", "db")
    assert len(scenario.rolls("web")) == 1
