# SPDX-License-Identifier: Apache-2.0
"""What the demo happens on: the cluster, AWS and Keyturn, and what a step asks them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests.cluster.api import Object
from tests.cluster.control_plane import Completed, ControlPlane
from tests.cluster.keyturn import NAMESPACE as KEYTURN_NAMESPACE
from tests.cluster.keyturn import RELEASE, Keyturn
from tests.demo.screen import Screen
from tests.demo.walk import Walk
from tests.support.aws_standin import AwsStandIn
from tests.support.process import Process, ProcessEnded

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "charts" / "examples" / "my-app"
KEYTURN_USER = f"system:serviceaccount:{KEYTURN_NAMESPACE}:{RELEASE}"

NAMESPACE = "my-app"
APP = "my-app"
SECRET = "my-app-secrets"
KEY = "DB_PASSWORD"
REMOTE_KEY = "/prod/db/password"

GATE = "keyturn.io/secrets"
MARKER = "keyturn.io/rollout-hash"
STAMP = "keyturn.io/secrets-hash"
HASH = re.compile(r"v1-[0-9a-f]{6}-[0-9a-f]{32}")


class Stage:
    """`cluster`, `aws` and `keyturn` are there from the step on that starts them."""

    cluster: ControlPlane
    aws: AwsStandIn
    keyturn: Keyturn

    def __init__(self, screen: Screen, walk: Walk) -> None:
        self.screen = screen
        self.walk = walk

    # Commands that the reader could type.

    def run(
        self, program: str, *arguments: str, input: str | None = None, check: bool = True
    ) -> Completed:
        """Runs it, and prints it with what it printed."""
        return self.piped("", program, *arguments, input=input, check=check)

    def piped(
        self,
        before: str,
        program: str,
        *arguments: str,
        input: str | None = None,
        check: bool = True,
    ) -> Completed:
        """The same, with `before |` in front of the command: where its input came from."""
        words = shlex.join([program, *arguments])
        # Column specifications are long, and what they do is seen below.
        words = re.sub(r"'?custom-columns=[^ ]*", "custom-columns=...", words)
        self.screen.command(f"{before} | {words}" if before else words)
        completed = self.cluster.run(program, *arguments, input=input, check=check)
        self.screen.output(completed.stderr + completed.stdout)
        return completed

    def build(self, overlay: Path) -> str:
        return self.cluster.run("kustomize", "build", str(overlay)).stdout

    def write_overlay(self, refresh_interval: str) -> Path:
        """The example's overlay with another refreshInterval: nobody wants to wait for an hour."""
        folder = self.cluster.folder / "overlays" / "demo"
        folder.mkdir(parents=True)
        # kustomize takes no absolute path for a resource.
        production = os.path.relpath((EXAMPLE / "overlays" / "prod").resolve(), folder.resolve())
        patch = [{"op": "replace", "path": "/spec/refreshInterval", "value": refresh_interval}]
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [production],
            "patches": [{"target": {"kind": "ExternalSecret"}, "patch": json.dumps(patch)}],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=2))
        return folder

    def check_alive(self) -> None:
        """Raises when Keyturn has ended: nothing that is waited for will come then."""
        if hasattr(self, "keyturn") and self.keyturn.replicas[0].processes:
            status = self.process.returncode()
            if status is not None:
                tail = "\n".join(self.process.stderr_lines()[-20:])
                raise ProcessEnded(f"Keyturn ended with status {status}; its last words:\n{tail}")

    def keep_logs(self) -> Path | None:
        """They survive the end of the demo; where they are, if there are any."""
        if not hasattr(self, "cluster"):
            return None
        if hasattr(self, "keyturn"):
            self.keyturn.write_logs()
        return self.cluster.keep_logs()

    # Objects.

    def deployment(self, name: str = APP) -> Object:
        return self.cluster.api.get("Deployment", name, NAMESPACE)

    def secret(self) -> Object | None:
        return self.cluster.api.find("Secret", SECRET, NAMESPACE)

    def pods(self, app: str = APP) -> list[Object]:
        """Those that are not on their way out, oldest name first."""
        found = self.cluster.api.list("Pod", NAMESPACE, labels=f"app={app}")
        alive = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(alive, key=lambda pod: pod["metadata"]["name"])

    def replica_sets(self, app: str = APP) -> list[Object]:
        """Oldest revision first."""
        found = self.cluster.api.list("ReplicaSet", NAMESPACE, labels=f"app={app}")
        return sorted(found, key=revision_of)

    def rollout_is_complete(self, app: str) -> bool:
        """As `kubectl rollout status` decides, and the Pods of before are gone."""
        found = self.deployment(app)
        wanted, status = found["spec"]["replicas"], found.get("status", {})
        pods = self.cluster.api.list("Pod", NAMESPACE, labels=f"app={app}")
        return (
            status.get("observedGeneration") == found["metadata"]["generation"]
            and status.get("updatedReplicas") == wanted
            and status.get("replicas") == wanted
            and status.get("availableReplicas") == wanted
            and len(pods) == wanted
        )

    def events_on_pods(self, *words: str) -> list[Object]:
        """Those whose message has all of the words."""
        return [
            event
            for event in self.cluster.api.list("Event", NAMESPACE)
            if event["involvedObject"]["kind"] == "Pod"
            and all(word in event.get("message", "") for word in words)
        ]

    def settled_secret(self, value: str) -> Object | None:
        """The Secret once it holds exactly the value, compared by digest."""
        secret = self.secret()
        return secret if secret and digest(secret_data(secret)) == digest({KEY: value}) else None

    # What Keyturn says and does.

    @property
    def process(self) -> Process:
        return self.keyturn.replicas[0].process

    def mark(self) -> int:
        """A place in Keyturn's log: `since` for what comes later."""
        return self.process.mark()

    def records(self, msg: str | None, since: int = 0) -> list[Object]:
        return self.process.logs(msg, since)

    def evaluated(self, app: str, result: str, since: int) -> bool:
        return any(
            record["result"] == result and is_about(record, app)
            for record in self.records("evaluated", since)
        )

    def rolls(self, app: str) -> list[Object]:
        return [record for record in self.records("roll") if is_about(record, app)]

    def patches_of_deployment(self, app: str) -> int:
        """By Keyturn, as the API server's audit log has it."""
        events = self.cluster.audit_events(
            verb="patch", resource="deployments", namespace=NAMESPACE, name=app, user=KEYTURN_USER
        )
        return len([event for event in events if event["responseStatus"]["code"] == 200])

    def audited(self, verb: str, resource: str, name: str | None = None) -> list[Object]:
        """Successful requests in the application's namespace, oldest first."""
        events = self.cluster.audit_events(
            verb=verb, resource=resource, namespace=NAMESPACE, name=name
        )
        return [event for event in events if event["responseStatus"]["code"] < 300]


