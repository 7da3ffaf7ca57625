# SPDX-License-Identifier: Apache-2.0
"""What takes Keyturn ten seconds or half a minute by design. Each has a program and an API server
of its own, and all run at the same time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.cluster.rollouts import uses_each
from tests.cluster.scenario import gates, stamp
from tests.integration.builds import SLOWER
from tests.integration.probe import eventually
from tests.integration.serving import (
    NAMESPACE,
    OWN,
    Serving,
    held,
    namespaced,
    put_held_pod,
    put_running_deployment,
    secret,
    watcher,
)
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn

DB = uses_each("db")
KEY = "keyturn-installation-key"


def forbidden_secrets(folder: Path) -> None:
    with ApiServer() as api, Serving(api, folder, debounce="0s") as serving:
        api.put(secret("db", key="x"))
        serving.wait_synced()
        before = serving.wait_stamp(DB)
        put_running_deployment(api, "web", "db", before)
        serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/web", result="fresh")

        forbidden = api.forbid("secrets")
        watcher(api).gone()
        entry = serving.wait_log("watch", resource="secrets", state="forbidden")
        assert "cannot list resource" in entry["reason"]
        assert not serving.synced("secrets")
        # What was known is as unknown as what never was.
        for spec in (DB, uses_each("absent")):
            pod = serving.pod(**spec)
            assert (pod.allowed, pod.patch, pod.warnings) == (True, None, [])
            created = serving.review(objects.deployment("web", **spec))
            assert (created.allowed, created.patch, created.warnings) == (True, None, [])
        put_running_deployment(api, "other", "db", before)
        serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/other", result="unknown")
        # Nor is a Pod let go for what nobody can see.
        put_held_pod(api, "held", "absent")
        api.put(secret("db", key="y"))
        assert serving.process.logs("roll") == []

        forbidden.lift()
        after = serving.wait_stamp(DB, than=before)
        for name in ("web", "other"):
            assert serving.wait_log("roll", 45, workload=name)["to"] == after
        assert serving.synced("secrets")
        assert len(serving.process.logs("roll")) == 2
        assert serving.process.logs("released") == []


def forbidden_external_secrets(folder: Path) -> None:
    """Whether one describes a Secret is unknown then; whether the Secret is there is not."""
    with ApiServer() as api:
        api.forbid("externalsecrets")
        api.put(secret("db", key="x"))
        with Serving(api, folder, debounce="0s", hold_undescribed="3s") as serving:
            serving.wait_log("watch", resource="externalsecrets", state="forbidden")
            serving.wait_ready()
            assert held(serving.pod(**uses_each("late")))
            put_held_pod(api, "served", "late")
            api.put(secret("late", key="x"))
            serving.wait_log("released", pod="served", reason="present")
            pod = api.get("pods", NAMESPACE, "served")
            assert pod is not None and gates(pod) == []
            assert stamp(pod) == serving.stamp(uses_each("late"))
            # Nobody is known to make this one: the shorter hold.
            put_held_pod(api, "unserved", "never")
            serving.wait_log("released", 30, pod="unserved", reason="hold_ended")
            # Rolling needs no ExternalSecrets either, not even what is found at the start.
            before = serving.wait_stamp(DB)
            put_running_deployment(api, "web", "db", before)
            serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/web", result="fresh")
        api.put(secret("db", key="y"))
        with Serving(api, folder, debounce="0s") as serving:
            serving.wait_log("roll", workload="web")


def lost_installation_key(folder: Path) -> None:
    with ApiServer() as api, Serving(api, folder, debounce="0s") as serving:
        api.put(secret("db", key="x"))
        serving.wait_synced()
        before = serving.wait_stamp(DB)
        put_running_deployment(api, "web", "db", before)
        serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/web", result="fresh")
        began = time.monotonic()
        api.delete("secrets", OWN, KEY)
        eventually(lambda: serving.stamp(DB) is None, "no hash without a key")
        # Somebody may put it back: only then is another made.
        api.wait_object("secrets", OWN, KEY, timeout=45 * SLOWER)
        assert time.monotonic() - began > 25
        after = serving.wait_stamp(DB, than=before)
        assert after.split("-")[1] != before.split("-")[1]
        serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/web", result="adopted")
        pod = api.get("pods", NAMESPACE, "web-1-a")
        assert pod is not None and stamp(pod) == after
        assert serving.process.logs("roll") == []


def silent_store(folder: Path) -> None:
    """A store that does not answer keeps nobody waiting for long, and is not asked all the time."""
    with ApiServer() as api, AwsStandIn() as aws:
        aws.add_principal()
        api.put(namespaced(objects.secret_store()))
        for name in ("one", "two"):
            aws.put(f"/prod/{name}", "x")
        options = {"external_secrets_controller": "keyturn"}
        with Serving(api, folder, aws.environment(), **options) as serving:
            serving.wait_synced()
            aws.fail("hold")
            api.put(namespaced(objects.external_secret("one", "/prod/one")))
            entry = serving.wait_log("externalsecret", 30, name="one", outcome="failed")
            assert entry["error_kind"] == "TIMEOUT"
            # With the two retries that a call has.
            assert aws.count(secret="/prod/one") == 3
            api.put(namespaced(objects.external_secret("two", "/prod/two")))
            entry = serving.wait_log("externalsecret", name="two", outcome="failed")
            assert entry["error_kind"] == "BUSY"
            assert "did not answer; it is asked again in" in entry["error"]
            assert aws.count(secret="/prod/two") == 0
            # When it answers one, the other is asked for, too.
            aws.clear_faults()
            for name in ("one", "two"):
                serving.wait_log("externalsecret", 60, name=name, outcome="created")
            assert aws.count(secret="/prod/two") == 1


# API servers that are slow, or talk nonsense, when Keyturn starts.

READY_AFTER = 10.0  # seconds, whatever is known by then

# All that a look at Secrets and workloads takes; its own certificate and key it can have.
LOOKS: tuple[dict[str, str], ...] = (
    {"verb": "list"},
    {"verb": "get", "resource": "secrets", "namespace": NAMESPACE},
)


def lists_hang(api: ApiServer) -> None:
    for where in LOOKS:
        api.fail("hold", **where)


def version_hangs(api: ApiServer) -> None:
    api.fail("hold", verb="get", resource="")
    api.fail("hold", **LOOKS[1])


def answers_end_early(api: ApiServer) -> None:
    body = b'{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"m'
    for where in LOOKS:
        api.fail("answer", body=body, content_type="application/json", **where)


def answers_are_pages(api: ApiServer) -> None:
    body = b"<html><body>Sign in</body></html>"
    for where in LOOKS:
        api.fail("answer", body=body, **where)


def slow_start(arm: Callable[[ApiServer], None], folder: Path) -> None:
    """Ready after a while with everything unknown, so that the Service has endpoints."""
    with ApiServer() as api:
        arm(api)
        api.put(secret("db", key="x"))
        began = time.monotonic()
        with Serving(api, folder) as serving:
            serving.wait_ready(READY_AFTER + 10)
            assert time.monotonic() - began >= READY_AFTER
            for resource in ("secrets", "pods", "deployments", "externalsecrets"):
                assert not serving.synced(resource)
            # Nothing is held, stamped, marked or warned of.
            for spec in (DB, uses_each("absent")):
                pod = serving.pod(**spec)
                assert (pod.allowed, pod.patch, pod.warnings) == (True, None, [])
                workload = serving.review(objects.deployment("web", **spec))
                assert (workload.allowed, workload.patch, workload.warnings) == (True, None, [])
            # When it answers at last it is believed.
            api.clear_faults()
            serving.wait_log("synced", 60)
            serving.wait_stamp(DB)
            assert held(serving.pod(**uses_each("absent")))


SLOW_STARTS = {
    arm.__name__: functools.partial(slow_start, arm)
    for arm in (lists_hang, version_hangs, answers_end_early, answers_are_pages)
}


# All at once.

Scenario = Callable[[Path], None]
Ends = Callable[[str], None]

SCENARIOS: dict[str, Scenario] = {
    "forbidden_secrets": forbidden_secrets,
    "forbidden_external_secrets": forbidden_external_secrets,
    "lost_installation_key": lost_installation_key,
    "silent_store": silent_store,
    **SLOW_STARTS,
}


@pytest.fixture(scope="module")
def under_way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {
            name: pool.submit(scenario, tmp_path_factory.mktemp(name))
            for name, scenario in SCENARIOS.items()
        }


@pytest.fixture
def ends_well(under_way: dict[str, Future[None]]) -> Ends:
    """Waits for a scenario; what failed in it fails the test."""
    return lambda name: under_way[name].result(timeout=250)


def test_s61_secrets_that_are_forbidden_are_unknown(ends_well: Ends) -> None:
    ends_well("forbidden_secrets")


def test_s70_held_pods_need_no_right_to_external_secrets(ends_well: Ends) -> None:
    ends_well("forbidden_external_secrets")


def test_s67_a_key_that_is_lost_while_running_is_made_anew(ends_well: Ends) -> None:
    ends_well("lost_installation_key")


def test_a_store_that_does_not_answer_is_left_alone_for_a_while(ends_well: Ends) -> None:
    ends_well("silent_store")


@pytest.mark.parametrize("how", SLOW_STARTS)
def test_an_api_server_that_does_not_answer_keeps_nobody_waiting(
    ends_well: Ends, how: str
) -> None:
    ends_well(how)
