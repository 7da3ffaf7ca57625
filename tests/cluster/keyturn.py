# SPDX-License-Identifier: Apache-2.0
"""Keyturn under a control plane: the chart installed by the real helm, the program as a process.

The process runs with the chart's own ServiceAccount (a token by TokenRequest in a kubeconfig), so
that the chart's RBAC and its self-binding policies hold for it; the API server reaches it as in
production, through clientConfig.service, where the Service is of type ExternalName. With several
replicas a forwarder stands for the Service, which sends new connections to the ready ones only.

    with Keyturn(cluster, replicas=2, options={"debounce": "1s"}) as keyturn:
        keyturn.wait_log("decision", name="web")
        keyturn.replicas[0].kill()
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.cluster import objects
from tests.cluster.api import Object, wait_for
from tests.cluster.control_plane import ControlPlane
from tests.support.forwarder import Forwarder
from tests.support.process import Metrics, Process

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "keyturn"
RELEASE = "keyturn"
NAMESPACE = "keyturn-system"
CERTIFICATE_SECRET = "keyturn-certificate"
INSTALLATION_KEY_SECRET = "keyturn-installation-key"
BUILD_FOLDERS = {"release": "build", "asan": "build-asan", "tsan": "build-tsan"}

# A sanitizer's first words. They end the program, but not always before somebody else ends it.
SANITIZER_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:"
)


def slower() -> float:
    """How much longer than the release build the program under test may take (sanitizers)."""
    return float(os.environ.get("KEYTURN_SLOWER", "1"))


def default_binary() -> Path:
    """KEYTURN_BINARY, or the program of the build directory that KEYTURN_BUILD names."""
    explicit = os.environ.get("KEYTURN_BINARY")
    if explicit:
        return Path(explicit)
    build = os.environ.get("KEYTURN_BUILD", "release")
    return ROOT / BUILD_FOLDERS[build] / "webhook" / "keyturn"


class Replica:
    """One process of Keyturn. It can be stopped, or killed, and started again."""

    def __init__(self, keyturn: Keyturn, number: int, port: int) -> None:
        self.identity = f"keyturn-{number}"
        self.port = port
        self.metrics_port = keyturn.cluster.take_port()
        self._keyturn = keyturn
        # Those that have ended, too: their logs still count.
        self.processes: list[Process] = []

    def start(self, options: Mapping[str, str] | None = None) -> None:
        """`options` on top of those of all replicas. Does not wait."""
        keyturn = self._keyturn
        merged = {
            **keyturn.options,
            "listen": f"127.0.0.1:{self.port}",
            "metrics-listen": f"127.0.0.1:{self.metrics_port}",
            "identity": self.identity,
            **(options or {}),
        }
        arguments = [word for name, value in merged.items() for word in (f"--{name}", value)]
        env = keyturn.environment
        self.processes.append(Process.start(keyturn.binary, ["serve", *arguments], env))

    def wait_ready(self, ready: bool = True, timeout: float = 20.0) -> None:
        self.process.wait_ready(self.port, ready, timeout * slower())

    @property
    def process(self) -> Process:
        return self.processes[-1]

    @property
    def running(self) -> bool:
        return bool(self.processes) and self.process.returncode() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM; the exit status. AssertionError when a sanitizer found something."""
        status = self.process.stop(timeout * slower())
        self.check_sanitizers()
        return status

    def kill(self) -> None:
        """SIGKILL, as when a node dies."""
        self.process.kill()

    def signal(self, number: int) -> None:
        self.process.signal(number)

    def logs(self, msg: str | None = None, **fields: Any) -> list[Object]:
        return [entry for process in self.processes for entry in process.logs(msg, **fields)]

    def metrics(self) -> Metrics:
        return self.process.metrics(self.metrics_port)

    def stderr(self) -> str:
        lines = [line for process in self.processes for line in process.stderr_lines()]
        return "\n".join(lines) + "\n"

    def check_sanitizers(self) -> None:
        lines = self.stderr().splitlines()
        for number, line in enumerate(lines):
            if SANITIZER_REPORT.search(line):
                report = "\n".join(lines[number : number + 60])
                raise AssertionError(f"{self.identity}: a sanitizer reports\n{report}")


