# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API: what a test needs, without a process per call.

Objects are plain dicts. Kinds are named as users name them ("Pod", "pods", "deploy",
"externalsecrets.external-secrets.io"); what they are comes from the server's discovery.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

Object = dict[str, Any]
T = TypeVar("T")

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

# The API server closes a connection that has not been used for 90 s.
IDLE_SECONDS = 60


class ApiError(Exception):
    """The API server refused. `status` is the HTTP status, `body` the Status object."""

    def __init__(self, method: str, path: str, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        self.reason = body.get("reason", "") if isinstance(body, dict) else ""
        self.message = body.get("message", "") if isinstance(body, dict) else str(body)
        super().__init__(f"{method} {path}: {status} {self.reason}: {self.message}")


@dataclass
class Response:
    status: int
    headers: Mapping[str, str]
    body: Any
    # Texts of the Warning headers (code 299), as kubectl prints them.
    warnings: list[str] = field(default_factory=list)

    @property
    def object(self) -> Object:
        return self.body


@dataclass(frozen=True)
class Resource:
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    names: frozenset[str]

    def path(self, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
        parts = ["api"] if self.group == "" else ["apis", self.group]
        parts.append(self.version)
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, sub) if part is not None]
        return "/" + "/".join(quote(part, safe="") for part in parts)


class Api:
    """One user's view of one API server. May be used from several threads."""

    def __init__(
        self,
        port: int,
        ca_file: Path,
        client_certificate: tuple[Path, Path] | None = None,
        token: str | None = None,
        impersonate: str | None = None,
        impersonate_groups: Sequence[str] = (),
    ) -> None:
        self.port = port
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        if client_certificate is not None:
            self._tls.load_cert_chain(*map(str, client_certificate))
        self._headers: list[tuple[str, str]] = []
        if token is not None:
            self._headers.append(("Authorization", f"Bearer {token}"))
        if impersonate is not None:
            self._headers.append(("Impersonate-User", impersonate))
            self._headers += [("Impersonate-Group", group) for group in impersonate_groups]
        self._local = threading.local()
        self._resources: dict[str, list[Resource]] = {}

    # Objects.

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        path = self.resource(kind).path(namespace, name)
        return self._checked("GET", path).body

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """As get, and None when there is no such object."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        kind: str,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[Object]:
        """The items; `labels` and `fields` are selectors as kubectl takes them."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        return self._checked("GET", self.resource(kind).path(namespace), query=query).body["items"]

    def create(self, manifest: Object, namespace: str | None = None, **query: str) -> Response:
        """POST. Query parameters as the API has them: dryRun="All", fieldManager=..."""
        resource, namespace = self._where(manifest, namespace)
        return self._checked("POST", resource.path(namespace), manifest, query=query)

    def replace(self, manifest: Object, namespace: str | None = None, **query: str) -> Response:
        resource, namespace = self._where(manifest, namespace)
        path = resource.path(namespace, manifest["metadata"]["name"])
        return self._checked("PUT", path, manifest, query=query)

    def apply(
        self, manifest: Object, namespace: str | None = None, manager: str = "test", **query: str
    ) -> Response:
        """Server-side apply. What `kubectl apply` does is ControlPlane.apply."""
        resource, namespace = self._where(manifest, namespace)
        path = resource.path(namespace, manifest["metadata"]["name"])
        query = {"fieldManager": manager, "force": "true", **query}
        return self._checked("PATCH", path, manifest, APPLY_PATCH, query=query)

    def patch(
        self,
        kind: str,
        name: str,
        patch: Object | list[Object],
        namespace: str | None = None,
        subresource: str | None = None,
        content_type: str | None = None,
        **query: str,
    ) -> Response:
        """A merge patch where `patch` is a dict, a JSON patch where it is a list."""
        content_type = content_type or (JSON_PATCH if isinstance(patch, list) else MERGE_PATCH)
        path = self.resource(kind).path(namespace, name, subresource)
        return self._checked("PATCH", path, patch, content_type, query=query)

    def delete(
        self, kind: str, name: str, namespace: str | None = None, **options: Any
    ) -> Response | None:
        """`options` are DeleteOptions (gracePeriodSeconds, propagationPolicy, preconditions).
        None when there was no such object."""
        try:
            return self._checked("DELETE", self.resource(kind).path(namespace, name), options)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def watch(
        self, kind: str, namespace: str | None, resource_version: str, seconds: int = 60
    ) -> Iterator[tuple[str, Object]]:
        """(type, object) as they come, until `seconds` have passed."""
        query = {"watch": "1", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)}
        target = f"{self.resource(kind).path(namespace)}?{urlencode(query)}"
        connection = self._connect(timeout=seconds + 10)
        try:
            connection.putrequest("GET", target)
            for name, value in self._headers:
                connection.putheader(name, value)
            connection.endheaders()
            reply = connection.getresponse()
            if reply.status != 200:
                raise ApiError("GET", target, reply.status, _parse(reply.read()))
            for line in reply:
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            connection.close()

    # The wire.

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = JSON,
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Response:
        """One exchange; any status is a Response. Other methods raise ApiError from 400 upwards."""
        query = {key: value for key, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(query)}" if query else path
        data = None if body is None else json.dumps(body).encode()
        while True:
            connection = self._kept_connection()
            reused = connection is not None
            if connection is None:
                connection = self._local.connection = self._connect(timeout)
            connection.sock.settimeout(timeout)
            try:
                reply = self._exchange(connection, method, target, data, content_type, headers)
                self._local.used = time.monotonic()
                return reply
            except (http.client.HTTPException, OSError) as error:
                self._drop()
                # A kept connection may have been closed meanwhile (a restarted API server). The
                # request did not arrive then, unless the reply was already on its way.
                closed = isinstance(error, (http.client.RemoteDisconnected, ConnectionError))
                if not (reused and closed and method == "GET"):
                    raise

    def resource(self, kind: str, api_version: str | None = None) -> Resource:
        """What the server calls `kind` (kind, plural, singular or short name, or plural.group)."""
        for attempt in range(2):
            if attempt == 1 or not self._resources:
                self._discover()
            for resource in self._resources.get(kind.lower(), []):
                group_version = f"{resource.group}/{resource.version}".lstrip("/")
                if api_version is None or api_version == group_version:
                    return resource
        raise LookupError(f"the API server knows no {kind} {api_version or ''}".rstrip())

    def forget_connections(self) -> None:
        """After the server was restarted, so that no write meets a closed connection."""
        self._local = threading.local()

    def _checked(self, method: str, path: str, *args: Any, **kwargs: Any) -> Response:
        response = self.request(method, path, *args, **kwargs)
        if response.status >= 400:
            raise ApiError(method, path, response.status, response.body)
        return response

    def _where(self, manifest: Object, namespace: str | None) -> tuple[Resource, str | None]:
        resource = self.resource(manifest["kind"], manifest["apiVersion"])
        return resource, manifest["metadata"].get("namespace", namespace)

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=timeout, context=self._tls
        )
        connection.connect()
        return connection

    def _kept_connection(self) -> http.client.HTTPSConnection | None:
        """None also when the server may be closing it: no write is to meet that."""
        if time.monotonic() - getattr(self._local, "used", 0.0) > IDLE_SECONDS:
            self._drop()
        return getattr(self._local, "connection", None)

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _exchange(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        target: str,
        data: bytes | None,
        content_type: str,
        headers: Mapping[str, str] | None,
    ) -> Response:
        connection.putrequest(method, target)
        sent = {"Accept": JSON, **(headers or {})}
        if data is not None:
            sent |= {"Content-Type": content_type, "Content-Length": str(len(data))}
        for name, value in [*sent.items(), *self._headers]:
            connection.putheader(name, value)
        connection.endheaders(data)
        reply = connection.getresponse()
        body = _parse(reply.read())
        if reply.will_close:
            self._drop()
        warnings = [_warning_text(value) for value in reply.headers.get_all("Warning") or []]
        return Response(reply.status, dict(reply.headers), body, warnings)

    def _discover(self) -> None:
        found: dict[str, list[Resource]] = {}
        for path in ("/api", "/apis"):
            groups = self._checked("GET", path, headers={"Accept": DISCOVERY}).body["items"]
            for group in groups:
                for version in group["versions"]:
                    for resource in _resources(group["metadata"].get("name", ""), version):
                        for name in resource.names:
                            found.setdefault(name, []).append(resource)
        self._resources = found


