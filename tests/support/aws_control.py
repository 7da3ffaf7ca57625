# SPDX-License-Identifier: Apache-2.0
"""The AWS stand-in as a program: serves, and lets a person or a script change it.

The control interface is plain HTTP on a loopback port of its own, so that nothing of it can be
mistaken for AWS:

    GET    /secrets              names, ARNs, versions and stages; no values
    PUT    /secrets/NAME         {"string": ...} or {"binary": base64} or {"random": bytes},
                                 optional "stages", "version_id"; creates the secret or adds a
                                 version (PutSecretValue)
    POST   /secrets/NAME/rotate  the same, but the secret must exist
    DELETE /secrets/NAME         schedules the deletion; ?force=1 deletes at once
    GET    /faults               armed faults
    POST   /faults               {"kind": ..., "operation", "secret", "times", parameters...}
    DELETE /faults[/ID]          disarms one or all; what is held goes on
    GET    /calls, /counts       recorded requests, and counts by operation and secret id
    DELETE /calls                forgets them
    PUT    /clock                {"offset_seconds": N}
    GET    /healthz

The secrets file is JSON: {"secrets": {NAME: string or document}, "binary_secrets": {NAME: base64},
"principals": [{"access_key_id", "secret_access_key", "session_token", "allow", "actions"}]}.
Without principals, the key pair of the environment (AWS_ACCESS_KEY_ID and so on) is accepted, or
that of the AWS documentation.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.aws_standin import (
    DEFAULT_REGION,
    EXAMPLE_ACCESS_KEY_ID,
    EXAMPLE_SECRET_ACCESS_KEY,
    AwsStandIn,
    load_secrets,
)
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
        kind, _, rest = url.path.lstrip("/").partition("/")
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "healthz"): lambda: {"ok": True},
            ("GET", "secrets"): self._aws.store().summary,
            ("PUT", "secrets"): lambda: self._put(unquote(rest), _document(request), False),
            ("POST", "secrets"): lambda: self._put(
                unquote(rest.removesuffix("/rotate")), _document(request), True
            ),
            ("DELETE", "secrets"): lambda: self._delete(
                unquote(rest), "force" in parse_qs(url.query)
            ),
            ("GET", "faults"): lambda: [fault.describe() for fault in self._aws.faults()],
            ("POST", "faults"): lambda: self._fail(_document(request)),
            ("DELETE", "faults"): lambda: self._clear(rest),
            ("GET", "calls"): lambda: [call.describe() for call in self._aws.calls()],
            ("GET", "counts"): self._aws.counts,
            ("DELETE", "calls"): self._forget,
            ("PUT", "clock"): lambda: self._set_clock(_document(request)),
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
        options = {k: document.pop(k) for k in ("stages", "version_id") if k in document}
        if len(document) != 1 or not set(document) <= {"string", "binary", "random"}:
            raise ControlError(400, "exactly one of string, binary, random is needed")
        value: Any = document.get("string")
        if "binary" in document:
            value = base64.b64decode(document["binary"], validate=True)
        elif "random" in document:
            value = secrets.token_urlsafe(int(document["random"]))
        elif not isinstance(value, str):
            raise ControlError(400, "string is not a string")
        return {"name": name, "version_id": self._aws.put(name, value, **options)}

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

    def _forget(self) -> dict[str, Any]:
        self._aws.reset_calls()
        return {"ok": True}

    def _set_clock(self, document: dict[str, Any]) -> dict[str, Any]:
        self._aws.clock.set_offset(float(document["offset_seconds"]))
        return {"ok": True}


def _document(request: Request) -> dict[str, Any]:
    document = json.loads(request.body)
    if not isinstance(document, dict):
        raise ControlError(400, "a JSON object is needed")
    return document


# -- the command line ------------------------------------------------------------------------------


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


def _value(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.random is not None:
        return {"random": arguments.random}
    if arguments.value is not None:
        return {"string": arguments.value}
    if arguments.file is not None:
        data = (
            sys.stdin.buffer.read() if arguments.file == "-" else Path(arguments.file).read_bytes()
        )
        return (
            {"binary": base64.b64encode(data).decode()}
            if arguments.binary
            else {"string": data.decode("utf-8").removesuffix("\n")}
        )
    return {"random": 24}


def _fault(arguments: argparse.Namespace) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": arguments.kind}
    for name in ("operation", "secret", "times"):
        if getattr(arguments, name) is not None:
            document[name] = getattr(arguments, name)
    for each in arguments.param:
        name, _, text = each.partition("=")
        document[name] = int(text) if text.lstrip("-").isdigit() else text
    return document


def _request_of(arguments: argparse.Namespace) -> tuple[str, str, Any]:
    name = quote(getattr(arguments, "name", None) or "", safe="/")
    if arguments.command == "put":
        return "PUT", f"/secrets/{name}", _value(arguments)
    if arguments.command == "rotate":
        return "POST", f"/secrets/{name}/rotate", _value(arguments)
    if arguments.command == "delete":
        return "DELETE", f"/secrets/{name}" + ("?force=1" if arguments.force else ""), None
    if arguments.command == "fail":
        return "POST", "/faults", _fault(arguments)
    if arguments.command == "clear":
        return "DELETE", "/faults" + (f"/{arguments.id}" if arguments.id else ""), None
    if arguments.command == "clock":
        return "PUT", "/clock", {"offset_seconds": arguments.offset_seconds}
    return "GET", "/secrets" if arguments.command == "list" else f"/{arguments.command}", None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aws_standin",
        description="A strict AWS Secrets Manager on loopback. Without a command it serves.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of the AWS endpoint")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control interface")
    parser.add_argument("--secrets", type=Path, help="JSON file with secrets and principals")
    parser.add_argument("--region", action="append", help=f"default {DEFAULT_REGION}; repeatable")
    parser.add_argument("--tls", action="store_true", help="HTTPS with a throw-away authority")
    parser.add_argument("--tls-cert", help="certificate file (with --tls-key)")
    parser.add_argument("--tls-key", help="key file")
    parser.add_argument("--log", action="store_true", help="one JSON line a call on stderr")
    parser.add_argument(
        "--control",
        default=os.environ.get(CONTROL_VARIABLE),
        help=f"URL of the control interface, for commands (default ${CONTROL_VARIABLE})",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for verb, text in (
        ("put", "create a secret or add a version"),
        ("rotate", "a new value for a secret that exists"),
    ):
        each = commands.add_parser(verb, help=text)
        each.add_argument("name")
        each.add_argument("value", nargs="?", help="without a value, a random one is made")
        each.add_argument("--file", help="read the value from a file, - is standard input")
        each.add_argument("--binary", action="store_true", help="the file is a SecretBinary")
        each.add_argument("--random", type=int, metavar="BYTES")
    each = commands.add_parser("delete", help="schedule a secret for deletion")
    each.add_argument("name")
    each.add_argument("--force", action="store_true", help="delete at once")
    each = commands.add_parser("fail", help="arm a fault")
    each.add_argument("kind")
    each.add_argument("param", nargs="*", metavar="NAME=VALUE")
    each.add_argument("--operation")
    each.add_argument("--secret")
    each.add_argument("--times", type=int)
    each = commands.add_parser("clear", help="disarm one fault or all")
    each.add_argument("id", nargs="?")
    each = commands.add_parser("clock", help="move the server's clock")
    each.add_argument("offset_seconds", type=float)
    for verb in ("list", "calls", "counts", "faults"):
        commands.add_parser(verb, help=f"show {'secrets' if verb == 'list' else verb}")
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    tls: Any = arguments.tls
    if arguments.tls_cert:
        tls = (arguments.tls_cert, arguments.tls_key)

    def log(document: dict[str, Any]) -> None:
        print(json.dumps(document), file=sys.stderr, flush=True)

    aws = AwsStandIn(
        arguments.port,
        tls,
        regions=arguments.region or (DEFAULT_REGION,),
        log=log if arguments.log else None,
    )
    if arguments.secrets is not None:
        load_secrets(aws, arguments.secrets)
    if not aws.has_principals():
        aws.add_principal(
            os.environ.get("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
            os.environ.get("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
        )
    with aws, ControlServer(aws, arguments.control_port) as server:
        started = {"endpoint": aws.endpoint, "control": server.url, "ca_file": aws.ca_file}
        print(json.dumps(started), flush=True)
        stop.wait()
    return 0


def main(argv: Optional[list[str]] = None) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.command is None:
        return _serve(arguments)
    if not arguments.control:
        print(f"set --control or {CONTROL_VARIABLE}", file=sys.stderr)
        return 2
    try:
        answer = control(arguments.control, *_request_of(arguments))
    except (ControlError, OSError) as error:
        print(f"aws_standin: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2))
    return 0
