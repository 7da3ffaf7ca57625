# SPDX-License-Identifier: Apache-2.0
"""Objects of the scripted Kubernetes API server: resources, versions, history, selectors.

No HTTP here. An object once stored is never changed in place, so lists and watches may hold on to
it without a copy.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import itertools
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

from tests.support.clock import SettableClock

Object = dict[str, Any]
HISTORY_CEILING = 100_000
SNAPSHOTS_KEPT = 256

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class ApiError(Exception):
    """A failure as an API server reports it, in a Status object."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Optional[Mapping[str, Any]] = None,
        headers: Sequence[tuple[str, str]] = (),
    ):
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.headers = list(headers)

    def status(self) -> Object:
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status


@dataclass(frozen=True)
class Resource:
    """A resource type. The first version is the stored one; `custom` ones come from a CRD."""

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    custom: bool = False

    @property
    def qualified(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        return f"{self.group}/{version}" if self.group else version

    def details(self, name: Optional[str]) -> Object:
        details: Object = {"kind": self.plural}
        if name:
            details["name"] = name
        if self.group:
            details["group"] = self.group
        return details

    def not_found(self, name: str) -> ApiError:
        return ApiError(404, "NotFound", f'{self.qualified} "{name}" not found', self.details(name))

    def conflict(self, name: str, why: str) -> ApiError:
        return ApiError(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {self.qualified} "{name}": {why}',
            self.details(name),
        )


MODIFIED_MEANWHILE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)

_ESO = "external-secrets.io"
BUILT_IN = (
    Resource("", ("v1",), "namespaces", "Namespace", namespaced=False),
    Resource("", ("v1",), "nodes", "Node", namespaced=False),
    Resource("", ("v1",), "pods", "Pod"),
    Resource("", ("v1",), "secrets", "Secret"),
    Resource("", ("v1",), "configmaps", "ConfigMap"),
    Resource("", ("v1",), "resourcequotas", "ResourceQuota"),
    Resource("", ("v1",), "services", "Service"),
    Resource("", ("v1",), "serviceaccounts", "ServiceAccount"),
    Resource("", ("v1",), "events", "Event"),
    Resource("events.k8s.io", ("v1",), "events", "Event"),
    Resource("apps", ("v1",), "deployments", "Deployment"),
    Resource("apps", ("v1",), "statefulsets", "StatefulSet"),
    Resource("apps", ("v1",), "daemonsets", "DaemonSet"),
    Resource("apps", ("v1",), "replicasets", "ReplicaSet"),
    Resource("apps", ("v1",), "controllerrevisions", "ControllerRevision"),
    Resource("batch", ("v1",), "jobs", "Job"),
    Resource("batch", ("v1",), "cronjobs", "CronJob"),
    Resource("coordination.k8s.io", ("v1",), "leases", "Lease"),
    Resource(
        "admissionregistration.k8s.io",
        ("v1",),
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        namespaced=False,
    ),
    Resource(
        "admissionregistration.k8s.io",
        ("v1",),
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
    ),
    Resource(_ESO, ("v1", "v1beta1"), "externalsecrets", "ExternalSecret", custom=True),
    Resource(_ESO, ("v1", "v1beta1"), "secretstores", "SecretStore", custom=True),
    Resource(
        _ESO,
        ("v1", "v1beta1"),
        "clustersecretstores",
        "ClusterSecretStore",
        namespaced=False,
        custom=True,
    ),
)

# Fields a fieldSelector may name, beside metadata.name and metadata.namespace.
_FIELD_LABELS = {
    "pods": ("spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName"),
    "secrets": ("type",),
    "events": ("involvedObject.name", "involvedObject.uid", "reason", "type"),
    "namespaces": ("status.phase",),
    "jobs": ("status.successful",),
}