def wait_for(
    predicate: Callable[[], T], timeout: float = 30.0, what: str = "", interval: float = 0.05
) -> T:
    """Calls `predicate` until it is true, and returns what it returned. TimeoutError names `what`
    and the last value, or the exception, that the predicate ended with (ApiError, LookupError and
    OSError count as "not yet")."""
    deadline = time.monotonic() + timeout
    while True:
        value: Any
        try:
            value = predicate()
        except (ApiError, LookupError, OSError, http.client.HTTPException) as error:
            value = error
        else:
            if value:
                return value
        if time.monotonic() >= deadline:
            name = what or getattr(predicate, "__name__", "condition")
            raise TimeoutError(f"{name}: not within {timeout:g} s; at the end: {value!r}")
        time.sleep(interval)


def _resources(group: str, version: Object) -> Iterator[Resource]:
    for item in version["resources"]:
        kind, plural = item["responseKind"]["kind"], item["resource"]
        names = {kind, plural, item.get("singularResource", ""), *item.get("shortNames", [])}
        names |= {f"{plural}.{group}"} if group else set()
        lower = frozenset(name.lower() for name in names if name)
        namespaced = item["scope"] == "Namespaced"
        yield Resource(group, version["version"], kind, plural, namespaced, lower)


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode(errors="replace")


def _warning_text(header: str) -> str:
    """The text of `299 - "text"`, unquoted."""
    match = re.fullmatch(r'\d{3} \S+ "(.*)"', header, re.S)
    return re.sub(r"\\(.)", r"\1", match[1]) if match else header
