# SPDX-License-Identifier: Apache-2.0
"""Stores of AWS and what is described in them, for `keyturn serve` between both stand-ins."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from tests.cluster import objects
from tests.integration.builds import SLOWER
from tests.integration.serving import NAMESPACE, Serving, namespaced
from tests.support.api_server import ApiServer
from tests.support.kube_store import Object

SECRETS_MANAGER = "SecretsManager"
PARAMETER_STORE = "ParameterStore"

# For Serving: Keyturn itself makes the Secrets, and rolls at once.
MATERIALISING = {"external_secrets_controller": "keyturn", "debounce": "0s"}


def store(name: str = "aws", **aws: Any) -> Object:
    """Members of spec.provider.aws: service, region, auth, role, additionalRoles."""
    manifest = objects.secret_store()
    manifest["metadata"]["name"] = name
    manifest["spec"]["provider"]["aws"] |= aws
    return namespaced(manifest)


def external_secret(
    name: str, remote: str | Mapping[str, str], store_name: str = "aws", refresh: str = "1h"
) -> Object:
    """`remote` is the key behind `password`, or keys by those of the Secret."""
    keys = {"password": remote} if isinstance(remote, str) else remote
    manifest = objects.external_secret(name, "", refresh)
    manifest["spec"]["secretStoreRef"]["name"] = store_name
    manifest["spec"]["data"] = [
        {"secretKey": key, "remoteRef": {"key": each}} for key, each in keys.items()
    ]
    return namespaced(manifest)


def data_of(api: ApiServer, name: str) -> Optional[dict[str, bytes]]:
    """Of the Secret; None where it is not there."""
    found = api.get("secrets", NAMESPACE, name)
    return found and {key: base64.b64decode(each) for key, each in found["data"].items()}


def wait_data(
    api: ApiServer, name: str, timeout: float = 20.0, **wanted: str | bytes
) -> None:
    """Until the Secret has exactly that."""
    encoded = {
        key: base64.b64encode(each.encode() if isinstance(each, str) else each).decode()
        for key, each in wanted.items()
    }
    api.wait_object(
        "secrets",
        NAMESPACE,
        name,
        lambda found: found is not None and found["data"] == encoded,
        timeout=timeout * SLOWER,
    )


def failures(serving: Serving, name: str) -> list[Object]:
    """What was said each time an ExternalSecret could not be carried out."""
    return [
        entry
        for entry in serving.process.logs("externalsecret", name=name)
        if entry["outcome"] not in ("created", "updated", "unchanged")
    ]


def role_arn(name: str) -> str:
    return f"arn:aws:iam::123456789012:role/{name}"


def service_account(name: str, role: str) -> Object:
    annotations = {"eks.amazonaws.com/role-arn": role_arn(role)}
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
    }


def by_service_account(name: str) -> Object:
    return {"auth": {"jwt": {"serviceAccountRef": {"name": name}}}}


def by_keys(secret_name: str, token: bool = False) -> Object:
    """Keys in a Secret: `id`, `key` and perhaps `token`."""
    members = {"accessKeyIDSecretRef": "id", "secretAccessKeySecretRef": "key"}
    members |= {"sessionTokenSecretRef": "token"} if token else {}
    refs = {member: {"name": secret_name, "key": key} for member, key in members.items()}
    return {"auth": {"secretRef": refs}}


# What may happen to one call, and to its answer, that a later one makes good.
Break = tuple[str, Mapping[str, Any]]
BREAKS: Mapping[str, Break] = {
    "throttled": ("throttle", {"retry_after_ms": 10}),
    "internal": ("internal", {}),
    "page": ("unavailable", {}),
    "closed": ("close_before_headers", {}),
    "reset": ("reset_before_headers", {}),
    "reset-late": ("reset_after_headers", {}),
    "half": ("half_body", {}),
    "short": ("content_length", {"delta": 1}),
    "long": ("content_length", {"delta": -2}),
    "oversized": ("oversized", {}),
    "garbage": ("garbage", {}),
    "duplicates": ("duplicate_keys", {}),
    "dripping": ("drip", {"chunk": 16, "interval_ms": 2}),
}


def breaks(names: Sequence[str] = tuple(BREAKS)) -> list[tuple[str, str, dict[str, Any]]]:
    """(name, kind, parameters) for AwsStandIn.fail()."""
    return [(name, BREAKS[name][0], dict(BREAKS[name][1])) for name in names]