class Keyturn:
    """replicas: how many processes; above one, or with `forward`, behind a forwarder.
    values: of the chart, merged over what an out-of-cluster program needs.
    options: of `keyturn serve`, without dashes, for all replicas.
    env: added to the environment of the processes, which otherwise is all but empty.
    """

    def __init__(
        self,
        cluster: ControlPlane,
        replicas: int = 1,
        values: Object | None = None,
        options: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        binary: Path | None = None,
        forward: bool = False,
    ) -> None:
        self.cluster = cluster
        self.binary = binary or default_binary()
        self.service_port = cluster.take_port()
        service = {"externalName": "localhost", "port": self.service_port}
        self.values = merge({"service": service}, values or {})
        self.forwarder: Forwarder | None = None
        behind = replicas > 1 or forward
        self.replicas = [
            Replica(self, number, cluster.take_port() if behind else self.service_port)
            for number in range(replicas)
        ]
        self._behind = behind
        self._env = dict(env or {})
        self.token_file = cluster.folder / "keyturn-token"
        self.kubeconfig = cluster.folder / "keyturn.kubeconfig"
        controller = self.values.get("externalSecrets", {}).get("controller", "off")
        self.options: dict[str, str] = {
            "kubeconfig": str(self.kubeconfig),
            "namespace": NAMESPACE,
            "service-address": f"127.0.0.1:{self.service_port}",
            "external-secrets-controller": controller,
            # No kube-proxy has to take notice here.
            "drain-delay": "200ms",
            **(options or {}),
        }

    # Life.

    def start(self) -> Keyturn:
        try:
            self.install()
            self.start_replicas()
            self.wait_in_force()
        except BaseException:
            self.write_logs()
            self.cluster.keep_logs()
            self.kill()
            raise
        return self

    def install(self, *flags: str) -> None:
        """helm upgrade --install with `values` as they are now, and a fresh token."""
        self.cluster.helm(
            *("upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE),
            *("--create-namespace", "--values", "-", *flags),
            input=json.dumps(self.values),
        )
        self.refresh_token()

    def refresh_token(self) -> None:
        """Needed when the ServiceAccount was made anew; lasts a day otherwise."""
        self.token_file.write_text(self.cluster.token_for(RELEASE, NAMESPACE))
        self.cluster.write_kubeconfig(
            self.kubeconfig, token_file=self.token_file, namespace=NAMESPACE
        )

    def start_replicas(self) -> None:
        """All of them, until each is ready."""
        if self._behind and self.forwarder is None:
            self.forwarder = Forwarder(self.service_port)
            self.forwarder.start()
            for replica in self.replicas:
                self.forwarder.add_backend(("127.0.0.1", replica.port))
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            replica.wait_ready()
        if self.forwarder is not None:
            self.forwarder.wait_ready([("127.0.0.1", replica.port) for replica in self.replicas])

    def wait_in_force(self) -> None:
        """Until the webhook configuration says how to reach us, and the API server has read it."""
        timeout = 30 * slower()
        wait_for(self._is_configured, timeout, "caBundle and path in the webhook configuration")
        probe = objects.pod("keyturn-probe")

        def asked() -> bool:
            # For each try a name of its own: the answer to an earlier one proves nothing.
            probe["metadata"]["name"] = f"keyturn-probe-{os.urandom(4).hex()}"
            self.cluster.api.create(probe, "default", dryRun="All")
            return bool(self.logs("decision", name=probe["metadata"]["name"]))

        wait_for(asked, timeout, "a decision about a Pod", interval=0.1)

    def stop(self) -> list[int]:
        """SIGTERM for all that run, one after another; their exit statuses."""
        try:
            return [replica.stop() for replica in self.replicas if replica.running]
        finally:
            self.kill()

    def kill(self) -> None:
        for replica in self.replicas:
            if replica.running:
                replica.kill()
        if self.forwarder is not None:
            self.forwarder.stop()
            self.forwarder = None

    def uninstall(self) -> None:
        """The chart, and what the program has made for itself: the next one starts from nothing."""
        self.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
        for secret in (CERTIFICATE_SECRET, INSTALLATION_KEY_SECRET):
            self.cluster.api.delete("Secret", secret, NAMESPACE)
        self.cluster.api.delete("Lease", RELEASE, NAMESPACE)

    def __enter__(self) -> Keyturn:
        return self.start()

    def __exit__(self, exception: object, *_: object) -> None:
        if exception is not None:
            self.write_logs()
            self.cluster.keep_logs()
        try:
            statuses = self.stop()
        finally:
            self.write_logs()
            self.uninstall()
        if exception is None:
            assert statuses == [0] * len(statuses), f"exit statuses {statuses}"

    # What it says.

    def logs(self, msg: str | None = None, **fields: Any) -> list[Object]:
        """Log entries of all replicas with this `msg` and these fields, in order of time."""
        entries = [entry for replica in self.replicas for entry in replica.logs(msg, **fields)]
        return sorted(entries, key=lambda entry: entry.get("ts", ""))

    def wait_log(
        self,
        msg: str,
        timeout: float = 20.0,
        where: Callable[[Object], bool] = lambda _: True,
        **fields: Any,
    ) -> Object:
        """The first such entry of any replica, once it is there."""

        def found() -> list[Object]:
            return [entry for entry in self.logs(msg, **fields) if where(entry)]

        return wait_for(found, timeout * slower(), f"log entry {msg!r} {fields}")[0]

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series that match, and over all replicas that run."""
        running = [replica for replica in self.replicas if replica.running]
        return sum(replica.metrics().value(name, **labels) for replica in running)

    def leader(self) -> Replica | None:
        """The replica that says it holds the Lease."""
        for replica in self.replicas:
            if replica.running and replica.metrics().value("keyturn_leader") == 1:
                return replica
        return None

    def check_sanitizers(self) -> None:
        for replica in self.replicas:
            replica.check_sanitizers()

    def write_logs(self) -> None:
        """Beside the control plane's own, to be read after a failure."""
        for replica in self.replicas:
            path = self.cluster.log_folder / f"{replica.identity}.{self.service_port}.log"
            path.write_text(replica.stderr())

    # What it runs with.

    @property
    def environment(self) -> dict[str, str]:
        sanitizers = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
        inherited = {name: os.environ[name] for name in sanitizers if name in os.environ}
        return {"PATH": os.defpath, "TZ": "UTC", **inherited, **self._env}

    def _is_configured(self) -> bool:
        configuration = self.cluster.get("MutatingWebhookConfiguration", RELEASE)
        clients = [webhook["clientConfig"] for webhook in configuration["webhooks"]]
        return all(
            client.get("caBundle") and client["service"].get("path", "/") != "/"
            for client in clients
        )


def merge(base: Object, over: Mapping[str, Any]) -> Object:
    """As helm merges values: maps key by key, everything else replaced."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result
