# SPDX-License-Identifier: Apache-2.0
"""Scenarios 8, 9, 12-15, 18, 19, 46 and 77: hashes that are set at admission, and what other
writers of the same objects see of it."""

from __future__ import annotations

import copy
import json
import secrets
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jsonpatch
import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.injector import Injector
from tests.cluster.keyturn import Keyturn
from tests.cluster.scenario import (
    DEPLOYMENT_CONTROLLER,
    GATE,
    KEYTURN_USER,
    MARKER,
    QUICK,
    REPLICA_SET_CONTROLLER,
    STAMP,
    Scenario,
    annotations,
    container,
    gates,
    is_hash,
    marker,
    owned,
    recorded_review,
    review_of,
    stamp,
    uses,
    variable,
    webhook_notes,
    webhook_patches,
)
from tests.support.tls_client import TlsConnection

KEYTURN = {"options": QUICK}

ROLLING: dict[str, Callable[..., Object]] = {
    "Deployment": objects.deployment,
    "StatefulSet": objects.stateful_set,
    "DaemonSet": objects.daemon_set,
}
PLURALS = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "ReplicaSet": "replicasets",
    "Job": "jobs",
    "CronJob": "cronjobs",
}
FIELD = "/spec/template/metadata/annotations"
ESCAPED_MARKER = MARKER.replace("/", "~1")


def without_marker(workload: Object) -> Object:
    """The template as it was sent."""
    template = copy.deepcopy(workload["spec"]["template"])
    del template["metadata"]["annotations"][MARKER]
    return template


@dataclass(frozen=True)
class Idle:
    since: float
    connections: dict[str, TlsConnection]


# 8: where the marker goes.


@pytest.mark.sanitizers
@pytest.mark.parametrize("kind", ROLLING)
@pytest.mark.parametrize("before", [None, {}, {"example.com/team": "kept"}])
def test_s08_the_template_gets_its_marker(
    scenario: Scenario, kind: str, before: dict[str, str] | None
) -> None:
    scenario.secret("db", password="x")
    manifest = ROLLING[kind]("web", **uses("db", "password"))
    if before is not None:
        manifest["spec"]["template"]["metadata"]["annotations"] = before
    created = scenario.create(manifest).object
    mark = marker(created)
    assert is_hash(mark)
    kept = without_marker(created)["metadata"].get("annotations") or {}
    assert kept == (before or {})
    assert MARKER not in annotations(created)
    # What the API server was told: one operation, with the parent only where there is none.
    ((operation,),) = webhook_patches(scenario.audited("create", PLURALS[kind], "web"))
    if before:
        expected = {"op": "add", "path": f"{FIELD}/{ESCAPED_MARKER}", "value": mark}
    else:
        expected = {"op": "add", "path": FIELD, "value": {MARKER: mark}}
    assert operation == expected
    # Its Pods start with what the template says.
    for pod in scenario.wait_pods("web", lambda pod: is_hash(stamp(pod)), pod_count(kind)):
        assert stamp(pod) == mark
        assert gates(pod) == []


def pod_count(kind: str) -> int:
    return 2 if kind == "DaemonSet" else 1  # as many as Nodes


def test_s08_a_template_without_metadata_gets_its_parents(scenario: Scenario) -> None:
    """No selector matches such a template, so the API server never keeps one."""
    scenario.secret("db", password="x")
    manifest = objects.deployment("web", **uses("db", "password"))
    del manifest["spec"]["template"]["metadata"]
    review = review_of(manifest, scenario.namespace, "deployment-create-kubectl-apply")
    with scenario.connection() as connection:
        answer = connection.post_review(scenario.mutate_path(), review)
    assert answer.patch is not None
    patched = jsonpatch.apply_patch(copy.deepcopy(manifest), answer.patch)
    mark = marker(patched)
    expected = copy.deepcopy(manifest)
    expected["spec"]["template"]["metadata"] = {"annotations": {MARKER: mark}}
    assert patched == expected
    # Over the same keys of the same Secret it is one hash, wherever it stands.
    assert is_hash(mark)
    assert stamp(scenario.create(objects.pod("same", **uses("db", "password"))).object) == mark


