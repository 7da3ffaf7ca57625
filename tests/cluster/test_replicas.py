# SPDX-License-Identifier: Apache-2.0
"""Scenarios 30, 32, 67 and 69, and the Lease: what one replica does alone, what two do together,
and what is left when one of them goes."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.keyturn import (
    INSTALLATION_KEY_SECRET,
    NAMESPACE,
    RELEASE,
    Keyturn,
    Replica,
    slower,
)
from tests.cluster.rollouts import (
    NAMES,
    WINDOW,
    assert_all_settled,
    assert_settled,
    create_all,
    identities,
    uses_each,
    wait_rolled_once_more,
)
from tests.cluster.scenario import (
    GATE,
    HASH,
    KEYTURN_USER,
    Scenario,
    data_of,
    gates,
    is_hash,
    log_seconds,
    review_of,
    stamp,
    uses,
)
from tests.support.aws_standin import AwsStandIn

READ = "GetSecretValue"
PODS = 100

DB = uses("db", "password")


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "replicas": 2,
        "options": WINDOW,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


@pytest.fixture(autouse=True)
def both_run(keyturn: Keyturn, aws: AwsStandIn) -> Iterator[None]:
    """Before and after each test both replicas run and one of them leads, whatever it did."""
    keyturn_runs(keyturn)
    yield
    aws.clear_faults()


def keyturn_runs(keyturn: Keyturn) -> None:
    for replica in keyturn.replicas:
        if not replica.running:
            replica.start()
    for replica in keyturn.replicas:
        replica.wait_ready()
    assert keyturn.forwarder is not None
    addresses = [("127.0.0.1", replica.port) for replica in keyturn.replicas]
    keyturn.forwarder.wait_ready(addresses, 20 * slower())
    keyturn.cluster.wait_for(keyturn.leader, 30 * slower(), "a leader")


def leader_and_other(keyturn: Keyturn) -> tuple[Replica, Replica]:
    leader = keyturn.leader()
    assert leader is not None
    (other,) = [replica for replica in keyturn.replicas if replica is not leader]
    return leader, other


def wait_leads(scenario: Scenario, replica: Replica, since: float) -> float:
    """The time at which it says that it leads."""

    def leads() -> list[Object]:
        entries = replica.logs("leader", leads=True)
        return [entry for entry in entries if log_seconds(entry) > since]

    entry = scenario.wait_for(leads, f"{replica.identity} leads", 30)[0]
    assert entry["holder"] == replica.identity
    return log_seconds(entry)


# 30: a hundred Pods and one Secret.


def remote_name(scenario: Scenario) -> str:
    """Of the test alone: calls are counted by it."""
    return f"/prod/{scenario.namespace}/password"


def create_pods(scenario: Scenario) -> list[Object]:
    """All at once; what the API server answered."""

    def create(number: int) -> Object:
        return scenario.create(objects.pod(f"web-{number}", **DB)).object

    with ThreadPoolExecutor(PODS) as pool:
        return list(pool.map(create, range(PODS)))


def wait_all_run(scenario: Scenario) -> None:
    """All Pods run, with the one stamp there can be."""

    def running() -> list[Object] | None:
        pods = scenario.api.list("Pod", scenario.namespace)
        done = all(pod["status"].get("phase") == "Running" for pod in pods)
        return pods if done else None

    pods = scenario.wait_for(running, "all Pods running", 60)
    assert len(pods) == PODS
    (only,) = {stamp(pod) for pod in pods}
    assert is_hash(only)
    assert [gates(pod) for pod in pods] == [[]] * PODS


def secret_writes(scenario: Scenario) -> list[tuple[str, int]]:
    """Keyturn's, with the answers."""
    return [
        (event["verb"], event["responseStatus"]["code"])
        for event in scenario.audit(resource="secrets", user=KEYTURN_USER)
        if event["verb"] not in ("get", "list", "watch")
    ]


