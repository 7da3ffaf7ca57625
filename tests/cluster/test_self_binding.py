# SPDX-License-Identifier: Apache-2.0
"""What Keyturn's own ServiceAccount may do and what it may not, with its own token.

The chart's RBAC lets Keyturn patch Pods and workloads and write Secrets. The chart's policies leave
of that exactly what the program does. That it is the policies that refuse is shown twice: each
refusal names one of them, and the same request from an administrator passes.

The control plane is this module's own: a Keyturn at work would release the Pods that are held here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import (
    JSON,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    Api,
    Object,
    Response,
    wait_for,
)
from tests.cluster.control_plane import ControlPlane

CHART = Path(__file__).parents[2] / "charts" / "keyturn"
OWN_NAMESPACE = "keyturn-system"
NAMESPACE = "shop"

GATE = "keyturn.io/secrets"
STAMP = "keyturn.io/secrets-hash"
MARKER = "keyturn.io/rollout-hash"
HASH = "v1-0a1b2c-" + "0123456789abcdef" * 2
OTHER_HASH = "v1-0a1b2c-" + "fedcba9876543210" * 2
MANAGED = "reconcile.external-secrets.io/managed"

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
OWN_SECRETS = f"/api/v1/namespaces/{OWN_NAMESPACE}/secrets"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
OPERATOR = f"/apis/external-secrets.io/v1/namespaces/{NAMESPACE}"
CLEANUP = "externalsecrets.external-secrets.io/externalsecret-cleanup"
POLICIES = ("pods", "secrets", "subresources", "tokens", "external-secrets", "stores", *KINDS)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None
    content_type: str = JSON

    def send(self, user: Api, **query: str) -> Response:
        return user.request(self.method, self.path, self.body, self.content_type, query)

    def expect(self, status: int, user: Api) -> Object:
        response = self.send(user)
        assert response.status == status, (self, response.status, response.body)
        return response.object


# Objects


def pod(name: str, gates: tuple[str, ...]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "x"}, "annotations": {"note": "kept"}},
        "spec": {
            "schedulingGates": [{"name": gate} for gate in gates],
            "initContainers": [{"name": "init", "image": "example/init"}],
            "containers": [
                {
                    "name": "main",
                    "image": "example/main",
                    "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
                }
            ],
        },
    }


def workload(kind: str, name: str) -> Object:
    spec: Object = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}, "annotations": {"note": "kept", MARKER: HASH}},
            "spec": {"containers": [{"name": "main", "image": "example/main"}]},
        },
    }
    if kind != "DaemonSet":
        spec["replicas"] = 0
    if kind == "StatefulSet":
        spec["serviceName"] = name
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1024Mi"}},
        }
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    metadata = {"name": name, "annotations": {"note": "kept"}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def stateful_set(name: str, gate: str) -> Object:
    """With one Pod, which its gate keeps from being scheduled."""
    body = workload("StatefulSet", name)
    body["spec"]["replicas"] = 1
    body["spec"]["template"]["spec"]["schedulingGates"] = [{"name": gate}]
    del body["spec"]["volumeClaimTemplates"]
    return body


def owner(
    name: str,
    kind: str = "ExternalSecret",
    # A version that nobody serves: the garbage collector cannot look the owner up, and so does not
    # find out that there is none.
    api_version: str = "external-secrets.io/v0",
    controller: bool = True,
) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": "5d2c1f6e-0000-4000-8000-000000000001",
        "controller": controller,
        "blockOwnerDeletion": True,
    }


EXTERNAL_SECRET = owner("es")


def secret(
    name: str,
    managed: bool = True,
    owners: tuple[Object, ...] = (EXTERNAL_SECRET,),
    value: bytes = b"test",
) -> Object:
    metadata: Object = {"name": name, "ownerReferences": list(owners)}
    if managed:
        metadata["labels"] = {MANAGED: "true"}
    data = {"key": base64.b64encode(value).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def plain_secret(name: str, value: bytes = b"test") -> Object:
    return secret(name, managed=False, owners=(), value=value)


def service_account_token(name: str) -> Object:
    """The token controller would fill it with a token of the ServiceAccount it names."""
    body = secret(name)
    body["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    return {**body, "type": "kubernetes.io/service-account-token"}


def token_request(*audiences: str, seconds: int = 600) -> Request:
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": list(audiences), "expirationSeconds": seconds},
    }
    return Request("POST", f"{ACCOUNTS}/default/token", body)


def external_secret(name: str, *finalizers: str) -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "annotations": {"note": "kept"}, "finalizers": [*finalizers]},
        "spec": {"secretStoreRef": {"name": "store"}, "data": []},
    }


def store(name: str) -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": name},
        "spec": {"provider": {"fake": {"data": []}}},
    }


# Patches: (body, content type)


def merge(**fields: Any) -> tuple[Any, str]:
    return fields, MERGE_PATCH


def strategic(**fields: Any) -> tuple[Any, str]:
    return fields, STRATEGIC_MERGE_PATCH


def template(**fields: Any) -> tuple[Any, str]:
    return strategic(spec={"template": fields})


def annotated(**fields: Any) -> tuple[Any, str]:
    return merge(metadata={"annotations": fields})


def without_gate(name: str) -> Object:
    """Removal by name, as a replica sends it: another may have taken its own gate meanwhile."""
    return {"schedulingGates": [{"$patch": "delete", "name": name}]}


OTHER_IMAGE = [{"name": "main", "image": "example/other"}]
NODE_AFFINITY = {
    "requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "Exists"}]}]
    }
}

POD_PATCHES_DENIED = {
    "image": strategic(spec={"containers": OTHER_IMAGE}),
    "init-image": strategic(spec={"initContainers": [{"name": "init", "image": "example/other"}]}),
    "foreign-gate": strategic(spec=without_gate("example.com/first")),
    "all-gates": merge(spec={"schedulingGates": None}),
    "gate-and-image": strategic(spec={**without_gate(GATE), "containers": OTHER_IMAGE}),
    "gate-and-label": strategic(spec=without_gate(GATE), metadata={"labels": {"app": "y"}}),
    "label": merge(metadata={"labels": {"more": "x"}}),
    "annotation": annotated(other="x"),
    "annotation-changed": annotated(note="x"),
    "annotation-removed": annotated(note=None),
    "stamp-is-no-hash": annotated(**{STAMP: "a value"}),
    "stamp-has-a-tail": annotated(**{STAMP: HASH + "-tail"}),
    "finalizer": merge(metadata={"finalizers": ["example.com/x"]}),
    "owner": merge(metadata={"ownerReferences": [owner("x", "ReplicaSet", "apps/v0")]}),
    "deadline": merge(spec={"activeDeadlineSeconds": 1}),
    "node-selector": merge(spec={"nodeSelector": {"x": "y"}}),
    "affinity": merge(spec={"affinity": {"nodeAffinity": NODE_AFFINITY}}),
    "toleration": (
        [{"op": "add", "path": "/spec/tolerations/-", "value": {"key": "x", "operator": "Exists"}}],
        JSON_PATCH,
    ),
}

WORKLOAD_PATCHES_DENIED = {
    "image": template(spec={"containers": OTHER_IMAGE}),
    "environment": template(
        spec={"containers": [{"name": "main", "env": [{"name": "X", "value": "y"}]}]}
    ),
    "service-account": template(spec={"serviceAccountName": "other"}),
    "template-annotation": template(metadata={"annotations": {"other": "x"}}),
    "template-annotation-removed": template(metadata={"annotations": {"note": None}}),
    "template-label": template(metadata={"labels": {"more": "x"}}),
    "marker-and-image": template(
        metadata={"annotations": {MARKER: OTHER_HASH}}, spec={"containers": OTHER_IMAGE}
    ),
    "marker-is-no-hash": template(metadata={"annotations": {MARKER: "a value"}}),
    "marker-removed": template(metadata={"annotations": {MARKER: None}}),
    "marker-in-the-wrong-place": annotated(**{MARKER: HASH}),
    "annotation": annotated(other="x"),
    "label": merge(metadata={"labels": {"more": "x"}}),
    "finalizer": merge(metadata={"finalizers": ["example.com/x"]}),
    "owner": merge(metadata={"ownerReferences": [owner("x", "ReplicaSet", "apps/v0")]}),
    "min-ready": merge(spec={"minReadySeconds": 7}),
}

PATCHES_DENIED_BY_KIND = {
    "deployments": {
        "replicas": merge(spec={"replicas": 9}),
        "paused": merge(spec={"paused": True}),
        "strategy": merge(spec={"strategy": {"type": "Recreate", "rollingUpdate": None}}),
    },
    "statefulsets": {
        "replicas": merge(spec={"replicas": 9}),
        "partition": merge(spec={"updateStrategy": {"rollingUpdate": {"partition": 3}}}),
    },
    "daemonsets": {
        "strategy": merge(spec={"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}),
    },
}

SECRETS_DENIED = {
    # Adding the label and the owner does not make a user's Secret an ExternalSecret's.
    "of-a-user": Request("PUT", f"{SECRETS}/users", secret("users", value=b"other")),
    "of-a-user-without-owner": Request(
        "PUT", f"{SECRETS}/users", secret("users", owners=(), value=b"other")
    ),
    "of-another": Request("PUT", f"{SECRETS}/managed", secret("managed", owners=(owner("other"),))),
    "of-another-controller": Request(
        "PUT", f"{SECRETS}/controlled", secret("controlled", owners=(EXTERNAL_SECRET,))
    ),
    "of-another-without-label": Request(
        "PUT",
        f"{SECRETS}/relabelled",
        secret("relabelled", owners=(owner("other"),), value=b"other"),
    ),
    "of-another-without-label-for-nobody": Request(
        "PUT", f"{SECRETS}/relabelled", secret("relabelled", owners=(), value=b"other")
    ),
    "unlabelled": Request("POST", SECRETS, secret("new", managed=False)),
    "delete-a-users": Request("DELETE", f"{SECRETS}/users"),
    "delete-own": Request("DELETE", f"{OWN_SECRETS}/keyturn-certificate"),
    "delete-without-owner": Request("DELETE", f"{SECRETS}/orphan"),
    "owner-of-another-kind": Request(
        "POST", SECRETS, secret("new", owners=(owner("x", "SecretStore"),))
    ),
    "owner-of-another-group": Request(
        "POST",
        SECRETS,
        secret("new", owners=(owner("x", api_version="external-secrets.io.example.com/v0"),)),
    ),
    "token": Request("POST", SECRETS, service_account_token("new")),
    "token-under-own-name": Request(
        "POST", OWN_SECRETS, service_account_token("keyturn-installation-key")
    ),
    "bootstrap-token": Request(
        "POST", SECRETS, {**secret("new"), "type": "bootstrap.kubernetes.io/token"}
    ),
    "own-namespace-other-name": Request("POST", OWN_SECRETS, plain_secret("new")),
    "own-name-elsewhere": Request("POST", SECRETS, plain_secret("keyturn-certificate")),
}


EXTERNAL_SECRET_PATCHES_DENIED = {
    "spec": merge(spec={"refreshInterval": "1s"}),
    "annotation": annotated(other="x"),
    "label": merge(metadata={"labels": {"more": "x"}}),
    "finalizer-added": merge(metadata={"finalizers": [CLEANUP, "example.com/x", "example.com/y"]}),
    # It is not being deleted.
    "finalizer": merge(metadata={"finalizers": ["example.com/x"]}),
}

AWS_AUDIENCE = "sts.amazonaws.com"
TOKENS_DENIED = {
    # That is the API server's own.
    "without-audience": token_request(),
    "for-the-api-server": token_request("https://kubernetes.default.svc.cluster.local"),
    "for-aws-and-others": token_request(AWS_AUDIENCE, "vault"),
    "for-a-day": token_request(AWS_AUDIENCE, seconds=86400),
}


def requests_within_rbac() -> Iterator[Any]:
    """(policy, request): what the chart's RBAC lets through, so that only a policy can refuse."""
    for name, patch in POD_PATCHES_DENIED.items():
        yield pytest.param("pods", Request("PATCH", f"{PODS}/held", *patch), id=f"pods-{name}")
    for resource, more in PATCHES_DENIED_BY_KIND.items():
        for name, patch in {**WORKLOAD_PATCHES_DENIED, **more}.items():
            request = Request("PATCH", f"{APPS}/{resource}/marked", *patch)
            yield pytest.param(resource, request, id=f"{resource}-{name}")
    for name, request in SECRETS_DENIED.items():
        yield pytest.param("secrets", request, id=f"secrets-{name}")
    for name, patch in EXTERNAL_SECRET_PATCHES_DENIED.items():
        request = Request("PATCH", f"{OPERATOR}/externalsecrets/es", *patch)
        yield pytest.param("external-secrets", request, id=f"externalsecrets-{name}")
    foreign = Request(
        "PATCH", f"{OPERATOR}/externalsecrets/leaving", *merge(metadata={"finalizers": [CLEANUP]})
    )
    yield pytest.param("external-secrets", foreign, id="externalsecrets-foreign-finalizer")
    for name, request in TOKENS_DENIED.items():
        yield pytest.param("tokens", request, id=f"tokens-{name}")