def test_s08_a_marker_from_elsewhere_is_replaced_or_removed(scenario: Scenario) -> None:
    """An exported manifest brings the hash of another cluster."""
    foreign = f"v1-000000-{'0' * 32}"
    scenario.secret("db", password="x")
    for secret in ("db", "absent"):
        manifest = objects.deployment(f"uses-{secret}", replicas=0, **uses(secret, "password"))
        manifest["spec"]["template"]["metadata"]["annotations"] = {MARKER: foreign}
        pod = objects.pod(f"uses-{secret}", {STAMP: foreign}, **uses(secret, "password"))
        mark = marker(scenario.create(manifest).object)
        started_with = stamp(scenario.create(pod).object)
        if secret == "db":
            assert is_hash(mark) and mark != foreign and started_with == mark
        else:
            assert mark is None and started_with is None


# 9: applying again.


@pytest.mark.parametrize("how", ["client-side", "server-side"])
def test_s09_the_same_apply_twice_changes_nothing(scenario: Scenario, how: str) -> None:
    scenario.secret("db", password="x", unrelated="0")
    manifest = json.dumps(objects.deployment("web", **uses("db", "password")))
    arguments = ["apply", f"--server-side={json.dumps(how == 'server-side')}", "-f", "-"]

    def apply() -> str:
        namespace = ("-n", scenario.namespace)
        return scenario.cluster.kubectl(*arguments, *namespace, input=manifest).stdout

    apply()
    before = scenario.wait_rolled_out("Deployment", "web")
    said = apply()
    scenario.settle("Deployment", "web", "db")
    patches = scenario.audit(verb="patch", resource="deployments", user="admin")
    if how == "client-side":
        assert said == "deployment.apps/web unchanged\n"
        assert patches == []
    else:
        # Such a one is asked about even where it changes nothing.
        assert webhook_notes(patches[-1]) and webhook_patches(patches[-1]) == []
    after = scenario.get("Deployment", "web")
    assert after["metadata"]["generation"] == before["metadata"]["generation"] == 1
    assert is_hash(marker(after)) and marker(after) == marker(before)
    assert len(scenario.replica_sets("web")) == 1


# 12, 13: templates that are never touched.


def never_marked() -> dict[str, Object]:
    replica_set = objects.deployment("x", **uses("db", "password"))
    replica_set["kind"] = "ReplicaSet"
    return {
        "Job": objects.job("x", **uses("db", "password")),
        "CronJob": objects.cron_job("x", "0 0 1 1 *", **uses("db", "password")),
        "ReplicaSet": replica_set,
    }


