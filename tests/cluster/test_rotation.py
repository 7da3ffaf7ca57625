# SPDX-License-Identifier: Apache-2.0
"""Scenarios 61 and 73, and items A1, A2a, A3, A8a, A18, A19 and A24a of the rolling engine: how
often a workload rolls for its Secrets. Nobody makes Secrets here but the tests."""

from __future__ import annotations

import base64
import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.keyturn import RELEASE
from tests.cluster.rollouts import (
    NAMES,
    WINDOW,
    assert_all_settled,
    assert_rolled,
    assert_settled,
    create_all,
    identities,
    revisions,
    start_again,
    uses_each,
    wait_rolled_once_more,
)
from tests.cluster.scenario import (
    GATE,
    KEYTURN_USER,
    Scenario,
    gates,
    go_seconds,
    is_hash,
    marker,
    stamp,
)

KEYTURN: dict[str, Any] = {"options": WINDOW}


# A1, A2a, A3: once, not again, and not never.


@pytest.mark.sanitizers
def test_a1_ten_changes_to_three_references_are_one_roll(scenario: Scenario) -> None:
    for name in ("a", "b", "c"):
        scenario.secret(name, key="0", unrelated="0")
    create_all(scenario, uses_each("a", "b", "c"))
    began = time.monotonic()
    for number in range(10):
        scenario.change_secret("abc"[number % 3], key=str(number + 1))
    # Else it was no single window, and the test says nothing.
    assert time.monotonic() - began < go_seconds(WINDOW["max-wait"])
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name)
    assert_all_settled(scenario, "a", rolled=1)


@pytest.mark.sanitizers
def test_a2a_a_restart_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x")
    create_all(scenario, uses_each("db"))
    before = {name: identities(scenario, name) for name in NAMES.values()}
    (replica,) = scenario.keyturn.replicas
    for end in (replica.stop, replica.kill):
        end()
        began = time.time()
        start_again(scenario.keyturn, replica)
        for kind, name in NAMES.items():
            entry = scenario.wait_evaluated(kind, name, began)
            assert entry["result"] == "fresh"
            assert_rolled(scenario, kind, name, 0)
    assert before == {name: identities(scenario, name) for name in NAMES.values()}


@pytest.mark.sanitizers
def test_a3_a_change_made_while_keyturn_was_down_is_one_roll(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    create_all(scenario, uses_each("db"))
    (replica,) = scenario.keyturn.replicas
    assert replica.stop() == 0
    scenario.change_secret("db", key="y")
    # This one has nobody who stamps its new Pods. They read the old value all the same.
    scenario.change_secret("db", key="x")
    created = [pod["metadata"]["creationTimestamp"] for pod in replace_pods(scenario)]
    wait_later_than(scenario, max(created))
    scenario.change_secret("db", key="z")
    start_again(scenario.keyturn, replica)
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name)
    assert_all_settled(scenario, "db", rolled=1)


def replace_pods(scenario: Scenario) -> list[Object]:
    """All Pods of the Deployment, made anew while no Keyturn is there to stamp them."""
    name = NAMES["Deployment"]
    old = identities(scenario, name)
    for pod in old:
        scenario.api.delete("Pod", pod, scenario.namespace)
    pods = scenario.wait_pods(name, lambda pod: pod["status"].get("phase") == "Running")
    assert set(old.values()).isdisjoint(pod["metadata"]["uid"] for pod in pods)
    assert [stamp(pod) for pod in pods] == [None] * len(pods)
    return pods


def wait_later_than(scenario: Scenario, timestamp: str) -> None:
    """Timestamps of the API have whole seconds: until what is written now bears a later one."""

    def later() -> bool:
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "time-"}}
        made = scenario.create(probe, dryRun="All").object["metadata"]["creationTimestamp"]
        return made > timestamp

    scenario.wait_for(later, "the next second")


# A8a, A24a: changes that are no changes.


def test_a8a_a_key_that_is_not_used_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x", other="0")
    create_all(scenario, uses_each("db"))
    began = time.time()
    scenario.change_secret("db", other="1")
    for kind, name in NAMES.items():
        assert scenario.wait_evaluated(kind, name, began)["result"] == "fresh"
    # A key that was not there, and one that goes.
    began = time.time()
    gone = {"data": {"other": None, "new": "MQ=="}}
    scenario.api.patch("Secret", "db", gone, scenario.namespace)
    for kind, name in NAMES.items():
        assert scenario.wait_evaluated(kind, name, began)["result"] == "fresh"
        assert_rolled(scenario, kind, name, 0)
        assert scenario.get(kind, name)["metadata"]["generation"] == 1