EPHEMERAL = [{"name": "x", "image": "example/x"}]
RESIZED = [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "held"}}
BINDING = {
    "apiVersion": "v1",
    "kind": "Binding",
    "metadata": {"name": "ungated"},
    "target": {"apiVersion": "v1", "kind": "Node", "name": "x"},
}

POD_SUBRESOURCES = {
    "status": Request("PATCH", f"{PODS}/held/status", *merge(status={"phase": "Failed"})),
    "ephemeral": Request(
        "PATCH",
        f"{PODS}/held/ephemeralcontainers",
        *strategic(spec={"ephemeralContainers": EPHEMERAL}),
    ),
    "resize": Request("PATCH", f"{PODS}/held/resize", *strategic(spec={"containers": RESIZED})),
    "binding": Request("POST", f"{PODS}/ungated/binding", BINDING),
    "eviction": Request("POST", f"{PODS}/held/eviction", EVICTION),
    "exec": Request("POST", f"{PODS}/held/exec?command=id&stdout=true"),
}


def requests_beyond_rbac() -> Iterator[Any]:
    """(policy, request): what the chart's RBAC does not grant in the first place."""
    pods = {
        "create": Request("POST", PODS, pod("new", ())),
        "delete-held": Request("DELETE", f"{PODS}/held"),
        "delete-held-by-others": Request("DELETE", f"{PODS}/foreign-db-0"),
        "delete-collection": Request("DELETE", PODS),
    }
    secrets = {
        "delete-collection": Request("DELETE", SECRETS),
        "patch-of-a-users": Request("PATCH", f"{SECRETS}/users", *merge(data={"key": "eA=="})),
    }
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/other"}
    accounts = {
        "create": Request(
            "POST",
            ACCOUNTS,
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "new"}},
        ),
        "role": Request("PATCH", f"{ACCOUNTS}/default", *annotated(**role)),
    }
    external_secrets = {
        "create": Request("POST", f"{OPERATOR}/externalsecrets", external_secret("new")),
        "delete": Request("DELETE", f"{OPERATOR}/externalsecrets/es"),
    }
    stores = {
        "create": Request("POST", f"{OPERATOR}/secretstores", store("new")),
        "delete": Request("DELETE", f"{OPERATOR}/secretstores/store"),
        "label": Request(
            "PATCH", f"{OPERATOR}/secretstores/store", *merge(metadata={"labels": {"more": "x"}})
        ),
    }
    for policy, requests in (
        ("external-secrets", external_secrets),
        ("stores", stores),
        ("pods", pods),
        ("secrets", secrets),
        ("tokens", accounts),
        ("subresources", POD_SUBRESOURCES),
    ):
        for name, request in requests.items():
            yield pytest.param(policy, request, id=f"{policy}-{name}")
    for resource, kind in KINDS.items():
        path = f"{APPS}/{resource}"
        status = merge(status={"observedGeneration": 7})
        yield from (
            pytest.param(policy, request, id=f"{resource}-{request.method.lower()}-{name}")
            for policy, name, request in (
                (resource, "new", Request("POST", path, workload(kind, "new"))),
                (resource, "marked", Request("DELETE", f"{path}/marked")),
                (resource, "collection", Request("DELETE", path)),
                ("subresources", "status", Request("PATCH", f"{path}/marked/status", *status)),
            )
        )
        if kind != "DaemonSet":
            scale = Request("PATCH", f"{path}/marked/scale", *merge(spec={"replicas": 9}))
            yield pytest.param("subresources", scale, id=f"{resource}-scale")