@pytest.mark.parametrize("kind", never_marked())
def test_s12_a_template_that_does_not_roll_is_left_alone(scenario: Scenario, kind: str) -> None:
    scenario.secret("db", password="x")
    manifest = never_marked()[kind]
    response = scenario.create(manifest)
    assert response.warnings == []
    event = scenario.audited("create", PLURALS[kind], "x")
    assert [note["mutated"] for note in webhook_notes(event).values()] == [False]
    assert webhook_patches(event) == []
    absent = copy.deepcopy(manifest)
    absent["metadata"]["name"] = "y"
    spec = absent["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else absent["spec"]
    spec["template"]["spec"] |= uses("absent", "password")
    (warning,) = scenario.create(absent, dryRun="All").warnings
    assert warning.startswith('KT103 Secret "absent" not found ')
    if kind != "CronJob":
        # Their Pods are Pods like any other.
        pods = scenario.wait_for(lambda: scenario.api.list("Pod", scenario.namespace), "a Pod")
        assert all(is_hash(stamp(pod)) for pod in pods)


def test_s14_an_update_of_a_job_leaves_its_template_alone(scenario: Scenario) -> None:
    scenario.secret("db", password="x")
    job = objects.job("x", **uses("db", "password"))
    job["spec"]["suspend"] = True
    created = scenario.create(job).object
    scenario.change_secret("db", password="y")
    labelled = scenario.api.patch(
        "Job", "x", {"metadata": {"labels": {"example.com/a": "b"}}}, scenario.namespace
    ).object
    assert labelled["spec"]["template"] == created["spec"]["template"]


@pytest.mark.sanitizers
def test_s13_a_replica_set_of_a_deployment_is_never_patched(scenario: Scenario) -> None:
    """Otherwise its template would not match the Deployment's, and the controller would make
    another one without end (kubernetes/kubernetes#57167). Each change of the Deployment makes the
    controller compare them once more."""
    scenario.secret("db", password="x", unrelated="0")
    scenario.create(objects.deployment("web", **uses("db", "password")))
    scenario.wait_rolled_out("Deployment", "web")
    for replicas in (2, 3, 1, 2):
        scaled = {"spec": {"replicas": replicas}}
        scenario.api.patch("Deployment", "web", scaled, scenario.namespace)
        scenario.wait_rolled_out("Deployment", "web")
    scenario.settle("Deployment", "web", "db")
    deployment = scenario.get("Deployment", "web")
    assert deployment["status"]["observedGeneration"] == 5
    assert "collisionCount" not in deployment["status"]
    (replica_set,) = scenario.replica_sets("web")
    assert marker(replica_set) == marker(deployment)
    created = scenario.audit(verb="create", resource="replicasets", user=DEPLOYMENT_CONTROLLER)
    assert len(created) == 1
    updates = scenario.audit(verb="update", resource="replicasets", user=DEPLOYMENT_CONTROLLER)
    for event in created + updates:
        assert webhook_notes(event) == {}
    assert scenario.rolls("web") == []


# 15: Pods that controllers make.


def test_s15_pods_of_a_controller_are_told_apart_by_the_request_namespace(
    scenario: Scenario,
) -> None:
    """Such a Pod has no name yet, and the same Deployment stands in two namespaces."""
    other = scenario.cluster.create_namespace(f"{scenario.namespace[:50]}-other")
    # Before anything happens there: it looks at the audit log from now on.
    elsewhere = Scenario(scenario.cluster, scenario.keyturn, other)
    try:
        scenario.secret("db", password="x")
        manifest = objects.deployment("web", **uses("db", "password"))
        scenario.create(manifest)
        scenario.api.create(manifest, other)
        (here,) = scenario.wait_pods("web", lambda pod: "nodeName" in pod["spec"])
        assert is_hash(stamp(here)) and gates(here) == []
        (there,) = elsewhere.wait_held("web")
        assert stamp(there) is None
        for owner, pod, held in ((scenario, here, False), (elsewhere, there, True)):
            prefix = pod["metadata"]["generateName"]
            decision = owner.decision("Pod", prefix)
            assert decision["held"] is held
            wanted = {"verb": "create", "resource": "pods", "user": REPLICA_SET_CONTROLLER}
            event = owner.wait_for(lambda: owner.audit(**wanted), "audit of the Pod")[0]
            assert "name" not in event["objectRef"]
            assert "name" not in event["requestObject"]["metadata"]
    finally:
        scenario.api.delete("Namespace", other)


# 18: a webhook that comes later.


def add_variable(secret: str) -> Callable[[Object], list[Object]]:
    """Adds a reference to each Pod that does not have it; as injectors do, only to those that ask
    for it."""

    def mutate(pod: Object) -> list[Object]:
        labels = pod["metadata"].get("labels") or {}
        env = pod["spec"]["containers"][0].get("env") or []
        injected = variable(secret, "token")
        if labels.get("inject") != "yes" or injected in env:
            return []
        return [{"op": "add", "path": "/spec/containers/0/env/-", "value": injected}]

    return mutate


def to_be_injected(name: str) -> Object:
    manifest = objects.pod(name, **uses("db", "password"))
    manifest["metadata"]["labels"] = {"inject": "yes"}
    return manifest


@pytest.mark.sanitizers
def test_s18_the_stamp_includes_what_a_later_webhook_has_added(scenario: Scenario) -> None:
    scenario.secret("db", password="x")
    scenario.secret("injected", token="y")
    both = [variable("db", "password"), variable("injected", "token")]
    written = scenario.create(objects.pod("written", containers=[container(*both)])).object
    plain = scenario.create(objects.pod("plain", **uses("db", "password"))).object
    with Injector(scenario.cluster, scenario.namespace, {"pods": add_variable("injected")}):
        pod = scenario.create(to_be_injected("web")).object
    assert pod["spec"]["containers"][0]["env"] == both
    assert gates(pod) == []
    assert is_hash(stamp(pod)) and stamp(pod) == stamp(written) != stamp(plain)
    notes = webhook_notes(scenario.audited("create", "pods", "web"))
    ours = {k: n["mutated"] for k, n in notes.items() if n["configuration"] == "keyturn"}
    assert list(ours.values()) == [True, True] and [k[:7] for k in ours] == ["round_0", "round_1"]


def test_s18_the_marker_includes_what_a_later_webhook_has_added(scenario: Scenario) -> None:
    def mutate(deployment: Object) -> list[Object]:
        """Each time it sees the object, as long as the variable is not there."""
        template = deployment["spec"]["template"]
        return [
            {**operation, "path": f"/spec/template{operation['path']}"}
            for operation in add_variable("injected")(template)
        ]

    scenario.secret("db", password="x")
    scenario.secret("injected", token="y")
    both = [variable("db", "password"), variable("injected", "token")]
    written = scenario.create(objects.deployment("written", containers=[container(*both)])).object
    manifest = objects.deployment("web", **uses("db", "password"))
    manifest["spec"]["template"]["metadata"]["labels"]["inject"] = "yes"
    with Injector(scenario.cluster, scenario.namespace, {"deployments": mutate}):
        created = scenario.create(manifest).object
        assert marker(created) == marker(written)
        scenario.wait_rolled_out("Deployment", "web")
        # The manifest knows neither the variable nor the marker: in the first pass the template has
        # changed, in the second it has not.
        replaced = scenario.api.replace(manifest, scenario.namespace).object
        assert replaced["spec"]["template"] == created["spec"]["template"]
    scenario.wait_rolled_out("Deployment", "web")
    assert len(scenario.replica_sets("web")) == 1


def test_s18_a_missing_secret_that_a_later_webhook_has_added_holds_the_pod(
    scenario: Scenario,
) -> None:
    scenario.secret("db", password="x")
    with Injector(scenario.cluster, scenario.namespace, {"pods": add_variable("injected")}):
        response = scenario.create(to_be_injected("web"))
    assert gates(response.object) == [GATE]
    assert stamp(response.object) is None
    (warning,) = response.warnings
    assert warning.startswith('KT101 Secret "injected" not found ')
    first, second = webhook_patches(scenario.audited("create", "pods", "web"))
    assert [operation["path"] for operation in first] == ["/metadata/annotations"]
    assert sorted((op["op"], op["path"]) for op in second) == [
        ("add", "/spec/schedulingGates"),
        ("remove", f"/metadata/annotations/{STAMP.replace('/', '~1')}"),
    ]
    scenario.secret("injected", token="y")
    assert is_hash(stamp(scenario.wait_running("web")))


def test_s18_the_marker_holds_against_a_later_webhook(scenario: Scenario) -> None:
    def spoil(deployment: Object) -> list[Object]:
        found = marker(deployment)
        if found is None or "spoilt" in found:
            return []
        return [{"op": "replace", "path": f"{FIELD}/{ESCAPED_MARKER}", "value": "spoilt"}]

    scenario.secret("db", password="x")
    created = scenario.create(objects.deployment("web", **uses("db", "password"))).object
    with Injector(scenario.cluster, scenario.namespace, {"deployments": spoil}):
        patch = {"metadata": {"labels": {"a": "b"}}}
        after = scenario.api.patch("Deployment", "web", patch, scenario.namespace).object
    event = scenario.audited("patch", "deployments", "web")
    assert [p[0]["value"] for p in webhook_patches(event, f"zz-injector-{scenario.namespace}")] == [
        "spoilt"
    ]
    assert is_hash(marker(after)) and marker(after) == marker(created)
    assert after["metadata"]["generation"] == created["metadata"]["generation"]


# 19: server-side apply.


def test_s19_server_side_apply_meets_no_conflict(scenario: Scenario) -> None:
    scenario.secret("db", password="x", unrelated="0")
    manifest = objects.deployment("web", **uses("db", "password"))

    def apply() -> Object:
        response = scenario.api.apply(manifest, scenario.namespace, manager="team", force="false")
        assert response.warnings == []
        return response.object

    created = apply()
    assert is_hash(marker(created))
    before = scenario.wait_rolled_out("Deployment", "web")["metadata"]
    assert apply()["metadata"]["resourceVersion"] == before["resourceVersion"]
    scenario.change_secret("db", password="y")
    scenario.wait_roll("web")
    scenario.wait_rolled_out("Deployment", "web")
    rolled = scenario.get("Deployment", "web")
    entries = {entry["manager"]: entry for entry in rolled["metadata"]["managedFields"]}
    template = {"f:metadata": {"f:annotations": {f"f:{MARKER}": {}}}}
    assert entries["keyturn"]["operation"] == "Update"
    assert entries["keyturn"]["fieldsV1"] == {"f:spec": {"f:template": template}}
    # The manifest knows nothing of the marker, and takes nothing away.
    assert marker(apply()) == marker(rolled) != marker(created)
    manifest["spec"]["replicas"] = 2
    assert marker(apply()) == marker(rolled)
    scenario.wait_rolled_out("Deployment", "web")
    scenario.settle("Deployment", "web", "db")
    assert len(scenario.rolls("web")) == 1
    assert len(scenario.replica_sets("web")) == 2
    patched = scenario.audited("patch", "deployments", "web", user=KEYTURN_USER)
    assert webhook_notes(patched) == {}


# 77: a Secret and what uses it, one right after the other.

PAIRS = 300
LOAD_BYTES = 200_000


class WriteLoad:
    """Large Secrets written one after another, so that the watches of Secrets lag."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.written = 0

    def __enter__(self) -> WriteLoad:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._stop.is_set():
            name = f"load-{self.written % 10}"
            text = secrets.token_hex(LOAD_BYTES // 2)
            manifest = {**objects.secret(name, text=text), "type": "Opaque"}
            self._scenario.api.apply(manifest, self._scenario.namespace)
            self.written += 1


def test_s77_no_false_warning_under_write_load(scenario: Scenario) -> None:
    told = []
    with WriteLoad(scenario) as load:
        for number in range(PAIRS):
            scenario.secret(f"db-{number}", password="x")
            manifest = objects.deployment(f"web-{number}", 0, **uses(f"db-{number}", "password"))
            told += scenario.create(manifest).warnings
        assert load.written > 0
    assert told == []
    decisions = scenario.keyturn.logs("decision", kind="Deployment", namespace=scenario.namespace)
    assert [d["decision"] for d in decisions] == ["allow"] * PAIRS
    # Some reviews did come before the Secret's watch event, and had to look.
    assert any(d["waited_ms"] > 0 for d in decisions)
    deployments = scenario.api.list("Deployment", scenario.namespace)
    assert len(deployments) == PAIRS
    assert not any(owned(deployment) for deployment in deployments)
    # One that was ahead of the watch may have no marker; it gets none that is wrong.
    hashes = [marker(deployment) for deployment in deployments if marker(deployment)]
    assert all(map(is_hash, hashes)) and len(set(hashes)) == len(hashes)


# 46: connections that nobody uses.

# The API server's client closes its own after this long; a server that was quicker would sometimes
# close one just as a request is written to it, which is then lost.
API_SERVER_IDLE_SECONDS = 90.0


@pytest.fixture(scope="module", autouse=True)
def idle(keyturn: Keyturn) -> Iterator[Idle]:
    """Connections that have been idle since the module began, while other tests went on."""
    port = keyturn.replicas[0].port
    with TlsConnection(port) as used, TlsConnection(port) as unused:
        assert used.request("GET", "/healthz").status == 200
        yield Idle(time.monotonic(), {"used": used, "unused": unused})


def test_s46_an_idle_connection_outlives_the_api_servers_patience(
    scenario: Scenario, idle: Idle
) -> None:
    review = json.dumps(recorded_review("pod-create-direct")).encode()
    for name, connection in idle.connections.items():
        # Any end of theirs in the meantime would be seen here, at once.
        rest = idle.since + API_SERVER_IDLE_SECONDS + 1 - time.monotonic()
        readable, _, _ = select.select([connection.sock], [], [], max(rest, 0))
        assert readable == [], f"the {name} connection was closed"
    for connection in idle.connections.values():
        answer = connection.request(
            "POST", scenario.mutate_path(), review, {"Content-Type": "application/json"}
        )
        assert answer.status == 200 and answer.header("Connection") != "close"
