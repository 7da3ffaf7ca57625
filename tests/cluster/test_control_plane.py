# SPDX-License-Identifier: Apache-2.0
"""The control plane itself: that what later tests rely on is really so."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError, Object, wait_for
from tests.cluster.control_plane import CommandError, ControlPlane, end_of_last_line
from tests.cluster.processes import Ports, Process
from tests.cluster.programs import ALL, MODULE

ROOT = Path(__file__).parents[2]


def owned_by(manifest: Object, owner: Object) -> bool:
    references = manifest["metadata"].get("ownerReferences", [])
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in references)


def condition(manifest: Object, kind: str) -> Object:
    for found in manifest["status"].get("conditions", []):
        if found["type"] == kind:
            return found
    return {}


def process_exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_is_the_pinned_version(control_plane: ControlPlane) -> None:
    version = control_plane.api.request("GET", "/version").body
    assert version["gitVersion"] == MODULE.pinned_version("k8s.io/kubernetes")
    printed = json.loads(control_plane.kubectl("version", "--output=json").stdout)
    assert printed["serverVersion"]["gitVersion"] == version["gitVersion"]
    assert printed["clientVersion"]["gitVersion"] == version["gitVersion"]


def test_all_programs_of_the_control_plane_run(control_plane: ControlPlane) -> None:
    for name, pid in control_plane.pids().items():
        executable = Path(os.readlink(f"/proc/{pid}/exe"))
        assert executable == Path(control_plane.programs[name]).resolve(), name
    assert set(control_plane.pids()) == set(ALL) - {"kubectl", "helm", "kustomize"}


def test_listens_on_loopback_only(control_plane: ControlPlane) -> None:
    inodes = set()
    for pid in control_plane.pids().values():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:  # TCP_LISTEN
                listening.append(fields[1].split(":")[0])
    assert len(listening) >= 3
    assert set(listening) == {"0100007F"}, listening


def test_rbac_denies_and_allows(control_plane: ControlPlane, namespace: str) -> None:
    alice = control_plane.api_as("alice")
    with pytest.raises(ApiError) as refused:
        alice.list("Secret", namespace)
    assert refused.value.status == 403
    assert 'User "alice" cannot list resource "secrets"' in refused.value.message

    for verb in ("create role", "create rolebinding"):
        flags = {
            "create role": ["--verb=list", "--resource=secrets"],
            "create rolebinding": ["--role=reader", "--user=alice"],
        }[verb]
        control_plane.kubectl(*verb.split(), "reader", "-n", namespace, *flags)
    assert control_plane.wait_for(lambda: alice.list("Secret", namespace) == [], what="allowed")


def test_who_is_nobody_is_refused(control_plane: ControlPlane) -> None:
    nobody = control_plane.api_with_token("no-such-token")
    assert nobody.request("GET", "/api/v1/namespaces").status == 401


def test_token_of_a_service_account(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    token_file = tmp_path / "token"
    token_file.write_text(control_plane.token_for("robot", namespace))
    kubeconfig = control_plane.write_kubeconfig(tmp_path / "kubeconfig", token_file=token_file)
    printed = control_plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=kubeconfig).stdout
    user = json.loads(printed)["status"]["userInfo"]
    assert user["username"] == f"system:serviceaccount:{namespace}:robot"


def test_a_deployment_rolls(control_plane: ControlPlane, namespace: str) -> None:
    api = control_plane.api
    created = api.create(objects.deployment("web", replicas=3), namespace).object

    def available() -> bool:
        status = api.get("Deployment", "web", namespace)["status"]
        return status.get("observedGeneration") == 1 and status.get("availableReplicas") == 3

    control_plane.wait_for(available, what="3 replicas available")
    (first,) = api.list("ReplicaSet", namespace)
    assert owned_by(first, created)

    patch = {"spec": {"template": {"metadata": {"annotations": {"example.com/v": "2"}}}}}
    api.patch("Deployment", "web", patch, namespace)

    def rolled() -> bool:
        status = api.get("Deployment", "web", namespace)["status"]
        return (
            status.get("observedGeneration") == 2
            and status.get("updatedReplicas") == 3
            and status.get("availableReplicas") == 3
            and status.get("replicas") == 3
        )

    control_plane.wait_for(rolled, what="second revision available")
    replica_sets = api.list("ReplicaSet", namespace)
    assert len(replica_sets) == 2
    old = api.get("ReplicaSet", first["metadata"]["name"], namespace)
    assert old["spec"]["replicas"] == 0


def stateful_set_ready(cluster: ControlPlane, namespace: str) -> bool:
    names = {item["metadata"]["name"] for item in cluster.api.list("Pod", namespace)}
    status = cluster.get("StatefulSet", "x", namespace)["status"]
    return status.get("readyReplicas") == 2 and names == {"x-0", "x-1"}


def daemon_set_ready(cluster: ControlPlane, namespace: str) -> bool:
    nodes = {item["spec"].get("nodeName") for item in cluster.api.list("Pod", namespace)}
    status = cluster.get("DaemonSet", "x", namespace)["status"]
    return status.get("numberAvailable") == 2 and nodes == {"node-0", "node-1"}


def job_complete(cluster: ControlPlane, namespace: str) -> bool:
    return condition(cluster.get("Job", "x", namespace), "Complete").get("status") == "True"


@pytest.mark.parametrize(
    ("manifest", "done"),
    [
        pytest.param(objects.stateful_set("x", 2), stateful_set_ready, id="StatefulSet"),
        pytest.param(objects.daemon_set("x"), daemon_set_ready, id="DaemonSet"),
        pytest.param(objects.job("x"), job_complete, id="Job"),
    ],
)
def test_a_workload_runs(
    control_plane: ControlPlane,
    namespace: str,
    manifest: Object,
    done: Callable[[ControlPlane, str], bool],
) -> None:
    control_plane.api.create(manifest, namespace)
    control_plane.wait_for(lambda: done(control_plane, namespace), what="workload done")


def test_a_cron_job_makes_a_job(control_plane: ControlPlane, namespace: str) -> None:
    """Without waiting for the minute: kubectl makes the Job as the controller would."""
    control_plane.api.create(objects.cron_job("nightly", "0 0 1 1 *"), namespace)
    control_plane.kubectl("create", "job", "now", "--from=cronjob/nightly", "-n", namespace)
    control_plane.wait_for(
        lambda: condition(control_plane.get("Job", "now", namespace), "Complete"), what="Job"
    )


def test_a_scheduling_gate_holds_a_pod(control_plane: ControlPlane, namespace: str) -> None:
    api = control_plane.api
    gated = objects.pod("held", schedulingGates=[{"name": "example.com/gate"}])
    api.create(gated, namespace)

    def scheduled_condition() -> Object:
        return condition(api.get("Pod", "held", namespace), "PodScheduled")

    control_plane.wait_for(
        lambda: scheduled_condition().get("reason") == "SchedulingGated", what="gate noticed"
    )
    # The scheduler works meanwhile: a Pod without gate that came later is bound.
    api.create(objects.pod("free"), namespace)
    control_plane.wait_for(
        lambda: api.get("Pod", "free", namespace)["spec"].get("nodeName"), what="free Pod bound"
    )
    assert "nodeName" not in api.get("Pod", "held", namespace)["spec"]

    api.patch("Pod", "held", {"spec": {"schedulingGates": None}}, namespace)
    control_plane.wait_for(
        lambda: api.get("Pod", "held", namespace)["status"]["phase"] == "Running",
        what="held Pod runs",
    )


def test_ports_are_never_given_twice() -> None:
    first, second = Ports(), Ports()
    try:
        taken = [ports.take() for ports in (first, second) for _ in range(50)]
        assert len(set(taken)) == 100
    finally:
        first.close()
        second.close()


def test_a_process_has_the_cores_of_the_thread_that_asks(tmp_path: Path) -> None:
    mine = os.sched_getaffinity(0)
    for cores in ({min(mine)}, {max(mine)}, mine):
        os.sched_setaffinity(0, cores)
        try:
            process = Process(["sleep", "60"], tmp_path / "log")
            assert os.sched_getaffinity(process.pid) == cores
            process.kill()
        finally:
            os.sched_setaffinity(0, mine)


def test_watch_sees_changes(control_plane: ControlPlane, namespace: str) -> None:
    api = control_plane.api
    created = api.create(objects.secret("s", a="1"), namespace).object
    api.patch("Secret", "s", {"metadata": {"labels": {"x": "y"}}}, namespace)
    api.delete("Secret", "s", namespace)
    events = api.watch("Secret", namespace, created["metadata"]["resourceVersion"])
    assert [next(events)[0], next(events)[0]] == ["MODIFIED", "DELETED"]
    events.close()


def test_warnings_of_the_api_server_arrive(control_plane: ControlPlane, namespace: str) -> None:
    manifest = objects.deployment("web")
    manifest["spec"]["template"]["spec"]["colour"] = "blue"
    unknown = 'unknown field "spec.template.spec.colour"'
    response = control_plane.api.create(manifest, namespace, fieldValidation="Warn")
    assert response.warnings == [unknown]
    applied = control_plane.kubectl(
        *("apply", "--validate=warn", "--dry-run=server", "-n", namespace, "-f", "-"),
        input=json.dumps(manifest),
    )
    assert unknown in applied.warnings


def test_kubectl_that_fails_says_why(control_plane: ControlPlane) -> None:
    with pytest.raises(CommandError) as failed:
        control_plane.kubectl("get", "namespace", "no-such-namespace")
    assert 'namespaces "no-such-namespace" not found' in str(failed.value)


def test_audit_log_tells_who_did_what(control_plane: ControlPlane, namespace: str) -> None:
    mark = control_plane.audit_mark()
    deployment = objects.deployment("web")
    applied = control_plane.apply(deployment, namespace)
    assert applied.stdout == "deployment.apps/web created\n"

    def created(resource: str, user: str) -> Object:
        events = control_plane.audit_events(
            mark, verb="create", resource=resource, namespace=namespace, user=user
        )
        return events[0]

    event = control_plane.wait_for(lambda: created("deployments", "admin"))
    assert event["responseStatus"]["code"] == 201
    assert event["objectRef"]["name"] == "web"
    # The request with the API server's defaults, and what became of it.
    requested = event["requestObject"]["spec"]["template"]["spec"]
    assert requested["schedulerName"] == "default-scheduler"
    assert event["responseObject"]["metadata"]["generation"] == 1
    controller = "system:serviceaccount:kube-system:deployment-controller"
    by_controller = control_plane.wait_for(lambda: created("replicasets", controller))
    assert by_controller["responseObject"]["metadata"]["ownerReferences"][0]["name"] == "web"


def test_a_place_in_the_audit_log_is_between_two_lines(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    for text, place in ((b"", 0), (b"whole", 0), (b"{}\n", 3), (b"{}\n{}\n{", 6)):
        log.write_bytes(text)
        assert end_of_last_line(log) == place


def test_audit_log_holds_no_secret(control_plane: ControlPlane, namespace: str) -> None:
    value = "planted-value-in-a-secret"
    mark = control_plane.audit_mark()
    control_plane.api.create(objects.secret("s", password=value), namespace)
    event = control_plane.wait_for(
        lambda: control_plane.audit_events(mark, resource="secrets", namespace=namespace)[0]
    )
    assert event["level"] == "Metadata"
    log = (control_plane.log_folder / "audit.log").read_text()
    assert value not in log
    assert base64.b64encode(value.encode()).decode() not in log


def test_helm_and_kustomize_are_there(control_plane: ControlPlane, tmp_path: Path) -> None:
    version = control_plane.helm("version", "--template", "{{.Version}}").stdout
    assert version == MODULE.pinned_version("helm.sh/helm/v3")
    (tmp_path / "kustomization.yaml").write_text("namespace: a\nresources: [pod.json]\n")
    (tmp_path / "pod.json").write_text(json.dumps(objects.pod("p")))
    built = control_plane.run("kustomize", "build", str(tmp_path)).stdout
    assert "namespace: a\n" in built


class Hook(BaseHTTPRequestHandler):
    """A webhook that admits everything with a warning, and remembers how it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.request_version, self.headers["Host"]))
        review["response"] = {
            "uid": review.pop("request")["uid"],
            "allowed": True,
            "warnings": ["asked"],
        }
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_webhook_is_reached_through_its_service(
    control_plane: ControlPlane, namespace: str
) -> None:
    """clientConfig.service and a Service of type ExternalName: the path that production uses."""
    name = f"hook.{namespace}.svc"
    pair = control_plane.pki.server("hook", (name,))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    asked_for = []
    context.sni_callback = lambda _socket, server_name, _context: asked_for.append(server_name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = control_plane.api
    service = {"name": "hook", "namespace": namespace, "port": server.server_port, "path": "/ask"}
    try:
        external = {"type": "ExternalName", "externalName": "localhost"}
        api.create(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"}, "spec": external},
            namespace,
        )
        api.create(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": namespace},
                "webhooks": [
                    {
                        "name": "hook.example.com",
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "clientConfig": {
                            "service": service,
                            "caBundle": base64.b64encode(
                                control_plane.pki.ca.certificate.read_bytes()
                            ).decode(),
                        },
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": namespace}
                        },
                        "rules": [
                            {
                                "apiGroups": [""],
                                "apiVersions": ["v1"],
                                "operations": ["CREATE"],
                                "resources": ["pods"],
                            }
                        ],
                    }
                ],
            }
        )
        control_plane.wait_for(
            lambda: api.create(objects.pod("p"), namespace, dryRun="All").warnings == ["asked"],
            what="webhook asked",
        )
    finally:
        api.delete("MutatingWebhookConfiguration", namespace)
        server.shutdown()
        server.server_close()
    # Without the port where it is 443.
    assert Hook.seen[0] == ("HTTP/1.1", f"{name}:{server.server_port}")
    assert asked_for[0] == name


