# SPDX-License-Identifier: Apache-2.0
"""What is measured with: a Pod of a size as clusters have them, and the Secrets it uses."""

from __future__ import annotations

import base64
import json
from typing import Any

NAMESPACE = "payments-prod"
SECRETS = {
    "database": {"username": 16, "password": 64, "ca.crt": 1200},
    "broker": {"uri": 120, "password": 64},
    "session": {"signing-key": 512},
    "tls": {"tls.crt": 1800, "tls.key": 1704},
    "vendor": {"api-key": 64, "webhook-secret": 64, "region": 12},
}
# What a list in a Pod is keyed by; other lists, and these maps, are atomic (structured-merge-diff).
ATOMIC = {"secretKeyRef", "fieldRef", "sources"}
LIST_KEYS = {
    "containers": ["name"],
    "env": ["name"],
    "ports": ["containerPort", "protocol"],
    "volumeMounts": ["mountPath"],
    "volumes": ["name"],
}


def secret_list() -> bytes:
    """A List as the API server sends it."""
    items = []
    for name, keys in SECRETS.items():
        data = {key: base64.b64encode(b"x" * size).decode() for key, size in keys.items()}
        items.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "uid": f"5c2c2f6e-0000-4000-8000-{len(items):012d}",
                    "resourceVersion": str(1000 + len(items)),
                },
                "type": "Opaque",
                "data": data,
            }
        )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


def _secret_env(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _container(name: str, env: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    plain = [
        {"name": f"{name.upper()}_SETTING_{i}", "value": f"value-{i}"} for i in range(3)
    ]
    field = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "name": name,
        "image": f"registry.example.com/payments/{name}:2.14.3",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [*env, *plain, {"name": "NAMESPACE", "valueFrom": field}],
        "resources": {
            "limits": {"cpu": "1", "memory": "512Mi"},
            "requests": {"cpu": "100m", "memory": "256Mi"},
        },
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
        },
        **more,
    }


def _spec() -> dict[str, Any]:
    token = {"name": "kube-api-access-7hx2p", "readOnly": True}
    token["mountPath"] = "/var/run/secrets/kubernetes.io/serviceaccount"
    return {
        "volumes": [
            {"name": "tls", "secret": {"secretName": "tls", "defaultMode": 420}},
            {
                "name": "bundle",
                "projected": {
                    "defaultMode": 420,
                    "sources": [
                        {
                            "secret": {
                                "name": "database",
                                "items": [{"key": "ca.crt", "path": "database-ca.crt"}],
                            }
                        },
                        {"configMap": {"name": "bundle"}},
                    ],
                },
            },
            {"name": "signing", "secret": {"secretName": "session", "defaultMode": 256}},
            {"name": "config", "configMap": {"name": "payments", "defaultMode": 420}},
            {"name": "tmp", "emptyDir": {}},
            {
                "name": "kube-api-access-7hx2p",
                "projected": {
                    "defaultMode": 420,
                    "sources": [
                        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                        {
                            "configMap": {
                                "name": "kube-root-ca.crt",
                                "items": [{"key": "ca.crt", "path": "ca.crt"}],
                            }
                        },
                    ],
                },
            },
        ],
        "containers": [
            _container(
                "api",
                [
                    _secret_env("DB_USERNAME", "database", "username"),
                    _secret_env("DB_PASSWORD", "database", "password"),
                    _secret_env("BROKER_URI", "broker", "uri"),
                ],
                volumeMounts=[
                    {"name": "tls", "mountPath": "/etc/tls", "readOnly": True},
                    {"name": "signing", "mountPath": "/etc/signing.key", "subPath": "signing-key"},
                    token,
                ],
            ),
            _container(
                "worker",
                [_secret_env("BROKER_PASSWORD", "broker", "password")],
                envFrom=[{"secretRef": {"name": "vendor"}}],
                volumeMounts=[{"name": "bundle", "mountPath": "/etc/bundle"}, token],
            ),
            _container(
                "proxy",
                [_secret_env("VENDOR_API_KEY", "vendor", "api-key")],
                volumeMounts=[{"name": "config", "mountPath": "/etc/proxy"}, token],
            ),
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "payments",
        "serviceAccount": "payments",
        "securityContext": {"runAsNonRoot": True, "fsGroup": 2000},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _fields(value: Any, name: str = "") -> dict[str, Any]:
    """FieldsV1: who manages which field, as the API server writes it into metadata."""
    if isinstance(value, dict) and name not in ATOMIC:
        return {f"f:{key}": _fields(each, key) for key, each in value.items()}
    if not isinstance(value, list) or name not in LIST_KEYS:
        return {}
    items: dict[str, Any] = {".": {}}
    for each in value:
        key = _encode({field: each[field] for field in LIST_KEYS[name]}).decode().strip()
        items[f"k:{key}"] = {".": {}, **_fields(each)}
    return items


def review() -> bytes:
    """The AdmissionReview of that Pod's creation by its ReplicaSet, as the API server sends it."""
    spec = _spec()
    pod: dict[str, Any] = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "payments-7d9f6c5b8d-",
            "namespace": NAMESPACE,
            "labels": {"app": "payments", "pod-template-hash": "7d9f6c5b8d"},
            "annotations": {"prometheus.io/scrape": "true"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "payments-7d9f6c5b8d",
                    "uid": "0d1b6d0e-3f0e-4b6f-9d0b-0d6c2f3a4b5c",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [
                {
                    "manager": "kube-controller-manager",
                    "operation": "Update",
                    "apiVersion": "v1",
                    "time": "2026-01-15T09:30:00Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": _fields(spec)},
                }
            ],
        },
        "spec": spec,
        "status": {},
    }
    user = {
        "username": "system:serviceaccount:kube-system:replicaset-controller",
        "uid": "1f0c7f6a-6a8e-4f0f-8f5f-0a7d3b1c2d3e",
        "groups": [
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        ],
    }
    resource = {"group": "", "version": "v1", "resource": "pods"}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    document = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "namespace": NAMESPACE,
            "operation": "CREATE",
            "userInfo": user,
            "object": pod,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }
    return _encode(document)


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