@pytest.mark.sanitizers
@pytest.mark.parametrize("when", ["admission", "later"])
def test_s30_one_process_asks_aws_once(scenario: Scenario, aws: AwsStandIn, when: str) -> None:
    """The Secret is made while the Pods are being admitted, or when all of them are held."""
    leader, other = leader_and_other(scenario.keyturn)
    assert other.stop() == 0
    aws.put(remote_name(scenario), objects.document("from-aws"))
    held = aws.fail("hold", operation=READ, secret=remote_name(scenario))
    scenario.create(objects.secret_store())
    scenario.create(objects.rendered_external_secret("db", remote_name(scenario)))
    held.wait_held(timeout=10 * slower())
    with ThreadPoolExecutor(1) as pool:
        creation = pool.submit(create_pods, scenario)
        if when == "admission":
            scenario.wait_for(
                lambda: leader.metrics().value("keyturn_waiting_requests") >= 10, "requests waiting"
            )
        else:
            creation.result()
        held.release()
        created = creation.result()
    if when == "later":
        assert [gates(pod) for pod in created] == [[GATE]] * PODS
    wait_all_run(scenario)
    assert data_of(scenario.get("Secret", "db")) == {"password": "from-aws"}
    assert aws.invocations(READ, secret=remote_name(scenario)) == 1
    assert secret_writes(scenario) == [("create", 201)]


def test_s30_two_processes_ask_aws_twice_at_most(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), objects.document("from-aws"))
    held = aws.fail("hold", operation=READ, secret=remote_name(scenario))
    scenario.create(objects.secret_store())
    scenario.create(objects.rendered_external_secret("db", remote_name(scenario)))
    # The leader asks by itself, the other when a Pod comes to it.
    held.wait_held(timeout=10 * slower())
    create_pods(scenario)
    held.wait_held(2, timeout=10 * slower())
    # So both have the value at the same time and write the same Secret.
    held.release()
    wait_all_run(scenario)
    assert data_of(scenario.get("Secret", "db")) == {"password": "from-aws"}
    assert aws.invocations(READ, secret=remote_name(scenario)) == 2
    writes = scenario.wait_for(
        lambda: len(found := secret_writes(scenario)) >= 2 and found, "both writes"
    )
    # Who comes second finds what it wanted to write.
    assert sorted(writes) == [("create", 201), ("create", 409)]
    outcomes = scenario.keyturn.logs("externalsecret", namespace=scenario.namespace)
    assert sorted(entry["outcome"] for entry in outcomes) == ["created", "unchanged"]
    assert scenario.events("db", "UpdateFailed") == []


# 32: a Secret that is somebody's own.


@pytest.mark.sanitizers
def test_s32_a_users_secret_is_never_overwritten(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), objects.document("from-aws"))
    before = scenario.secret("db", password="the user's")
    scenario.create(objects.secret_store())
    scenario.create(objects.rendered_external_secret("db", remote_name(scenario), "1s"))
    event = scenario.wait_event("db", "UpdateFailed")
    assert event["type"] == "Warning"
    assert event["involvedObject"]["kind"] == "ExternalSecret"
    # A Pod that wants a key the user's Secret has not got hurries nothing either.
    scenario.create(objects.pod("other", **uses("db", "other")))
    started = scenario.create(objects.pod("web", **DB)).object
    assert is_hash(stamp(started)) and gates(started) == []
    # It is tried again when something of it changes, and not before.
    changed = {"metadata": {"annotations": {"force-sync": "1"}}}
    scenario.api.patch("ExternalSecret", "db", changed, scenario.namespace)
    scenario.wait_for(
        lambda: len(scenario.keyturn.logs("externalsecret", namespace=scenario.namespace)) >= 2,
        "a second attempt",
    )
    outcomes = scenario.keyturn.logs("externalsecret", namespace=scenario.namespace)
    assert {entry["outcome"] for entry in outcomes} == {"foreign"}
    assert scenario.get("Secret", "db") == before
    assert secret_writes(scenario) == []
    assert gates(scenario.get("Pod", "other")) == [GATE]
    # Once it is gone there is nobody's to keep.
    scenario.api.delete("Secret", "db", scenario.namespace)
    made = scenario.wait_for(
        lambda: scenario.api.find("Secret", "db", scenario.namespace), "Keyturn's own Secret"
    )
    assert data_of(made) == {"password": "from-aws"}
    assert made["metadata"]["uid"] != before["metadata"]["uid"]
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("ExternalSecret", "db")