# The cluster


@dataclass(frozen=True)
class Users:
    admin: Api
    keyturn: Api


def denied_by(response: Response, policy: str) -> bool:
    name = f"ValidatingAdmissionPolicy 'keyturn-self-{policy}'"
    return response.status == 403 and name in response.body["message"]


# What each policy denies, asked again and again until the API server has taken it up. (RBAC lets no
# request for a subresource or a store through that would be denied: the test that grants everything
# waits for those policies.)
PROBES = {
    "pods": Request("PATCH", f"{PODS}/held", *annotated(other="x")),
    "secrets": Request("POST", SECRETS, plain_secret("new")),
    "tokens": token_request(),
    "external-secrets": Request("PATCH", f"{OPERATOR}/externalsecrets/es", *annotated(other="x")),
    **{
        resource: Request("PATCH", f"{APPS}/{resource}/marked", *annotated(other="x"))
        for resource in KINDS
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    with ControlPlane() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def users(cluster: ControlPlane) -> Users:
    """An administrator, and Keyturn as the chart leaves it. Nothing runs: the ServiceAccount is
    what is tested, in the mode with the most power."""
    cluster.helm(
        *("install", "keyturn", str(CHART), "--namespace", OWN_NAMESPACE, "--create-namespace"),
        *("--set", "service.externalName=localhost"),
        *("--set", "externalSecrets.controller=keyturn,crds.install=true"),
    )
    cluster.create_namespace(NAMESPACE)
    make_objects(cluster.api)
    keyturn = cluster.api_with_token(cluster.token_for("keyturn", OWN_NAMESPACE))
    for policy, probe in PROBES.items():
        wait_until_denied(keyturn, policy, probe)
    return Users(cluster.api, keyturn)


def wait_until_denied(user: Api, policy: str, request: Request) -> None:
    wait_for(
        lambda: denied_by(request.send(user, dryRun="All"), policy),
        what=f"policy on {policy} in force",
    )


def make_objects(admin: Api) -> None:
    gates = ("example.com/first", GATE, "example.com/last")
    for path, body in (
        (PODS, pod("held", gates)),
        (PODS, pod("held-too", gates)),
        (PODS, pod("ungated", ())),
        (f"{APPS}/statefulsets", stateful_set("held-db", GATE)),
        (f"{APPS}/statefulsets", stateful_set("foreign-db", "example.com/first")),
        (SECRETS, plain_secret("users")),
        (SECRETS, secret("managed")),
        (SECRETS, secret("leavable")),
        (SECRETS, secret("leavable-too", managed=False)),
        (SECRETS, secret("relabelled", managed=False)),
        (SECRETS, secret("orphan", owners=())),
        (SECRETS, secret("controlled", managed=False, owners=(owner("x", "Certificate"),))),
        (f"{OPERATOR}/secretstores", store("store")),
        (f"{OPERATOR}/externalsecrets", external_secret("es", CLEANUP, "example.com/x")),
        (f"{OPERATOR}/externalsecrets", external_secret("leaving", CLEANUP, "example.com/x")),
        (OWN_SECRETS, plain_secret("keyturn-certificate")),
        *((f"{APPS}/{resource}", workload(kind, "marked")) for resource, kind in KINDS.items()),
        *((f"{APPS}/{resource}", workload(kind, "rolled")) for resource, kind in KINDS.items()),
    ):
        Request("POST", path, body).expect(201, admin)
    Request("DELETE", f"{OPERATOR}/externalsecrets/leaving").expect(200, admin)
    for name in ("held-db-0", "foreign-db-0"):
        wait_for(lambda name=name: admin.find("Pod", name, NAMESPACE), what=f"Pod {name}")


@pytest.fixture
def unlimited(cluster: ControlPlane, users: Users) -> Iterator[Api]:
    """Keyturn, after somebody has granted it everything."""
    everything = {"verb": "*", "group": "*", "resource": "*"}
    review = Request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": everything},
        },
    )

    def granted() -> bool:
        return bool(review.expect(201, users.keyturn)["status"]["allowed"])

    cluster.kubectl(
        *("create", "clusterrolebinding", "everything", "--clusterrole=cluster-admin"),
        f"--serviceaccount={OWN_NAMESPACE}:keyturn",
    )
    wait_for(granted, what="everything granted")
    yield users.keyturn
    cluster.api.delete("ClusterRoleBinding", "everything")
    wait_for(lambda: not granted(), what="everything withdrawn")