class Selector:
    """A fieldSelector and a labelSelector together."""

    def __init__(self, resource: Resource, fields: str, labels: str):
        self.empty = not fields and not labels
        self._tests: list[Callable[[Object], bool]] = []
        for part in fields.split(",") if fields else ():
            self._tests.append(self._field_test(resource, part))
        for part in re.split(r",(?![^(]*\))", labels) if labels else ():
            self._tests.append(self._label_test(part.strip()))

    def matches(self, obj: Object) -> bool:
        return all(test(obj) for test in self._tests)

    @staticmethod
    def _field_test(resource: Resource, part: str) -> Callable[[Object], bool]:
        match = re.fullmatch(r"([^=!]+)(!=|==|=)(.*)", part)
        if match is None:
            raise ApiError(400, "BadRequest", f"invalid selector: '{part}'; can't understand it")
        path, operator, wanted = match.groups()
        known = ("metadata.name", "metadata.namespace", *_FIELD_LABELS.get(resource.plural, ()))
        if path not in known:
            raise ApiError(400, "BadRequest", f"field label not supported: {path}")

        def test(obj: Object) -> bool:
            value: Any = obj
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            return (str(value or "") == wanted) == (operator != "!=")

        return test

    @staticmethod
    def _label_test(part: str) -> Callable[[Object], bool]:
        def labels(obj: Object) -> Mapping[str, str]:
            return obj["metadata"].get("labels") or {}

        match = re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part)
        if match is not None:
            key, operator, listed = match.groups()
            values = {value.strip() for value in listed.split(",")}
            inside = operator == "in"
            return lambda obj: (labels(obj).get(key) in values) == inside
        match = re.fullmatch(r"([^=!\s]+)\s*(!=|==|=)\s*(\S*)", part)
        if match is not None:
            key, operator, value = match.groups()
            return lambda obj: (labels(obj).get(key) == value) == (operator != "!=")
        if re.fullmatch(r"!?[^=!\s]+", part):
            key, present = part.lstrip("!"), not part.startswith("!")
            return lambda obj: (key in labels(obj)) == present
        raise ApiError(400, "BadRequest", f"unable to parse requirement: {part}")


@dataclass(frozen=True)
class Change:
    """One entry of a resource's history. `previous` is None for a creation."""

    version: int
    kind: str
    obj: Object
    previous: Optional[Object]

    def seen_by(self, namespace: Optional[str], selector: Selector) -> Optional[tuple[str, Object]]:
        """The watch event this is for one watcher: an object that begins to match is ADDED to
        it, one that ceases to is DELETED."""
        if namespace and self.obj["metadata"].get("namespace") != namespace:
            return None
        before = self.previous is not None and selector.matches(self.previous)
        after = self.kind != "DELETED" and selector.matches(self.obj)
        if after:
            return ("MODIFIED" if before else "ADDED"), self.obj
        return ("DELETED", self.obj) if before else None


@dataclass(frozen=True)
class VirtualObjects:
    """Objects that are made when they are sent: a thousand large ones cost no memory."""

    namespace: str
    count: int
    version: int
    make: Callable[[int], Object]

    def obj(self, resource: Resource, index: int) -> Object:
        obj = dict(self.make(index))
        metadata = dict(obj.get("metadata") or {})
        metadata.setdefault("name", f"virtual-{index:06d}")
        metadata.setdefault("uid", str(uuid.uuid5(uuid.NAMESPACE_OID, metadata["name"])))
        metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        metadata["namespace"] = self.namespace
        metadata["resourceVersion"] = str(self.version)
        obj["metadata"] = metadata
        obj["kind"] = resource.kind
        obj["apiVersion"] = resource.api_version(resource.versions[0])
        return obj


@dataclass
class Page:
    """Part of a list: `items` makes each object when it is asked for."""

    version: int
    items: Iterator[Object]
    next_token: Optional[str]
    remaining: Optional[int]


Reference = Callable[[], Object]


@dataclass
class _Snapshot:
    version: int
    references: list[Reference] = field(default_factory=list)