# The Lease.


@pytest.mark.sanitizers
def test_a_leader_that_stops_hands_over_at_once(scenario: Scenario) -> None:
    """And what it was about to do is done by the next, once."""
    scenario.secret("db", key="x", unrelated="0")
    create_all(scenario, uses_each("db"))
    leader, other = leader_and_other(scenario.keyturn)
    began = time.time()
    scenario.change_secret("db", key="y")
    assert leader.stop() == 0
    stopped = log_seconds(leader.logs("stopped")[-1])
    leads = wait_leads(scenario, other, began)
    # The Lease lasts 15 s; one that is given up is taken at the next look, every 2 s.
    assert leads - stopped < 5 * slower()
    assert holder(scenario) == other.identity
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name)
    assert_all_settled(scenario, "db", rolled=1)


def holder(scenario: Scenario) -> str:
    return scenario.api.get("Lease", RELEASE, NAMESPACE)["spec"]["holderIdentity"]


@pytest.mark.sanitizers
def test_s69_a_killed_leader_leaves_no_pod_held(scenario: Scenario) -> None:
    scenario.secret("other", key="x", unrelated="0")
    scenario.create(objects.deployment("web", 3, **uses_each("db", "other")))
    scenario.wait_held("web", 3)
    leader, other = leader_and_other(scenario.keyturn)
    began = time.time()
    leader.kill()
    scenario.secret("db", key="x")
    scenario.wait_rolled_out("Deployment", "web")
    pods = scenario.wait_pods("web", lambda pod: is_hash(stamp(pod)), 3)
    released = other.logs("released", namespace=scenario.namespace)
    assert {entry["pod"] for entry in released} == {pod["metadata"]["name"] for pod in pods}
    # For that nobody has to lead; for rolling somebody has to, when the Lease has run out.
    leads = wait_leads(scenario, other, began)
    assert max(log_seconds(entry) for entry in released) < leads
    assert leads - began > 10
    entry = scenario.wait_evaluated("Deployment", "web", leads)
    assert entry["result"] == "fresh"
    before = identities(scenario, "web")
    assert_settled(scenario, "Deployment", "web", "other", rolled=0)
    assert identities(scenario, "web") == before
    scenario.change_secret("db", key="y")
    wait_rolled_once_more(scenario, "Deployment", "web")
    # The old leader comes back as one of many.
    leader.start()
    leader.wait_ready()
    assert_settled(scenario, "Deployment", "web", "other", rolled=1)
    assert holder(scenario) == other.identity


def test_s67_both_replicas_change_over_to_another_key(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    scenario.create(objects.deployment("web", 2, **uses_each("db")))
    scenario.wait_rolled_out("Deployment", "web")
    before = scenario.pods("web")
    old = {stamp(pod) for pod in before}
    scenario.api.delete("Secret", INSTALLATION_KEY_SECRET, NAMESPACE)
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": INSTALLATION_KEY_SECRET}}
    data = {"key": base64.b64encode(os.urandom(32)).decode()}
    scenario.api.create({**key, "data": data}, NAMESPACE)
    pods = scenario.wait_pods("web", lambda pod: is_hash(stamp(pod)) and stamp(pod) not in old, 2)
    assert {p["metadata"]["uid"] for p in pods} == {p["metadata"]["uid"] for p in before}
    (now,) = {stamp(pod) for pod in pods}
    for replica in scenario.keyturn.replicas:
        scenario.wait_for(
            lambda: stamp_by(scenario, replica) == now, f"{replica.identity} with the other key"
        )
    assert_settled(scenario, "Deployment", "web", "db", rolled=0)


def stamp_by(scenario: Scenario, replica: Replica) -> str | None:
    """What this replica would stamp a Pod with that uses the Secret."""
    review = review_of(objects.pod("probe", **uses_each("db")), scenario.namespace)
    with scenario.connection(replica) as connection:
        answer = connection.post_review(scenario.mutate_path(), review)
    found = re.findall(HASH.pattern, json.dumps(answer.patch))
    return found[0] if found else None
