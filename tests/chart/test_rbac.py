# SPDX-License-Identifier: Apache-2.0
"""RBAC is a list of what the program calls, spelt out once more here and compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chart.conftest import NAMESPACE, Helm, Json, Manifests

# (group, resource, resource name or "") -> verbs
Rights = dict[tuple[str, str, str], set[str]]

READ = {"get", "list", "watch"}
WORKLOADS = ("deployments", "statefulsets", "daemonsets")
EXTERNAL_SECRETS = ("externalsecrets", "secretstores", "clustersecretstores")

CLUSTER: Rights = {
    ("", "secrets", ""): READ,
    ("", "pods", ""): READ | {"patch"},
    **{("apps", resource, ""): READ | {"patch"} for resource in WORKLOADS},
    **{("external-secrets.io", resource, ""): READ for resource in EXTERNAL_SECRETS},
    ("", "events", ""): {"create", "patch"},
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "keyturn"): {"get", "patch"},
}
# What is added where Keyturn makes Secrets from ExternalSecrets, beside their operator ...
CLUSTER_ESO: Rights = {
    **CLUSTER,
    ("", "secrets", ""): READ | {"create", "update"},
    ("external-secrets.io", "externalsecrets/finalizers", ""): {"update"},
    ("", "namespaces", ""): {"list", "watch"},
    ("", "configmaps", ""): {"get"},
    ("", "resourcequotas", ""): {"list"},
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "keyturn"): {
        "get",
        "patch",
    },
    ("", "serviceaccounts", ""): {"get"},
    ("", "serviceaccounts/token", ""): {"create"},
}
# ... and where it is their controller.
CLUSTER_KEYTURN: Rights = {
    **CLUSTER_ESO,
    ("", "secrets", ""): READ | {"create", "update", "delete"},
    ("external-secrets.io", "externalsecrets", ""): READ | {"patch"},
    **{
        ("external-secrets.io", f"{resource}/status", ""): {"patch"}
        for resource in EXTERNAL_SECRETS
    },
}
OWN_NAMESPACE: Rights = {
    ("", "secrets", ""): {"create"},
    ("coordination.k8s.io", "leases", "keyturn"): {"get", "patch"},
    ("coordination.k8s.io", "leases", ""): {"create"},
}
RELEASE_HOOK: Rights = {
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "keyturn"): {"delete"},
}


def granted(role: Json) -> Rights:
    rights: Rights = {}
    for group, resource, name, verb in flat(role):
        rights.setdefault((group, resource, name), set()).add(verb)
    return rights


def flat(role: Json) -> Iterator[tuple[str, str, str, str]]:
    for rule in role["rules"]:
        assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", [""]):
                    for verb in rule["verbs"]:
                        yield group, resource, name, verb


@pytest.mark.parametrize(
    ("controller", "expected"),
    [("off", CLUSTER), ("eso", CLUSTER_ESO), ("keyturn", CLUSTER_KEYTURN)],
)
def test_cluster_role_has_every_verb_used_and_no_other(
    helm: Helm, controller: str, expected: Rights
) -> None:
    manifests = helm.render({"externalSecrets": {"controller": controller}})
    assert granted(manifests.one("ClusterRole")) == expected


def test_without_audiences_there_is_no_right_to_tokens(helm: Helm) -> None:
    values = {"externalSecrets": {"controller": "keyturn", "tokenAudiences": []}}
    rights = granted(helm.render(values).one("ClusterRole"))
    assert not [resource for _, resource, _ in rights if resource.startswith("serviceaccounts")]


def test_role_in_the_release_namespace(default: Manifests) -> None:
    role = default.one("Role")
    assert role["metadata"]["namespace"] == NAMESPACE
    assert granted(role) == OWN_NAMESPACE


def test_release_hook_may_delete_the_configuration_while_it_runs(default: Manifests) -> None:
    role = default.one("ClusterRole", "keyturn-release")
    assert granted(role) == RELEASE_HOOK
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        annotations = default.one(kind, "keyturn-release")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-delete"
        policies = annotations["helm.sh/hook-delete-policy"].split(",")
        assert {"hook-succeeded", "hook-failed"} <= set(policies)


def test_there_are_no_other_roles(default: Manifests) -> None:
    names = sorted(name for name in default.names() if "Role" in name)
    assert names == [
        "ClusterRole/keyturn",
        "ClusterRole/keyturn-release",
        "ClusterRoleBinding/keyturn",
        "ClusterRoleBinding/keyturn-release",
        "Role/keyturn",
        "RoleBinding/keyturn",
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ClusterRoleBinding", "keyturn"),
        ("RoleBinding", "keyturn"),
        ("ClusterRoleBinding", "keyturn-release"),
    ],
)
def test_roles_are_bound_to_keyturn_alone(default: Manifests, kind: str, name: str) -> None:
    binding = default.one(kind, name)
    assert binding["roleRef"]["kind"] == kind.removesuffix("Binding")
    assert binding["roleRef"]["name"] == name
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "keyturn", "namespace": NAMESPACE}
    ]


def test_names_follow_the_release(helm: Helm) -> None:
    manifests = helm.render({"fullnameOverride": "kt", "serviceAccount": {"name": "account"}})
    rights = granted(manifests.one("ClusterRole", "kt"))
    assert ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "kt") in rights
    rights = granted(manifests.one("Role", "kt"))
    assert ("coordination.k8s.io", "leases", "kt") in rights
    for binding in manifests.kind("ClusterRoleBinding") + manifests.kind("RoleBinding"):
        assert [subject["name"] for subject in binding["subjects"]] == ["account"]
