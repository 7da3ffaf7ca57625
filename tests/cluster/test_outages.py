# SPDX-License-Identifier: Apache-2.0
"""Scenarios 33, 35, 51 and 52: replicas that are stopped, killed or hang.

Two of them behind a forwarder, which stands for the Service: new connections go to the ready ones.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError
from tests.cluster.keyturn import RELEASE, Keyturn, Replica, slower
from tests.cluster.scenario import (
    GATE,
    KEYTURN_USER,
    QUICK,
    STAMP,
    Scenario,
    failed_open,
    gates,
    is_hash,
    review_of,
    stamp,
    uses,
    webhook_notes,
)
from tests.support.aws_standin import AwsStandIn
from tests.support.forwarder import https_ready

DRAIN_DELAY = "2s"

@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "replicas": 2,
        "options": {**QUICK, "drain-delay": DRAIN_DELAY},
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


@pytest.fixture(autouse=True)
def all_running(keyturn: Keyturn, aws: AwsStandIn) -> Iterator[None]:
    """Whatever a test does to the replicas, the next one finds them at work."""
    yield
    aws.clear_faults()
    bring_back(keyturn)


def bring_back(keyturn: Keyturn) -> None:
    for replica in keyturn.replicas:
        if replica.process.logs("stopping"):
            replica.process.wait(30 * slower())
        if not replica.running:
            replica.start()
    for replica in keyturn.replicas:
        replica.wait_ready()
    assert keyturn.forwarder is not None
    keyturn.forwarder.wait_ready([("127.0.0.1", replica.port) for replica in keyturn.replicas])
    keyturn.wait_in_force()


def kill_all(keyturn: Keyturn) -> None:
    for replica in keyturn.replicas:
        replica.kill()
    assert keyturn.forwarder is not None
    keyturn.forwarder.wait_ready([])


# 33: nobody answers.


def test_s33_ignore_admits_and_fail_rejects(scenario: Scenario, keyturn: Keyturn) -> None:
    spec = uses("absent", "password")
    kill_all(keyturn)
    admitted = scenario.create(objects.pod("ignored", **spec))
    assert (gates(admitted.object), admitted.warnings) == ([], [])
    event = scenario.audited("create", "pods", "ignored")
    assert failed_open(event) == ["pods.keyturn.io"]
    assert [note["mutated"] for note in webhook_notes(event).values()] == [False]
    # The chart does not offer it, but that is what it would mean.
    configuration = scenario.api.get("MutatingWebhookConfiguration", RELEASE)
    pods = [webhook["name"] for webhook in configuration["webhooks"]].index("pods.keyturn.io")

    def set_policy(policy: str) -> None:
        patch = {"op": "replace", "path": f"/webhooks/{pods}/failurePolicy", "value": policy}
        scenario.api.patch("MutatingWebhookConfiguration", RELEASE, [patch])

    def refusal() -> str:
        try:
            scenario.create(objects.pod("rejected", **spec), dryRun="All")
        except ApiError as error:
            assert error.status == 500
            return error.message
        return ""

    set_policy("Fail")
    try:
        message = scenario.wait_for(refusal, "the policy Fail in force")
        with pytest.raises(ApiError) as rejected:
            scenario.create(objects.pod("rejected", **spec))
        assert rejected.value.status == 500
        assert 'failed calling webhook "pods.keyturn.io"' in message
        assert scenario.api.find("Pod", "rejected", scenario.namespace) is None
    finally:
        set_policy("Ignore")
    bring_back(keyturn)
    held = scenario.create(objects.pod("held", **spec))
    assert gates(held.object) == [GATE]
    # A gate cannot be added later.
    assert gates(scenario.get("Pod", "ignored")) == []


# 35: an orderly end.


@pytest.mark.sanitizers
def test_s35_sigterm_lets_requests_finish_and_serves_until_readiness_is_gone(
    scenario: Scenario, keyturn: Keyturn, aws: AwsStandIn
) -> None:
    remote = f"/prod/{scenario.namespace}"
    aws.put(remote, "x")
    aws.fail("hold", secret=remote)
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", remote))
    replica = keyturn.replicas[0]
    path = scenario.mutate_path()
    waiting = review_of(objects.pod("waiting", **uses("db", "password")), scenario.namespace)
    plain = review_of(objects.pod("plain"), scenario.namespace)
    replica_logs = replica.process.mark()
    with (
        ThreadPoolExecutor(1) as pool,
        scenario.connection(replica) as busy,
        scenario.connection(replica) as idle,
    ):
        assert idle.post_review(path, plain).answer.header("Connection") != "close"
        in_flight = pool.submit(busy.post_review, path, waiting)
        scenario.wait_for(
            lambda: replica.metrics().value("keyturn_waiting_requests") == 1, "a waiting request"
        )
        replica.signal(signal.SIGTERM)
        replica.process.wait_log("stopping", since=replica_logs)
        # Readiness goes, service goes on: on connections old and new.
        assert not https_ready("127.0.0.1", replica.port)
        with scenario.connection(replica) as late:
            answer = late.post_review(path, plain)
            assert answer.allowed and answer.answer.header("Connection") == "close"
        answer = idle.post_review(path, plain)
        assert answer.allowed and answer.answer.header("Connection") == "close"
        finished = in_flight.result(timeout=20)
    assert finished.patch == [
        {"op": "add", "path": "/spec/schedulingGates", "value": [{"name": GATE}]}
    ]
    assert finished.answer.header("Connection") == "close"
    aws.clear_faults()
    # Meanwhile the API server gets its answers, from whichever replica.
    created = 0
    while replica.running:
        scenario.create(objects.pod("web", **uses("absent", "password")), dryRun="All")
        created += 1
    assert replica.process.wait() == 0
    replica.check_sanitizers()
    assert replica.process.logs("stopped")
    assert created > 0
    wanted = {"verb": "create", "resource": "pods", "name": "web"}
    scenario.wait_for(lambda: len(scenario.audit(**wanted)) == created, "audit of all Pods")
    for event in scenario.audit(**wanted):
        assert failed_open(event) == [] and webhook_notes(event)


# 51, 52: held Pods outlive whoever held them.


def leader_and_other(scenario: Scenario, keyturn: Keyturn) -> tuple[Replica, Replica]:
    leader = scenario.wait_for(keyturn.leader, "a leader")
    (other,) = [replica for replica in keyturn.replicas if replica is not leader]
    return leader, other


def test_s51_any_replica_releases(scenario: Scenario, keyturn: Keyturn) -> None:
    """The leader hangs, and its Lease has not run out."""
    scenario.create(objects.pod("web", **uses("db", "password")))
    scenario.wait_event("web", "HeldForSecret")
    leader, other = leader_and_other(scenario, keyturn)
    before = scenario.api.get("Lease", RELEASE, "keyturn-system")["spec"]
    leader.signal(signal.SIGSTOP)
    try:
        scenario.secret("db", password="x")
        pod = scenario.wait_running("web")
        after = scenario.api.get("Lease", RELEASE, "keyturn-system")["spec"]
    finally:
        leader.signal(signal.SIGCONT)
    assert is_hash(stamp(pod))
    assert after["holderIdentity"] == before["holderIdentity"] == leader.identity
    where = {"namespace": scenario.namespace, "pod": "web"}
    assert other.process.wait_log("released", **where)["reason"] == "present"
    assert leader.logs("released", **where) == []
    event = scenario.audited("patch", "pods", "web", user=KEYTURN_USER)
    assert event["requestObject"]["metadata"]["annotations"] == {STAMP: stamp(pod)}
    assert event["requestObject"]["spec"]["schedulingGates"] == [{"$patch": "delete", "name": GATE}]


@pytest.mark.sanitizers
def test_s52_held_pods_stay_held_without_keyturn(scenario: Scenario, keyturn: Keyturn) -> None:
    for name in ("by-hand", "released"):
        scenario.create(objects.pod(name, **uses("db", "password")))
        scenario.wait_event(name, "HeldForSecret")
    kill_all(keyturn)
    scenario.secret("db", password="x")
    # The scheduler works: one that is not held runs.
    scenario.create(objects.pod("free"))
    scenario.wait_running("free")
    for name in ("by-hand", "released"):
        pod = scenario.get("Pod", name)
        assert gates(pod) == [GATE] and "nodeName" not in pod["spec"]
    # As the README says it.
    patch = '{"spec":{"schedulingGates":[{"$patch":"delete","name":"keyturn.io/secrets"}]}}'
    scenario.cluster.kubectl("patch", "pod", "by-hand", "-n", scenario.namespace, "-p", patch)
    assert stamp(scenario.wait_running("by-hand")) is None
    assert gates(scenario.get("Pod", "released")) == [GATE]
    bring_back(keyturn)
    pod = scenario.wait_running("released")
    assert is_hash(stamp(pod))