def test_restart_of_the_api_server_keeps_everything(
    control_plane: ControlPlane, namespace: str
) -> None:
    api = control_plane.api
    before = control_plane.pids()
    api.create(objects.secret("s", a="1"), namespace)
    control_plane.restart_api_server()
    after = control_plane.pids()
    assert {name for name in after if after[name] != before[name]} == {"kube-apiserver"}
    assert api.get("Secret", "s", namespace)["data"] == {"a": "MQ=="}
    # The others find their way back by themselves.
    api.create(objects.deployment("web"), namespace)
    control_plane.wait_for(
        lambda: api.get("Deployment", "web", namespace)["status"].get("availableReplicas") == 1,
        timeout=60,
        what="Deployment available after the restart",
    )


def test_two_side_by_side_and_a_stop_that_leaves_nothing(
    control_plane: ControlPlane, namespace: str
) -> None:
    with ControlPlane(nodes=0, api_server_flags=["--max-requests-inflight=50"]) as other:
        assert other.port != control_plane.port
        assert other.api.find("Namespace", namespace) is None
        flags = Path(f"/proc/{other.pids()['kube-apiserver']}/cmdline").read_text().split("\0")
        assert "--max-requests-inflight=50" in flags
        pids, folder, port = other.pids(), other.folder, other.port
        assert len(pids) == 5
        assert all(process_exists(pid) for pid in pids.values())
    assert not any(process_exists(pid) for pid in pids.values())
    assert not folder.exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))  # free again
    assert control_plane.api.find("Namespace", namespace) is not None


OWNER = """
import signal, sys, time
# What a shell starts in the background inherits that interrupts are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.cluster.control_plane import ControlPlane
cluster = ControlPlane(nodes=0).start()
print(cluster.folder, *cluster.pids().values(), flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_an_owner_that_is_killed(number: signal.Signals) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        folder, *pids = owner.stdout.readline().decode().split()
        assert len(pids) == 5
        assert all(process_exists(int(pid)) for pid in pids)
        owner.send_signal(number)
        owner.wait(30)
        wait_for(
            lambda: not any(process_exists(int(pid)) for pid in pids), what="all processes gone"
        )
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    # The next one clears away what a killed owner could not.
    ControlPlane(nodes=0).stop()
    assert not Path(folder).exists()


def test_logs_are_kept_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError):
        with ControlPlane(nodes=0) as cluster:
            raise ZeroDivisionError
    assert [path.name for path in cluster.folder.iterdir()] == ["logs"]
    assert (cluster.log_folder / "kube-apiserver.log").exists()
    for path in sorted(cluster.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    cluster.folder.rmdir()
