# SPDX-License-Identifier: Apache-2.0
"""An ExternalSecret that changes while its values are being fetched ends as it was last written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import Keyturn
from tests.support.aws_standin import AwsStandIn

STORE = "aws"


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        yield standin


@pytest.fixture
def remote(aws: AwsStandIn, namespace: str) -> str:
    """Where the secrets of this test alone are, which nobody has read yet."""
    for name in ("first", "second"):
        aws.put(f"/{namespace}/{name}", f"value of {name}")
    return f"/{namespace}"


@pytest.fixture(scope="module")
def keyturn(control_plane: ControlPlane, aws: AwsStandIn) -> Iterator[Keyturn]:
    values = {"crds": {"install": True}, "externalSecrets": {"controller": "keyturn"}}
    with Keyturn(control_plane, values=values, env=aws.environment()) as running:
        yield running


def external_secret(namespace: str, **keys: str) -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {
            # Long: only the change itself may bring the new content.
            "refreshInterval": "1h",
            "secretStoreRef": {"name": STORE, "kind": "SecretStore"},
            "data": [
                {"secretKey": key, "remoteRef": {"key": remote}}
                for key, remote in keys.items()
            ],
        },
    }


def store(namespace: str) -> Object:
    aws = {"service": "SecretsManager", "region": "us-east-1"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": STORE, "namespace": namespace},
        "spec": {"provider": {"aws": aws}},
    }


def wait_for_keys(cluster: ControlPlane, namespace: str, *keys: str) -> None:
    def has_keys() -> bool:
        secret = cluster.api.find("Secret", "app", namespace)
        return secret is not None and sorted(secret["data"]) == sorted(keys)

    cluster.wait_for(has_keys, 15, f"Secret app with the keys {keys}")


def test_a_new_generation_is_carried_out_after_the_one_in_flight(
    control_plane: ControlPlane, namespace: str, keyturn: Keyturn, aws: AwsStandIn, remote: str
) -> None:
    api = control_plane.api
    api.create(store(namespace))
    held = aws.fail("hold", secret=f"{remote}/first", times=1)
    api.create(external_secret(namespace, ONE=f"{remote}/first"))
    held.wait_held()
    changed = external_secret(namespace, ONE=f"{remote}/first", TWO=f"{remote}/second")
    api.patch("ExternalSecret", "app", {"spec": changed["spec"]}, namespace)
    held.release()
    wait_for_keys(control_plane, namespace, "ONE", "TWO")


def test_a_re_created_external_secret_does_not_get_its_predecessors_result(
    control_plane: ControlPlane, namespace: str, keyturn: Keyturn, aws: AwsStandIn, remote: str
) -> None:
    api = control_plane.api
    api.create(store(namespace))
    held = aws.fail("hold", secret=f"{remote}/first", times=1)
    api.create(external_secret(namespace, ONE=f"{remote}/first"))
    held.wait_held()
    api.delete("ExternalSecret", "app", namespace)
    api.create(external_secret(namespace, TWO=f"{remote}/second"))
    held.release()
    wait_for_keys(control_plane, namespace, "TWO")
