# SPDX-License-Identifier: Apache-2.0
"""Scenario 71: beside the real External Secrets Operator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import objects
from tests.cluster.api import Object, wait_for
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.keyturn import Keyturn
from tests.cluster.scenario import KEYTURN_USER, QUICK, gates, uses
from tests.support.aws_standin import AwsStandIn

NAMESPACE = "shop"
PATIENCE = 60
KINDS = ("externalsecrets", "secretstores")


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    """Its own, for ESO's CRDs are not those of Keyturn's chart."""
    with ControlPlane(nodes=1) as cluster:
        cluster.create_namespace(NAMESPACE)
        yield cluster


@pytest.fixture(scope="module")
def eso(cluster: ControlPlane, aws: AwsStandIn) -> Iterator[Eso]:
    """Not running."""
    eso = Eso(cluster, aws)
    eso.install()
    cluster.apply(objects.secret_store(), NAMESPACE)
    yield eso
    eso.kill()


@pytest.fixture(scope="module")
def keyturn(cluster: ControlPlane, eso: Eso, aws: AwsStandIn) -> Iterator[Keyturn]:
    values = {"externalSecrets": {"controller": "eso"}}
    with Keyturn(cluster, values=values, options=QUICK, env=aws.environment()) as running:
        yield running


def find(cluster: ControlPlane, kind: str, name: str) -> Object | None:
    return cluster.api.find(kind, name, NAMESPACE)


def conditions(cluster: ControlPlane, name: str) -> list[Object]:
    found = cluster.api.get("ExternalSecret", name, NAMESPACE)
    return (found.get("status") or {}).get("conditions") or []


def wait_ready(cluster: ControlPlane, name: str) -> None:
    wait_for(
        lambda: [each["status"] for each in conditions(cluster, name)] == ["True"],
        PATIENCE,
        f"ExternalSecret {name} ready",
    )


def assert_nothing_of_the_operator_is_written(cluster: ControlPlane) -> None:
    for resource in KINDS:
        for verb in ("create", "update", "patch", "delete"):
            assert cluster.audit_events(verb=verb, resource=resource, user=KEYTURN_USER) == []


def test_s71_an_operator_that_is_behind_adopts_without_a_write(
    cluster: ControlPlane, eso: Eso, keyturn: Keyturn, aws: AwsStandIn
) -> None:
    aws.put("/prod/db", objects.document("hunter2"))
    cluster.apply(objects.rendered_external_secret("db", "/prod/db"), NAMESPACE)
    cluster.apply(objects.rendered_external_secret("unwanted", "/prod/db"), NAMESPACE)
    cluster.apply(objects.pod("web", **uses("db", "password")), NAMESPACE)
    wait_for(lambda: find(cluster, "Secret", "db"), PATIENCE, "the Secret")
    wait_for(
        lambda: gates(cluster.api.get("Pod", "web", NAMESPACE)) == [], PATIENCE, "the Pod released"
    )
    assert find(cluster, "Secret", "unwanted") is None
    made = cluster.api.get("Secret", "db", NAMESPACE)
    eso.start()
    wait_ready(cluster, "db")
    wait_ready(cluster, "unwanted")
    adopted = cluster.api.get("Secret", "db", NAMESPACE)
    assert adopted["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert_nothing_of_the_operator_is_written(cluster)


@pytest.mark.parametrize("seconds", [0.4, 2.5])
def test_s71_an_operator_in_the_middle_of_its_run_is_not_made_to_fail(
    cluster: ControlPlane, eso: Eso, keyturn: Keyturn, aws: AwsStandIn, seconds: float
) -> None:
    name = f"slow-{int(seconds * 10)}"
    aws.put(f"/prod/{name}", objects.document("hunter2"))
    aws.fail("delay", ms=int(seconds * 1000), secret=f"/prod/{name}")
    created = cluster.api.create(objects.rendered_external_secret(name, f"/prod/{name}"), NAMESPACE)
    version = created.object["metadata"]["resourceVersion"]
    cluster.apply(objects.pod(f"web-{name}", **uses(name, "password")), NAMESPACE)
    wait_ready(cluster, name)
    seen = [
        condition["reason"]
        for _, obj in cluster.api.watch("ExternalSecret", NAMESPACE, version, seconds=1)
        if obj["metadata"]["name"] == name
        for condition in (obj.get("status") or {}).get("conditions") or []
    ]
    assert seen and set(seen) == {"SecretSynced"}
    assert_nothing_of_the_operator_is_written(cluster)
