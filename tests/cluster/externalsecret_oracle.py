# SPDX-License-Identifier: Apache-2.0
"""Gives cases to a controller of ExternalSecrets, the real ESO or Keyturn, many at a time.

Each case has a namespace of its own, named after the side and the case. All objects are there
before the controller starts, so that an existing Secret can name its owner's uid and nothing
depends on who is first. Only the stores are older: ESO does not look at an ExternalSecret before
the store says that it is ready, and would report an error that is gone a second later.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from tests.cluster.api import ApiError, Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.externalsecret_cases import (
    GROUP,
    Case,
    created_by,
    describe_secret,
    describe_status,
    substitute,
)
from tests.support.aws_standin import AwsStandIn

EXTERNAL_SECRETS = f"externalsecrets.{GROUP}"
PARALLEL = 8
STORES_SECONDS = 60
SYNC_SECONDS = 120


class Controller(Protocol):
    """Whoever reconciles; it may be started again after it was stopped."""

    def start(self) -> Any: ...

    def stop(self) -> Any: ...


class Trial:
    """All cases once, on one side. run() returns what each has come to, by the case's name: the
    members of `expected` in a case file."""

    def __init__(self, cluster: ControlPlane, side: str, cases: Sequence[Case]) -> None:
        self.cluster = cluster
        self.side = side
        self.cases = cases
        self._rejected: set[str] = set()
        self._waiting: list[str] = []
        # resourceVersions of existing Secrets as they were made, by case and name.
        self._made: dict[tuple[str, str], str] = {}

    def run(self, controller: Controller, stores_first: bool) -> dict[str, Object]:
        self._each(self._prepare)
        if stores_first:
            controller.start()
            self.cluster.wait_for(self._stores_judged, STORES_SECONDS, "conditions of the stores")
            controller.stop()
        self._each(self._create)
        controller.start()
        try:
            self.cluster.wait_for(self._all_synced, SYNC_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"no condition within {SYNC_SECONDS} s: {self._waiting}") from None
        self._wait_sentinel()
        return {case.name: self._outcome(case) for case in self.cases}

    def namespace(self, case: Case) -> str:
        return f"{self.side}-{case.name}"

    def clean_up(self) -> None:
        """What the next controller must not meet. The namespaces stay: there are too many."""
        self._each(self._remove)

    def _remove(self, case: Case) -> None:
        api = self.cluster.api
        if case.name not in self._rejected:
            api.delete(EXTERNAL_SECRETS, case.external_secret, self.namespace(case))
        for store in case.stores:
            if store["kind"] == "ClusterSecretStore":
                api.delete("ClusterSecretStore", store["name"])

    def _each(self, work: Callable[[Case], None]) -> None:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for _ in pool.map(work, self.cases):
                pass

    def _prepare(self, case: Case) -> None:
        labels = case.document.get("namespaceLabels", {})
        metadata = {"name": self.namespace(case), "labels": labels}
        self.cluster.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for store in case.stores:
            self._post(case, case.manifest_of_store(store))
        for each in case.document.get("objects", []):
            self._post(case, each)

    def _create(self, case: Case) -> None:
        try:
            self._post(case, case.manifest())
        except ApiError as error:
            if error.status != 422:
                raise
            self._rejected.add(case.name)
            return
        for each in case.document.get("existing", []):
            query = {"fieldManager": each["manager"]} if "manager" in each else {}
            secret = {"apiVersion": "v1", "kind": "Secret", **each["secret"]}
            made = self._post(case, secret, **query)["metadata"]
            self._made[case.name, made["name"]] = made["resourceVersion"]

    def _post(self, case: Case, manifest: Object, **query: str) -> Object:
        namespace = self.namespace(case)
        replacements = {
            "namespace": namespace,
            "created-by": created_by(namespace, case.external_secret),
            **self._uids(case, manifest),
        }
        sent = substitute(manifest, replacements)
        return self.cluster.api.create(sent, namespace, **query).object

    def _uids(self, case: Case, manifest: Object) -> dict[str, str]:
        """Of the owners that the manifest names as ${uid}: they are there already."""
        owners = manifest["metadata"].get("ownerReferences", [])
        if not owners:
            return {}
        (owner,) = owners
        found = self.cluster.api.get(owner["kind"], owner["name"], self.namespace(case))
        return {"uid": found["metadata"]["uid"]}

    def _stores_judged(self) -> bool:
        """Those that name another controller have no condition, ever."""
        found = [
            store
            for kind in ("SecretStore", "ClusterSecretStore")
            for store in self.cluster.api.list(kind)
            if store["spec"].get("controller", "") in ("", "default")
        ]
        return all(store.get("status", {}).get("conditions") for store in found)

    def _all_synced(self) -> bool:
        synced = {
            (each["metadata"]["namespace"], each["metadata"]["name"])
            for each in self.cluster.api.list(EXTERNAL_SECRETS)
            if describe_status(each)["conditions"]
        }
        self._waiting = [
            case.name
            for case in self.cases
            if case.handled
            and case.name not in self._rejected
            and (self.namespace(case), case.external_secret) not in synced
        ]
        return not self._waiting

    def _wait_sentinel(self) -> None:
        """One more, created last: once it is synced, what is not handled was passed over."""
        name = f"{self.side}-sentinel"
        metadata = {"name": name}
        api = self.cluster.api
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        store = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "SecretStore",
            "metadata": metadata,
            "spec": {"provider": {"fake": {"data": [{"key": "k", "value": "v"}]}}},
        }
        external_secret = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ExternalSecret",
            "metadata": metadata,
            "spec": {
                "secretStoreRef": {"name": name},
                "data": [{"secretKey": "k", "remoteRef": {"key": "k"}}],
            },
        }
        api.create(store, name)
        api.create(external_secret, name)
        self.cluster.wait_for(
            lambda: api.find("Secret", name, name), SYNC_SECONDS, "the Secret of the sentinel"
        )
        api.delete("Namespace", name)

    def _outcome(self, case: Case) -> Object:
        if case.name in self._rejected:
            return {"rejected": True}
        namespace = self.namespace(case)
        external_secret = self.cluster.api.get(
            EXTERNAL_SECRETS, case.external_secret, namespace
        )
        others = case.secrets_of_others()
        secrets = {
            secret["metadata"]["name"]: secret
            for secret in self.cluster.api.list("Secret", namespace)
            if secret["metadata"]["name"] not in others
        }
        described = {name: describe_secret(case, each, namespace) for name, each in secrets.items()}
        unwritten = [
            name
            for name, secret in secrets.items()
            if self._made.get((case.name, name)) == secret["metadata"]["resourceVersion"]
        ]
        return {
            "secrets": described,
            **({"unwritten": unwritten} if unwritten else {}),
            **describe_status(external_secret),
        }


def fill_aws(aws: AwsStandIn, cases: Iterable[Case]) -> None:
    filled: set[tuple[str, str]] = set()
    for case in cases:
        for service, entries in case.document.get("remote", {}).items():
            for name, value in entries.items():
                if (service, name) not in filled:
                    filled.add((service, name))
                    _FILL[service](aws, name, {"text": value} if isinstance(value, str) else value)


def _fill_secret(aws: AwsStandIn, name: str, entry: Object) -> None:
    versions = entry.get("versions", [entry])
    for version in versions:
        value = version.get("text")
        if "binary" in version:
            value = base64.b64decode(version["binary"])
        options = {}
        if "stages" in version:
            options["stages"] = tuple(version["stages"])
        if "id" in version:
            options["version_id"] = version["id"]
        aws.put(name, value, tags=entry.get("tags"), **options)
    if entry.get("deleted"):
        aws.delete(name)


def _fill_parameter(aws: AwsStandIn, name: str, entry: Object) -> None:
    for version in entry.get("versions", [entry]):
        labels = version.get("labels", ())
        aws.put_parameter(
            name, version["text"], kind=entry.get("type"), labels=labels, tags=entry.get("tags")
        )


_FILL: dict[str, Callable[[AwsStandIn, str, Object], None]] = {
    "secretsManager": _fill_secret,
    "parameterStore": _fill_parameter,
}
