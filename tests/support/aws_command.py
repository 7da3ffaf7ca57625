# SPDX-License-Identifier: Apache-2.0
"""The AWS stand-in as a program: it serves, or talks to one that does.

The file of --secrets is JSON:

    {"secrets": {NAME: string or document},
     "binary_secrets": {NAME: base64},
     "parameters": {NAME: string or document},
     "principals": [{"access_key_id", "secret_access_key", "session_token", "allow", "actions",
                     "policy"}],
     "roles": {NAME: {"trust", "policy", "allow", "actions", "max_session_seconds"}},
     "providers": [{"issuer", "keys", "audiences", "ca_file", "token"}],
     "queues": [NAME]}

Without principals, the key pair of the environment (AWS_ACCESS_KEY_ID and so on) is accepted, or
that of the AWS documentation.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote

from tests.support.aws_control import CONTROL_VARIABLE, ControlError, ControlServer, control
from tests.support.aws_metadata import ContainerEndpoint, InstanceMetadata
from tests.support.aws_standin import (
    DEFAULT_REGION,
    EXAMPLE_ACCESS_KEY_ID,
    EXAMPLE_SECRET_ACCESS_KEY,
    AwsStandIn,
)


def load_file(aws: AwsStandIn, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    known = {"secrets", "binary_secrets", "parameters", "principals", "roles", "providers"}
    unknown = set(document) - known - {"queues"}
    if unknown:
        raise ValueError(f"{path}: unknown members {sorted(unknown)}")
    for name, value in document.get("secrets", {}).items():
        aws.put(name, value if isinstance(value, str) else json.dumps(value))
    for name, encoded in document.get("binary_secrets", {}).items():
        aws.put(name, base64.b64decode(encoded, validate=True))
    for name, value in document.get("parameters", {}).items():
        aws.put_parameter(name, value if isinstance(value, str) else json.dumps(value))
    for each in document.get("principals", ()):
        aws.add_principal(**each)
    for name, each in document.get("roles", {}).items():
        aws.add_role(name, **each)
    for each in document.get("providers", ()):
        aws.add_identity_provider(**each)
    for name in document.get("queues", ()):
        aws.queues().create(name)


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
    if arguments.command == "parameter":
        return "PUT", f"/parameters/{name}", _value(arguments)
    if arguments.command == "deny":
        optional = {k: getattr(arguments, k) for k in ("resource", "who")}
        given = {key: value for key, value in optional.items() if value is not None}
        return "POST", "/denials", {"action": arguments.action, **given}
    if arguments.command == "undeny":
        return "DELETE", "/denials" + (f"/{quote(arguments.who)}" if arguments.who else ""), None
    if arguments.command == "expire":
        return "POST", "/expire", {"who": arguments.who}
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
        description="A strict AWS on loopback: Secrets Manager, Parameter Store, STS, SQS. Without "
        "a command it serves.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of the AWS endpoint")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control interface")
    parser.add_argument("--secrets", type=Path, help="JSON file with what there is at the start")
    parser.add_argument("--region", action="append", help=f"default {DEFAULT_REGION}; repeatable")
    parser.add_argument("--tls", action="store_true", help="HTTPS with a throw-away authority")
    parser.add_argument("--tls-cert", help="certificate file (with --tls-key)")
    parser.add_argument("--tls-key", help="key file")
    parser.add_argument("--container", metavar="ROLE", help="serve a container's credentials")
    parser.add_argument("--imds", metavar="ROLE", help="serve instance metadata")
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
        ("parameter", "create a parameter or add a version"),
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
    each = commands.add_parser("deny", help="take an action away")
    each.add_argument("action", help="for example secretsmanager:BatchGetSecretValue")
    each.add_argument("resource", nargs="?", help="ARN or name; all")
    each.add_argument("--who", help="access key id or role; the first user")
    each = commands.add_parser("undeny", help="give back what was taken away")
    each.add_argument("--who")
    each = commands.add_parser("expire", help="end the sessions of an access key or a role")
    each.add_argument("who")
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
    for verb in ("list", "parameters", "principals", "queues", "calls", "counts", "faults"):
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
        load_file(aws, arguments.secrets)
    if not aws.has_principals():
        aws.add_principal(
            os.environ.get("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
            os.environ.get("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
        )
    with contextlib.ExitStack() as running:
        running.enter_context(aws)
        server = running.enter_context(ControlServer(aws, arguments.control_port))
        started: dict[str, Any] = {
            "endpoint": aws.endpoint,
            "control": server.url,
            "ca_file": aws.ca_file,
        }
        for kind, role in (
            (ContainerEndpoint, arguments.container),
            (InstanceMetadata, arguments.imds),
        ):
            if role is not None:
                started |= running.enter_context(kind(aws, role)).environment()
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
