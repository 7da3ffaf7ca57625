# SPDX-License-Identifier: Apache-2.0
"""`keyturn serve` against the scripted API server, asked over its own TLS port.

    with ApiServer() as api, Serving(api, tmp_path, debounce="100ms") as serving:
        serving.wait_synced()
        assert serving.stamp(uses_each("db")) is not None
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Mapping, Optional

from tests.cluster import objects
from tests.cluster.processes import Ports
from tests.cluster.rollouts import uses_each
from tests.cluster.scenario import GATE, STAMP, review_of
from tests.integration.builds import BINARY, SLOWER, program_environment
from tests.integration.probe import eventually
from tests.support.api_server import ApiServer
from tests.support.kube_store import Object
from tests.support.kube_watch import Watcher
from tests.support.process import Metrics, Process
from tests.support.tls_client import ReviewAnswer, TlsConnection

OWN = "keyturn-system"  # its namespace
NAMESPACE = "app"  # of what the tests make

# Reviews of a genuine API server, by the kind of their object.
RECORDED = {"Pod": "pod-create-direct", "Deployment": "deployment-create-kubectl-apply"}

WEBHOOKS = ("pods.keyturn.io", "ephemeralcontainers.keyturn.io", "workloads.keyturn.io")


def configuration() -> Object:
    """As the chart installs it: without CA and path."""
    service = {"name": "keyturn", "namespace": OWN, "port": 443}
    webhooks = [{"name": name, "clientConfig": {"service": dict(service)}} for name in WEBHOOKS]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "keyturn"},
        "webhooks": webhooks,
    }


def validation() -> Object:
    """Likewise, of ExternalSecrets."""
    service = {"name": "keyturn", "namespace": OWN, "port": 443}
    webhook = {"name": "externalsecrets.keyturn.io", "clientConfig": {"service": service}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "keyturn"},
        "webhooks": [webhook],
    }


def secret(name: str, namespace: str = NAMESPACE, **data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": encoded,
    }


class Serving:
    """Options are those of the program with underscores: `debounce="1s"`. `kubeconfig`: where it
    finds the API server, if not directly."""

    def __init__(
        self,
        api: ApiServer,
        folder: Path,
        env: Optional[Mapping[str, str]] = None,
        kubeconfig: Optional[Path] = None,
        **options: str,
    ):
        if api.get("mutatingwebhookconfigurations", "", "keyturn") is None:
            api.put(configuration())
        if api.get("validatingwebhookconfigurations", "", "keyturn") is None:
            api.put(validation())
        self.api = api
        self._ports = Ports()
        self.port, self.metrics_port = self._ports.take(), self._ports.take()
        merged = {
            "kubeconfig": str(kubeconfig or api.kubeconfig(folder / "kubeconfig", OWN)),
            "namespace": OWN,
            "identity": "keyturn-0",
            "listen": f"127.0.0.1:{self.port}",
            "metrics-listen": f"127.0.0.1:{self.metrics_port}",
            "service-address": f"127.0.0.1:{self.port}",
            "drain-delay": "0s",
            # Four times as much as users have: what a review finds out is to be found out on a
            # busy machine as well.
            "admission-budget": "1s",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        arguments = [word for name, value in merged.items() for word in (f"--{name}", value)]
        environment = {**program_environment(), **(env or {})}
        self.process = Process.start(BINARY, ["serve", *arguments], environment)

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, exception: object, *_: object) -> None:
        try:
            if exception is None:
                assert self.process.stop(30 * SLOWER) == 0, "\n".join(self.lines()[-60:])
        finally:
            self.process.kill()
            self._ports.close()
        # A sanitizer's finding is on standard error, whatever the test looked at.
        found = [line for line in self.lines() if "Sanitizer" in line or "runtime error:" in line]
        assert not found, "\n".join(self.lines())

    def lines(self) -> list[str]:
        return self.process.stderr_lines()

    # What it says of itself.

    def wait_ready(self, timeout: float = 20.0) -> None:
        self.process.wait_ready(self.port, timeout=timeout * SLOWER)

    def wait_synced(self, timeout: float = 20.0) -> None:
        """Ready, with everything known, and at work."""
        self.wait_log("synced", timeout)
        self.wait_log("published", timeout)
        self.wait_log("leader", timeout, leads=True)
        self.wait_ready(timeout)

    def wait_log(self, msg: str, timeout: float = 10.0, **fields: Any) -> Object:
        return self.process.wait_log(msg, timeout * SLOWER, **fields)

    def wait_lease_renewed(self) -> None:
        """Twice: whatever was under way before has been answered."""
        count = self.api.count("update", "leases") + self.api.count("patch", "leases")
        eventually(
            lambda: self.api.count("update", "leases") + self.api.count("patch", "leases")
            >= count + 2,
            "the Lease renewed",
        )

    def metrics(self) -> Metrics:
        return self.process.metrics(self.metrics_port)

    def synced(self, resource: str) -> bool:
        return self.metrics().value("keyturn_watch_synced", resource=resource) == 1

    def status(self, path: str) -> int:
        with TlsConnection(self.port) as connection:
            return connection.request("GET", path, headers={"Connection": "close"}).status

    # Asking it.

    def review(self, manifest: Object) -> ReviewAnswer:
        """The answer for a CREATE of this object in NAMESPACE."""
        return self._post("mutate", review_of(manifest, NAMESPACE, RECORDED[manifest["kind"]]))

    def validate(
        self, manifest: Object, old: Optional[Object] = None, dry_run: bool = False
    ) -> ReviewAnswer:
        """The answer for an ExternalSecret of NAMESPACE; an UPDATE where there is an `old` one."""
        asked = review_of(manifest, NAMESPACE)
        kind = {"group": "external-secrets.io", "version": "v1", "kind": "ExternalSecret"}
        asked["request"] |= {"kind": kind, "requestKind": kind, "dryRun": dry_run}
        if old is not None:
            asked["request"] |= {"operation": "UPDATE", "oldObject": old}
        return self._post("validate", asked)

    def segment(self) -> str:
        """Of its paths."""
        own = self.api.get("secrets", OWN, "keyturn-certificate")
        assert own is not None
        return base64.b64decode(own["data"]["path"]).decode()

    def _post(self, route: str, review: Object) -> ReviewAnswer:
        with TlsConnection(self.port) as connection:
            return connection.post_review(f"/{route}/{self.segment()}?timeout=3s", review)

    def pod(self, **spec: Any) -> ReviewAnswer:
        return self.review(objects.pod("web", **spec))

    def stamp(self, spec: Mapping[str, Any]) -> Optional[str]:
        """What a Pod would be stamped with; None when its Secrets are missing or unknown."""
        for operation in self.pod(**spec).patch or []:
            if STAMP.replace("/", "~1") in operation["path"]:
                return operation["value"]
            if operation["path"] == "/metadata/annotations":
                return operation["value"].get(STAMP)
        return None

    def wait_stamp(self, spec: Mapping[str, Any], than: Optional[str] = None) -> str:
        """Once there is one, and another than `than`."""
        found: list[str] = []

        def other() -> bool:
            now = self.stamp(spec)
            found.extend([now] if now else [])
            return now not in (None, than)

        eventually(other, "a stamp")
        return found[-1]


def held(answer: ReviewAnswer) -> bool:
    return any(
        {"name": GATE} in operation["value"]
        for operation in answer.patch or []
        if operation["path"] == "/spec/schedulingGates"
    )


# What a test puts into the API server.


def namespaced(manifest: Object) -> Object:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": NAMESPACE}}


def put_running_deployment(api: ApiServer, name: str, secret_name: str, stamp: str) -> None:
    """A Deployment that uses a Secret, with one bound Pod, as if controllers had made them."""
    api.put(namespaced(objects.deployment(name, **uses_each(secret_name))))
    pod = objects.pod(f"{name}-1-a", {STAMP: stamp}, nodeName="node-0", **uses_each(secret_name))
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-1", "uid": "u"}
    pod["metadata"] |= {
        "namespace": NAMESPACE,
        "labels": {"app": name, "pod-template-hash": "1"},
        "ownerReferences": [{**owner, "controller": True}],
    }
    pod["status"] = {"phase": "Running"}
    api.put(pod)


def put_held_pod(api: ApiServer, name: str, secret_name: str) -> None:
    """One that waits for a Secret."""
    spec = {**uses_each(secret_name), "schedulingGates": [{"name": GATE}]}
    api.put(namespaced(objects.pod(name, **spec)))


def watcher(api: ApiServer, resource: str = "secrets") -> Watcher:
    """The open watch of it: the newest, where one is just being replaced."""
    return api.wait_watchers(resource, timeout=10 * SLOWER)[-1]
