# SPDX-License-Identifier: Apache-2.0
"""A cluster moves from the External Secrets Operator to Keyturn and back: no Secret changes, not
even its resourceVersion, while each of them refreshes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object, wait_for
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.keyturn import Keyturn
from tests.cluster.scenario import QUICK
from tests.support.aws_standin import AwsStandIn

NAMESPACE = "shop"
REFRESH = "2s"
PATIENCE = 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    """Its own, for ESO's CRDs are not those of Keyturn's chart."""
    with ControlPlane(nodes=0) as cluster:
        cluster.create_namespace(NAMESPACE)
        yield cluster


def described(name: str, **spec: Any) -> Object:
    manifest = objects.external_secret(name, "/prod/db", REFRESH)
    target = spec.pop("target", {})
    manifest["metadata"] |= {"labels": {"app": name}, "annotations": {"team": "payments"}}
    manifest["spec"] |= spec
    manifest["spec"]["target"] |= target
    return manifest


def external_secrets() -> list[Object]:
    """One of each kind that Secrets differ by."""
    url = {"url": "postgres://{{ .user }}:{{ .password }}@db"}
    pairs = [{"extract": {"key": "/prod/pair"}}]
    labelled = {"metadata": {"labels": {"tier": "{{ .user }}"}}, "data": url}
    return [
        described("plain"),
        described("extracted", data=[], dataFrom=pairs),
        described("rendered", data=[], dataFrom=pairs, target={"template": labelled}),
        described("orphan", target={"creationPolicy": "Orphan"}),
        described("kept", target={"deletionPolicy": "Delete"}),
        described("a-name-that-is-longer-than-twenty-eight-bytes"),
    ]


def names() -> list[str]:
    return [each["metadata"]["name"] for each in external_secrets()]


def refresh_times(cluster: ControlPlane) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each.get("status", {}).get("refreshTime") or ""
        for each in cluster.api.list("ExternalSecret", NAMESPACE)
    }


def wait_refreshed(cluster: ControlPlane, wanted: list[str], by: str) -> None:
    """Until each has been refreshed twice from now on: by whoever runs now, and not half-way."""
    for _ in range(2):
        before = refresh_times(cluster)

        def refreshed(before: dict[str, str] = before) -> bool:
            now = refresh_times(cluster)
            return all(now[name] > before[name] for name in wanted)

        wait_for(refreshed, PATIENCE, f"all refreshed by {by}")
    for each in cluster.api.list("ExternalSecret", NAMESPACE):
        (condition,) = each["status"]["conditions"]
        assert (condition["status"], condition["reason"]) == ("True", "SecretSynced"), by


def secrets(cluster: ControlPlane, wanted: list[str]) -> dict[str, Object]:
    """Everything of each: its resourceVersion is that of its last write."""
    found = {name: cluster.api.get("Secret", name, NAMESPACE) for name in wanted}
    for each in found.values():
        each["metadata"].pop("managedFields", None)
    return found


def test_no_secret_changes_on_the_way_there_and_back(
    cluster: ControlPlane, aws: AwsStandIn
) -> None:
    aws.put("/prod/db", "hunter2")
    aws.put("/prod/pair", json.dumps({"user": "admin", "password": "hunter2"}))
    eso = Eso(cluster, aws)
    eso.install()
    cluster.apply(objects.secret_store(), NAMESPACE)
    for each in external_secrets():
        cluster.apply(each, NAMESPACE)
    eso.start()
    try:
        wait_refreshed(cluster, names(), "the operator")
        made = secrets(cluster, names())
        eso.stop()
        values = {"externalSecrets": {"controller": "keyturn"}}
        with Keyturn(cluster, values=values, options=QUICK, env=aws.environment()) as keyturn:
            wait_refreshed(cluster, names(), "Keyturn")
            assert secrets(cluster, names()) == made
            outcomes = {entry["outcome"] for entry in keyturn.logs("externalsecret")}
            assert outcomes == {"unchanged"}
            # What Keyturn makes is as good as what the operator made.
            cluster.apply(described("younger"), NAMESPACE)
            wait_refreshed(cluster, [*names(), "younger"], "Keyturn")
            all_made = secrets(cluster, [*names(), "younger"])
        eso.start()
        wait_refreshed(cluster, [*names(), "younger"], "the operator again")
        assert secrets(cluster, [*names(), "younger"]) == all_made
        eso.check_running()
    finally:
        eso.kill()
