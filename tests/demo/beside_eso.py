# SPDX-License-Identifier: Apache-2.0
"""The same story beside the real External Secrets Operator: Keyturn does for what waits what the
operator has not come to, and the operator finds nothing left to do."""

from __future__ import annotations

from tests.cluster.api import Object
from tests.cluster.eso import Eso
from tests.demo.stage import KEYTURN_USER, NAMESPACE, REMOTE_KEY, SECRET, Stage
from tests.demo.steps import Demo
from tests.demo.walk import Step

WRITES = ("create", "update", "patch", "delete")
OPERATOR_SECONDS = 60


class BesideEso(Demo):
    install_crds = False
    controller = "eso"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.eso: Eso | None = None

    def steps(self) -> list[Step]:
        """All but the last one, stopped()."""
        base = (self.control_plane, self.aws, self.operator, self.keyturn)
        running = (*base, self.deployment_first, self.held, self.secret_appears, self.released)
        adopted = (*running, self.adoption)
        return [
            Step("A control plane on this machine", self.control_plane),
            Step("AWS Secrets Manager, played by a stand-in", self.aws),
            Step("The External Secrets Operator, which is behind", self.operator, base[:2]),
            Step("Keyturn, installed by helm", self.keyturn, base[:3]),
            Step("The Deployment is applied before its Secret exists", self.deployment_first, base),
            Step("Its Pods are held", self.held, running[:5]),
            Step("The ExternalSecret comes; Keyturn steps in", self.secret_appears, running[:6]),
            Step("The Pods start", self.released, running[:7]),
            Step("The operator comes, and takes the Secret as it is", self.adoption, running),
            Step("A second workload, now that the Secret is there", self.second_workload, running),
            Step("The value is rotated in AWS", self.rotation, (*adopted, self.second_workload)),
            Step("What is the operator's has stayed the operator's", self.untouched, adopted),
            Step("No secret value has got out", self.no_leaks, base),
        ]

    def operator(self) -> None:
        stage = self.stage
        self.eso = Eso(stage.cluster, stage.aws)
        self.eso.install()
        self.check(
            stage.cluster.api.list("externalsecrets.external-secrets.io") == [],
            "its CRDs are there; it is not running yet, as if it had much else to do",
        )

    def adoption(self) -> None:
        stage = self.stage
        before = self.version_of_secret()
        self.check(self.status() == {}, "nobody has written the ExternalSecret's status so far")
        assert self.eso is not None
        self.eso.start()
        self.wait(
            "the operator says SecretSynced",
            lambda: [each["reason"] for each in self.status().get("conditions") or []]
            == ["SecretSynced"],
            OPERATOR_SECONDS,
        )
        after = self.version_of_secret()
        self.check(after == before, "the Secret has the resourceVersion it had", (before, after))
        stage.run("kubectl", "get", "externalsecret", "-n", NAMESPACE)

    def untouched(self) -> None:
        written = [
            event
            for resource in ("externalsecrets", "secretstores")
            for verb in WRITES
            for event in self.stage.cluster.audit_events(
                verb=verb, resource=resource, user=KEYTURN_USER
            )
        ]
        self.check(not written, "Keyturn wrote no ExternalSecret and no store", len(written))
        assert self.eso is not None
        self.eso.check_running()
        self.check(True, "the operator runs on")

    def check_aws_calls(self) -> None:
        outcomes = {(call.operation, call.outcome) for call in self.stage.aws.calls()}
        self.check(
            outcomes == {("GetSecretValue", "ok")},
            f"every call to AWS for {REMOTE_KEY}, of either, was a good one",
            outcomes,
        )

    def stop_all(self) -> None:
        if self.eso is not None:
            self.eso.kill()
        super().stop_all()

    # What several steps do.

    def version_of_secret(self) -> str:
        secret = self.stage.secret()
        return secret["metadata"]["resourceVersion"] if secret else ""

    def status(self) -> Object:
        found = self.stage.cluster.api.get("ExternalSecret", SECRET, NAMESPACE)
        return found.get("status") or {}
