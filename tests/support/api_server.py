# SPDX-License-Identifier: Apache-2.0
"""A scripted Kubernetes API server: for faults and for lists of any size.

It is no imitation for correctness tests, which run on a real API server. It keeps objects of any
registered type with resourceVersions, lists them in pages, watches with bookmarks and resumption,
applies patches, and fails on demand in ways a real server cannot be made to.

    with ApiServer(token="t") as api:
        api.put({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": {}})
        api.kubeconfig(path)
        ... run the client ...
        (watcher,) = api.wait_watchers("secrets")
        watcher.stall(); api.put(...); watcher.resume()
        api.fail("gone", verb="watch", resource="secrets", times=1)
        assert api.count("patch", "deployments") == 1
"""

from __future__ import annotations

import base64
import collections
import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from tests.support import kube_patch
from tests.support.certificates import Authority
from tests.support.clock import SettableClock
from tests.support.faults import WIRE_KINDS, Fault, FaultBook, deliver
from tests.support.http_wire import Connection, Request, Response, WireServer
from tests.support.kube_http import (
    ChunkedBody,
    Recorded,
    encode,
    group_entry,
    list_parts,
    no_such_resource,
    padded,
    read_request,
    shown,
    unsupported,
)
from tests.support.kube_store import (
    BUILT_IN,
    ApiError,
    KubeStore,
    Object,
    Resource,
    Selector,
    too_old,
)
from tests.support.kube_watch import Watcher, WatchStream

DEFAULT_VERSION = "v1.36.3"
DEFAULT_USER = "system:serviceaccount:keyturn-system:keyturn"
REQUESTS_KEPT = 100_000

# Fault kinds beyond those of faults.py.
#   status    an answer with a Status object; reason and message optional
#   forbidden 403
#   gone      410 on a list or watch; as an ERROR event in a watch with where="event"
#   stall     a watch sends its headers, then nothing until resumed
#   cut       a list or watch ends after `after` whole objects and `bytes` of the next; reset or
#             orderly as `reset` says
#   huge      the first object sent carries an annotation of `size` bytes
API_KINDS: dict[str, dict[str, Any]] = {
    "status": {"code": 500, "reason": "InternalError", "message": "fault", "retry_after": None},
    "forbidden": {},
    "gone": {"where": "status"},
    "stall": {},
    "cut": {"after": 0, "bytes": 20, "reset": False},
    "huge": {"size": 5 * 1024 * 1024},
}
_STREAM_VERBS = {
    "stall": ("watch",),
    "cut": ("list", "watch"),
    "gone": ("list", "watch"),
    "huge": ("get", "list", "watch"),
}
_FACTS = ("verb", "resource", "group", "namespace", "name", "subresource")
_PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    "application/merge-patch+json": kube_patch.merge,
    "application/strategic-merge-patch+json": kube_patch.strategic,
    "application/json-patch+json": kube_patch.json_patch,
}
_ACCEPTED = ("application/json", *_PATCHES)


# Makes the token of a ServiceAccount: namespace, name, audiences, seconds.
IssueToken = Callable[[str, str, list[str], int], str]
_TOKEN_SECONDS_MIN = 600


@dataclass
class Rule:
    """Denied access; `lift` restores it."""

    verbs: Optional[tuple[str, ...]]
    resource: Optional[str]
    namespace: Optional[str]
    rules: list["Rule"] = field(repr=False)

    def covers(self, call: Recorded) -> bool:
        return (
            (self.verbs is None or call.verb in self.verbs)
            and (self.resource is None or call.resource == self.resource)
            and (self.namespace is None or call.namespace == self.namespace)
        )

    def lift(self) -> None:
        if self in self.rules:
            self.rules.remove(self)