# Refused


@pytest.mark.parametrize(("policy", "refused"), list(requests_within_rbac()))
def test_s66_policy_denies_what_rbac_allows(users: Users, policy: str, refused: Request) -> None:
    response = refused.send(users.keyturn)
    assert denied_by(response, policy), (response.status, response.body)

    others = refused.send(users.admin, dryRun="All")
    assert others.status in (200, 201), others.body


@pytest.mark.parametrize(("policy", "refused"), list(requests_beyond_rbac()))
def test_s66_rbac_grants_no_more_than_is_used(users: Users, policy: str, refused: Request) -> None:
    response = refused.send(users.keyturn)
    assert response.status == 403
    assert "ValidatingAdmissionPolicy" not in response.body["message"]


def test_s66_policies_hold_when_rbac_grants_everything(unlimited: Api) -> None:
    wait_until_denied(unlimited, "subresources", POD_SUBRESOURCES["status"])
    create = Request("POST", f"{OPERATOR}/secretstores", store("new"))
    wait_until_denied(unlimited, "stores", create)
    passed = [
        (case.id, response.status, response.body)
        for case in requests_beyond_rbac()
        for policy, refused in [case.values]
        if not denied_by(response := refused.send(unlimited), policy)
    ]
    assert passed == []


# Allowed


