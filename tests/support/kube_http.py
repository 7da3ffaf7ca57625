# SPDX-License-Identifier: Apache-2.0
"""Requests to, and documents from, the scripted Kubernetes API server."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.faults import Fault
from tests.support.http_wire import Connection, Request
from tests.support.kube_store import ApiError, Object, Page, Resource, Selector

_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+))?)?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass
class Recorded:
    """A request as it came. `body` is the parsed document; it is not shown, for it may hold secret
    values. `status` is None until it is answered."""

    serial: int
    at: float
    connection: int
    method: str
    path: str
    verb: str
    group: str
    version: str
    resource: str
    namespace: str
    name: str
    subresource: str
    query: dict[str, str]
    content_type: str
    accept: str
    user_agent: str
    body: Any = field(default=None, repr=False)
    status: Optional[int] = None
    bytes_sent: int = 0

    @property
    def metadata_only(self) -> bool:
        return "as=PartialObjectMetadata" in self.accept.replace(" ", "")

    def selector(self, resource: Resource) -> Selector:
        fields, labels = self.query.get("fieldSelector", ""), self.query.get("labelSelector", "")
        return Selector(resource, fields, labels)


def read_request(request: Request, serial: int, connection: int) -> Recorded:
    url = urlsplit(request.target.decode("latin-1"))
    match = _PATH.fullmatch(url.path)
    part = {k: unquote(v or "") for k, v in match.groupdict().items()} if match else {}
    query = {k: v[-1] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
    verb = _VERBS.get(request.method, request.method.lower())
    if request.method == "GET" and match and not part["name"]:
        verb = "watch" if query.get("watch") in ("1", "true") else "list"
    call = Recorded(
        serial=serial,
        at=time.monotonic(),
        connection=connection,
        method=request.method,
        path=url.path,
        verb=verb,
        group=part.get("group", ""),
        version=part.get("core") or part.get("version", ""),
        resource=part.get("plural", ""),
        namespace=part.get("namespace", ""),
        name=part.get("name", ""),
        subresource=part.get("subresource", ""),
        query=query,
        content_type=request.value("content-type") or "",
        accept=request.value("accept") or "",
        user_agent=request.value("user-agent") or "",
    )
    if request.body:
        try:
            call.body = json.loads(request.body)
        except ValueError:
            call.body = None
    return call


class ChunkedBody:
    """A streamed answer that counts its bytes and can break off within an object."""

    def __init__(self, connection: Connection, call: Recorded, lock: threading.Condition):
        self.connection = connection
        self.call = call
        self._lock = lock

    def send(self, part: bytes) -> None:
        with self._lock:
            self.call.bytes_sent += len(part)
        self.connection.send_chunk(part)

    def end(self) -> None:
        self.connection.end_chunked()

    def break_off(self, piece: bytes, promised: int, reset: bool) -> None:
        """Ends the connection after `piece` of a chunk that promised more."""
        with self._lock:
            self.call.bytes_sent += len(piece)
        self.connection.send(b"%x\r\n%b" % (promised, piece))
        if reset:
            self.connection.reset()
        else:
            self.connection.close()

    def cut(self, part: bytes, fault: Fault) -> None:
        self.break_off(part[: fault.params["bytes"]], len(part), fault.params["reset"])


def encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def no_such_resource() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def unsupported(content_type: str, accepted: Sequence[str]) -> ApiError:
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join(accepted)}; got {content_type!r}",
    )


def group_entry(name: str, versions: Sequence[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def shown(obj: Object, resource: Resource, call: Recorded) -> Object:
    """The object in the version asked for, or its metadata where only that is wanted."""
    if call.metadata_only:
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return {**obj, "kind": resource.kind, "apiVersion": resource.api_version(call.version)}


def padded(obj: Object, size: int) -> Object:
    """The object with an annotation of `size` bytes."""
    if not size:
        return obj
    annotations = {**(obj["metadata"].get("annotations") or {}), "padding": "x" * size}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def list_parts(page: Page, resource: Resource, call: Recorded, padding: int = 0) -> Iterator[bytes]:
    """The list as byte strings: everything before the items, each item, everything after them.

    As a real server does, items of built-in types carry no kind and no apiVersion. `padding` makes
    the first item large.
    """
    partial = call.metadata_only
    metadata: Object = {"resourceVersion": str(page.version)}
    if page.next_token is not None:
        metadata["continue"] = page.next_token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
    head = {
        "kind": "PartialObjectMetadataList" if partial else f"{resource.kind}List",
        "apiVersion": "meta.k8s.io/v1" if partial else resource.api_version(call.version),
        "metadata": metadata,
    }
    yield encode(head)[:-1] + b',"items":['
    separator = b""
    for obj in page.items:
        item = shown(padded(obj, padding), resource, call)
        padding = 0
        if not resource.custom and not partial:
            item = {k: v for k, v in item.items() if k not in ("kind", "apiVersion")}
        yield separator + encode(item)
        separator = b","
    yield b"]}\n"
