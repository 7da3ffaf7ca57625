# SPDX-License-Identifier: Apache-2.0
"""A control plane of genuine programs on loopback: etcd, kube-apiserver with RBAC and audit log,
kube-controller-manager, kube-scheduler, and KWOK as the kubelet of as many Nodes as wanted.

    with ControlPlane(nodes=2) as cluster:
        cluster.kubectl("create", "namespace", "a")
        cluster.api.get("Namespace", "a")

Several may run side by side: each has its own certificates, ports and folder.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.api import Api, ApiError, Object, T, wait_for
from tests.cluster.pki import KeyPair, Pki
from tests.cluster.processes import Ports, Process, ProcessError
from tests.cluster.programs import Programs, locate_programs

FOLDER_PREFIX = "keyturn-cluster-"
START_SECONDS = 60
POLL_SECONDS = 0.05

# What writes objects is logged with request and response, so that a test sees which webhook patched
# what (annotations patch.webhook.admission.k8s.io/...) and who wrote how often. Values of Secrets
# and tokens stay out of the log: metadata only.
AUDIT_POLICY: Object = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/*"]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
        {"level": "None", "resources": [{"group": "events.k8s.io"}]},
        {"level": "None", "users": ["system:apiserver"]},
        {
            "level": "Metadata",
            "resources": [
                {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                {"group": "authentication.k8s.io"},
                {"group": "coordination.k8s.io"},
            ],
        },
        {"level": "Metadata", "verbs": ["get", "list", "watch"]},
        {
            "level": "RequestResponse",
            "resources": [
                {"group": ""},
                {"group": "apps"},
                {"group": "batch"},
                {"group": "external-secrets.io"},
                {"group": "admissionregistration.k8s.io"},
            ],
        },
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class Completed:
    """What a command printed. `warnings` are the API server's, as kubectl shows them."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def warnings(self) -> list[str]:
        prefix = "Warning: "
        lines = self.stderr.splitlines()
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


class CommandError(Exception):
    def __init__(self, argv: Sequence[str], completed: Completed) -> None:
        self.completed = completed
        super().__init__(
            f"{' '.join(argv)}: exit status {completed.returncode}\n"
            f"{completed.stdout}{completed.stderr}"
        )