def test_s66_gate_and_stamp_in_one_patch(users: Users) -> None:
    patch = strategic(spec=without_gate(GATE), metadata={"annotations": {STAMP: HASH}})
    release = Request("PATCH", f"{PODS}/held-too", *patch)
    body = release.expect(200, users.keyturn)
    assert body["spec"]["schedulingGates"] == [
        {"name": "example.com/first"},
        {"name": "example.com/last"},
    ]
    assert body["metadata"]["annotations"] == {"note": "kept", STAMP: HASH}

    # A second replica sends the same, which changes nothing.
    again = release.expect(200, users.keyturn)
    assert again["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]


def test_s66_stamp_of_a_running_pod(users: Users) -> None:
    wait_for(
        lambda: users.admin.get("Pod", "ungated", NAMESPACE)["status"].get("phase") == "Running",
        what="Pod runs",
    )
    for value in (HASH, OTHER_HASH):
        stamp = Request("PATCH", f"{PODS}/ungated", *annotated(**{STAMP: value}))
        assert stamp.expect(200, users.keyturn)["metadata"]["annotations"][STAMP] == value


def test_s66_held_pod_of_a_statefulset_may_be_deleted(users: Users, unlimited: Api) -> None:
    """What RBAC does not grant, the policy allows under the very condition it names."""
    held = users.admin.get("Pod", "held-db-0", NAMESPACE)
    Request("DELETE", f"{PODS}/held-db-0").expect(200, unlimited)

    def replaced() -> bool:
        uid = users.admin.get("Pod", "held-db-0", NAMESPACE)["metadata"]["uid"]
        return bool(uid != held["metadata"]["uid"])

    wait_for(replaced, what="Pod made again by its StatefulSet")


@pytest.mark.parametrize(("resource", "kind"), KINDS.items())
def test_s66_marker_of_a_workload(users: Users, resource: str, kind: str) -> None:
    marker = {"template": {"metadata": {"annotations": {MARKER: OTHER_HASH}}}}

    def rolled() -> tuple[Object, Object] | None:
        """Before and after. The workload's controller may write in between: then once more."""
        before = users.admin.get(kind, "rolled", NAMESPACE)
        version = {"resourceVersion": before["metadata"]["resourceVersion"]}
        patch = merge(metadata=version, spec=marker)
        response = Request("PATCH", f"{APPS}/{resource}/rolled", *patch).send(users.keyturn)
        assert response.status in (200, 409), response.body
        return (before, response.object) if response.status == 200 else None

    before, after = wait_for(rolled, what="marker written")
    annotations = after["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"note": "kept", MARKER: OTHER_HASH}
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_s66_secret_of_an_external_secret(users: Users) -> None:
    Request("POST", SECRETS, secret("made")).expect(201, users.keyturn)
    rotated = Request("PUT", f"{SECRETS}/made", secret("made", value=b"rotated"))
    body = rotated.expect(200, users.keyturn)
    assert base64.b64decode(body["data"]["key"]) == b"rotated"


def test_s66_secret_of_nobody(users: Users) -> None:
    """creationPolicy Orphan, and Merge: keys are added to what a user has written."""
    Request("POST", SECRETS, secret("nobodys", owners=())).expect(201, users.keyturn)
    Request("POST", SECRETS, plain_secret("of-a-user")).expect(201, users.admin)
    merged = secret("of-a-user", owners=())
    merged["data"]["more"] = "eA=="
    body = Request("PUT", f"{SECRETS}/of-a-user", merged).expect(200, users.keyturn)
    assert set(body["data"]) == {"key", "more"}


def test_s66_secret_of_an_external_secret_that_lost_its_label(users: Users) -> None:
    Request("POST", SECRETS, secret("unlabelled", managed=False)).expect(201, users.admin)
    rotated = Request("PUT", f"{SECRETS}/unlabelled", secret("unlabelled", value=b"rotated"))
    body = rotated.expect(200, users.keyturn)
    assert base64.b64decode(body["data"]["key"]) == b"rotated"


@pytest.mark.parametrize("name", ["leavable", "leavable-too"])
def test_s66_secret_of_an_external_secret_may_be_deleted(users: Users, name: str) -> None:
    Request("DELETE", f"{SECRETS}/{name}").expect(200, users.keyturn)


def test_s66_status_of_external_secrets_and_stores(users: Users) -> None:
    status = merge(status={"conditions": [{"type": "Ready", "status": "True"}]})
    for path in ("externalsecrets/es", "secretstores/store"):
        body = Request("PATCH", f"{OPERATOR}/{path}/status", *status).expect(200, users.keyturn)
        assert body["status"]["conditions"][0]["status"] == "True"


def test_s66_finalizer_of_the_operator(users: Users) -> None:
    patch = merge(metadata={"finalizers": ["example.com/x"]})
    leave = Request("PATCH", f"{OPERATOR}/externalsecrets/leaving", *patch)
    assert leave.expect(200, users.keyturn)["metadata"]["finalizers"] == ["example.com/x"]


@pytest.mark.parametrize("name", ["keyturn-certificate", "keyturn-installation-key"])
def test_s66_own_secrets(users: Users, name: str) -> None:
    created = Request("POST", OWN_SECRETS, plain_secret(name)).send(users.keyturn)
    assert created.status in (201, 409), created.body
    renewed = plain_secret(name, value=b"renewed")
    Request("PUT", f"{OWN_SECRETS}/{name}", renewed).expect(200, users.keyturn)


def test_s66_token_for_aws(users: Users) -> None:
    answer = token_request(AWS_AUDIENCE).expect(201, users.keyturn)
    assert answer["spec"]["audiences"] == [AWS_AUDIENCE]
    assert answer["status"]["token"]


def test_s66_policies_have_no_type_warnings(users: Users) -> None:
    """The controller manager checks the types of each expression against the kind it is for."""

    def checked() -> dict[str, Object] | None:
        found = {
            policy["metadata"]["name"]: policy.get("status", {}).get("typeChecking")
            for policy in users.admin.list("ValidatingAdmissionPolicy")
        }
        assert set(found) == {f"keyturn-self-{policy}" for policy in POLICIES}
        return None if None in found.values() else found

    found = wait_for(checked, what="types checked")
    assert {name: check.get("expressionWarnings", []) for name, check in found.items()} == {
        name: [] for name in found
    }
