# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.chart.conftest import NAMESPACE, Helm, Json, Manifests

# (webhook, group, resource) -> operations
RULES = {
    ("pods.keyturn.io", "", "pods"): ["CREATE"],
    ("ephemeralcontainers.keyturn.io", "", "pods/ephemeralcontainers"): ["UPDATE"],
    ("workloads.keyturn.io", "apps", "deployments"): ["CREATE", "UPDATE"],
    ("workloads.keyturn.io", "apps", "statefulsets"): ["CREATE", "UPDATE"],
    ("workloads.keyturn.io", "apps", "daemonsets"): ["CREATE", "UPDATE"],
    ("workloads.keyturn.io", "apps", "replicasets"): ["CREATE", "UPDATE"],
    ("workloads.keyturn.io", "batch", "cronjobs"): ["CREATE", "UPDATE"],
    ("workloads.keyturn.io", "batch", "jobs"): ["CREATE"],
}


def webhooks(manifests: Manifests) -> list[Json]:
    configurations = manifests.kind("MutatingWebhookConfiguration")
    assert [item["metadata"]["name"] for item in configurations] == ["keyturn"]
    return configurations[0]["webhooks"]


def test_rules_name_each_resource(default: Manifests) -> None:
    rules = {
        (webhook["name"], group, resource): rule["operations"]
        for webhook in webhooks(default)
        for rule in webhook["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert rules == RULES
    for webhook in webhooks(default):
        for rule in webhook["rules"]:
            assert rule["apiVersions"] == ["v1"]
            assert rule["scope"] == "Namespaced"
            assert "*" not in str(rule)


def test_what_the_program_writes_is_not_rendered(default: Manifests) -> None:
    for webhook in webhooks(default):
        assert webhook["clientConfig"] == {
            "service": {"name": "keyturn", "namespace": NAMESPACE, "port": 443}
        }


def test_common_fields(default: Manifests) -> None:
    for webhook in webhooks(default):
        assert webhook["admissionReviewVersions"] == ["v1"]
        assert webhook["sideEffects"] == "NoneOnDryRun"
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["timeoutSeconds"] == 3
        assert webhook["matchPolicy"] == "Equivalent"
        assert webhook["reinvocationPolicy"] == "IfNeeded"
        assert "objectSelector" not in webhook


def test_excluded_namespaces(helm: Helm, default: Manifests) -> None:
    always = ["kube-system", "kube-node-lease", "kube-public", NAMESPACE]
    chosen = {"excludedNamespaces": ["argocd", "kube-system"], "namespaceLabels": {"a": "b"}}
    more = helm.render({"webhook": chosen})
    for manifests, names, labels in (
        (default, always, None),
        (more, [*always, "argocd"], {"a": "b"}),
    ):
        for webhook in webhooks(manifests):
            selector = webhook["namespaceSelector"]
            assert selector["matchExpressions"] == [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names}
            ]
            assert selector.get("matchLabels") == labels


def test_match_conditions(default: Manifests) -> None:
    """What the expressions mean is tested where an API server evaluates them."""
    conditions = {
        webhook["name"]: {item["name"]: item["expression"] for item in webhook["matchConditions"]}
        for webhook in webhooks(default)
    }
    assert {name: sorted(items) for name, items in conditions.items()} == {
        "pods.keyturn.io": ["not-a-mirror-pod", "not-keyturn"],
        "ephemeralcontainers.keyturn.io": ["not-a-mirror-pod", "not-keyturn"],
        "workloads.keyturn.io": ["not-keyturn", "not-owned"],
    }
    for items in conditions.values():
        assert f"system:serviceaccount:{NAMESPACE}:keyturn'" in items["not-keyturn"]
        for expression in items.values():
            # A field that is absent is an error, and an error passes the webhook by.
            assert "object." not in expression or expression.startswith("!has(")


@pytest.mark.parametrize(("seconds", "accepted"), [(0, False), (1, True), (10, True), (11, False)])
def test_timeout_range(helm: Helm, seconds: int, accepted: bool) -> None:
    rendered = helm.template({"webhook": {"timeoutSeconds": seconds}})
    assert (rendered.returncode == 0) == accepted


def test_port_of_a_program_outside_the_cluster(helm: Helm) -> None:
    manifests = helm.render({"service": {"externalName": "localhost", "port": 25443}})
    for webhook in webhooks(manifests):
        assert webhook["clientConfig"]["service"]["port"] == 25443


def test_external_secrets_are_validated_where_keyturn_carries_them_out(helm: Helm) -> None:
    kind = "ValidatingWebhookConfiguration"
    off = helm.render({"externalSecrets": {"controller": "off"}})
    assert off.kind(kind) == []
    manifests = helm.render({"externalSecrets": {"controller": "keyturn"}})
    (webhook,) = manifests.one(kind, "keyturn")["webhooks"]
    assert webhook["name"] == "externalsecrets.keyturn.io"
    assert webhook["rules"] == [
        {
            "apiGroups": ["external-secrets.io"],
            "apiVersions": ["v1", "v1beta1"],
            "resources": ["externalsecrets"],
            "operations": ["CREATE", "UPDATE"],
            "scope": "Namespaced",
        }
    ]
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"]) == ("Ignore", 3)
    assert webhook["sideEffects"] == "NoneOnDryRun"
    assert "reinvocationPolicy" not in webhook
    assert webhook["clientConfig"] == {
        "service": {"name": "keyturn", "namespace": NAMESPACE, "port": 443}
    }
    (mutating, *_) = webhooks(manifests)
    assert webhook["namespaceSelector"] == mutating["namespaceSelector"]
    expressions = {item["name"]: item["expression"] for item in webhook["matchConditions"]}
    assert expressions["spec-changes"] == "oldObject == null || object.spec != oldObject.spec"
    assert set(expressions) == {"not-keyturn", "spec-changes"}
