# SPDX-License-Identifier: Apache-2.0
"""Scenario 63: a namespace full of workloads that wait for an AWS which does not answer.

The ReplicaSet controller makes all Pods with five workers: what one of them waits at admission, all
other namespaces wait behind it. So the same is done where Keyturn does not look, and compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import Keyturn, slower
from tests.cluster.scenario import GATE, gates, uses
from tests.support.aws_standin import AwsStandIn

CROWD = 40
ROUNDS = 2
WITHOUT_KEYTURN = ("unseen-crowd", "unseen-elsewhere")
UNDER_KEYTURN = ("seen-crowd", "seen-elsewhere")
PATIENCE = 120


@pytest.fixture(scope="module")
def keyturn_parameters(control_plane: ControlPlane, aws: AwsStandIn) -> dict[str, Any]:
    for name in (*WITHOUT_KEYTURN, *UNDER_KEYTURN):
        control_plane.create_namespace(name)
    return {
        "values": {
            "externalSecrets": {"controller": "keyturn"},
            "crds": {"install": True},
            "webhook": {"excludedNamespaces": list(WITHOUT_KEYTURN)},
        },
        "env": aws.environment(),
    }


@pytest.fixture(autouse=True)
def namespaces_gone(control_plane: ControlPlane, aws: AwsStandIn) -> Iterator[None]:
    yield
    aws.clear_faults()
    for name in (*WITHOUT_KEYTURN, *UNDER_KEYTURN):
        control_plane.api.delete("Namespace", name)


def described(name: str) -> Object:
    """Its Secret is all keys of the remote one, and one that a template makes of them."""
    manifest = objects.external_secret(name, "unused")
    manifest["spec"]["data"] = []
    manifest["spec"]["dataFrom"] = [{"extract": {"key": f"/prod/{name}"}}]
    manifest["spec"]["target"]["template"] = {
        "mergePolicy": "Merge",
        "data": {"url": "db://{{ .user }}:{{ .password }}@db"},
    }
    return manifest


def pods(cluster: ControlPlane, namespace: str, app: str) -> list[Object]:
    return cluster.api.list("Pod", namespace, labels=f"app={app}")


def seconds_to_first_pod(cluster: ControlPlane, crowd: str, elsewhere: str, number: int) -> float:
    """Of a Deployment that is created behind forty others, in another namespace."""
    names = [f"web-{number}-{i}" for i in range(CROWD)]
    for name in names:
        cluster.api.create(objects.deployment(name, **uses(name, "url")), crowd)
    innocent = f"innocent-{number}"
    started = time.monotonic()
    cluster.api.create(objects.deployment(innocent), elsewhere)
    cluster.wait_for(
        lambda: pods(cluster, elsewhere, innocent), PATIENCE * slower(), "the first Pod elsewhere"
    )
    took = time.monotonic() - started
    # What is left of this round is no burden of the next.
    cluster.wait_for(
        lambda: all(pods(cluster, crowd, name) for name in names),
        PATIENCE * slower(),
        "a Pod of each of the crowd",
    )
    return took


def test_s63_who_waits_for_an_unreachable_store_delays_nobody_elsewhere(
    control_plane: ControlPlane, keyturn: Keyturn, aws: AwsStandIn
) -> None:
    crowd = UNDER_KEYTURN[0]
    control_plane.api.create(objects.secret_store(), crowd)
    aws.fail("hold")
    for number in range(ROUNDS):
        for i in range(CROWD):
            control_plane.api.create(described(f"web-{number}-{i}"), crowd)
    without, under = [], []
    for number in range(ROUNDS):
        without.append(seconds_to_first_pod(control_plane, *WITHOUT_KEYTURN, number))
        under.append(seconds_to_first_pod(control_plane, *UNDER_KEYTURN, number))
    for number in range(ROUNDS):
        for i in range(CROWD):
            waiting = pods(control_plane, crowd, f"web-{number}-{i}")
            assert [gates(pod) for pod in waiting] == [[GATE]]
    assert min(under) <= 1.5 * min(without), (under, without)
