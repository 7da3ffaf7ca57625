# SPDX-License-Identifier: Apache-2.0
"""What the acceptance scenarios share: one namespace under Keyturn, and the questions about it.

That something does not happen is never shown by waiting. Keyturn logs each look at a workload
("evaluated"); `settle` makes it look once more, and what it then says is the answer.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster import objects
from tests.cluster.api import Api, Object, Response, T
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import NAMESPACE, RELEASE, Keyturn, Replica, slower
from tests.support.tls_client import TlsConnection

GATE = "keyturn.io/secrets"
STAMP = "keyturn.io/secrets-hash"
MARKER = "keyturn.io/rollout-hash"
HASH = re.compile(r"v1-[0-9a-f]{6}-[0-9a-f]{32}")
WARNING_CHARACTERS = 120

KEYTURN_USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
REPLICA_SET_CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"
DEPLOYMENT_CONTROLLER = "system:serviceaccount:kube-system:deployment-controller"

# Quick enough for tests, long enough for two changes to fall together. Requests may wait as long as
# any policy allows, so that a busy machine does not turn into Pods that are held.
QUICK = {"debounce": "300ms", "max-wait": "5s", "admission-budget": "1s"}

# A key that nothing refers to: changing it makes Keyturn look, and must never make it act.
UNRELATED = "unrelated"
SETTLE_AGAIN_S = 5

RECORDED_REVIEWS = Path(__file__).parents[1] / "data" / "admission" / "reviews"


# Parts of manifests.


def variable(secret: str, key: str, optional: bool | None = None) -> Object:
    """An element of env[]."""
    reference: Object = {"name": secret, "key": key}
    if optional is not None:
        reference["optional"] = optional
    name = re.sub(r"[^A-Z0-9_]", "_", key.upper()) or "EMPTY"
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}


def container(*env: Object, name: str = "app", **more: Any) -> Object:
    return {"name": name, "image": objects.IMAGE, "env": list(env), **more}


def uses(secret: str, *keys: str) -> Object:
    """Arguments for the functions of objects.py: one container with these keys as variables."""
    return {"containers": [container(*(variable(secret, key) for key in keys))]}


# Parts of objects.


def annotations(manifest: Object) -> dict[str, str]:
    return manifest["metadata"].get("annotations") or {}


def stamp(pod: Object) -> str | None:
    return annotations(pod).get(STAMP)


def gates(pod: Object) -> list[str]:
    return [gate["name"] for gate in pod["spec"].get("schedulingGates") or []]


def marker(workload: Object) -> str | None:
    metadata = workload["spec"]["template"].get("metadata") or {}
    return (metadata.get("annotations") or {}).get(MARKER)


def owned(manifest: Object) -> bool:
    return any(o.get("controller") for o in manifest["metadata"].get("ownerReferences") or [])


def is_hash(text: str | None) -> bool:
    return bool(text) and HASH.fullmatch(text) is not None


def rolled_out(workload: Object) -> bool:
    """As `kubectl rollout status` decides it, for the three kinds that roll."""
    metadata, spec, status = workload["metadata"], workload["spec"], workload["status"]
    if status.get("observedGeneration") != metadata["generation"]:
        return False
    if workload["kind"] == "DaemonSet":
        wanted = status["desiredNumberScheduled"]
        return wanted > 0 and all(
            status.get(field) == wanted for field in ("updatedNumberScheduled", "numberAvailable")
        )
    wanted = spec["replicas"]
    fields = ["updatedReplicas", "replicas", "readyReplicas", "availableReplicas"]
    if workload["kind"] == "StatefulSet" and status["currentRevision"] != status["updateRevision"]:
        return False
    return all(status.get(field, 0) == wanted for field in fields)


# What the API server wrote about its webhooks into an audit event.


def webhook_notes(event: Object) -> dict[str, Object]:
    """{"round_0_index_2": {"configuration", "webhook", "mutated"}}, of all mutating webhooks."""
    prefix = "mutation.webhook.admission.k8s.io/"
    notes = event.get("annotations") or {}
    return {k.removeprefix(prefix): json.loads(v) for k, v in notes.items() if k.startswith(prefix)}


def webhook_patches(event: Object, configuration: str = RELEASE) -> list[list[Object]]:
    """The patches of this configuration's webhooks, in the order they were applied."""
    prefix = "patch.webhook.admission.k8s.io/"
    notes = event.get("annotations") or {}
    found = {k: json.loads(v) for k, v in notes.items() if k.startswith(prefix)}
    return [
        found[key]["patch"]
        for key in sorted(found)
        if found[key]["configuration"] == configuration
    ]