def test_a24a_a_change_of_metadata_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    create_all(scenario, uses_each("db"))
    before = scenario.get("Secret", "db")["metadata"]["resourceVersion"]
    changed = {
        "labels": {"example.com/rotated-by": "somebody"},
        "annotations": {"example.com/rotated-at": "now"},
        "finalizers": ["example.com/kept"],
    }
    scenario.api.patch("Secret", "db", {"metadata": changed}, scenario.namespace)
    assert scenario.get("Secret", "db")["metadata"]["resourceVersion"] != before
    for kind, name in NAMES.items():
        labels = {"metadata": {"labels": {"example.com/team": "a"}}}
        scenario.api.patch(kind, name, labels, scenario.namespace)
    assert_all_settled(scenario, "db", rolled=0)
    for kind, name in NAMES.items():
        assert scenario.get(kind, name)["metadata"]["generation"] == 1
    # So that the namespace can go.
    finalizers: Object = {"metadata": {"finalizers": None}}
    scenario.api.patch("Secret", "db", finalizers, scenario.namespace)


# A18: what runs to its end.


def test_a18_no_cron_job_is_started_and_no_finished_job_touched(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    spec = uses_each("db")
    scenario.create(objects.job("once", **spec))
    # The thirtieth of February: whatever runs was started by somebody.
    scenario.create(objects.cron_job("nightly", "0 0 30 2 *", **spec))
    scenario.create(objects.deployment("web", **spec))
    scenario.wait_rolled_out("Deployment", "web")
    scenario.wait_for(lambda: finished(scenario.get("Job", "once")), "Job once finished")
    (pod,) = scenario.pods("once")
    assert is_hash(stamp(pod))
    job, cron_job = scenario.get("Job", "once"), scenario.get("CronJob", "nightly")
    assert marker(job) is None
    scenario.change_secret("db", key="y")
    # By now Keyturn has looked at whatever uses the Secret.
    wait_rolled_once_more(scenario, "Deployment", "web")
    assert_settled(scenario, "Deployment", "web", "db", rolled=1)
    assert scenario.get("Job", "once") == job
    assert scenario.pods("once") == [pod]
    assert scenario.get("CronJob", "nightly") == cron_job
    assert [each["metadata"]["name"] for each in scenario.api.list("Job", scenario.namespace)] == [
        "once"
    ]
    for resource in ("jobs", "cronjobs"):
        assert scenario.audit(resource=resource, user=KEYTURN_USER) == []


def finished(job: Object) -> bool:
    conditions = job["status"].get("conditions") or []
    return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)


# A19: the Secret that comes later.


@pytest.mark.sanitizers
def test_a19_a_stateful_set_before_its_secret_has_one_revision(scenario: Scenario) -> None:
    scenario.create(objects.stateful_set("db", 3, **uses_each("password")))
    # OrderedReady: the second is not even made before the first is ready.
    (first,) = scenario.wait_held("db")
    assert first["metadata"]["name"] == "db-0"
    scenario.wait_event("db-0", "HeldForSecret", "Secret password")
    scenario.secret("password", key="x", unrelated="0")
    workload = scenario.wait_rolled_out("StatefulSet", "db")
    pods = scenario.wait_pods("db", lambda pod: is_hash(stamp(pod)) and not gates(pod), 3)
    assert len({stamp(pod) for pod in pods}) == 1
    # The one that was held is the one that runs.
    assert first["metadata"]["uid"] in identities(scenario, "db").values()
    released = scenario.keyturn.logs("released", namespace=scenario.namespace)
    assert [each["pod"] for each in released] == ["db-0"]
    assert workload["metadata"]["generation"] == 1
    assert_settled(scenario, "StatefulSet", "db", "password", rolled=0)
    # The next change is the first roll.
    scenario.change_secret("password", key="y")
    wait_rolled_once_more(scenario, "StatefulSet", "db")
    assert_settled(scenario, "StatefulSet", "db", "password", rolled=1)


# 61: nothing rolls into a Secret that is missing or unknown.