def end_of_last_line(path: Path) -> int:
    """What follows is being written: a size that is asked for then lies within a line."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return 0
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.rfind(b"\n") + 1


class ControlPlane:
    """nodes: how many fake Nodes, each with 32 CPUs, 256 GiB and room for 500 Pods.
    api_server_flags: appended to the API server's command line.
    admission_config: an AdmissionConfiguration for --admission-control-config-file.
    stages: more KWOK stages (files), besides those that make Pods run, complete and go away.
    folder: where everything lies; default: a new one under TMPDIR, removed by stop().
    """

    def __init__(
        self,
        nodes: int = 1,
        api_server_flags: Sequence[str] = (),
        admission_config: Object | None = None,
        stages: Sequence[Path] = (),
        folder: Path | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.nodes = nodes
        self.programs = programs or locate_programs()
        self.api_server_flags = tuple(api_server_flags)
        self._admission_config = admission_config
        self._stages = (*self.programs.stages, *stages)
        self._own_folder = folder is None
        if folder is None:
            _remove_abandoned()
            folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.folder = folder
        self.log_folder = folder / "logs"
        self.log_folder.mkdir(parents=True)
        # For helm and kubectl: their caches do not belong in the user's home.
        self.home = folder / "home"
        self.home.mkdir()
        # Held while this process lives: tells an abandoned folder from one in use. Held before it
        # has the name by which others look for it.
        unnamed = folder / "owner.lock.new"
        self._owner_lock = unnamed.open("w")
        fcntl.flock(self._owner_lock, fcntl.LOCK_EX)
        unnamed.rename(folder / "owner.lock")
        self._ports = Ports()
        self._processes: dict[str, Process] = {}
        self._keep = False
        self.startup_seconds: dict[str, float] = {}

    # Life.

    def start(self) -> ControlPlane:
        try:
            self._start()
        except BaseException as error:
            # An interrupt is no failure that somebody will look into.
            if isinstance(error, Exception):
                self.keep_logs()
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends every process and removes the folder, but for the logs after keep_logs()."""
        # What is thrown away needs no orderly end: an API server would wait for its watches.
        for process in reversed(list(self._processes.values())):
            process.kill()
        self._processes.clear()
        self._ports.close()
        if self._own_folder and self._keep:
            for path in self.folder.iterdir():
                if path != self.log_folder:
                    _remove(path)
        elif self._own_folder:
            _remove(self.folder)
        self._owner_lock.close()

    def keep_logs(self) -> Path:
        """Called when something failed: the log folder survives stop()."""
        self._keep = True
        return self.log_folder

    def __enter__(self) -> ControlPlane:
        return self.start()

    def __exit__(self, exception: object, *_: object) -> None:
        if exception is not None:
            self.keep_logs()
        self.stop()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def take_port(self) -> int:
        """A free loopback port, this control plane's until it stops."""
        return self._ports.take()

    def stop_api_server(self, grace_seconds: float = 1.0) -> None:
        """SIGTERM: it stops listening and ends what is in flight at once. After that it waits for
        clients that keep their connections, up to a minute: SIGKILL after `grace_seconds`."""
        self._processes["kube-apiserver"].stop(grace_seconds)

    def start_api_server(self) -> None:
        """On the same ports, with the same data and `api_server_flags` as they are now."""
        self._launch("kube-apiserver", self._api_server_flags())
        self._wait_ready("kube-apiserver", lambda: self.api.request("GET", "/readyz").status == 200)
        self.api.forget_connections()

    def restart_api_server(self) -> None:
        self.stop_api_server()
        self.start_api_server()

    # Asking it.

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> Completed:
        """The genuine kubectl as cluster admin, or as `kubeconfig` says. A call costs some 0.2 s:
        `api` is for what is asked often."""
        return self.run("kubectl", *arguments, input=input, check=check, kubeconfig=kubeconfig)

    def helm(self, *arguments: str, input: str | None = None, check: bool = True) -> Completed:
        return self.run("helm", *arguments, input=input, check=check)

    def run(
        self,
        program: str,
        *arguments: str,
        input: str | None = None,
        check: bool = True,
        kubeconfig: Path | None = None,
        timeout: float = 120,
    ) -> Completed:
        """Any of the programs (kubectl, helm, kustomize)."""
        argv = [self.programs[program], *arguments]
        reply = subprocess.run(
            argv,
            input=input or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=self.environment(kubeconfig),
        )
        completed = Completed(reply.returncode, reply.stdout, reply.stderr)
        if check and reply.returncode != 0:
            raise CommandError([program, *arguments], completed)
        return completed

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Of a process that is to use this cluster and nothing else of the user's."""
        return {
            "PATH": self.programs.search_path(),
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "HOME": str(self.home),
            "TMPDIR": str(self.folder),
            "LANG": "C.UTF-8",
        }

    def apply(
        self,
        manifests: str | Object | Sequence[Object],
        namespace: str | None = None,
        as_user: str | None = None,
        check: bool = True,
    ) -> Completed:
        """`kubectl apply -f -`: YAML text, one object or several."""
        if isinstance(manifests, dict):
            manifests = [manifests]
        if not isinstance(manifests, str):
            items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
            manifests = json.dumps(items)
        options = ["--namespace", namespace] if namespace else []
        options += ["--as", as_user] if as_user else []
        return self.kubectl("apply", *options, "-f", "-", input=manifests, check=check)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        return self.api.get(kind, name, namespace)

    def wait_for(
        self, predicate: Callable[[], T], timeout: float = 30.0, what: str = ""
    ) -> T:
        """api.wait_for, which also notices at once that one of the programs has ended."""

        def checked() -> T:
            for process in list(self._processes.values()):
                process.check_running()
            return predicate()

        return wait_for(checked, timeout, what)

    def create_namespace(self, name: str, labels: dict[str, str] | None = None) -> str:
        """Ready for Pods: with the ServiceAccount that the controller manager makes."""
        metadata: Object = {"name": name, "labels": labels or {}}
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.wait_for(
            lambda: self.api.find("ServiceAccount", "default", name),
            what=f"ServiceAccount default of namespace {name}",
        )
        return name

    def api_as(self, user: str, groups: Sequence[str] = ("system:authenticated",)) -> Api:
        """The API as another user (impersonated by the admin): RBAC holds for it."""
        return Api(
            self.port,
            self.pki.ca.certificate,
            (self.admin.certificate, self.admin.key),
            impersonate=user,
            impersonate_groups=groups,
        )

    def api_with_token(self, token: str) -> Api:
        return Api(self.port, self.pki.ca.certificate, token=token)

    def token_for(self, service_account: str, namespace: str, seconds: int = 24 * 3600) -> str:
        """By TokenRequest, as kubelet gets the token of a Pod."""
        account = self.api.resource("ServiceAccount")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = account.path(namespace, service_account, "token")
        reply = self.api.request("POST", path, request)
        if reply.status != 201:
            raise ApiError("POST", path, reply.status, reply.body)
        return reply.body["status"]["token"]

    def write_kubeconfig(
        self,
        path: Path,
        token_file: Path | None = None,
        client: KeyPair | None = None,
        namespace: str = "default",
    ) -> Path:
        """For a bearer token read from `token_file`, or for a client certificate."""
        user: Object = {"tokenFile": str(token_file)} if token_file else {}
        if client is not None:
            user = {"client-certificate": str(client.certificate), "client-key": str(client.key)}
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        cluster = {"server": self.url, "certificate-authority": str(self.pki.ca.certificate)}
        path.write_text(
            # JSON is YAML.
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "test", "cluster": cluster}],
                    "users": [{"name": "test", "user": user}],
                    "contexts": [{"name": "test", "context": context}],
                    "current-context": "test",
                },
                indent=2,
            )
        )
        return path

    # The audit log.

    def audit_mark(self) -> int:
        """A place in the audit log: audit_events(since=mark) starts there."""
        return end_of_last_line(self._audit_log) if self._audit_log.exists() else 0

    def audit_events(
        self,
        since: int = 0,
        verb: str | None = None,
        resource: str | None = None,
        namespace: str | None = None,
        name: str | None = None,
        user: str | None = None,
    ) -> list[Object]:
        """Events of the audit log, oldest first; what is given must be equal. `resource` is the
        plural, with its subresource if any ("pods", "pods/binding"). A request is in the log when
        its response is on its way: poll."""
        wanted = (verb, resource, namespace, name, user)
        return [
            event
            for event in self._read_audit(since)
            if all(w is None or w == f for w, f in zip(wanted, _audit_fields(event)))
        ]

    def _read_audit(self, since: int) -> Iterator[Object]:
        if not self._audit_log.exists():
            return
        with self._audit_log.open("rb") as stream:
            stream.seek(since)
            for line in stream:
                if line.endswith(b"\n"):  # else it is being written
                    yield json.loads(line)

    # Starting it.

    def _start(self) -> None:
        began = time.monotonic()
        self.pki = Pki(self.folder / "pki")
        self.admin = self.pki.client("admin", "admin", ("system:masters",))
        self.port = self._ports.take()
        self.url = f"https://127.0.0.1:{self.port}"
        self.api = Api(
            self.port, self.pki.ca.certificate, (self.admin.certificate, self.admin.key)
        )
        self.kubeconfig = self.write_kubeconfig(
            self.folder / "admin.kubeconfig", client=self.admin
        )
        self._audit_log = self.log_folder / "audit.log"
        self._note_time("certificates", began)
        self._start_etcd()
        self._note_time("etcd", began)
        self.start_api_server()
        self._note_time("kube-apiserver", began)
        self._start_clients()
        self._create_nodes()
        self.wait_for(self._nodes_ready, START_SECONDS, "all Nodes ready")
        self._note_time("nodes", began)
        self.wait_for(
            lambda: self.api.find("ServiceAccount", "default", "default"),
            START_SECONDS,
            "ServiceAccount default",
        )
        self._note_time("ready", began)

    def _note_time(self, what: str, began: float) -> None:
        self.startup_seconds[what] = round(time.monotonic() - began, 2)

    def _launch(self, name: str, flags: Sequence[str]) -> None:
        self._processes[name] = Process(
            [self.programs[name], *flags],
            self.log_folder / f"{name}.log",
            env={**self.environment(), "GOMAXPROCS": str(len(os.sched_getaffinity(0)))},
            cwd=self.folder,
        )

    def _wait_ready(self, name: str, ready: Callable[[], bool]) -> None:
        process = self._processes[name]

        def checked() -> bool:
            process.check_running()
            return ready()

        wait_for(checked, START_SECONDS, f"{name} ready (log: {process.log})", POLL_SECONDS)

    def _start_etcd(self) -> None:
        client, peer = self._ports.take(), self._ports.take()
        self._etcd_url = f"http://127.0.0.1:{client}"
        peer_url = f"http://127.0.0.1:{peer}"
        self._launch(
            "etcd",
            [
                *("--name", "keyturn", "--data-dir", str(self.folder / "etcd")),
                *("--listen-client-urls", self._etcd_url),
                *("--advertise-client-urls", self._etcd_url),
                *("--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url),
                *("--initial-cluster", f"keyturn={peer_url}"),
                *("--unsafe-no-fsync", "--log-level", "warn"),
            ],
        )
        self._wait_ready("etcd", lambda: _http_ok(f"{self._etcd_url}/health"))

    def _api_server_flags(self) -> list[str]:
        audit_policy = self.folder / "audit-policy.json"
        audit_policy.write_text(json.dumps(AUDIT_POLICY))
        flags = [
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1",
            # A loopback address is no valid endpoint of the Service `kubernetes`.
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self.pki.api_server.certificate}",
            f"--tls-private-key-file={self.pki.api_server.key}",
            f"--client-ca-file={self.pki.ca.certificate}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self.pki.service_account_key}",
            f"--service-account-key-file={self.pki.service_account_public_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--allow-privileged=true",
            f"--audit-policy-file={audit_policy}",
            f"--audit-log-path={self._audit_log}",
        ]
        if self._admission_config is not None:
            path = self.folder / "admission.json"
            path.write_text(json.dumps(self._admission_config))
            flags.append(f"--admission-control-config-file={path}")
        return [*flags, *self.api_server_flags]

    def _start_clients(self) -> None:
        """The controller manager, the scheduler and KWOK; none serves anything (port 0)."""
        manager = self._client_kubeconfig("kube-controller-manager")
        self._launch(
            "kube-controller-manager",
            [
                f"--kubeconfig={manager}",
                "--secure-port=0",
                # The default of 20 requests a second makes the start alone last 4 s longer.
                *("--kube-api-qps=300", "--kube-api-burst=600"),
                "--leader-elect=false",
                # Each controller as its own ServiceAccount: userInfo as in a real cluster.
                "--use-service-account-credentials=true",
                f"--service-account-private-key-file={self.pki.service_account_key}",
                f"--root-ca-file={self.pki.ca.certificate}",
                "--controllers=*,-node-ipam-controller,-cloud-node-lifecycle-controller,"
                "-service-lb-controller,-node-route-controller",
            ],
        )
        config = self.folder / "scheduler.json"
        config.write_text(
            json.dumps(
                {
                    "apiVersion": "kubescheduler.config.k8s.io/v1",
                    "kind": "KubeSchedulerConfiguration",
                    "clientConnection": {
                        "kubeconfig": str(self._client_kubeconfig("kube-scheduler"))
                    },
                    "leaderElection": {"leaderElect": False},
                }
            )
        )
        self._launch("kube-scheduler", ["--config", str(config), "--secure-port=0"])
        stages = self.folder / "stages.yaml"
        stages.write_text("\n---\n".join(stage.read_text() for stage in self._stages))
        self._launch(
            "kwok",
            [
                *("--kubeconfig", str(self.kubeconfig), "--config", str(stages)),
                *("--manage-all-nodes=true", "--node-lease-duration-seconds=40"),
                # Addresses for more Pods than the 254 of the default.
                *("--cidr", "10.64.0.1/14"),
                *("--server-address", f"127.0.0.1:{self._ports.take()}"),
            ],
        )

    def _client_kubeconfig(self, component: str) -> Path:
        pair = self.pki.client(component, f"system:{component}")
        return self.write_kubeconfig(self.folder / f"{component}.kubeconfig", client=pair)

    def _create_nodes(self) -> None:
        for number in range(self.nodes):
            name = f"node-{number}"
            resources = {"cpu": "32", "memory": "256Gi", "pods": "500"}
            self.api.create(
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": name,
                        "annotations": {"kwok.x-k8s.io/node": "fake"},
                        "labels": {
                            "kubernetes.io/hostname": name,
                            "kubernetes.io/os": "linux",
                            "topology.kubernetes.io/zone": f"zone-{number % 3}",
                        },
                    },
                    "status": {"allocatable": resources, "capacity": resources},
                }
            )

    def _nodes_ready(self) -> bool:
        nodes = self.api.list("Node")
        return len(nodes) == self.nodes and all(
            # The taint not-ready goes a moment after the condition has come.
            not node["spec"].get("taints") and _condition(node, "Ready") == "True"
            for node in nodes
        )


def _condition(manifest: Object, kind: str) -> str | None:
    for condition in manifest.get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            return condition["status"]
    return None


def _audit_fields(event: Object) -> tuple[Any, ...]:
    """In the order of audit_events' parameters."""
    target = event.get("objectRef", {})
    resource = "/".join(filter(None, [target.get("resource"), target.get("subresource")]))
    # Nobody's requests, those answered with 401, have an empty user.
    user = event.get("impersonatedUser", event["user"]).get("username")
    return event["verb"], resource, target.get("namespace"), target.get("name"), user


def _http_ok(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as reply:
        return reply.status == 200


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_abandoned() -> None:
    """Folders of runs that were killed: nobody holds their lock any more. Kept logs have none."""
    for lock_path in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/owner.lock"):
        try:
            with lock_path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock_path.parent)
        except OSError:
            continue
