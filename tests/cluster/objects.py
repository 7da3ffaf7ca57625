# SPDX-License-Identifier: Apache-2.0
"""Manifests that many tests start from, as dicts to be changed freely."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.api import Object

IMAGE = "registry.example/app:1"  # nobody pulls it: Nodes are fake


def pod_spec(**changes: Any) -> Object:
    return {"containers": [{"name": "app", "image": IMAGE}], **changes}


def pod(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata = {"name": name, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(**spec)}


def template(app: str, **spec: Any) -> Object:
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(**spec)}


def deployment(name: str, replicas: int = 1, **spec: Any) -> Object:
    return _workload("Deployment", name, replicas=replicas, template=template(name, **spec))


def stateful_set(name: str, replicas: int = 1, **spec: Any) -> Object:
    return _workload(
        "StatefulSet", name, replicas=replicas, serviceName=name, template=template(name, **spec)
    )


def daemon_set(name: str, **spec: Any) -> Object:
    return _workload("DaemonSet", name, template=template(name, **spec))


def job(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template(name, restartPolicy="Never", **spec)},
    }


def cron_job(name: str, schedule: str = "* * * * *", **spec: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job(name, **spec)["spec"]}},
    }


def secret(name: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": data,
    }


def secret_store(api_version: str = "external-secrets.io/v1") -> Object:
    """Named `aws`: AWS Secrets Manager with the credentials of Keyturn itself."""
    return {
        "apiVersion": api_version,
        "kind": "SecretStore",
        "metadata": {"name": "aws"},
        "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "us-east-1"}}},
    }


def external_secret(
    name: str, remote: str, refresh: str = "1h", api_version: str = "external-secrets.io/v1"
) -> Object:
    """Describes the Secret of its own name: key `password` with the value of `remote`."""
    return {
        "apiVersion": api_version,
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": refresh,
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": name},
            "data": [{"secretKey": "password", "remoteRef": {"key": remote}}],
        },
    }


def rendered_external_secret(
    name: str, remote: str, refresh: str = "1h", api_version: str = "external-secrets.io/v1"
) -> Object:
    """The same key, by way of everything: a template of what the document() `remote` holds."""
    manifest = external_secret(name, remote, refresh, api_version)
    del manifest["spec"]["data"]
    manifest["spec"]["dataFrom"] = [{"extract": {"key": remote}}]
    manifest["spec"]["target"]["template"] = {
        "engineVersion": "v2",
        "data": {"password": "{{ .user | trimPrefix .user }}{{ .password }}"},
    }
    return manifest


def document(password: str) -> str:
    """A remote value for rendered_external_secret()."""
    return json.dumps({"user": "app", "password": password})


def _workload(kind: str, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, **spec},
    }