def revision_of(replica_set: Object) -> int:
    return int(replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def is_about(record: Object, app: str) -> bool:
    """`workload` is the name alone, with the namespace beside it, or KIND/NAMESPACE/NAME."""
    return record["workload"].rpartition("/")[2] == app


def completed_at(event: Object) -> float:
    """When the response of an audited request was on its way, in seconds."""
    return datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00")).timestamp()


def marker_of(workload: Object) -> str | None:
    """Of anything with a Pod template."""
    metadata = workload["spec"]["template"]["metadata"]
    return (metadata.get("annotations") or {}).get(MARKER)


def stamp_of(pod: Object) -> str | None:
    return (pod["metadata"].get("annotations") or {}).get(STAMP)


def gates_of(pod: Object) -> list[str]:
    return [gate["name"] for gate in pod["spec"].get("schedulingGates") or []]


def uids_of(objects: list[Object]) -> set[str]:
    return {found["metadata"]["uid"] for found in objects}


def is_running(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return pod["status"].get("phase") == "Running" and ready


def condition_reason(pod: Object, kind: str) -> str:
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == kind:
            return condition.get("reason", "")
    return ""


def secret_data(secret: Object) -> dict[str, str]:
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def digest(data: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def data_hash(data: dict[str, str]) -> str:
    """External Secrets Operator's annotation data-hash: SHA3-224 of a Go map of byte slices as
    fmt prints it."""
    entries = " ".join(
        f"{key}:[{' '.join(str(byte) for byte in value.encode())}]"
        for key, value in sorted(data.items())
    )
    return hashlib.sha3_224(f"map[{entries}]".encode()).hexdigest()


def documents(text: str) -> list[tuple[str, str]]:
    """(kind, document) of each object that `kustomize build` printed, in its order."""
    found = []
    for document in re.split(r"^---\n", text, flags=re.M):
        kind = re.search(r"^kind: (\w+)$", document, re.M)
        if kind:
            found.append((kind[1], document))
    return found


def joined(found: list[tuple[str, str]], wanted: Callable[[str], bool]) -> str:
    """The documents whose kind is wanted, as one text again."""
    return "---\n".join(document for kind, document in found if wanted(kind))