class KubeStore:
    """All objects. Any thread; `changed` is notified on every change."""

    def __init__(self, clock: SettableClock, resources: Sequence[Resource] = BUILT_IN):
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self._resources: list[Resource] = list(resources)
        self._objects: dict[Resource, dict[tuple[str, str], Object]] = {}
        self._virtual: dict[Resource, list[VirtualObjects]] = {}
        self._history: dict[Resource, list[Change]] = {}
        self._compacted: dict[Resource, int] = {}
        self._snapshots: dict[str, _Snapshot] = {}
        self._serials = itertools.count(1)
        self._version = 1000

    # -- resources ------------------------------------------------------------------------------

    def register(self, resource: Resource) -> None:
        with self.changed:
            self._resources = [r for r in self._resources if r.qualified != resource.qualified]
            self._resources.append(resource)

    def unregister(self, resource: Resource) -> None:
        """The type is not served any more, as where a CRD is not installed."""
        with self.changed:
            self._resources.remove(resource)

    def resources(self) -> list[Resource]:
        with self.changed:
            return list(self._resources)

    def find_resource(self, group: str, version: str, plural: str) -> Optional[Resource]:
        for each in self.resources():
            if each.group == group and each.plural == plural and version in each.versions:
                return each
        return None

    def resource_of(self, name: str) -> Resource:
        """By kind, plural, or plural.group."""
        for each in self.resources():
            if name in (each.kind, each.plural, each.qualified):
                return each
        raise KeyError(f"no resource {name!r}")

    # -- reading --------------------------------------------------------------------------------

    def version(self) -> int:
        with self.changed:
            return self._version

    def get(self, resource: Resource, namespace: str, name: str) -> Optional[Object]:
        with self.changed:
            stored = self._objects.get(resource, {}).get((namespace, name))
            if stored is not None:
                return stored
            for virtual in self._virtual.get(resource, ()):
                if virtual.namespace == namespace:
                    for index in range(virtual.count):
                        obj = virtual.obj(resource, index)
                        if obj["metadata"]["name"] == name:
                            return obj
        return None

    def _references(self, resource: Resource, namespace: Optional[str]) -> list[Reference]:
        def stored(obj: Object) -> Reference:
            return lambda: obj

        def made(virtual: VirtualObjects, index: int) -> Reference:
            return lambda: virtual.obj(resource, index)

        found = [
            stored(obj)
            for (at, _), obj in sorted(
                self._objects.get(resource, {}).items(), key=lambda each: each[0]
            )
            if not namespace or at == namespace
        ]
        for virtual in self._virtual.get(resource, ()):
            if not namespace or virtual.namespace == namespace:
                found += [made(virtual, index) for index in range(virtual.count)]
        return found

    def page(
        self,
        resource: Resource,
        namespace: Optional[str],
        selector: Selector,
        limit: int = 0,
        token: str = "",
    ) -> Page:
        """A consistent page: the following ones show the objects as they were at the first."""
        with self.changed:
            if token:
                snapshot, start = self._continued(token)
            else:
                snapshot, start = (
                    _Snapshot(self._version, self._references(resource, namespace)),
                    0,
                )
            chosen, end = self._choose(snapshot.references, start, selector, limit)
            rest = len(snapshot.references) - end
            next_token = self._remember(snapshot, end) if rest else None
        return Page(
            snapshot.version,
            (reference() for reference in chosen),
            next_token,
            rest if rest and selector.empty else None,
        )

    @staticmethod
    def _choose(
        references: Sequence[Reference], start: int, selector: Selector, limit: int
    ) -> tuple[list[Reference], int]:
        chosen: list[Reference] = []
        end = start
        for reference in references[start:]:
            matches = selector.empty or selector.matches(reference())
            if matches and limit and len(chosen) == limit:
                return chosen, end
            end += 1
            if matches:
                chosen.append(reference)
        return chosen, end

    def _remember(self, snapshot: _Snapshot, end: int) -> str:
        serial = next(self._serials)
        token = base64.urlsafe_b64encode(
            json.dumps({"rv": snapshot.version, "n": serial, "start": end}).encode()
        ).decode()
        self._snapshots[token] = snapshot
        while len(self._snapshots) > SNAPSHOTS_KEPT:
            del self._snapshots[next(iter(self._snapshots))]
        return token

    def _continued(self, token: str) -> tuple[_Snapshot, int]:
        snapshot = self._snapshots.get(token)
        if snapshot is None:
            raise ApiError(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter.",
            )
        return snapshot, json.loads(base64.urlsafe_b64decode(token))["start"]

    def expire_tokens(self) -> None:
        with self.changed:
            self._snapshots.clear()

    def changes(self, resource: Resource, after: int) -> list[Change]:
        """History after a version; ApiError 410 when it reaches back too far."""
        with self.changed:
            oldest = self._compacted.get(resource, 0)
            if after < oldest:
                raise too_old(after, oldest)
            history = self._history.get(resource, [])
            low = 0
            high = len(history)
            while low < high:
                middle = (low + high) // 2
                if history[middle].version > after:
                    high = middle
                else:
                    low = middle + 1
            return history[low:]

    def compact(self, resource: Optional[Resource] = None) -> None:
        """Forgets history, so that a watch cannot resume from before now."""
        with self.changed:
            self._version += 1
            for each in [resource] if resource else self._resources:
                self._history[each] = []
                self._compacted[each] = self._version
            self.changed.notify_all()

    # -- writing --------------------------------------------------------------------------------

    def add_virtual(
        self, resource: Resource, namespace: str, count: int, make: Callable[[int], Object]
    ) -> None:
        with self.changed:
            self._version += 1
            self._virtual.setdefault(resource, []).append(
                VirtualObjects(namespace, count, self._version, make)
            )

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Object,
        manager: str,
        *,
        dry_run: bool = False,
        trusted: bool = False,
    ) -> Object:
        """Creates the object. `trusted` is for tests: a status, uid and creationTimestamp that come
        with it are kept, as a client's are not."""
        obj = copy.deepcopy(body)
        if not trusted:
            obj.pop("status", None)
            for each in ("uid", "creationTimestamp"):
                (obj.get("metadata") or {}).pop(each, None)
        metadata = obj.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        name = metadata.get("name") or ""
        if not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
            raise ApiError(
                422,
                "Invalid",
                f'{resource.kind} "{name}" is invalid: metadata.name: Invalid value: "{name}"',
                resource.details(name),
            )
        if metadata.get("resourceVersion"):
            raise ApiError(
                400, "BadRequest", "resourceVersion should not be set on objects to be created"
            )
        with self.changed:
            if self.get(resource, namespace, name) is not None:
                raise ApiError(
                    409,
                    "AlreadyExists",
                    f'{resource.qualified} "{name}" already exists',
                    resource.details(name),
                )
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", self.timestamp())
            for each in ("deletionTimestamp", "managedFields", "generation"):
                metadata.pop(each, None)
            if resource.namespaced:
                metadata["namespace"] = namespace
            if "spec" in obj:
                metadata["generation"] = 1
            return self._commit(resource, obj, None, manager, dry_run, "")

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        manager: str,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Replaces the object by `change(present)`. A resourceVersion or uid in the result that is
        not the present one is a conflict. Status changes by the subresource "status" only, or by
        "*", which is for tests and changes everything."""
        with self.changed:
            present = self.get(resource, namespace, name)
            if present is None:
                raise resource.not_found(name)
            obj = copy.deepcopy(change(copy.deepcopy(present)))
            if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
                raise ApiError(422, "Invalid", "the result is not an object")
            self._check_preconditions(resource, name, present, obj["metadata"])
            if subresource == "status":
                obj = {**present, "status": obj.get("status")}
            elif subresource == "":
                obj.pop("status", None)
                if "status" in present:
                    obj["status"] = present["status"]
            return self._commit(resource, obj, present, manager, dry_run, subresource.strip("*"))

    @staticmethod
    def _check_preconditions(
        resource: Resource, name: str, present: Object, wanted: Mapping[str, Any]
    ) -> None:
        held = present["metadata"]
        if wanted.get("resourceVersion") not in (None, "", held["resourceVersion"]):
            raise resource.conflict(name, MODIFIED_MEANWHILE)
        if wanted.get("uid") not in (None, held["uid"]):
            raise resource.conflict(
                name,
                f"Precondition failed: UID in precondition: {wanted.get('uid')}, UID in object "
                f"meta: {held['uid']}",
            )

    def _commit(
        self,
        resource: Resource,
        obj: Object,
        present: Optional[Object],
        manager: str,
        dry_run: bool,
        subresource: str,
    ) -> Object:
        """Server-set fields, then the change itself unless nothing changed or it is a dry run."""
        obj["kind"] = resource.kind
        obj["apiVersion"] = resource.api_version(resource.versions[0])
        metadata = obj["metadata"] = dict(obj["metadata"])
        if resource.plural == "secrets":
            _complete_secret(obj)
        if present is not None:
            held = present["metadata"]
            for each in (
                "name",
                "namespace",
                "uid",
                "creationTimestamp",
                "resourceVersion",
                "generation",
                "managedFields",
                "deletionTimestamp",
            ):
                metadata.pop(each, None)
                if each in held:
                    metadata[each] = held[each]
            if obj == present:
                return present
            if _desired(obj) != _desired(present) and "generation" in held:
                metadata["generation"] = held["generation"] + 1
        metadata["managedFields"] = self._managed(obj, present, manager, subresource, resource)
        if dry_run:
            return obj
        key = (metadata.get("namespace", ""), metadata["name"])
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        objects = self._objects.setdefault(resource, {})
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            objects.pop(key, None)
            self._record(resource, Change(self._version, "DELETED", obj, present))
        else:
            objects[key] = obj
            kind = "ADDED" if present is None else "MODIFIED"
            self._record(resource, Change(self._version, kind, obj, present))
        return obj

    def _managed(
        self,
        obj: Object,
        present: Optional[Object],
        manager: str,
        subresource: str,
        resource: Resource,
    ) -> list[Object]:
        """One entry per manager and subresource, with the top-level fields it last changed."""
        changed: Object = {
            f"f:{key}": {}
            for key, value in obj.items()
            if key not in ("kind", "apiVersion") and (present or {}).get(key) != value
        }
        entry: Object = {
            "manager": manager,
            "operation": "Update",
            "apiVersion": resource.api_version(resource.versions[0]),
            "time": self.timestamp(),
            "fieldsType": "FieldsV1",
            "fieldsV1": changed,
        }
        if subresource:
            entry["subresource"] = subresource
        others = [
            each
            for each in (present or {}).get("metadata", {}).get("managedFields", ())
            if (each["manager"], each.get("subresource", "")) != (manager, subresource)
        ]
        return [*others, entry]

    def _record(self, resource: Resource, change: Change) -> None:
        history = self._history.setdefault(resource, [])
        history.append(change)
        if len(history) > HISTORY_CEILING:
            dropped = history[: HISTORY_CEILING // 2]
            self._compacted[resource] = dropped[-1].version
            self._history[resource] = history[len(dropped) :]
        self.changed.notify_all()

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        preconditions: Optional[Mapping[str, Any]] = None,
        dry_run: bool = False,
    ) -> Object:
        """Deletes, or marks for deletion while finalizers are left; returns the last state."""
        with self.changed:
            present = self._objects.get(resource, {}).get((namespace, name))
            if present is None:
                raise resource.not_found(name)
            held = present["metadata"]
            for each, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
                wanted = (preconditions or {}).get(each)
                if wanted not in (None, "", held[each]):
                    raise resource.conflict(
                        name,
                        f"Precondition failed: {label} in precondition: {wanted}, {label} in "
                        f"object meta: {held[each]}",
                    )
            if dry_run:
                return present
            self._version += 1
            metadata = {**held, "resourceVersion": str(self._version)}
            obj = {**present, "metadata": metadata}
            if held.get("finalizers"):
                metadata.setdefault("deletionTimestamp", self.timestamp())
                metadata.setdefault("deletionGracePeriodSeconds", 0)
                self._objects[resource][(namespace, name)] = obj
                self._record(resource, Change(self._version, "MODIFIED", obj, present))
            else:
                del self._objects[resource][(namespace, name)]
                self._record(resource, Change(self._version, "DELETED", obj, present))
            return obj

    def timestamp(self, after: float = 0) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock.now() + after))


def too_old(asked: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def _desired(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _complete_secret(obj: Object) -> None:
    """stringData goes into data, and a Secret without type is Opaque."""
    text = obj.pop("stringData", None)
    if text:
        data = dict(obj.get("data") or {})
        data.update({k: base64.b64encode(v.encode()).decode() for k, v in text.items()})
        obj["data"] = data
    obj.setdefault("type", "Opaque")
    with contextlib.suppress(AttributeError):
        for key, value in (obj.get("data") or {}).items():
            try:
                base64.b64decode(value, validate=True)
            except (ValueError, TypeError):
                raise ApiError(400, "BadRequest", f"illegal base64 data in data[{key}]") from None
