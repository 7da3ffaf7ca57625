# SPDX-License-Identifier: Apache-2.0
"""What ExternalSecrets cost: the engine by itself, and a thousand of them on a genuine API server.

E1  CPU of one ExternalSecret without the network, in ms: 64 KiB with 100 keys, extracted whole,
    and a template of 20 entries; the median of the rounds
E2  a thousand ExternalSecrets over 200 remote secrets, cold, against an AWS of 20 ms: from when
    Keyturn, just started, looks at all of them to the last Secret made / an API server that knows
    nothing of Keyturn, which is given the same Secrets by as many threads; all rounds together
E3  the same / the External Secrets Operator with its one worker, and with ten, from the first
    Secret made to the last

E2 has pairs of control planes that differ in Keyturn alone and are measured by turns, because the
machine's pace changes within seconds. Both have the ExternalSecrets, and a garbage collector that
watches them: it looks for new kinds twice a minute, and until then asks the API server for the
owner of each Secret, a thousand questions more. Both are at rest when they are measured.

Control planes have one half of the cores, and who asks them the other (tests/bench/cores.py), as
in a cluster: otherwise every cycle of Keyturn and of the AWS that it asks would be one that the API
server lacks, and the ratio would be one of CPU.

The rounds are added up, because a median would leave out what does not come with every round: the
API server collects its garbage once for one or two thousand Secrets. The more it has seen, the more
seldom and the longer: after a few rounds it makes way for a new one, else two API servers would be
compared in how they age.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import cores
from tests.bench.programs import BUILD, Server, cpu_ns, figures, say, started
from tests.bench.result import Result
from tests.cluster.api import Object, wait_for
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.keyturn import NAMESPACE as KEYTURN_NAMESPACE
from tests.cluster.keyturn import RELEASE, Keyturn

RENDER_ROUNDS = 21
RENDER_MS = 100

NAMESPACE = "bench"
EXTERNAL_SECRETS = 1000
REMOTE_SECRETS = 200
AWS_MS = 20
# Of Keyturn in the background (webhook/serve.c), and of whoever asks the API server alone.
WORKERS = 8
PAIRS = 4
# Of each pair, after one that is not counted: the Secrets it makes are what the API server alone is
# given.
ROUNDS = 4
PATIENCE_S = 600
# Of a core, within a second: what control planes at rest stay below.
AT_REST = 0.2


# -- the engine by itself --------------------------------------------------------------------------


def render() -> list[Result]:
    rounds = []
    for i in range(RENDER_ROUNDS):
        rounds.append(figures("externalsecret_render", "--ms", RENDER_MS)["cpu_us"] / 1000)
        say(f"round {i + 1:2} of {RENDER_ROUNDS}: {rounds[-1]:.3f} ms CPU")
    note = f"ms; rounds {min(rounds):.3f} to {max(rounds):.3f}"
    return [Result("E1", statistics.median(rounds), 1, 3, note)]


# -- a thousand of them ----------------------------------------------------------------------------


def store(region: str = "us-east-1") -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": "aws"},
        "spec": {"provider": {"aws": {"service": "SecretsManager", "region": region}}},
    }


def external_secret(number: int) -> Object:
    remote = {"key": f"bench/secret-{number % REMOTE_SECRETS}"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"es-{number}", "namespace": NAMESPACE},
        "spec": {
            "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "password", "remoteRef": remote}],
        },
    }


def aws_variables(far: Server) -> dict[str, str]:
    url = f"https://localhost:{far.port}"
    return {
        "AWS_ACCESS_KEY_ID": "AKIDBENCH",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_SECRETSMANAGER_ENDPOINT": url,
        "AWS_SSM_ENDPOINT": url,
        "AWS_STS_ENDPOINT": url,
    }


def secrets_path(cluster: ControlPlane) -> str:
    return cluster.api.resource("Secret").path(NAMESPACE)


def made(cluster: ControlPlane) -> int:
    """Without having the API server read them all out: it has enough to do."""
    page = cluster.api.request("GET", secrets_path(cluster), query={"limit": "1"}).body
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)


def await_all(cluster: ControlPlane) -> None:
    what = f"{EXTERNAL_SECRETS} Secrets"
    wait_for(lambda: made(cluster) >= EXTERNAL_SECRETS, PATIENCE_S, what, interval=0.5)


def remove_all(cluster: ControlPlane) -> None:
    cluster.api.request("DELETE", secrets_path(cluster))
    wait_for(lambda: made(cluster) == 0, PATIENCE_S, "no Secret", interval=1)


def seconds_of(timestamp: str) -> float:
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def created(cluster: ControlPlane, mark: int = 0) -> list[float]:
    """When each Secret was, by the audit log of the API server."""
    events = cluster.audit_events(mark, verb="create", resource="secrets", namespace=NAMESPACE)
    return [seconds_of(event["stageTimestamp"]) for event in events]


def await_collector(cluster: ControlPlane) -> None:
    """Until the garbage collector watches ExternalSecrets."""
    user = "system:kube-controller-manager"
    wait_for(
        lambda: cluster.audit_events(verb="watch", resource="externalsecrets", user=user),
        PATIENCE_S,
        "the garbage collector's watch of ExternalSecrets",
        interval=1,
    )


def await_rest(*clusters: ControlPlane) -> None:
    """Until nothing that came before is still being worked off."""
    pids = [pid for cluster in clusters for pid in cluster.pids().values()]

    def at_rest() -> bool:
        before = sum(map(cpu_ns, pids))
        time.sleep(1)  # what is measured over, not a wait for something
        return sum(map(cpu_ns, pids)) - before < AT_REST * 1e9

    wait_for(at_rest, PATIENCE_S, "control planes at rest")


@contextlib.contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """With the thousand ExternalSecrets, and nobody who carries them out."""
    with contextlib.ExitStack() as stack:
        with cores.of_control_planes():
            cluster = stack.enter_context(ControlPlane(nodes=1))
        Eso(cluster).install()
        cluster.api.create(store())
        cluster.create_namespace(NAMESPACE)
        for number in range(EXTERNAL_SECRETS):
            cluster.api.create(external_secret(number))
        await_collector(cluster)
        yield cluster


def owners(cluster: ControlPlane) -> dict[str, str]:
    every = cluster.api.list("ExternalSecret", NAMESPACE)
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in every}


def manifest(secret: Object, uids: dict[str, str]) -> str:
    """What the writer of a Secret sent, as compact, for owners elsewhere."""
    by_server = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
    kept = {name: value for name, value in secret["metadata"].items() if name not in by_server}
    kept["ownerReferences"] = [
        {**owner, "uid": uids[owner["name"]]} for owner in kept["ownerReferences"]
    ]
    sent = {"apiVersion": "v1", "kind": "Secret", **secret, "metadata": kept}
    return json.dumps(sent, separators=(",", ":"))


def by_client(cluster: ControlPlane, manifests: Path) -> float:
    words = ["--kubeconfig", cluster.kubeconfig, "--namespace", NAMESPACE]
    told = figures("create_secrets", *words, "--manifests", manifests, "--threads", WORKERS)
    assert told["created"] == EXTERNAL_SECRETS, told
    return told["ms"] / 1000


def hold_lease(cluster: ControlPlane) -> None:
    """Keyturn's, as somebody else who never renews it and has long to do so."""
    cluster.api.delete("Lease", RELEASE, KEYTURN_NAMESPACE)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": RELEASE, "namespace": KEYTURN_NAMESPACE},
        "spec": {
            "holderIdentity": "bench",
            "leaseDurationSeconds": PATIENCE_S,
            "acquireTime": now,
            "renewTime": now,
        },
    }
    cluster.api.create(lease)


