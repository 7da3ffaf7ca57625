# SPDX-License-Identifier: Apache-2.0
"""The control interface of the AWS stand-in: a person or a script changes it while it serves.

It is plain HTTP on a loopback port of its own, so that nothing of it can be mistaken for AWS:

    GET    /secrets              names, ARNs, versions and stages; no values
    PUT    /secrets/NAME         {"string": ...} or {"binary": base64} or {"random": bytes},
                                 optional "stages", "version_id", "tags", "kms_key"; creates the
                                 secret or adds a version (PutSecretValue)
    POST   /secrets/NAME/rotate  the same, but the secret must exist
    DELETE /secrets/NAME         schedules the deletion; ?force=1 deletes at once
    GET    /parameters           as for secrets
    PUT    /parameters/NAME      {"string": ...} or {"random": bytes}, optional "kind", "labels",
                                 "tags", "kms_key"
    DELETE /parameters/NAME
    GET    /principals           users, roles, and open sessions; no keys
    PUT    /roles/NAME           {"trust": ..., "policy": ...} in IAM's JSON, optional "allow",
                                 "actions", "max_session_seconds"
    PUT    /providers            {"issuer", "keys": key set, file or URL, optional "audiences",
                                 "ca_file", "token"}
    POST   /expire               {"who": access key id or role}
    POST   /denials              {"action", optional "resource", "who"}
    DELETE /denials[/WHO]        gives back what was taken away
    PUT    /kms/KEY              {"enabled": false}
    GET    /queues               names and numbers of messages
    PUT    /queues/NAME          creates a queue; {"announce": true}: changes are announced there
    POST   /queues/NAME          {"body": ...} sends a message
    GET    /faults               armed faults
    POST   /faults               {"kind": ..., "operation", "secret", "times", parameters...}
    DELETE /faults[/ID]          disarms one or all; what is held goes on
    GET    /calls, /counts       recorded requests, and counts by operation and id
    GET    /concurrency          {"most_in_flight": N}; ?operation=NAME of those only
    DELETE /calls                forgets them
    PUT    /clock                {"offset_seconds": N}
    PUT    /idle                 {"seconds": N or null}: when idle connections are closed
    GET    /healthz

A name that begins with a slash keeps it: /parameters//prod/db.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
from typing import Any, Callable
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.aws_standin import AwsStandIn
from tests.support.http_wire import Connection, Request, Response, WireServer

CONTROL_VARIABLE = "AWS_STANDIN_CONTROL"


class ControlError(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class ControlServer:
    def __init__(self, aws: AwsStandIn, port: int = 0):
        self._aws = aws
        self._server = WireServer(self._handle, port=port, name="aws-control")
        self.url = f"http://127.0.0.1:{self._server.port}"

    def start(self) -> "ControlServer":
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> "ControlServer":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def _handle(self, connection: Connection, request: Request) -> None:
        try:
            # A page in a browser may send requests to loopback, but never without Origin.
            if request.values("origin"):
                raise ControlError(403, "not for browsers")
            status, document = 200, self._route(request)
        except ControlError as error:
            status, document = error.status, {"error": str(error)}
        except (KeyError, ValueError, TypeError) as error:
            status, document = 400, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(document).encode() + b"\n"
        connection.answer(Response(status, [("Content-Type", "application/json")], body))

    def _route(self, request: Request) -> Any:
        url = urlsplit(request.target.decode("ascii"))
        kind, _, encoded = url.path.lstrip("/").partition("/")
        name, query = unquote(encoded), parse_qs(url.query)
        aws = self._aws
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "healthz"): lambda: {"ok": True},
            ("GET", "secrets"): aws.store().summary,
            ("PUT", "secrets"): lambda: self._put(name, _document(request), False),
            ("POST", "secrets"): lambda: self._put(
                name.removesuffix("/rotate"), _document(request), True
            ),
            ("DELETE", "secrets"): lambda: self._delete(name, "force" in query),
            ("GET", "parameters"): aws.parameters().summary,
            ("PUT", "parameters"): lambda: self._put_parameter(name, _document(request)),
            ("DELETE", "parameters"): lambda: self._delete_parameter(name),
            ("GET", "principals"): lambda: _principals(aws),
            ("PUT", "roles"): lambda: {"arn": aws.add_role(name, **_document(request)).arn},
            ("PUT", "providers"): lambda: {"arn": aws.add_identity_provider(**_document(request))},
            ("POST", "expire"): lambda: _ok(aws.expire(**_document(request))),
            ("POST", "denials"): lambda: _ok(aws.deny(**_document(request))),
            ("DELETE", "denials"): lambda: _ok(aws.undeny(who=name or None)),
            ("PUT", "kms"): lambda: _ok(aws.keys().set_enabled(name, **_document(request))),
            ("GET", "queues"): aws.queues().summary,
            ("PUT", "queues"): lambda: self._create_queue(name, **_document(request)),
            ("POST", "queues"): lambda: {
                "message_id": aws.queues().send(name, _document(request)["body"])
            },
            ("GET", "faults"): lambda: [fault.describe() for fault in aws.faults()],
            ("POST", "faults"): lambda: self._fail(_document(request)),
            ("DELETE", "faults"): lambda: self._clear(name),
            ("GET", "calls"): lambda: [call.describe() for call in aws.calls()],
            ("GET", "counts"): aws.counts,
            ("GET", "concurrency"): lambda: {
                "most_in_flight": aws.most_in_flight(*query.get("operation", ()))
            },
            ("DELETE", "calls"): lambda: _ok(aws.reset_calls()),
            ("PUT", "clock"): lambda: _ok(
                aws.clock.set_offset(float(_document(request)["offset_seconds"]))
            ),
            ("PUT", "idle"): lambda: _ok(aws.set_idle_seconds(_document(request)["seconds"])),
        }
        route = routes.get((request.method, kind))
        if route is None:
            raise ControlError(404, "no such control")
        return route()

    def _known(self, name: str) -> None:
        if name not in self._aws.store().names():
            raise ControlError(404, f"no secret {name}")

    def _put(self, name: str, document: dict[str, Any], must_exist: bool) -> dict[str, Any]:
        if must_exist:
            self._known(name)
        value = _value(document)
        return {"name": name, "version_id": self._aws.put(name, value, **document)}

    def _put_parameter(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        value = _value(document)
        if not isinstance(value, str):
            raise ControlError(400, "a parameter is text")
        return {"name": name, "version": self._aws.put_parameter(name, value, **document)}

    def _delete_parameter(self, name: str) -> dict[str, Any]:
        if name not in self._aws.parameters().names():
            raise ControlError(404, f"no parameter {name}")
        return _ok(self._aws.delete_parameter(name))

    def _create_queue(self, name: str, announce: bool = False, **options: Any) -> dict[str, Any]:
        self._aws.queues().create(name, **options)
        if announce:
            self._aws.announce_changes(name)
        return {"url": self._aws.queue_url(name)}

    def _delete(self, name: str, force: bool) -> dict[str, Any]:
        self._known(name)
        self._aws.delete(name, force=force)
        return {"ok": True}

    def _fail(self, document: dict[str, Any]) -> dict[str, Any]:
        kind = document.pop("kind")
        if isinstance(document.get("body"), str):
            document["body"] = document["body"].encode()
        return self._aws.fail(kind, **document).describe()

    def _clear(self, serial: str) -> dict[str, Any]:
        if not serial:
            self._aws.clear_faults()
            return {"ok": True}
        fault = next((f for f in self._aws.faults() if f.serial == int(serial)), None)
        if fault is None:
            raise ControlError(404, f"no fault {serial} is armed")
        fault.clear()
        return {"ok": True}


def _ok(_: None) -> dict[str, Any]:
    return {"ok": True}


def _value(document: dict[str, Any]) -> Any:
    """Takes the value out of a document; the rest are options."""
    given = {
        name: document.pop(name) for name in ("string", "binary", "random") if name in document
    }
    if len(given) != 1:
        raise ControlError(400, "exactly one of string, binary, random is needed")
    ((kind, value),) = given.items()
    if kind == "binary":
        return base64.b64decode(value, validate=True)
    if kind == "random":
        return secrets.token_urlsafe(int(value))
    if not isinstance(value, str):
        raise ControlError(400, "string is not a string")
    return value


def _principals(aws: AwsStandIn) -> list[dict[str, Any]]:
    users = [{"access_key_id": u.access_key_id, "arn": u.arn} for u in aws.identities.users()]
    roles = [{"role": each.name, "arn": each.arn} for each in aws.identities.roles()]
    sessions = [
        {
            "access_key_id": each.access_key_id,
            "arn": each.arn,
            "tags": dict(each.tags),
            "expired": aws.identities.is_expired(each),
        }
        for each in aws.identities.sessions()
    ]
    return [*users, *roles, *sessions]


def _document(request: Request) -> dict[str, Any]:
    document = json.loads(request.body)
    if not isinstance(document, dict):
        raise ControlError(400, "a JSON object is needed")
    return document


def control(url: str, method: str, path: str, document: Any = None) -> Any:
    """One control request; raises ControlError with the server's words."""
    address = urlsplit(url)
    client = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=30)
    try:
        body = None if document is None else json.dumps(document)
        client.request(method, path, body, {} if body is not None else {"Content-Length": "0"})
        response = client.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise ControlError(response.status, answer.get("error", "refused"))
        return answer
    finally:
        client.close()