def failed_open(event: Object) -> list[str]:
    prefix = "failed-open.mutation.webhook.admission.k8s.io/"
    return [v for k, v in (event.get("annotations") or {}).items() if k.startswith(prefix)]


def log_seconds(entry: Object) -> float:
    """The time of a log entry, as time.time() has it."""
    return datetime.datetime.fromisoformat(entry["ts"].replace("Z", "+00:00")).timestamp()


class Scenario:
    """A namespace with Keyturn at work. All names are those of objects in it."""

    def __init__(self, cluster: ControlPlane, keyturn: Keyturn, namespace: str) -> None:
        self.cluster = cluster
        self.keyturn = keyturn
        self.namespace = namespace
        self.audit_start = cluster.audit_mark()

    @property
    def api(self) -> Api:
        return self.cluster.api

    def wait_for(self, predicate: Callable[[], T], what: str, timeout: float = 20.0) -> T:
        return self.cluster.wait_for(predicate, timeout * slower(), what)

    # Writing.

    def create(self, manifest: Object, **query: str) -> Response:
        return self.api.create(manifest, self.namespace, **query)

    def secret(self, name: str, **data: str) -> Object:
        return self.create(objects.secret(name, **data)).object

    def change_secret(self, name: str, **data: str) -> None:
        self.api.patch("Secret", name, {"stringData": data}, self.namespace)

    def annotate_template(self, kind: str, name: str, **values: str | None) -> Response:
        """A change of the template that has nothing to do with Secrets."""
        named = {f"example.com/{key}": value for key, value in values.items()}
        patch = {"spec": {"template": {"metadata": {"annotations": named}}}}
        return self.api.patch(kind, name, patch, self.namespace)

    # Reading.

    def get(self, kind: str, name: str) -> Object:
        return self.api.get(kind, name, self.namespace)

    def marker(self, kind: str, name: str) -> str | None:
        return marker(self.get(kind, name))

    def pods(self, app: str) -> list[Object]:
        """Those of the workload `app` that nobody is deleting."""
        pods = self.api.list("Pod", self.namespace, labels=f"app={app}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def replica_sets(self, app: str) -> list[Object]:
        return self.api.list("ReplicaSet", self.namespace, labels=f"app={app}")

    def events(self, name: str, reason: str) -> list[Object]:
        """Events about an object of this name."""
        found = self.api.list(
            "Event", self.namespace, fields=f"involvedObject.name={name},reason={reason}"
        )
        return found

    def audit(self, **wanted: str) -> list[Object]:
        """Of this namespace, since the test began."""
        return self.cluster.audit_events(self.audit_start, namespace=self.namespace, **wanted)

    def audited(self, verb: str, resource: str, name: str, **wanted: str) -> Object:
        """The last such request that has been answered."""
        wanted |= {"verb": verb, "resource": resource, "name": name}
        return self.wait_for(lambda: self.audit(**wanted), f"audit of {verb} {resource}/{name}")[-1]

    # Waiting.

    def wait_rolled_out(self, kind: str, name: str) -> Object:
        def done() -> Object | None:
            workload = self.get(kind, name)
            return workload if rolled_out(workload) else None

        return self.wait_for(done, f"{kind} {name} rolled out", 30)

    def wait_running(self, name: str) -> Object:
        def running() -> Object | None:
            pod = self.get("Pod", name)
            return pod if pod["status"].get("phase") == "Running" else None

        return self.wait_for(running, f"Pod {name} running")

    def wait_pods(self, app: str, where: Callable[[Object], bool], count: int = 1) -> list[Object]:
        """All Pods of `app`, once they are `count` and `where` holds for each."""

        def found() -> list[Object] | None:
            pods = self.pods(app)
            return pods if len(pods) == count and all(map(where, pods)) else None

        return self.wait_for(found, f"{count} Pods of {app} as expected")

    def wait_held(self, app: str, count: int = 1) -> list[Object]:
        return self.wait_pods(app, lambda pod: GATE in gates(pod), count)

    def wait_event(self, name: str, reason: str, text: str = "") -> Object:
        def found() -> list[Object]:
            return [e for e in self.events(name, reason) if text in e["message"]]

        return self.wait_for(found, f"Event {reason} about {name} with {text!r}")[0]

    # Keyturn's side.

    def decisions(self, kind: str, name: str) -> list[Object]:
        """Log lines about admission requests for this object of this namespace."""
        return self.keyturn.logs("decision", kind=kind, namespace=self.namespace, name=name)

    def decision(self, kind: str, name: str) -> Object:
        """The last one, once there is one."""
        return self.wait_for(lambda: self.decisions(kind, name), f"decision on {kind} {name}")[-1]

    def rolls(self, name: str) -> list[Object]:
        return self.keyturn.logs("roll", namespace=self.namespace, workload=name)

    def wait_roll(self, name: str, count: int = 1) -> Object:
        return self.wait_for(
            lambda: self.rolls(name)[count - 1 :], f"roll number {count} of {name}", 30
        )[0]

    def evaluations(self, kind: str, name: str, since: float) -> list[Object]:
        """What Keyturn has said of looks at a workload that ended after `since` (time.time())."""
        entries = self.keyturn.logs("evaluated", workload=f"{kind}/{self.namespace}/{name}")
        return [entry for entry in entries if log_seconds(entry) > since]

    def wait_evaluated(self, kind: str, name: str, since: float, *results: str) -> Object:
        """The first of them with one of these results, or with any."""

        def found() -> list[Object]:
            late = self.evaluations(kind, name, since)
            return [entry for entry in late if not results or entry["result"] in results]

        return self.wait_for(found, f"{kind} {name} evaluated {results}", 30)[0]

    def settle(self, kind: str, name: str, secret: str, result: str = "fresh") -> Object:
        """Changes a key of `secret` that nothing refers to, and returns what Keyturn says when it
        has looked at the workload after that. Where that is that it could not tell yet, it looks
        again of itself."""
        debounce = go_seconds(self.keyturn.options.get("debounce", "5s"))
        changed = 0.0

        def looked() -> list[Object]:
            nonlocal changed
            # One that was due anyhow may have been for the change too, and none comes after it.
            if time.time() - changed > SETTLE_AGAIN_S * slower() + debounce:
                self.change_secret(secret, **{UNRELATED: secrets.token_hex(4)})
                changed = time.time()
            # A look that was under way as the Secret changed may end now; the one for this change
            # begins after the debounce.
            late = self.evaluations(kind, name, changed + debounce / 2)
            return [entry for entry in late if result == "unknown" or entry["result"] != "unknown"]

        entry: Object = self.wait_for(looked, f"{kind} {name} evaluated after a change", 30)[0]
        assert entry["result"] == result and entry["pods"] > 0, entry
        return entry

    # Keyturn's port, without the API server.

    @contextmanager
    def connection(self, replica: Replica | None = None) -> Iterator[TlsConnection]:
        with TlsConnection((replica or self.keyturn.replicas[0]).port) as connection:
            yield connection

    def mutate_path(self, timeout: str = "3s") -> str:
        return f"{segment_path(self.cluster)}?timeout={timeout}"


def segment_path(cluster: ControlPlane) -> str:
    """/mutate/SEGMENT, as the API server was told."""
    configuration = cluster.get("MutatingWebhookConfiguration", RELEASE)
    return configuration["webhooks"][0]["clientConfig"]["service"]["path"]


def recorded_review(name: str) -> Object:
    """As a genuine API server has sent it."""
    return json.loads((RECORDED_REVIEWS / f"{name}.json").read_text())


def review_of(manifest: Object, namespace: str, recorded: str = "pod-create-direct") -> Object:
    """A recorded CREATE with another object in it."""
    review = recorded_review(recorded)
    request = review["request"]
    request["namespace"] = namespace
    request["name"] = manifest["metadata"].get("name", "")
    request["object"] = manifest
    return review


def go_seconds(text: str) -> float:
    """Of a Go duration with one unit, as the options here have."""
    match = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match[2]]


def data_of(secret: Object) -> dict[str, str]:
    return {k: base64.b64decode(v).decode() for k, v in (secret.get("data") or {}).items()}
