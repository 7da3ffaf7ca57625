# SPDX-License-Identifier: Apache-2.0
"""Keyturn alone: the operator's kinds by the chart's own definitions, on a genuine API server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError, Object
from tests.cluster.scenario import KEYTURN_USER, QUICK, Scenario, data_of, gates, rolled_out, uses
from tests.support.aws_standin import AwsStandIn

CLEANUP = "externalsecrets.external-secrets.io/externalsecret-cleanup"


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "options": QUICK,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


def remote_name(scenario: Scenario) -> str:
    return f"/prod/{scenario.namespace}/password"


def wait_condition(scenario: Scenario, kind: str, name: str, **wanted: str) -> Object:
    """The object, once its condition Ready has these members."""

    def holds() -> Object | None:
        found = scenario.get(kind, name)
        conditions = (found.get("status") or {}).get("conditions") or []
        holds = any(all(each.get(k) == v for k, v in wanted.items()) for each in conditions)
        return found if holds else None

    return scenario.wait_for(holds, f"{kind} {name} with {wanted}")


def wait_password(scenario: Scenario, name: str, password: str) -> None:
    def there() -> bool:
        found = scenario.api.find("Secret", name, scenario.namespace)
        return found is not None and data_of(found).get("password") == password

    scenario.wait_for(there, f"Secret {name} with {password}")


def test_everything_applied_at_once_and_a_rotation(scenario: Scenario, aws: AwsStandIn) -> None:
    """A Deployment before its ExternalSecret before its store, then another value in AWS."""
    aws.put(remote_name(scenario), "first")
    scenario.create(objects.deployment("web", 2, **uses("db", "password")))
    scenario.create(objects.external_secret("db", remote_name(scenario), "2s"))
    scenario.create(objects.secret_store())
    found = wait_condition(scenario, "ExternalSecret", "db", status="True", reason="SecretSynced")
    assert found["status"]["binding"] == {"name": "db"}
    assert found["status"]["conditions"][0]["message"] == "secret synced"
    scenario.wait_for(lambda: rolled_out(scenario.get("Deployment", "web")), "web available")
    generation = scenario.get("Deployment", "web")["metadata"]["generation"]
    aws.put(remote_name(scenario), "second")
    wait_password(scenario, "db", "second")
    scenario.wait_for(
        lambda: scenario.get("Deployment", "web")["metadata"]["generation"] == generation + 1,
        "web rolled once",
    )
    store = wait_condition(scenario, "SecretStore", "aws", status="True", reason="Valid")
    assert store["status"]["capabilities"] == "ReadWrite"


def test_only_the_status_of_an_external_secret_is_written(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), "x")
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", remote_name(scenario)))
    wait_condition(scenario, "ExternalSecret", "db", status="True")
    written = {
        event["objectRef"].get("subresource")
        for verb in ("create", "update", "patch", "delete")
        for resource in ("externalsecrets", "externalsecrets/status")
        for event in scenario.cluster.audit_events(
            verb=verb, resource=resource, namespace=scenario.namespace, user=KEYTURN_USER
        )
    }
    assert written == {"status"}


def test_an_external_secret_of_an_operator_that_is_gone_can_be_deleted(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), "x")
    scenario.create(objects.secret_store())
    manifest = objects.external_secret("db", remote_name(scenario))
    manifest["metadata"]["finalizers"] = [CLEANUP]
    manifest["spec"]["target"]["deletionPolicy"] = "Delete"
    scenario.create(manifest)
    wait_condition(scenario, "ExternalSecret", "db", status="True")
    scenario.api.delete("ExternalSecret", "db", scenario.namespace)
    for kind in ("ExternalSecret", "Secret"):
        scenario.wait_for(
            lambda kind=kind: scenario.api.find(kind, "db", scenario.namespace) is None,
            f"{kind} gone",
        )


def test_a_secret_of_an_earlier_target_goes(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), "x")
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", remote_name(scenario)))
    wait_condition(scenario, "ExternalSecret", "db", status="True")
    renamed = objects.external_secret("db", remote_name(scenario))
    renamed["spec"]["target"]["name"] = "new"
    scenario.cluster.apply(renamed, scenario.namespace)
    wait_password(scenario, "new", "x")
    scenario.wait_for(
        lambda: scenario.api.find("Secret", "db", scenario.namespace) is None, "the old one gone"
    )


def test_what_is_not_supported_is_refused_by_name_and_kept(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    """At its own admission; the definitions keep what they do not know, for pruned it would quietly
    mean something else."""
    generator = {"generatorRef": {"kind": "Password", "name": "password"}}
    manifest = objects.external_secret("db", remote_name(scenario))
    manifest["spec"]["dataFrom"] = [{"sourceRef": generator}]
    scenario.create(objects.secret_store())
    with pytest.raises(ApiError, match="generatorRef"):
        scenario.create(manifest)
    assert scenario.api.find("Secret", "db", scenario.namespace) is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("refreshPolicy",), "Sometimes", "Unsupported value"),
        (("target", "creationPolicy"), "Borrow", "Unsupported value"),
        (("target", "name"), "No_Name", "should match"),
        (("secretStoreRef", "kind"), "Vault", "Unsupported value"),
        (("data",), [{"secretKey": "not a key", "remoteRef": {"key": "x"}}], "should match"),
        (("data",), [{"secretKey": "key"}], "remoteRef: Required"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_the_definitions_refuse_what_the_operator_s_refuse(
    scenario: Scenario, path: tuple[str, ...], value: Any, said: str
) -> None:
    manifest = objects.external_secret("db", "x")
    at = manifest["spec"]
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    with pytest.raises(ApiError, match=said):
        scenario.create(manifest)


def test_defaults_read_back_as_the_operator_s(scenario: Scenario) -> None:
    manifest = objects.external_secret("db", "x")
    del manifest["spec"]["refreshInterval"], manifest["spec"]["target"]
    created = scenario.create(manifest).object["spec"]
    assert created["refreshInterval"] == "1h0m0s"
    assert created["target"] == {"creationPolicy": "Owner", "deletionPolicy": "Retain"}
    assert "decodingStrategy" not in created["data"][0]["remoteRef"]


def test_a_pod_of_a_missing_secret_is_released(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), "x")
    scenario.create(objects.pod("web", **uses("db", "password")))
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", remote_name(scenario)))
    scenario.wait_for(lambda: gates(scenario.get("Pod", "web")) == [], "the Pod released")
