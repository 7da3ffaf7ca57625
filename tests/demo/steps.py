# SPDX-License-Identifier: Apache-2.0
"""The story, in the order of `Demo.steps`: each method is a step, each of its checks a line."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from pathlib import Path

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import INSTALLATION_KEY_SECRET, Keyturn
from tests.demo.leaks import find_leaks
from tests.demo.stage import (
    APP,
    EXAMPLE,
    GATE,
    HASH,
    KEY,
    KEYTURN_NAMESPACE,
    KEYTURN_USER,
    NAMESPACE,
    REMOTE_KEY,
    ROOT,
    SECRET,
    Stage,
    completed_at,
    condition_reason,
    data_hash,
    digest,
    documents,
    gates_of,
    is_about,
    is_running,
    joined,
    marker_of,
    secret_data,
    stamp_of,
    uids_of,
)
from tests.demo.walk import Step
from tests.support.aws_standin import (
    EXAMPLE_SECRET_ACCESS_KEY,
    AwsStandIn,
)
from tests.support.forwarder import https_ready
from tests.support.process import pid_exists

REPORT = "report"  # the second workload
REFRESH_SECONDS = 5
OPTIONS = {"debounce": "1s", "max-wait": "5s"}
TYPO = "DB_PASSWROD"
DOCUMENT_KEY = "/prod/db/connection"
URL_SECRET = "my-app-url"
URL = "postgres://{{ .user }}:{{ .password }}@{{ .host }}:{{ .port }}/app"
HOSTILE_NAME = "../../kube-system/secrets/admin-token"

# Kinds that a roll or a hold touches, all but Secrets themselves.
SEARCHED_KINDS = (
    *("Pod", "Deployment", "ReplicaSet", "Event"),
    "secretstores.external-secrets.io",
    "externalsecrets.external-secrets.io",
)
POD_COLUMNS = (
    "custom-columns=NAME:.metadata.name,GATES:.spec.schedulingGates[*].name,"
    "PHASE:.status.phase,NODE:.spec.nodeName,"
    r"SECRETS-HASH:.metadata.annotations.keyturn\.io/secrets-hash"
)
REPLICA_SET_COLUMNS = (
    "custom-columns=NAME:.metadata.name,PODS:.status.replicas,READY:.status.readyReplicas,"
    r"ROLLOUT-HASH:.spec.template.metadata.annotations.keyturn\.io/rollout-hash"
)
EVENT_COLUMNS = "custom-columns=OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message"


class Demo:
    # Of the chart.
    install_crds = True
    controller = "keyturn"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.screen = stage.screen
        self.check = stage.walk.check
        self.wait = stage.walk.wait
        # What stands in AWS under REMOTE_KEY, oldest first. Never printed.
        self.values: list[str] = []
        # Likewise, the password within the document under DOCUMENT_KEY.
        self.document_password = secrets.token_urlsafe(24)

    def steps(self) -> list[Step]:
        """All but the last one, stopped()."""
        base = (self.control_plane, self.aws, self.keyturn)
        running = (*base, self.deployment_first, self.held, self.secret_appears, self.released)
        return [
            Step("A control plane on this machine", self.control_plane),
            Step("AWS Secrets Manager, played by a stand-in", self.aws),
            Step("Keyturn, installed by helm", self.keyturn, base[:2]),
            Step("The Deployment is applied before its Secret exists", self.deployment_first, base),
            Step("Its Pods are held", self.held, running[:4]),
            Step("The ExternalSecret comes, and the Secret", self.secret_appears, running[:5]),
            Step("The Pods start", self.released, running[:6]),
            Step("Applying everything again changes nothing", self.apply_again, running),
            Step("A second workload, now that the Secret is there", self.second_workload, running),
            Step("The value is rotated in AWS", self.rotation, (*running, self.second_workload)),
            Step("A typo in a key", self.typo, running),
            Step("A name that no Secret can have", self.hostile_name, base),
            Step("A template over a whole document", self.template, running),
            Step("ExternalSecret and Secret are deleted", self.deletion, running),
            Step("No secret value has got out", self.no_leaks, base),
        ]

    # The steps.

    def control_plane(self) -> None:
        stage = self.stage
        stage.cluster = ControlPlane(nodes=2)
        stage.cluster.start()
        version = stage.cluster.api.request("GET", "/version").body["gitVersion"]
        etcd = stage.cluster.run("etcd", "--version").stdout.split("\n")[0]
        helm = stage.cluster.helm("version", "--short").stdout.strip()
        kustomize = stage.cluster.run("kustomize", "version").stdout.strip()
        self.screen.say(f"kube-apiserver {version}, {etcd}, helm {helm}, kustomize {kustomize}")
        stage.run("kubectl", "get", "nodes")
        self.check(len(stage.cluster.pids()) == 5, "etcd and four programs of Kubernetes are up")
        nodes = stage.cluster.api.list("Node")
        self.check(len(nodes) == 2, "2 Nodes are ready (KWOK plays their kubelets)")

    def aws(self) -> None:
        self.stage.aws = AwsStandIn()
        self.stage.aws.add_principal(allow=[REMOTE_KEY, DOCUMENT_KEY])
        self.stage.aws.start()
        self.put_value()
        self.screen.say(f"{self.stage.aws.endpoint}; every request's signature is verified")
        names = list(self.stage.aws.store().names())
        self.check(names == [REMOTE_KEY], f"it holds {REMOTE_KEY}, a random value", names)

    def keyturn(self) -> None:
        stage = self.stage
        values = {
            "crds": {"install": self.install_crds},
            "externalSecrets": {"controller": self.controller},
        }
        keyturn = Keyturn(
            stage.cluster, values=values, options=OPTIONS, env=stage.aws.environment()
        )
        stage.keyturn = keyturn
        flags = f"--set crds.install={str(self.install_crds).lower()}"
        flags += f",externalSecrets.controller={self.controller}"
        flags += f",service.externalName=localhost,service.port={keyturn.service_port}"
        self.screen.command(
            f"helm upgrade --install keyturn charts/keyturn -n {KEYTURN_NAMESPACE} "
            f"--create-namespace {flags}"
        )
        keyturn.install()
        self.screen.command(
            "keyturn serve " + " ".join(f"--{name} {value}" for name, value in OPTIONS.items())
        )
        keyturn.start_replicas()
        ready = https_ready("127.0.0.1", keyturn.service_port)
        self.check(ready, f"it is ready, as {KEYTURN_USER} (pid {stage.process.pid})")
        keyturn.wait_in_force()
        self.check(
            stage.cluster.audit_events(
                verb="patch", resource="mutatingwebhookconfigurations", user=KEYTURN_USER
            ),
            "it has written its certificate and path into the webhook configuration",
        )
        self.wait("it holds the Lease", lambda: keyturn.metric("keyturn_leader") == 1)
        stage.cluster.create_namespace(NAMESPACE)
        self.wait("asked about a Pod whose Secret is missing, it would hold it", self.would_hold)

    def would_hold(self) -> bool:
        """A dry run, which leaves nothing behind."""
        probe = objects.pod(f"probe-{secrets.token_hex(4)}", volumes=[secret_volume("absent")])
        reply = self.stage.cluster.api.create(probe, NAMESPACE, dryRun="All")
        return gates_of(reply.object) == [GATE]

    def deployment_first(self) -> None:
        stage = self.stage
        overlay = EXAMPLE / "overlays" / "prod"
        shown = f"kustomize build {overlay.relative_to(ROOT)}"
        text = stage.build(overlay)
        self.screen.command(shown)
        self.screen.output(text)
        kinds = [kind for kind, _ in documents(text)]
        self.check(
            kinds.index("Deployment") < kinds.index("ExternalSecret"),
            "kustomize puts the Deployment first; so do Argo CD, Flux and Helm",
            kinds,
        )
        applied = joined(documents(text), lambda kind: kind in ("Service", "Deployment"))
        done = stage.piped("(Service and Deployment)", "kubectl", "apply", "-f", "-", input=applied)
        self.check_warning(done.warnings, SECRET, KEY)
        self.check(
            marker_of(stage.deployment()) is None,
            "the Deployment is created, without a rollout hash: there is nothing to hash yet",
        )

    def held(self) -> None:
        stage = self.stage
        pods = self.wait("2 Pods are created", lambda: len(stage.pods()) == 2 and stage.pods())
        self.check(
            all(gates_of(pod) == [GATE] for pod in pods),
            f"each has the scheduling gate {GATE}",
            [gates_of(pod) for pod in pods],
        )
        self.wait(
            "the scheduler leaves them alone: SchedulingGated, on no Node",
            lambda: all(
                condition_reason(pod, "PodScheduled") == "SchedulingGated"
                and "nodeName" not in pod["spec"]
                for pod in stage.pods()
            ),
        )
        stage.run("kubectl", "get", "pods", "-n", NAMESPACE)
        self.held_uids = uids_of(stage.pods())
        self.wait_event(self.held_uids, SECRET, KEY)

    def secret_appears(self) -> None:
        stage = self.stage
        self.overlay = stage.write_overlay(f"{REFRESH_SECONDS}s")
        self.everything = stage.build(self.overlay)
        self.screen.say(
            f"(with refreshInterval {REFRESH_SECONDS}s, not 1h: a rotation is to be seen soon)"
        )
        self.since_secret = stage.mark()
        self.refreshing_since = time.monotonic()
        rest = joined(documents(self.everything), lambda kind: kind.startswith(("Ext", "SecretS")))
        stage.piped("(ExternalSecret and SecretStore)", "kubectl", "apply", "-f", "-", input=rest)
        secret = self.wait("the Secret is there", stage.secret)
        self.check(
            secret_data(secret).keys() == {KEY} and stage.settled_secret(self.values[-1]),
            f"its data is {KEY} and nothing else, with the value that AWS has (compared by digest)",
        )
        self.check_as_eso_writes(secret)
        stage.run("kubectl", "get", "secret", "-n", NAMESPACE, SECRET)
        calls = stage.aws.count("GetSecretValue")
        self.check(calls == 1, "one call to AWS for both Pods", f"{calls} calls")

    def check_as_eso_writes(self, secret: Object) -> None:
        """What makes the External Secrets Operator take the Secret for its own, should it come."""
        metadata = secret["metadata"]
        owner = self.stage.cluster.api.get("ExternalSecret", SECRET, NAMESPACE)
        prefix = "reconcile.external-secrets.io"
        created_by = hashlib.sha3_224(f"{NAMESPACE}/{SECRET}".encode()).hexdigest()
        labels = metadata.get("labels", {})
        self.check(
            labels.get(f"{prefix}/managed") == "true"
            and labels.get(f"{prefix}/created-by") == created_by,
            "it has the labels of the External Secrets Operator",
            labels,
        )
        self.check(
            metadata.get("annotations", {}).get(f"{prefix}/data-hash")
            == data_hash(secret_data(secret)),
            "and its data-hash",
        )
        reference = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": SECRET,
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        owners = metadata.get("ownerReferences")
        self.check(owners == [reference], "and belongs to the ExternalSecret", owners)
        managers = {each["manager"] for each in metadata["managedFields"]}
        self.check(
            managers == {f"externalsecrets.external-secrets.io/{SECRET}"},
            "and is written under the operator's field manager",
            managers,
        )

    def released(self) -> None:
        stage = self.stage
        self.wait(
            "the gates are gone and both Pods run",
            lambda: [gates_of(p) == [] and is_running(p) for p in stage.pods()] == [True, True],
        )
        pods = stage.pods()
        self.say_how_fast()
        same = uids_of(pods) == self.held_uids
        self.check(same, "they are the Pods that were held, not new ones")
        stamps = {stamp_of(pod) for pod in pods}
        self.check(
            len(stamps) == 1 and HASH.fullmatch(stamps.copy().pop() or ""),
            "both are stamped with the hash of what they started with",
            stamps,
        )
        stage.run("kubectl", "get", "pods", "-n", NAMESPACE, "-o", POD_COLUMNS)
        self.wait(
            "Keyturn has looked at the Deployment since, and found it fresh",
            lambda: stage.evaluated(APP, "fresh", self.since_secret),
        )
        self.check_untouched(APP, generation=1, replica_sets=1)

    def say_how_fast(self) -> None:
        """From the API server's own record of requests, in microseconds."""
        stage = self.stage
        describing = stage.audited("create", "externalsecrets") + stage.audited(
            "create", "secretstores"
        )
        asked = max(completed_at(event) for event in describing)
        # Several clocks could only confuse: these are all the API server's.
        made = completed_at(stage.audited("create", "secrets", SECRET)[0])
        released = max(
            completed_at(event)
            for event in stage.audited("patch", "pods")
            if event["user"]["username"] == KEYTURN_USER
        )
        self.screen.say(
            f"Secret written {1000 * (made - asked):.0f} ms after the last of ExternalSecret and "
            f"SecretStore was, last gate gone {1000 * (released - asked):.0f} ms after it"
        )

    def apply_again(self) -> None:
        stage = self.stage
        before = self.generations()
        done = stage.piped("(all of it)", "kubectl", "apply", "-f", "-", input=self.everything)
        lines = done.stdout.splitlines()
        self.check(
            len(lines) == 4 and all(line.endswith(" unchanged") for line in lines),
            "kubectl finds no difference: what Keyturn added is nobody's drift",
        )
        self.check(not done.warnings, "and there is no warning any more", done.warnings)
        again = self.generations()
        self.check(again == before, "every generation is what it was", (before, again))
        self.check_untouched(APP, generation=1, replica_sets=1)

    def generations(self) -> dict[str, int]:
        kinds = (
            ("Deployment", APP),
            ("externalsecrets.external-secrets.io", SECRET),
            ("secretstores.external-secrets.io", "aws-secrets-manager"),
        )
        return {
            kind: self.stage.cluster.api.get(kind, name, NAMESPACE)["metadata"]["generation"]
            for kind, name in kinds
        }

    def second_workload(self) -> None:
        stage = self.stage
        manifest = objects.deployment(
            REPORT,
            containers=[{"name": REPORT, "image": objects.IMAGE, "env": [secret_variable(KEY)]}],
        )
        self.screen.say(f"a Deployment `{REPORT}` that uses the same key of the same Secret")
        done = stage.run(
            "kubectl", "apply", "-n", NAMESPACE, "-f", "-", input=json.dumps(manifest)
        )
        self.check(not done.warnings, "no warning", done.warnings)
        marker = marker_of(stage.deployment(REPORT))
        self.check(
            HASH.fullmatch(marker or ""), "the rollout hash is in its Pod template at once", marker
        )
        self.wait("its Pod runs", lambda: [is_running(p) for p in stage.pods(REPORT)] == [True])
        pod = stage.pods(REPORT)[0]
        answers = [event.get("responseObject", {}) for event in stage.audited("create", "pods")]
        created = [each for each in answers if each["metadata"].get("uid") in uids_of([pod])]
        self.check(
            len(created) == 1 and not gates_of(created[0]),
            "it never had a gate: the audit log has it as it was created",
        )
        self.check(
            stamp_of(pod) == marker and {stamp_of(each) for each in stage.pods()} == {marker},
            "its stamp is the same hash, and that of the Pods of before",
            (marker, stamp_of(pod), [stamp_of(each) for each in stage.pods()]),
        )

    def rotation(self) -> None:
        stage = self.stage
        old = {stamp_of(pod) for app in (APP, REPORT) for pod in stage.pods(app)}
        mark, began = stage.mark(), time.monotonic()
        self.put_value()
        self.screen.say(f"{REMOTE_KEY} has a new version")
        self.kept_secret = self.wait(
            "the Secret has the new value", lambda: stage.settled_secret(self.values[-1])
        )
        for app in (APP, REPORT):
            self.wait(
                f"{app} rolls to the end",
                lambda app=app: stage.rolls(app) and stage.rollout_is_complete(app),
            )
        self.screen.say(f"{time.monotonic() - began:.1f} s after the rotation")
        rolled = len(stage.records("roll", mark))
        self.check(rolled == 2, "2 rolls are logged, one for each Deployment", rolled)
        for app in (APP, REPORT):
            self.check_rolled(app, old)
            self.wait(
                f"{app}: looked at again, and found fresh",
                lambda app=app: self.evaluated_after_roll(app),
            )
        options = ("-n", NAMESPACE, "-o", REPLICA_SET_COLUMNS)
        stage.run("kubectl", "get", "replicasets", *options)
        self.check_aws_calls()

    def check_rolled(self, app: str, old: set[str | None]) -> None:
        stage = self.stage
        marker = marker_of(stage.deployment(app))
        self.check(
            HASH.fullmatch(marker or "") and marker not in old,
            f"{app}: the Pod template has a new hash",
            marker,
        )
        sets = stage.replica_sets(app)
        self.check(
            len(sets) == 2 and marker_of(sets[-1]) == marker,
            f"{app}: exactly one new ReplicaSet, with that hash",
            [marker_of(each) for each in sets],
        )
        pods = stage.pods(app)
        self.check(
            all(is_running(pod) and stamp_of(pod) == marker for pod in pods),
            f"{app}: every Pod runs, stamped with it",
            [stamp_of(pod) for pod in pods],
        )
        patches = stage.patches_of_deployment(app)
        self.check(patches == 1, f"{app}: one patch by Keyturn in the audit log", patches)

    def evaluated_after_roll(self, app: str) -> bool:
        """A look that rolls is logged before its roll: the next one is another look."""
        positions = [
            position
            for position, each in enumerate(self.stage.records(None))
            if each.get("msg") == "roll" and is_about(each, app)
        ]
        return self.stage.evaluated(app, "fresh", positions[-1])

    def check_aws_calls(self) -> None:
        calls = self.stage.aws.calls()
        seconds = time.monotonic() - self.refreshing_since
        outcomes = {(call.operation, call.outcome) for call in calls}
        self.check(
            outcomes == {("GetSecretValue", "ok")}, "every call to AWS was a good one", outcomes
        )
        self.check(
            2 <= len(calls) <= 2 + seconds / REFRESH_SECONDS,
            f"{len(calls)} calls in {seconds:.0f} s: one each refreshInterval",
        )

    def typo(self) -> None:
        stage = self.stage
        running = uids_of(stage.pods())
        before = (marker_of(stage.deployment()), len(stage.replica_sets()))
        deployment = joined(documents(self.everything), lambda kind: kind == "Deployment")
        wrong = deployment.replace(f"key: {KEY}\n", f"key: {TYPO}\n")
        self.check(wrong != deployment, f"key: {KEY} becomes key: {TYPO}")
        done = stage.run("kubectl", "apply", "-f", "-", input=wrong)
        self.check_warning(done.warnings, SECRET, TYPO)
        new = self.wait(
            "the new Pod is held",
            lambda: [p for p in stage.pods() if gates_of(p) == [GATE]],
        )
        self.check(
            running <= uids_of(stage.pods()) and len(new) == 1,
            "the old ones serve on: the typo harms nobody",
        )
        self.wait_event(uids_of(new), SECRET, TYPO)
        self.screen.say("and corrected:")
        done = stage.run("kubectl", "apply", "-f", "-", input=deployment)
        self.check(not done.warnings, "no warning", done.warnings)
        self.wait("the held Pod is gone", lambda: uids_of(stage.pods()) == running)
        self.wait("the rollout is complete", lambda: stage.rollout_is_complete(APP))
        after = (marker_of(stage.deployment()), len(stage.replica_sets()))
        self.check(
            after == (before[0], before[1] + 1),
            "the hash is what it was; the ReplicaSet of before is used again, no Pod was replaced",
            (before, after),
        )

    def hostile_name(self) -> None:
        stage = self.stage
        manifest = objects.deployment("hostile", volumes=[secret_volume(HOSTILE_NAME)])
        self.screen.say(f"secretName: {HOSTILE_NAME}")
        done = stage.run(
            "kubectl", "apply", "-n", NAMESPACE, "-f", "-", input=json.dumps(manifest), check=False
        )
        self.check(
            done.returncode != 0 and "KT104" in done.stderr and HOSTILE_NAME in done.stderr,
            "refused, with code and reason",
        )
        found = stage.cluster.api.find("Deployment", "hostile", NAMESPACE)
        self.check(found is None, "there is no such Deployment")
        # A namespace that Keyturn does not look at.
        alone = stage.cluster.api.create(manifest, KEYTURN_NAMESPACE, dryRun="All")
        self.check(alone.status == 201, "the API server alone would have taken it (a dry run)")

    def template(self) -> None:
        stage = self.stage
        fields = {"user": "app", "password": self.document_password, "host": "db", "port": 5432}
        stage.aws.put(DOCUMENT_KEY, json.dumps(fields))
        manifest = stage.cluster.api.get("ExternalSecret", SECRET, NAMESPACE)
        spec = {
            "refreshInterval": "1h",
            "secretStoreRef": manifest["spec"]["secretStoreRef"],
            "target": {"name": URL_SECRET, "template": {"data": {"DB_URL": URL}}},
            "dataFrom": [{"extract": {"key": DOCUMENT_KEY}}],
        }
        described = {
            "apiVersion": manifest["apiVersion"],
            "kind": "ExternalSecret",
            "metadata": {"name": URL_SECRET, "namespace": NAMESPACE},
            "spec": spec,
        }
        self.screen.say(f"{DOCUMENT_KEY} is JSON: {', '.join(fields)}")
        self.screen.say(f"DB_URL: {URL}")
        stage.run("kubectl", "apply", "-f", "-", input=json.dumps(described))
        secret = self.wait(
            "the Secret is there",
            lambda: stage.cluster.api.find("Secret", URL_SECRET, NAMESPACE),
        )
        url = f"postgres://app:{self.document_password}@db:5432/app"
        self.check(
            digest(secret_data(secret)) == digest({"DB_URL": url}),
            "its data is DB_URL and nothing else, as the template says (compared by digest)",
        )
        calls = stage.aws.count("GetSecretValue", secret=DOCUMENT_KEY)
        self.check(calls == 1, "one call to AWS for all four fields", f"{calls} calls")

    def deletion(self) -> None:
        stage = self.stage
        apps = [app for app in (APP, REPORT) if stage.pods(app)]
        before = {app: self.state_of(app) for app in apps}
        rolls = len(stage.records("roll"))
        mark = stage.mark()
        stage.run("kubectl", "delete", "externalsecret", SECRET, "-n", NAMESPACE)
        stage.run("kubectl", "delete", "secret", SECRET, "-n", NAMESPACE, "--ignore-not-found")
        for app in apps:
            self.wait(
                f'{app}: logged as evaluated, result "missing"',
                lambda app=app: stage.evaluated(app, "missing", mark),
            )
        self.check(stage.secret() is None, "the Secret is gone, and stays so")
        for app in apps:
            self.check(
                self.state_of(app) == before[app],
                f"{app}: generation, ReplicaSets and Pods are what they were",
            )
        self.check(len(stage.records("roll")) == rolls, "nothing was rolled")

    def state_of(self, app: str) -> tuple[int, set[str], set[str]]:
        generation = self.stage.deployment(app)["metadata"]["generation"]
        pods = uids_of([pod for pod in self.stage.pods(app) if is_running(pod)])
        return generation, uids_of(self.stage.replica_sets(app)), pods

    def no_leaks(self) -> None:
        stage = self.stage
        logs = {path.name: path.read_text() for path in stage.cluster.log_folder.glob("*.log")}
        texts = {
            **logs,
            "Keyturn's log": stage.keyturn.replicas[0].stderr(),
            "Keyturn's standard output": stage.process.stdout().decode(errors="replace"),
            "Keyturn's metrics": stage.keyturn.replicas[0].metrics().text,
            "the output of this demo": self.screen.transcript(),
        }
        for kind in SEARCHED_KINDS:
            texts[kind] = json.dumps(stage.cluster.api.list(kind))
        looked_for: dict[str, str | bytes]
        looked_for = {f"value {n} of {REMOTE_KEY}": v for n, v in enumerate(self.values, start=1)}
        looked_for[f"the password in {DOCUMENT_KEY}"] = self.document_password
        key = stage.cluster.get("Secret", INSTALLATION_KEY_SECRET, KEYTURN_NAMESPACE)["data"]["key"]
        looked_for["Keyturn's installation key"] = base64.b64decode(key)
        looked_for["the AWS secret access key"] = EXAMPLE_SECRET_ACCESS_KEY
        looked_for["Keyturn's token"] = stage.keyturn.token_file.read_text().strip()
        if hasattr(self, "kept_secret"):
            control = find_leaks(looked_for, {"the Secret": json.dumps(self.kept_secret)})
            self.check(
                control == [f"value {len(self.values)} of {REMOTE_KEY} in the Secret"],
                "the search finds the value where it belongs, in the Secret",
                control,
            )
        leaks = find_leaks(looked_for, texts)
        self.screen.say(f"looked for: {', '.join(looked_for)}")
        self.screen.say(f"in: {', '.join(texts)}")
        self.check("audit.log" in texts and not leaks, "and nothing anywhere else", leaks)
        errors = [each for each in stage.records(None) if each.get("level") == "error"]
        self.check(not errors, "no error is in Keyturn's log", errors)

    def stopped(self) -> None:
        """The last step, also when none of the others was taken or --keep has held it back."""
        stage = self.stage
        pids: dict[str, int] = {}
        if hasattr(stage, "cluster"):
            pids |= stage.cluster.pids()
        if hasattr(stage, "keyturn") and stage.keyturn.replicas[0].running:
            pids["keyturn"] = stage.process.pid
            statuses = stage.keyturn.stop()
            said = stage.records("stopped")
            self.check(statuses == [0] and said, "Keyturn has drained and ended", statuses)
        self.stop_all()
        left = {name: pid for name, pid in pids.items() if pid_exists(pid)}
        self.check(not left, f"{len(pids)} processes ended: {', '.join(pids)}", left)
        children = child_processes()
        self.check(not children, "nothing that was started here runs any more", children)

    def stop_all(self) -> None:
        """Whatever there is, in any state."""
        stage = self.stage
        if hasattr(stage, "keyturn"):
            stage.keyturn.kill()
        if hasattr(stage, "aws"):
            stage.aws.stop()
            del stage.aws
        if hasattr(stage, "cluster"):
            stage.cluster.stop()

    # What several steps do.

    def restore(self) -> None:
        """For those who go on from here: what the last steps have deleted is there again."""
        if hasattr(self, "everything"):
            self.stage.cluster.apply(self.everything)

    def put_value(self) -> None:
        self.values.append(secrets.token_urlsafe(24))
        self.stage.aws.put(REMOTE_KEY, self.values[-1])

    def check_warning(self, warnings: list[str], secret: str, key: str) -> None:
        named = [w for w in warnings if w.startswith("KT1") and secret in w and key in w]
        self.check(
            len(warnings) == 1 and named and APP in named[0],
            "the warning has a code and names container, Secret and key",
            warnings,
        )

    def wait_event(self, pods: set[str], secret: str, key: str) -> None:
        stage = self.stage

        def told() -> bool:
            events = stage.events_on_pods(secret, key)
            return pods <= {event["involvedObject"]["uid"] for event in events}

        self.wait("an Event on each says what it waits for", told)
        messages = [event["message"] for event in stage.events_on_pods(secret, key)]
        named = all(f"container {APP}" in message for message in messages)
        self.check(named, "and names container, Secret and key", messages)
        pod = stage.events_on_pods(secret, key)[0]["involvedObject"]["name"]
        stage.run(
            *("kubectl", "get", "events", "-n", NAMESPACE),
            *("--field-selector", f"involvedObject.name={pod}", "-o", EVENT_COLUMNS),
        )

    def check_untouched(self, app: str, generation: int, replica_sets: int) -> None:
        stage = self.stage
        found = stage.deployment(app)["metadata"]["generation"]
        sets = len(stage.replica_sets(app))
        self.check(
            (found, sets, len(stage.rolls(app))) == (generation, replica_sets, 0),
            f"{app}: generation {generation}, {replica_sets} ReplicaSet, no roll",
            (found, sets),
        )


def secret_volume(name: str) -> Object:
    return {"name": "files", "secret": {"secretName": name}}


def secret_variable(key: str) -> Object:
    return {"name": KEY, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": key}}}


def child_processes() -> dict[int, str]:
    """Of this process, pid and command; those that have ended but are not waited for do not run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, _, rest = (folder / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state not in "ZX":
            found[int(folder.name)] = command.partition("(")[2]
    return found