def by_keyturn(keyturn: Keyturn, log: Path) -> float:
    """A new process each time. It may not act before its own start is over, and ends before it has
    written more than a few statuses."""
    cluster, replica = keyturn.cluster, keyturn.replicas[0]
    hold_lease(cluster)
    log.write_bytes(b"")
    replica.start()
    replica.wait_ready()
    await_rest(cluster)
    mark = cluster.audit_mark()
    cluster.api.delete("Lease", RELEASE, KEYTURN_NAMESPACE)
    await_all(cluster)
    replica.kill()
    began = min(
        seconds_of(entry["ts"])
        for entry in map(json.loads, log.read_text().splitlines())
        if entry["msg"] == "externalsecrets looked at" and entry["known"] == EXTERNAL_SECRETS
    )
    return max(created(cluster, mark)) - began


def by_operator(cluster: ControlPlane, far: Server, workers: int) -> float:
    env = {**aws_variables(far), "SSL_CERT_FILE": str(far.ca_file)}
    await_rest(cluster)
    with Eso(cluster, workers=workers, env=env):
        await_all(cluster)
    times = created(cluster)
    return max(times) - min(times)


@dataclass(frozen=True)
class Round:
    keyturn_s: float
    api_s: float


class Turns:
    """An API server alone, and one with Keyturn, which make the same Secrets by turns."""

    def __init__(self, alone: ControlPlane, keyturn: Keyturn, folder: Path) -> None:
        self._alone = alone
        self._keyturn = keyturn
        self._manifests = folder / "manifests"
        self._log = folder / "log"

    def prepare(self) -> None:
        """One round of Keyturn, whose Secrets are given to the other API server from now on."""
        cluster = self._keyturn.cluster
        by_keyturn(self._keyturn, self._log)
        uids = owners(self._alone)
        secrets = cluster.api.list("Secret", NAMESPACE)
        lines = [manifest(each, uids) for each in secrets]
        self._manifests.write_text("\n".join(lines))
        remove_all(cluster)

    def take(self) -> Round:
        both = (self._alone, self._keyturn.cluster)
        await_rest(*both)
        api_s = by_client(self._alone, self._manifests)
        remove_all(self._alone)
        await_rest(*both)
        keyturn_s = by_keyturn(self._keyturn, self._log)
        remove_all(self._keyturn.cluster)
        return Round(keyturn_s, api_s)


