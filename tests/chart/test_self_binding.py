# SPDX-License-Identifier: Apache-2.0
"""That the policies are rendered, and whom they match. What they allow and deny is tested on an
API server: tests/cluster/test_self_binding.py."""

from __future__ import annotations

import pytest

from tests.chart.conftest import NAMESPACE, Helm, Json, Manifests

BOUND = (
    *("pods", "secrets", "subresources", "tokens", "external-secrets", "stores"),
    *("deployments", "statefulsets", "daemonsets"),
)
MANAGED_LABEL = (
    "object.metadata.?labels['reconcile.external-secrets.io/managed'].orValue('') == 'true'"
)
POLICY = "ValidatingAdmissionPolicy"
BINDING = "ValidatingAdmissionPolicyBinding"


def test_each_policy_matches_keyturn_alone(default: Manifests) -> None:
    names = {f"keyturn-self-{what}" for what in BOUND}
    assert {item["metadata"]["name"] for item in default.kind(POLICY)} == names
    user = f"request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:keyturn'"
    for policy in default.kind(POLICY):
        assert policy["spec"]["failurePolicy"] == "Fail"
        (condition,) = policy["spec"]["matchConditions"]
        if policy["metadata"]["name"] == "keyturn-self-secrets":
            assert condition["expression"].startswith(f"{user} && !(")
        else:
            assert condition["expression"] == user
        assert "matchResources" not in policy["spec"]


def test_a_new_secret_is_told_apart_by_every_rule_that_holds_for_one(default: Manifests) -> None:
    policy = default.one(POLICY, "keyturn-self-secrets")
    (condition,) = policy["spec"]["matchConditions"]
    ordinary = " ".join(condition["expression"].partition(" && !(")[2].split())
    assert ordinary.startswith("request.operation == 'CREATE' && ")
    for part in (MANAGED_LABEL, "ownerReferences", "object.?type"):
        assert part in ordinary
    # One more rule for a new Secret must be looked for in the condition too.
    rules = [item["expression"] for item in policy["spec"]["validations"]]
    of_new = [each for each in rules if not each.startswith("request.operation != 'UPDATE'")]
    assert len(of_new) == 4


def test_each_policy_is_in_force_everywhere(default: Manifests) -> None:
    for policy in default.kind(POLICY):
        name = policy["metadata"]["name"]
        assert default.one(BINDING, name)["spec"] == {
            "policyName": name,
            "validationActions": ["Deny", "Audit"],
        }
        for selector in ("namespaceSelector", "objectSelector", "excludeResourceRules"):
            assert selector not in policy["spec"]["matchConstraints"]


def test_no_operation_is_left_open(default: Manifests) -> None:
    resources = set()
    for policy in default.kind(POLICY):
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
            assert rule["operations"] == ["*"]
            (group,) = rule["apiGroups"]
            resources |= {(group, resource) for resource in rule["resources"]}
    workloads = ("deployments", "statefulsets", "daemonsets")
    operator = ("externalsecrets", "secretstores", "clustersecretstores")
    assert resources == {
        ("", "secrets"),
        ("", "pods"),
        ("", "pods/*"),
        ("", "serviceaccounts"),
        ("", "serviceaccounts/*"),
        *(("external-secrets.io", resource) for resource in operator),
        *(("external-secrets.io", f"{resource}/*") for resource in operator),
        *(("apps", resource) for resource in workloads),
        *(("apps", f"{resource}/*") for resource in workloads),
    }


def test_what_an_external_secret_controls_needs_no_label(helm: Helm) -> None:
    manifests = helm.render({"externalSecrets": {"controller": "keyturn"}})
    policy = manifests.one(POLICY, "keyturn-self-secrets")
    rules = {item["message"]: item["expression"] for item in policy["spec"]["validations"]}
    (delete,) = (rule for message, rule in rules.items() if "may delete only" in message)
    assert "size(variables.oldOwners) == 1" in delete
    assert "oldLabel" not in delete
    (change,) = (rule for message, rule in rules.items() if "may change no value" in message)
    same = "(size(variables.oldOwners) == 1 && variables.owners == variables.oldOwners)"
    assert f"variables.oldLabel == 'true' || {same} ||" in " ".join(change.split())


def test_each_refusal_says_why(default: Manifests) -> None:
    for policy in default.kind(POLICY):
        for validation in policy["spec"]["validations"]:
            assert validation["message"].startswith("Keyturn may ")
            assert validation["reason"] == "Forbidden"


@pytest.mark.parametrize(
    ("version", "values", "rendered"),
    [
        ("1.30.0", {}, True),
        ("1.31.4-eks-1234567", {}, True),
        ("1.30.0-rc.1", {}, True),
        ("1.29.9", {}, False),
        ("1.28.0", {}, False),
        ("1.36.3", {"selfBinding": {"enabled": False}}, False),
    ],
)
def test_rendered_where_served(helm: Helm, version: str, values: Json, rendered: bool) -> None:
    manifests = helm.render(values, kube_version=version)
    expected = len(BOUND) if rendered else 0
    assert len(manifests.kind(POLICY)) == len(manifests.kind(BINDING)) == expected


def test_rendered_where_the_cluster_says_it_serves_them(helm: Helm) -> None:
    more = ("--api-versions", "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy")
    assert helm.render(kube_version="1.29.9", more=more).kind(POLICY)


def test_names_follow_the_release(helm: Helm) -> None:
    manifests = helm.render({"serviceAccount": {"name": "account"}}, release="other")
    policy = manifests.one(POLICY, "other-keyturn-self-secrets")
    (condition,) = policy["spec"]["matchConditions"]
    user = f"'system:serviceaccount:{NAMESPACE}:account'"
    assert condition["expression"].startswith(f"request.userInfo.username == {user} && ")
    own = next(item for item in policy["spec"]["variables"] if item["name"] == "own")
    assert "'other-keyturn-certificate', 'other-keyturn-installation-key'" in own["expression"]


def test_actions(helm: Helm) -> None:
    manifests = helm.render({"selfBinding": {"validationActions": ["Warn"]}})
    for binding in manifests.kind(BINDING):
        assert binding["spec"]["validationActions"] == ["Warn"]
    reason = helm.refuse({"selfBinding": {"validationActions": ["Deny", "Warn"]}})
    assert "Deny and Warn" in reason