class ApiServer:
    """`tls` True serves HTTPS with a throw-away authority (`ca_pem`); `token` None lets all in."""

    def __init__(
        self,
        port: int = 0,
        tls: bool = True,
        *,
        token: Optional[str] = "test-token",
        version: str = DEFAULT_VERSION,
        resources: Sequence[Resource] = BUILT_IN,
        bookmark_seconds: float = 60.0,
        user: str = DEFAULT_USER,
    ):
        self.clock = SettableClock()
        self.version = version
        self.bookmark_seconds = bookmark_seconds
        self.user = user
        self._token = token
        self._issue: Optional[IssueToken] = None
        self._store = KubeStore(self.clock, resources)
        self._changed = self._store.changed
        self._faults = FaultBook(API_KINDS, _FACTS)
        self._rules: list[Rule] = []
        self._requests: collections.deque[Recorded] = collections.deque(maxlen=REQUESTS_KEPT)
        self._watchers: list[Watcher] = []
        self._serial = 0
        self._stopping = False
        authority = Authority("kubernetes test authority") if tls else None
        self.ca_pem = authority.pem if authority else None
        context = authority.issue().server_context() if authority else None
        self._server = WireServer(self._handle, port=port, tls=context, name="kube")
        self.port = self._server.port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> "ApiServer":
        self._server.start()
        return self

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._faults.stop()
        self._server.stop()

    def __enter__(self) -> "ApiServer":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def set_token(self, token: Optional[str]) -> None:
        """Only this token is accepted from now on."""
        self._token = token

    def issue_tokens(self, issue: IssueToken) -> None:
        """Answers requests for tokens of the ServiceAccounts there are with what this returns."""
        self._issue = issue

    def kubeconfig(self, path: Path, namespace: str = "keyturn-system") -> Path:
        """Writes a kubeconfig for this server with the present token, and returns its path."""
        cluster = f"    server: {self.url}\n"
        if self.ca_pem is not None:
            data = base64.b64encode(self.ca_pem.encode()).decode()
            cluster += f"    certificate-authority-data: {data}\n"
        user = f"    token: {self._token}\n" if self._token is not None else "    token: none\n"
        path.touch(mode=0o600)
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
            f"clusters:\n- name: test\n  cluster:\n{cluster}"
            f"users:\n- name: test\n  user:\n{user}"
            "contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n"
            f"    namespace: {namespace}\n"
        )
        return path

    # -- objects --------------------------------------------------------------------------------

    def resource(self, name: str) -> Resource:
        """By kind, plural or plural.group."""
        return self._store.resource_of(name)

    def register(self, resource: Resource) -> None:
        self._store.register(resource)

    def unregister(self, name: str) -> None:
        """The type is not served: 404, as before its CRD is installed."""
        self._store.unregister(self.resource(name))

    def put(self, obj: Mapping[str, Any], manager: str = "test") -> Object:
        """Creates or replaces an object, status included, and returns what is stored. A uid and a
        creationTimestamp that come with a new object are kept; a replaced one keeps its own."""
        body = copy.deepcopy(dict(obj))
        resource = self.resource(body["kind"])
        metadata = body.setdefault("metadata", {})
        metadata.pop("resourceVersion", None)
        namespace = metadata.get("namespace", "") if resource.namespaced else ""
        if resource.namespaced and not namespace:
            raise ValueError(f"{resource.kind} needs metadata.namespace")
        with self._changed:
            if self._store.get(resource, namespace, metadata.get("name", "")) is None:
                return self._store.create(resource, namespace, body, manager, trusted=True)
            metadata.pop("uid", None)
            return self._store.update(
                resource, namespace, metadata["name"], lambda _: body, manager, subresource="*"
            )

    def get(self, resource: str, namespace: str, name: str) -> Optional[Object]:
        found = self._store.get(self.resource(resource), namespace, name)
        return copy.deepcopy(found)

    def objects(self, resource: str, namespace: Optional[str] = None) -> list[Object]:
        kind = self.resource(resource)
        page = self._store.page(kind, namespace, Selector(kind, "", ""))
        return [copy.deepcopy(each) for each in page.items]

    def patch(self, resource: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Object:
        """A merge patch by the test itself."""
        return self._store.update(
            self.resource(resource),
            namespace,
            name,
            lambda present: kube_patch.merge(present, patch),
            "test",
            subresource="*",
        )

    def delete(self, resource: str, namespace: str, name: str) -> Object:
        return self._store.delete(self.resource(resource), namespace, name)

    def add_virtual(
        self, resource: str, namespace: str, count: int, make: Callable[[int], Object]
    ) -> None:
        """`count` objects that exist only while they are sent: `make(index)` gives each, metadata
        is completed. They are listed after the stored ones, and cannot be changed."""
        self._store.add_virtual(self.resource(resource), namespace, count, make)

    def resource_version(self) -> int:
        return self._store.version()

    def compact(self, resource: Optional[str] = None) -> None:
        """Forgets history: resuming a watch from before now gives 410."""
        self._store.compact(self.resource(resource) if resource else None)

    def expire_continue_tokens(self) -> None:
        self._store.expire_tokens()

    def wait_object(
        self,
        resource: str,
        namespace: str,
        name: str,
        predicate: Callable[[Optional[Object]], bool] = lambda obj: obj is not None,
        timeout: float = 10.0,
    ) -> Optional[Object]:
        """Returns the object once the predicate holds for it (None when it is absent)."""
        kind = self.resource(resource)
        self._wait(
            lambda: predicate(copy.deepcopy(self._store.get(kind, namespace, name))),
            timeout,
            f"{resource} {namespace}/{name} as expected",
        )
        return self.get(resource, namespace, name)

    def _wait(self, predicate: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(predicate, timeout):
                raise TimeoutError(f"no {what} within {timeout} s")

    # -- watches --------------------------------------------------------------------------------

    def watchers(self, resource: Optional[str] = None) -> list[Watcher]:
        """Open watches, oldest first."""
        kind = self.resource(resource) if resource else None
        with self._changed:
            return [each for each in self._watchers if kind is None or each.resource == kind]

    def wait_watchers(self, resource: str, count: int = 1, timeout: float = 10.0) -> list[Watcher]:
        self._wait(
            lambda: len(self.watchers(resource)) >= count, timeout, f"{count} watches of {resource}"
        )
        return self.watchers(resource)

    # -- faults and rights ----------------------------------------------------------------------

    def fail(
        self,
        kind: str,
        *,
        verb: Optional[str] = None,
        resource: Optional[str] = None,
        group: Optional[str] = None,
        namespace: Optional[str] = None,
        name: Optional[str] = None,
        subresource: Optional[str] = None,
        times: Optional[int] = None,
        **params: Any,
    ) -> Fault:
        """Arms a fault for the next `times` matching requests, or until cleared.

        Kinds: those of API_KINDS here and of TIMING_KINDS and WIRE_KINDS in faults.py, and "never".
        Verbs: get, list, watch, create, update, patch, delete.
        """
        verbs = _STREAM_VERBS.get(kind)
        if verbs is not None and verb not in verbs:
            raise ValueError(f"fault {kind!r} needs a verb of {', '.join(verbs)}")
        return self._faults.arm(
            kind,
            times,
            verb=verb,
            resource=resource,
            group=group,
            namespace=namespace,
            name=name,
            subresource=subresource,
            **params,
        )

    def clear_faults(self) -> None:
        self._faults.clear()

    def forbid(
        self,
        resource: Optional[str] = None,
        verbs: Optional[Iterable[str]] = None,
        namespace: Optional[str] = None,
    ) -> Rule:
        """403 from now on, until the rule is lifted. Open watches go on, as in a real server."""
        rule = Rule(tuple(verbs) if verbs else None, resource, namespace, self._rules)
        self._rules.append(rule)
        return rule

    # -- what happened --------------------------------------------------------------------------

    def requests(
        self,
        verb: Optional[str] = None,
        resource: Optional[str] = None,
        *,
        namespace: Optional[str] = None,
        name: Optional[str] = None,
        status: Optional[int] = None,
    ) -> list[Recorded]:
        with self._changed:
            return [
                each
                for each in self._requests
                if (verb is None or each.verb == verb)
                and (resource is None or each.resource == resource)
                and (namespace is None or each.namespace == namespace)
                and (name is None or each.name == name)
                and (status is None or each.status == status)
            ]

    def count(
        self, verb: Optional[str] = None, resource: Optional[str] = None, **where: Any
    ) -> int:
        return len(self.requests(verb, resource, **where))

    def counts(self) -> dict[str, int]:
        """Requests by "verb resource"."""
        tally = collections.Counter(f"{each.verb} {each.resource}" for each in self.requests())
        return dict(tally)

    def bytes_sent(self, resource: Optional[str] = None, verb: Optional[str] = None) -> int:
        """Body bytes answered, chunk framing not counted."""
        return sum(each.bytes_sent for each in self.requests(verb, resource))

    def wait_requests(
        self,
        count: int,
        verb: Optional[str] = None,
        resource: Optional[str] = None,
        timeout: float = 10.0,
        **where: Any,
    ) -> list[Recorded]:
        """Returns when at least `count` matching requests have been answered (status known)."""

        def answered() -> list[Recorded]:
            return [r for r in self.requests(verb, resource, **where) if r.status is not None]

        self._wait(
            lambda: len(answered()) >= count,
            timeout,
            f"{count} requests {verb or 'any'} {resource or 'any'}",
        )
        return answered()

    def reset_requests(self) -> None:
        with self._changed:
            self._requests.clear()

    def connections_accepted(self) -> int:
        return self._server.accepted

    def close_connections(self) -> None:
        """Ends every connection, as a server that restarts would."""
        self._server.close_connections()

    # -- one request ----------------------------------------------------------------------------

    def _handle(self, connection: Connection, request: Request) -> None:
        with self._changed:
            self._serial += 1
            call = read_request(request, self._serial, connection.serial)
            self._requests.append(call)
            self._changed.notify_all()
        fault: Optional[Fault] = None
        try:
            resource = self._admit(request, call)
            fault = self._faults.settle(
                {
                    "verb": call.verb,
                    "resource": call.resource,
                    "group": call.group,
                    "namespace": call.namespace,
                    "name": call.name,
                    "subresource": call.subresource,
                }
            )
            self._raise_fault(fault, call, resource)
            if resource is None:
                self._answer(connection, call, self._special(call), fault)
            elif call.verb == "watch":
                self._watch(connection, call, resource, fault)
            elif call.verb == "list":
                self._list(connection, call, resource, fault)
            else:
                self._answer(connection, call, self._act(call, resource, fault), fault)
        except ApiError as error:
            self._answer(connection, call, (error.code, error.status()), fault, error.headers)

    def _admit(self, request: Request, call: Recorded) -> Optional[Resource]:
        """Authentication, the type, and rights."""
        if call.path in ("/healthz", "/livez", "/readyz", "/version"):
            return None
        given = request.value("authorization")
        if self._token is not None and given != f"Bearer {self._token}":
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if not call.resource:
            return None
        resource = self._store.find_resource(call.group, call.version, call.resource)
        if resource is None or (call.namespace and not resource.namespaced):
            raise no_such_resource()
        if any(rule.covers(call) for rule in self._rules):
            raise self._forbidden(call, resource)
        return resource

    def _forbidden(self, call: Recorded, resource: Resource) -> ApiError:
        where = f'in the namespace "{call.namespace}"' if call.namespace else "at the cluster scope"
        what = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
        named = f' "{call.name}"' if call.name else ""
        return ApiError(
            403,
            "Forbidden",
            f'{resource.qualified}{named} is forbidden: User "{self.user}" cannot {call.verb} '
            f'resource "{what}" in API group "{call.group}" {where}',
            resource.details(call.name),
        )

    def _raise_fault(
        self, fault: Optional[Fault], call: Recorded, resource: Optional[Resource]
    ) -> None:
        if fault is None:
            return
        params = fault.params
        if fault.kind == "forbidden" and resource is not None:
            raise self._forbidden(call, resource)
        if fault.kind == "gone" and params["where"] == "status":
            raise too_old(int(call.query.get("resourceVersion") or 0), self._store.version())
        if fault.kind == "status":
            headers = []
            if params["retry_after"] is not None:
                headers.append(("Retry-After", str(params["retry_after"])))
            raise ApiError(params["code"], params["reason"], params["message"], headers=headers)

    def _answer(
        self,
        connection: Connection,
        call: Recorded,
        answer: tuple[int, Any],
        fault: Optional[Fault],
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        status, document = answer
        body = document if isinstance(document, bytes) else encode(document) + b"\n"
        response = Response(status, [*self._headers(), *headers], body)
        self._finish(call, status, len(body))
        wire = fault if fault is not None and fault.kind in WIRE_KINDS else None
        deliver(connection, response, wire, self._faults)

    def _finish(self, call: Recorded, status: int, size: int) -> None:
        """Recorded before the client can see the answer."""
        with self._changed:
            call.status = status
            call.bytes_sent += size
            self._changed.notify_all()

    def _headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-cache, private"),
            ("Date", self.clock.http_date()),
        ]

    # -- reading --------------------------------------------------------------------------------

    def _special(self, call: Recorded) -> tuple[int, Any]:
        """Health, version and discovery."""
        if call.path in ("/healthz", "/livez", "/readyz"):
            return 200, b"ok"
        if call.path == "/version":
            major, minor = self.version.lstrip("v").split(".")[:2]
            return 200, {"major": major, "minor": minor, "gitVersion": self.version}
        groups: dict[str, list[str]] = {}
        for each in self._store.resources():
            known = groups.setdefault(each.group, [])
            known += [version for version in each.versions if version not in known]
        if call.path == "/api":
            return 200, {"kind": "APIVersions", "versions": groups.get("", [])}
        if call.path == "/apis":
            listed = [group_entry(name, versions) for name, versions in groups.items() if name]
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        match = re.fullmatch(r"/(?:api/(v1)|apis/([^/]+)/([^/]+))", call.path)
        if match is None:
            raise no_such_resource()
        group, version = match[2] or "", match[1] or match[3]
        found = [
            {
                "name": each.plural,
                "singularName": each.kind.lower(),
                "namespaced": each.namespaced,
                "kind": each.kind,
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            }
            for each in self._store.resources()
            if each.group == group and version in each.versions
        ]
        if not found:
            raise no_such_resource()
        api_version = f"{group}/{version}" if group else version
        return 200, {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": api_version,
            "resources": found,
        }

    def _list(
        self, connection: Connection, call: Recorded, resource: Resource, fault: Optional[Fault]
    ) -> None:
        selector = call.selector(resource)
        page = self._store.page(
            resource,
            call.namespace or None,
            selector,
            int(call.query.get("limit") or 0),
            call.query.get("continue", ""),
        )
        parts = list_parts(page, resource, call)
        if fault is not None and fault.kind in WIRE_KINDS:
            self._answer(connection, call, (200, b"".join(parts)), fault)
            return
        if fault is not None and fault.kind == "huge":
            parts = list_parts(page, resource, call, padding=fault.params["size"])
        self._finish(call, 200, 0)
        connection.start_chunked(200, self._headers())
        body = ChunkedBody(connection, call, self._changed)
        for sent, part in enumerate(parts, start=-1):
            if fault is not None and fault.kind == "cut" and sent == fault.params["after"]:
                body.cut(part, fault)
                return
            body.send(part)
        body.end()

    def _watch(
        self, connection: Connection, call: Recorded, resource: Resource, fault: Optional[Fault]
    ) -> None:
        if fault is not None and fault.kind in WIRE_KINDS:
            self._answer(connection, call, (200, b""), fault)
            return
        watcher = Watcher(self._changed, call, resource)
        watcher.stalled = fault is not None and fault.kind == "stall"
        stream = WatchStream(self._store, connection, call, watcher, fault, self.bookmark_seconds)
        with self._changed:
            cursor, initial = stream.begin()
            self._watchers.append(watcher)
        self._finish(call, 200, 0)
        try:
            connection.start_chunked(200, self._headers())
            stream.run(cursor, initial, lambda: self._stopping)
        finally:
            with self._changed:
                watcher.alive = False
                self._watchers.remove(watcher)
                self._changed.notify_all()

    # -- writing --------------------------------------------------------------------------------

    def _act(self, call: Recorded, resource: Resource, fault: Optional[Fault]) -> tuple[int, Any]:
        if call.verb == "get":
            found = self._store.get(resource, call.namespace, call.name)
            if found is None:
                raise resource.not_found(call.name)
            padding = fault.params["size"] if fault is not None and fault.kind == "huge" else 0
            return 200, shown(padded(found, padding), resource, call)
        if call.verb not in ("create", "update", "patch", "delete"):
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method")
        if resource.plural == "serviceaccounts" and call.subresource == "token":
            return self._make_token(call, resource)
        if call.subresource not in ("", "status") or (call.verb == "create") == bool(call.name):
            raise no_such_resource()
        if call.verb == "delete":
            return self._delete(call, resource)
        if call.body is None:
            raise ApiError(400, "BadRequest", "the object provided is unrecognized")
        dry_run = call.query.get("dryRun") == "All"
        manager = call.query.get("fieldManager") or call.user_agent.partition("/")[0] or "unknown"
        if call.verb == "patch":
            stored = self._patch(call, resource, manager, dry_run)
            return 200, shown(stored, resource, call)
        self._check_body(call, resource)
        if call.verb == "create":
            stored = self._store.create(
                resource, call.namespace, call.body, manager, dry_run=dry_run
            )
            return 201, shown(stored, resource, call)
        stored = self._store.update(
            resource,
            call.namespace,
            call.name,
            lambda _: call.body,
            manager,
            subresource=call.subresource,
            dry_run=dry_run,
        )
        return 200, shown(stored, resource, call)

    def _make_token(self, call: Recorded, resource: Resource) -> tuple[int, Any]:
        """TokenRequest; as a real server does, the expiry is in the status."""
        if self._issue is None or call.verb != "create":
            raise no_such_resource()
        if self._store.get(resource, call.namespace, call.name) is None:
            raise resource.not_found(call.name)
        body = call.body if isinstance(call.body, dict) else {}
        named = (body.get("apiVersion"), body.get("kind"))
        if named != ("authentication.k8s.io/v1", "TokenRequest"):
            raise ApiError(400, "BadRequest", "the object provided is no TokenRequest")
        spec = body.get("spec") or {}
        audiences, seconds = spec.get("audiences") or [], spec.get("expirationSeconds", 3600)
        if seconds < _TOKEN_SECONDS_MIN:
            raise ApiError(422, "Invalid", "may not specify a duration less than 10 minutes")
        token = self._issue(call.namespace, call.name, audiences, seconds)
        status = {"token": token, "expirationTimestamp": self._store.timestamp(seconds)}
        return 201, {**body, "status": status}

    def _check_body(self, call: Recorded, resource: Resource) -> None:
        body = call.body
        if call.content_type.partition(";")[0].strip() != "application/json":
            raise unsupported(call.content_type, _ACCEPTED)
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if not isinstance(metadata, dict):
            raise ApiError(400, "BadRequest", "the object has no metadata")
        if body.get("kind") != resource.kind or body.get("apiVersion") != resource.api_version(
            call.version
        ):
            raise ApiError(
                400,
                "BadRequest",
                f"{body.get('kind')} in version {body.get('apiVersion')!r} cannot be handled as a "
                f"{resource.kind}",
            )
        if metadata.get("namespace", call.namespace) != call.namespace:
            raise ApiError(
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the "
                "request",
            )
        if call.verb == "update" and metadata.get("name") != call.name:
            raise ApiError(
                400,
                "BadRequest",
                f"the name of the object ({metadata.get('name')}) does not match the name on the "
                f"URL ({call.name})",
            )

    def _patch(self, call: Recorded, resource: Resource, manager: str, dry_run: bool) -> Object:
        content_type = call.content_type.partition(";")[0].strip()
        apply = _PATCHES.get(content_type)
        if apply is None or (resource.custom and "strategic" in content_type):
            raise unsupported(call.content_type, _ACCEPTED)

        def change(present: Object) -> Object:
            try:
                changed = apply(present, call.body)
            except kube_patch.PatchError as error:
                reason = "Invalid" if error.status == 422 else "BadRequest"
                raise ApiError(error.status, reason, str(error)) from None
            if changed.get("metadata", {}).get("name") != call.name:
                raise ApiError(400, "BadRequest", "the name of the object cannot be changed")
            return changed

        return self._store.update(
            resource,
            call.namespace,
            call.name,
            change,
            manager,
            subresource=call.subresource,
            dry_run=dry_run,
        )

    def _delete(self, call: Recorded, resource: Resource) -> tuple[int, Any]:
        options = call.body if isinstance(call.body, dict) else {}
        dry_run = call.query.get("dryRun") == "All" or options.get("dryRun") == ["All"]
        deleted = self._store.delete(
            resource, call.namespace, call.name, options.get("preconditions"), dry_run
        )
        if resource.plural == "pods":
            return 200, shown(deleted, resource, call)
        details = {**resource.details(call.name), "uid": deleted["metadata"]["uid"]}
        return 200, {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