@pytest.mark.sanitizers
def test_s61_a_missing_secret_rolls_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x")
    create_all(scenario, uses_each("db"))
    before = {name: identities(scenario, name) for name in NAMES.values()}

    began = time.time()
    scenario.api.delete("Secret", "db", scenario.namespace)
    for kind, name in NAMES.items():
        assert scenario.wait_evaluated(kind, name, began)["result"] == "missing"

    began = time.time()
    scenario.secret("db", key="x")
    for kind, name in NAMES.items():
        assert scenario.wait_evaluated(kind, name, began)["result"] == "fresh"
        assert_rolled(scenario, kind, name, 0)
    assert before == {name: identities(scenario, name) for name in NAMES.values()}

    # Here with the key gone, which is as good as the Secret.
    began = time.time()
    empty = {"data": {"key": None, "other": "MQ=="}}
    scenario.api.patch("Secret", "db", empty, scenario.namespace)
    for kind, name in NAMES.items():
        assert scenario.wait_evaluated(kind, name, began)["result"] == "missing"
        assert_rolled(scenario, kind, name, 0)
    assert before == {name: identities(scenario, name) for name in NAMES.values()}

    scenario.api.delete("Secret", "db", scenario.namespace)
    scenario.secret("db", key="y")
    for kind, name in NAMES.items():
        wait_rolled_once_more(scenario, kind, name)
    assert_all_settled(scenario, "db", rolled=1)


def test_s61_secrets_that_may_not_be_read_roll_nothing(scenario: Scenario) -> None:
    scenario.secret("db", key="x", unrelated="0")
    scenario.create(objects.deployment("web", **uses_each("db")))
    scenario.wait_rolled_out("Deployment", "web")
    before = identities(scenario, "web")
    with no_right_to_read_secrets(scenario):
        # What the watch, which is open, tells of is looked at live before anything is done.
        scenario.settle("Deployment", "web", "db", "unknown")
        began = time.time()
        scenario.change_secret("db", key="y")
        scenario.wait_evaluated("Deployment", "web", began, "unknown")
        scenario.change_secret("db", key="x")
    assert_settled(scenario, "Deployment", "web", "db", rolled=0)
    assert identities(scenario, "web") == before
    assert scenario.get("Deployment", "web")["metadata"]["generation"] == 1


@contextlib.contextmanager
def no_right_to_read_secrets(scenario: Scenario) -> Iterator[None]:
    role = scenario.api.get("ClusterRole", RELEASE)
    rules = [rule for rule in role["rules"] if rule["resources"] != ["secrets"]]
    assert len(rules) < len(role["rules"])
    scenario.api.patch("ClusterRole", RELEASE, {"rules": rules})
    try:
        wait_access(scenario, False)
        yield
    finally:
        scenario.api.patch("ClusterRole", RELEASE, {"rules": role["rules"]})
        wait_access(scenario, True)


def wait_access(scenario: Scenario, wanted: bool) -> None:
    """Until the API server's authorizer has noticed the changed role."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": KEYTURN_USER,
            "resourceAttributes": {
                "verb": "get",
                "resource": "secrets",
                "namespace": scenario.namespace,
            },
        },
    }
    scenario.wait_for(
        lambda: scenario.api.create(review).object["status"]["allowed"] is wanted,
        f"access to Secrets {wanted}",
    )


# 73: the Secrets of Helm.

HELM_RELEASES = 200
HELM_RELEASE_BYTES = 500_000


def test_s73_releases_of_helm_are_never_received(scenario: Scenario) -> None:
    data = base64.b64encode(os.urandom(HELM_RELEASE_BYTES * 3 // 4)).decode()
    before = received(scenario)

    def create(number: int) -> None:
        scenario.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"sh.helm.release.v1.app.v{number}"},
                "type": "helm.sh/release.v1",
                "data": {"release": data},
            }
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(HELM_RELEASES)))
    # The watch has come past all of them when it tells of this one.
    wait_seen(scenario, "watched")
    assert received(scenario) - before < HELM_RELEASE_BYTES

    (replica,) = scenario.keyturn.replicas
    assert replica.stop() == 0
    start_again(scenario.keyturn, replica)
    wait_seen(scenario, "listed")
    assert received(scenario) < HELM_RELEASE_BYTES


def received(scenario: Scenario) -> float:
    value = scenario.keyturn.metric("keyturn_watch_bytes_total", resource="secrets")
    assert value > 0
    return value


def wait_seen(scenario: Scenario, name: str) -> None:
    """Makes a Secret, and waits until the watch has told of it: until it lets a Pod go."""
    scenario.create(objects.pod(name, **uses_each(name)))
    assert gates(scenario.get("Pod", name)) == [GATE]
    scenario.secret(name, key="x")
    assert is_hash(stamp(scenario.wait_running(name)))


def test_a_revision_is_counted_for_its_own_workload_only(scenario: Scenario) -> None:
    """What all of the above rests on."""
    scenario.secret("db", key="x")
    create_all(scenario, uses_each("db"))
    for kind, name in NAMES.items():
        assert len(revisions(scenario, kind, name)) == 1
        scenario.annotate_template(kind, name, changed="yes")
        scenario.wait_rolled_out(kind, name)
        assert len(revisions(scenario, kind, name)) == 2