@contextlib.contextmanager
def far_end() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        with started(Path(name), "far", "far_aws", "--delay-ms", AWS_MS) as far:
            yield far


def logging_to(log: Path, program: Path) -> Path:
    """Keyturn as `program`, whose lines nobody has to read while it is measured."""
    program.write_text(f"#!/bin/sh\nexec {BUILD}/webhook/keyturn \"$@\" 2>>{log}\n")
    program.chmod(0o755)
    return program


@contextlib.contextmanager
def turns(far: Server) -> Iterator[Turns]:
    with (
        tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name,
        control_plane() as alone,
        control_plane() as cluster,
    ):
        folder = Path(name)
        keyturn = Keyturn(
            cluster,
            values={"externalSecrets": {"controller": "keyturn"}},
            env={**aws_variables(far), "AWS_CA_BUNDLE": str(far.ca_file)},
            binary=logging_to(folder / "log", folder / "keyturn"),
        )
        keyturn.install()
        try:
            yield Turns(alone, keyturn, folder)
        finally:
            keyturn.kill()


def keyturn_rounds(far: Server) -> list[Round]:
    rounds = []
    for pair in range(PAIRS):
        with turns(far) as both:
            both.prepare()
            for i in range(ROUNDS):
                rounds.append(both.take())
                say(
                    f"pair {pair + 1} of {PAIRS}, round {i + 1} of {ROUNDS}: Keyturn "
                    f"{rounds[-1].keyturn_s:.2f} s, the API server alone {rounds[-1].api_s:.2f} s"
                )
    return rounds


def thousand(wanted: list[str]) -> list[Result]:
    with cores.of_clients(), far_end() as far:
        rounds = keyturn_rounds(far)
        results = [against_api(rounds)] if "e2" in wanted else []
        if "e3" in wanted:
            results += against_operator(far, statistics.fmean(each.keyturn_s for each in rounds))
    return results


def against_api(rounds: list[Round]) -> Result:
    ratios = [each.keyturn_s / each.api_s for each in rounds]
    keyturn_s = statistics.fmean(each.keyturn_s for each in rounds)
    api_s = statistics.fmean(each.api_s for each in rounds)
    note = f"{keyturn_s:.2f} s / {api_s:.2f} s; rounds {min(ratios):.2f} to {max(ratios):.2f}"
    return Result("E2", keyturn_s / api_s, 1.2, note=note)


def against_operator(far: Server, keyturn_s: float) -> list[Result]:
    results = []
    for workers, name in ((1, "one worker"), (10, "ten workers")):
        with control_plane() as cluster:
            operator_s = by_operator(cluster, far, workers)
        note = f"{name}: {keyturn_s:.2f} s / {operator_s:.2f} s"
        results.append(Result("E3", keyturn_s / operator_s, 1, note=note))
    return results


BUDGETS: dict[str, Callable[[list[str]], list[Result]]] = {
    "e1": lambda _: render(),
    "e2": thousand,
    "e3": thousand,
}
