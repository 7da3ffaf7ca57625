# SPDX-License-Identifier: Apache-2.0
"""What ExternalSecrets cost: the engine by itself, and a thousand of them on a genuine API server.

E1  CPU of one ExternalSecret without the network, in ms: 64 KiB with 100 keys, extracted whole,
    and a template of 20 entries; the median of the rounds
E2  a thousand ExternalSecrets over 200 remote secrets, cold, against an AWS of 20 ms: from when
    Keyturn knows of all to the last Secret made / the API server alone, before it knows of
    anything, which is given a thousand Secrets by as many threads; the median of the rounds, each
    on a control plane of its own
E3  the same / the External Secrets Operator with its one worker, and with ten, from the first
    Secret made to the last
"""

from __future__ import annotations

import contextlib
import datetime
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.programs import BUILD, Server, figures, say, started
from tests.bench.result import Result
from tests.cluster.api import Object, wait_for
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.keyturn import Keyturn

RENDER_ROUNDS = 21
RENDER_MS = 100

EXTERNAL_SECRETS = 1000
REMOTE_SECRETS = 200
AWS_MS = 20
# Of Keyturn in the background (webhook/serve.c), and of whoever asks the API server alone.
WORKERS = 8
ROUNDS = 5
PATIENCE_S = 600


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


def external_secret(namespace: str, number: int) -> Object:
    remote = {"key": f"bench/secret-{number % REMOTE_SECRETS}"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"es-{number}", "namespace": namespace},
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


def write_all(cluster: ControlPlane, namespace: str) -> None:
    cluster.create_namespace(namespace)
    for number in range(EXTERNAL_SECRETS):
        cluster.api.create(external_secret(namespace, number))


def made(cluster: ControlPlane, namespace: str) -> int:
    """Without having the API server read them all out: it has enough to do."""
    path = cluster.api.resource("Secret").path(namespace)
    page = cluster.api.request("GET", path, query={"limit": "1"}).body
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)


def await_all(cluster: ControlPlane, namespace: str) -> None:
    say(f"waiting for {EXTERNAL_SECRETS} Secrets in {namespace}")
    wait_for(
        lambda: made(cluster, namespace) >= EXTERNAL_SECRETS,
        PATIENCE_S,
        f"{EXTERNAL_SECRETS} Secrets in {namespace}",
        interval=0.5,
    )


def seconds_of(timestamp: str) -> float:
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def created(cluster: ControlPlane, namespace: str) -> list[float]:
    """When each Secret of a namespace was, by the audit log of the API server."""
    events = cluster.audit_events(verb="create", resource="secrets", namespace=namespace)
    return [seconds_of(event["stageTimestamp"]) for event in events]


def alone(cluster: ControlPlane) -> float:
    cluster.create_namespace("alone")
    owner = external_secret("alone", 0)
    owner["metadata"]["name"] = "owner"
    uid = cluster.api.create(owner).object["metadata"]["uid"]
    words = ["--kubeconfig", cluster.kubeconfig, "--namespace", "alone", "--owner", uid]
    told = figures("create_secrets", *words, "--count", EXTERNAL_SECRETS, "--threads", WORKERS)
    return told["ms"] / 1000


@dataclass(frozen=True)
class Round:
    keyturn_s: float
    api_s: float

    @property
    def ratio(self) -> float:
        return self.keyturn_s / self.api_s


def by_keyturn(cluster: ControlPlane, far: Server) -> float:
    write_all(cluster, "keyturn")
    keyturn = Keyturn(
        cluster,
        values={"externalSecrets": {"controller": "keyturn"}},
        env={**aws_variables(far), "AWS_CA_BUNDLE": str(far.ca_file)},
        binary=BUILD / "webhook" / "keyturn",
    )
    keyturn.install()
    try:
        keyturn.start_replicas()
        await_all(cluster, "keyturn")
        looks = keyturn.replicas[0].process.logs("externalsecrets looked at")
    finally:
        keyturn.kill()
    # And of the owner of what was made without Keyturn.
    began = min(seconds_of(each["ts"]) for each in looks if each["known"] > EXTERNAL_SECRETS)
    return max(created(cluster, "keyturn")) - began


def by_operator(cluster: ControlPlane, far: Server, workers: int) -> float:
    namespace = f"eso-{workers}"
    write_all(cluster, namespace)
    env = {**aws_variables(far), "SSL_CERT_FILE": str(far.ca_file)}
    with Eso(cluster, workers=workers, env=env):
        await_all(cluster, namespace)
    times = created(cluster, namespace)
    return max(times) - min(times)


@contextlib.contextmanager
def far_end() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        with started(Path(name), "far", "far_aws", "--delay-ms", AWS_MS) as far:
            yield far


@contextlib.contextmanager
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane(nodes=1) as cluster:
        Eso(cluster).install()
        cluster.api.create(store())
        yield cluster


def keyturn_rounds(far: Server) -> list[Round]:
    rounds = []
    for i in range(ROUNDS):
        with control_plane() as cluster:
            api_s = alone(cluster)
            rounds.append(Round(by_keyturn(cluster, far), api_s))
        say(
            f"round {i + 1} of {ROUNDS}: Keyturn {rounds[-1].keyturn_s:.2f} s, "
            f"the API server alone {rounds[-1].api_s:.2f} s"
        )
    return rounds


def thousand(wanted: list[str]) -> list[Result]:
    with far_end() as far:
        rounds = keyturn_rounds(far)
        results = [against_api(rounds)] if "e2" in wanted else []
        if "e3" in wanted:
            results += against_operator(far, statistics.median(each.keyturn_s for each in rounds))
    return results


def against_api(rounds: list[Round]) -> Result:
    ratios = sorted(each.ratio for each in rounds)
    middle = sorted(rounds, key=lambda each: each.ratio)[len(rounds) // 2]
    note = f"{middle.keyturn_s:.2f} s / {middle.api_s:.2f} s"
    note += f"; rounds {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return Result("E2", statistics.median(ratios), 1.2, note=note)


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
