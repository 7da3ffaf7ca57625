# SPDX-License-Identifier: Apache-2.0
"""A strict AWS Secrets Manager for tests and for the demo.

It speaks the JSON 1.1 protocol over HTTP or HTTPS on loopback, verifies Signature Version 4 from
the bytes it received, keeps principals apart, counts calls, and fails on demand. Values are never
logged or recorded.

In a test:

    with AwsStandIn() as aws:
        aws.add_principal("AKIDEXAMPLE", "the secret access key")
        aws.put("prod/db", "value")
        ... AWS_ENDPOINT_URL_SECRETS_MANAGER=aws.endpoint ...
        aws.rotate("prod/db", "another")
        hold = aws.fail("hold", operation="GetSecretValue", secret="prod/db")
        hold.wait_held(); ...; hold.release()
        assert aws.count("GetSecretValue", secret="prod/db") == 1

As a program: `python3 -m tests.support.aws_standin --help`; a person changes values with
`python3 -m tests.support.aws_standin rotate NAME` and the other commands of `aws_control`.
"""

from __future__ import annotations

import base64
import collections
import json
import ssl
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, Union

from tests.support.aws_sigv4 import ReceivedRequest, SignatureError, SigningKey, verify
from tests.support.aws_store import (
    READ_OPERATIONS,
    WRITE_OPERATIONS,
    AwsError,
    Principal,
    SecretStore,
    parse_request,
)
from tests.support.certificates import Authority
from tests.support.clock import SettableClock
from tests.support.faults import Fault, FaultBook, deliver
from tests.support.http_wire import Connection, Request, Response, WireServer

SERVICE = "secretsmanager"
TARGET_PREFIX = f"{SERVICE}."
CONTENT_TYPE = "application/x-amz-json-1.1"
DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT = "123456789012"
CALLS_KEPT = 100_000

# The access key pair of the AWS documentation; it opens nothing.
EXAMPLE_ACCESS_KEY_ID = "AKIDEXAMPLE"
EXAMPLE_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

# Fault kinds beyond those of faults.py. With `secret` given and a batch asked for, those of
# BATCH_ENTRY_KINDS become an entry of Errors[] instead of failing the whole call.
AWS_KINDS: dict[str, dict[str, Any]] = {
    "throttle": {"message": "Rate exceeded", "retry_after_ms": None},
    "access_denied": {},
    "internal": {"message": "An error occurred on the server side."},
    "error": {"code": "", "message": "", "status": 400, "headers": ()},
    "unavailable": {
        "status": 503,
        "body": b"<html><head><title>503 Service Unavailable</title></head></html>\n",
        "headers": (),
    },
    "oversized": {"size": 9 * 1024 * 1024},
    "duplicate_keys": {},
    "stale": {},
    "empty_page": {},
    "omit": {},
}
BATCH_ENTRY_KINDS = ("throttle", "access_denied", "internal", "error", "omit")
_FACTS = ("operation", "secret", "principal", "region")


@dataclass
class Call:
    """One request as recorded: never a value, never a token. `outcome` is "ok", an error code, or
    the kind of the fault that ended it; None while it is in flight."""

    serial: int
    at: float
    connection: int
    operation: str
    principal: Optional[str]
    region: Optional[str]
    secret_ids: list[str]
    names: list[str]
    headers: dict[str, str]
    request_id: str
    outcome: Optional[str] = None
    status: Optional[int] = None
    batch_errors: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "operation": self.operation,
            "principal": self.principal,
            "region": self.region,
            "secret_ids": self.secret_ids,
            "outcome": self.outcome,
            "status": self.status,
            "request_id": self.request_id,
            "batch_errors": self.batch_errors,
        }


class AwsStandIn:
    """`tls` is False, True (a throw-away authority; its certificate is `ca_file`), or a pair of
    paths (certificate, key). `error_shape` is how errors are written: "plain" (`__type` bare),
    "prefixed" (`__type` with a namespace) or "header" (x-amzn-ErrorType, no `__type`).
    """

    def __init__(
        self,
        port: int = 0,
        tls: Union[bool, tuple[str, str]] = False,
        *,
        host: str = "127.0.0.1",
        regions: Sequence[str] = (DEFAULT_REGION,),
        account: str = DEFAULT_ACCOUNT,
        idle_seconds: Optional[float] = None,
        error_shape: str = "plain",
        ascii_replies: bool = False,
        log: Optional[Callable[[dict[str, Any]], None]] = None,
    ):
        if error_shape not in ("plain", "prefixed", "header"):
            raise ValueError("error_shape")
        self.clock = SettableClock()
        self.regions = tuple(regions)
        self.error_shape = error_shape
        self.ascii_replies = ascii_replies
        self._account = account
        self._log = log
        self._stores = {
            region: SecretStore(self.clock, region=region, account=account) for region in regions
        }
        self._principals: dict[str, Principal] = {}
        self._faults = FaultBook(AWS_KINDS, _FACTS)
        self._changed = threading.Condition()
        self._calls: collections.deque[Call] = collections.deque(maxlen=CALLS_KEPT)
        self._rejections: collections.deque[SignatureError] = collections.deque(maxlen=100)
        self._serial = 0
        self._in_flight = 0
        self._most_in_flight = 0
        self._directory: Optional[tempfile.TemporaryDirectory] = None
        self.ca_file: Optional[str] = None
        self._server = WireServer(
            self._handle,
            host=host,
            port=port,
            tls=self._context(tls, host),
            idle_seconds=idle_seconds,
            name="aws",
        )
        scheme = "https" if tls else "http"
        self.port = self._server.port
        self.endpoint = f"{scheme}://{host}:{self.port}"

    def _context(self, tls: Union[bool, tuple[str, str]], host: str) -> Optional[ssl.SSLContext]:
        if tls is False:
            return None
        if tls is True:
            self._directory = tempfile.TemporaryDirectory(prefix="aws-standin-")
            authority = Authority()
            self.ca_file = str(authority.write(Path(self._directory.name) / "ca.crt"))
            return authority.issue(sorted({"localhost", "127.0.0.1", host})).server_context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*tls)
        return context

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> "AwsStandIn":
        self._server.start()
        return self

    def stop(self) -> None:
        self._faults.stop()
        self._server.stop()
        if self._directory is not None:
            self._directory.cleanup()

    def __enter__(self) -> "AwsStandIn":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    # -- principals -----------------------------------------------------------------------------

    def add_principal(
        self,
        access_key_id: str = EXAMPLE_ACCESS_KEY_ID,
        secret_access_key: str = EXAMPLE_SECRET_ACCESS_KEY,
        *,
        session_token: Optional[str] = None,
        allow: Sequence[str] = ("*",),
        actions: Sequence[str] = READ_OPERATIONS,
    ) -> Principal:
        """`allow` are shell patterns over secret names and ARNs, `actions` operation names."""
        principal = Principal(
            access_key_id,
            secret_access_key,
            session_token,
            tuple(allow),
            frozenset(actions),
            f"arn:aws:iam::{self._account}:user/{access_key_id.lower()}",
        )
        with self._changed:
            self._principals[access_key_id] = principal
        return principal

    def remove_principal(self, access_key_id: str) -> None:
        with self._changed:
            del self._principals[access_key_id]

    def has_principals(self) -> bool:
        with self._changed:
            return bool(self._principals)

    def expire(self, access_key_id: str) -> None:
        """The session of this access key ends: ExpiredTokenException from now on."""
        with self._changed:
            self._principals[access_key_id].expired = True

    def environment(
        self, access_key_id: Optional[str] = None, region: Optional[str] = None
    ) -> dict[str, str]:
        """The environment variables that point an AWS client here as that principal."""
        with self._changed:
            principal = self._principals[access_key_id or next(iter(self._principals))]
        variables = {
            "AWS_ACCESS_KEY_ID": principal.access_key_id,
            "AWS_SECRET_ACCESS_KEY": principal.secret_access_key,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint,
            "AWS_REGION": region or self.regions[0],
        }
        if principal.session_token is not None:
            variables["AWS_SESSION_TOKEN"] = principal.session_token
        if self.ca_file is not None:
            variables["AWS_CA_BUNDLE"] = self.ca_file
        return variables

    # -- secrets --------------------------------------------------------------------------------

    def store(self, region: Optional[str] = None) -> SecretStore:
        return self._stores[region or self.regions[0]]

    def put(self, name: str, value: Union[str, bytes, None], **options: Any) -> str:
        """PutSecretValue in the first region, creating the secret; returns the version id."""
        return self.store().put(name, value, **options)

    def rotate(self, name: str, value: Union[str, bytes]) -> str:
        """A new AWSCURRENT version of a secret that exists."""
        self.store().arn(name)
        return self.store().put(name, value)

    def delete(self, name: str, *, force: bool = False) -> None:
        self.store().delete(name, force=force)

    def arn(self, name: str) -> str:
        return self.store().arn(name)

    # -- faults ---------------------------------------------------------------------------------

    def fail(
        self,
        kind: str,
        *,
        operation: Optional[str] = None,
        secret: Optional[str] = None,
        principal: Optional[str] = None,
        region: Optional[str] = None,
        times: Optional[int] = None,
        **params: Any,
    ) -> Fault:
        """Arms a fault for the next `times` matching calls, or until cleared.

        Kinds: those of AWS_KINDS here and of TIMING_KINDS and WIRE_KINDS in faults.py. `secret`
        matches the id as requested, the name or the ARN. Signatures are checked before any fault.
        """
        return self._faults.arm(
            kind,
            times,
            operation=operation,
            secret=secret,
            principal=principal,
            region=region,
            **params,
        )

    def faults(self) -> list[Fault]:
        return self._faults.armed()

    def clear_faults(self) -> None:
        self._faults.clear()

    # -- what happened --------------------------------------------------------------------------

    def calls(
        self,
        operation: Optional[str] = None,
        *,
        secret: Optional[str] = None,
        principal: Optional[str] = None,
        outcome: Optional[str] = None,
    ) -> list[Call]:
        """Recorded calls, oldest first, those in flight included. `secret` as in `fail`."""
        with self._changed:
            return [
                call
                for call in self._calls
                if (operation is None or call.operation == operation)
                and (secret is None or secret in call.secret_ids or secret in call.names)
                and (principal is None or call.principal == principal)
                and (outcome is None or call.outcome == outcome)
            ]

    def count(self, operation: Optional[str] = None, **where: Any) -> int:
        return len(self.calls(operation, **where))

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls by operation and by secret id as requested."""
        by_operation: collections.Counter[str] = collections.Counter()
        by_secret: collections.Counter[str] = collections.Counter()
        for call in self.calls():
            by_operation[call.operation] += 1
            by_secret.update(call.secret_ids)
        return {"operations": dict(by_operation), "secrets": dict(by_secret)}

    def wait_calls(
        self, count: int, operation: Optional[str] = None, timeout: float = 10.0, **where: Any
    ) -> list[Call]:
        """Returns when at least `count` matching calls have been answered."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                done = [c for c in self.calls(operation, **where) if c.outcome is not None]
                if len(done) >= count:
                    return done
                rest = deadline - time.monotonic()
                if rest <= 0 or not self._changed.wait(rest):
                    raise TimeoutError(f"{len(done)} of {count} calls within {timeout} s")

    def reset_calls(self) -> None:
        with self._changed:
            self._calls.clear()
            self._rejections.clear()
            self._most_in_flight = self._in_flight

    def rejections(self) -> list[SignatureError]:
        """Signatures refused, with the canonical request computed here (token hidden)."""
        with self._changed:
            return list(self._rejections)

    def most_in_flight(self) -> int:
        with self._changed:
            return self._most_in_flight

    def connections_accepted(self) -> int:
        return self._server.accepted

    def open_connections(self) -> int:
        return self._server.open_connections()

    def close_connections(self) -> None:
        self._server.close_connections()

    # -- one request ----------------------------------------------------------------------------

    def _handle(self, connection: Connection, request: Request) -> None:
        call = self._begin(connection, request)
        outcome: Optional[str] = "aborted"
        status: Optional[int] = None
        try:
            response, outcome, fault = self._answer(request, call)
            status = response.status
            if fault is not None:
                outcome = fault.kind
            self._end(call, outcome, status)
            deliver(connection, response, fault, self._faults)
        finally:
            self._end(call, outcome, status)
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _begin(self, connection: Connection, request: Request) -> Call:
        target = request.value("x-amz-target") or ""
        kept = ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "host", "expect")
        with self._changed:
            self._serial += 1
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            call = Call(
                serial=self._serial,
                at=time.monotonic(),
                connection=connection.serial,
                operation=target.removeprefix(TARGET_PREFIX),
                principal=None,
                region=None,
                secret_ids=[],
                names=[],
                headers={n: v for n in kept if (v := request.value(n)) is not None},
                request_id=str(uuid.uuid4()),
            )
            self._calls.append(call)
            self._changed.notify_all()
        return call

    def _end(self, call: Call, outcome: Optional[str], status: Optional[int]) -> None:
        """Once per call; the record is complete before the client can see the answer."""
        with self._changed:
            if call.outcome is not None:
                return
            call.outcome, call.status = outcome, status
            self._changed.notify_all()
        if self._log is not None:
            self._log({"msg": "call", **call.describe()})

    def _answer(self, request: Request, call: Call) -> tuple[Response, str, Optional[Fault]]:
        """The reply, its outcome, and the fault of WIRE_KINDS that will befall it."""
        try:
            principal = self._authenticate(request, call)
            document = self._document(request, call)
            self._identify(document, call)
            facts = {
                "operation": call.operation,
                "secret": [*call.secret_ids, *call.names],
                "principal": call.principal,
                "region": call.region,
            }
            fault = self._faults.settle(facts)
            if fault is not None and fault.kind == "unavailable":
                headers = [("Content-Type", "text/html"), *fault.params["headers"]]
                response = Response(fault.params["status"], headers, fault.params["body"])
                return response, "unavailable", None
            reply = self._reply(document, principal, call, fault)
        except AwsError as error:
            return self._error(error, call), error.code, None
        response = self._json(200, reply, call)
        if fault is not None and fault.kind in AWS_KINDS:
            return self._spoil(response, fault), "ok", None
        return response, "ok", fault

    def _authenticate(self, request: Request, call: Call) -> Principal:
        with self._changed:
            principals = dict(self._principals)

        def find_key(access_key_id: str) -> Optional[SigningKey]:
            found = principals.get(access_key_id)
            if found is None:
                return None
            return SigningKey(found.secret_access_key, found.session_token, found.expired)

        received = ReceivedRequest(request.method, request.target, request.headers, request.body)
        try:
            verified = verify(
                received, find_key, regions=self.regions, service=SERVICE, now=self.clock.now()
            )
        except SignatureError as error:
            with self._changed:
                self._rejections.append(error)
            raise AwsError(error.code, error.message, framework=True) from None
        call.principal, call.region = verified.access_key_id, verified.region
        return principals[verified.access_key_id]

    def _document(self, request: Request, call: Call) -> dict[str, Any]:
        targets = request.values("x-amz-target")
        known = (
            request.method == "POST"
            and request.target == b"/"
            and len(targets) == 1
            and targets[0].strip().startswith(TARGET_PREFIX.encode())
            and call.operation in READ_OPERATIONS + WRITE_OPERATIONS
        )
        if not known:
            raise AwsError("UnknownOperationException", "", framework=True)
        if request.value("content-type") != CONTENT_TYPE:
            raise AwsError(
                "SerializationException", f"Content-Type is not {CONTENT_TYPE}", framework=True
            )
        if call.operation in WRITE_OPERATIONS:
            with self._changed:
                principal = self._principals[call.principal or ""]
            raise principal.denied(call.operation, "*")
        return parse_request(call.operation, request.body)

    def _identify(self, document: Mapping[str, Any], call: Call) -> None:
        ids = [document["SecretId"]] if "SecretId" in document else document.get("SecretIdList")
        names: list[str] = []
        for secret_id in ids or []:
            secret = self.store(call.region).find(secret_id)
            if secret is not None:
                names += [secret.name, secret.arn]
        with self._changed:
            call.secret_ids, call.names = list(ids or []), names

    def _reply(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        call: Call,
        fault: Optional[Fault],
    ) -> dict[str, Any]:
        kind = fault.kind if fault is not None else None
        in_batch = call.operation == "BatchGetSecretValue"
        scoped = fault.where.get("secret") if fault is not None else None
        entry_error, omit = None, []
        if fault is not None and kind in BATCH_ENTRY_KINDS:
            if in_batch and scoped is not None:
                secret = self.store(call.region).find(scoped)
                hit = {scoped, *((secret.name, secret.arn) if secret else ())}
                omit = sorted(hit) if kind == "omit" else []
                if kind != "omit":
                    entry_error = (hit, _fault_error(fault, principal, call.operation, scoped))
            elif kind != "omit":
                resource = call.secret_ids[0] if call.secret_ids and not in_batch else "*"
                raise _fault_error(fault, principal, call.operation, resource)
        if kind == "empty_page" and call.operation != "GetSecretValue":
            key = {"ListSecrets": "SecretList", "ListSecretVersionIds": "Versions"}
            token = SecretStore.token(call.operation, document, 0)
            return {key.get(call.operation, "SecretValues"): [], "NextToken": token}
        reply = self.store(call.region).call(
            call.operation,
            document,
            principal,
            stale=kind == "stale",
            secret_error=lambda each: (
                entry_error[1] if entry_error is not None and each in entry_error[0] else None
            ),
            omit=omit,
        )
        call.batch_errors = [each["ErrorCode"] for each in reply.get("Errors", ())]
        return reply

    def _spoil(self, response: Response, fault: Fault) -> Response:
        assert isinstance(response.body, bytes)
        if fault.kind == "oversized":
            return _padded(response, fault.params["size"])
        if fault.kind == "duplicate_keys":
            response.body = response.body[:-1] + b"," + response.body[1:]
        return response

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        return [
            ("x-amzn-RequestId", call.request_id),
            ("Content-Type", CONTENT_TYPE),
            ("Date", self.clock.http_date()),
        ]

    def _json(self, status: int, document: Mapping[str, Any], call: Call) -> Response:
        text = json.dumps(document, ensure_ascii=self.ascii_replies, separators=(",", ":"))
        return Response(status, self._headers(call), text.encode("utf-8"))

    def _error(self, error: AwsError, call: Call) -> Response:
        document: dict[str, str] = {}
        headers = list(error.headers)
        namespace = (
            "com.amazon.coral.service#" if error.framework else ("com.amazonaws.secretsmanager#")
        )
        if self.error_shape == "header":
            headers.append(("x-amzn-ErrorType", f"{error.code}:http://internal.amazon.com/"))
        else:
            document["__type"] = (
                namespace + error.code if self.error_shape == "prefixed" else error.code
            )
        if error.message:
            # Both spellings occur: the front writes the first, the service's model the second.
            document["message" if error.framework else "Message"] = error.message
        response = self._json(error.status, document, call)
        response.headers += headers
        return response


def _fault_error(fault: Fault, principal: Principal, operation: str, resource: str) -> AwsError:
    params = fault.params
    if fault.kind == "access_denied":
        return principal.denied(operation, resource)
    if fault.kind == "internal":
        return AwsError("InternalServiceError", params["message"], 500)
    if fault.kind == "throttle":
        headers = []
        if params["retry_after_ms"] is not None:
            headers.append(("x-amz-retry-after", str(params["retry_after_ms"])))
        return AwsError("ThrottlingException", params["message"], framework=True, headers=headers)
    return AwsError(params["code"], params["message"], params["status"], headers=params["headers"])


def _padded(response: Response, size: int) -> Response:
    """The same JSON document with a filler member in front, streamed up to `size` bytes."""
    assert isinstance(response.body, bytes)
    rest = b'",' + response.body[1:]
    start = b'{"Filler":"'
    filler = max(0, size - len(start) - len(rest))
    block = b"x" * 65536

    def chunks() -> Iterator[bytes]:
        yield start
        for sent in range(0, filler, len(block)):
            yield block[: filler - sent]
        yield rest

    return Response(
        response.status, response.headers, chunks(), length=len(start) + filler + len(rest)
    )


def load_secrets(aws: AwsStandIn, path: Path) -> None:
    """Reads the program's secrets file (JSON, format in `aws_control`)."""
    document = json.loads(path.read_text(encoding="utf-8"))
    unknown = set(document) - {"secrets", "binary_secrets", "principals"}
    if unknown:
        raise ValueError(f"{path}: unknown members {sorted(unknown)}")
    for name, value in document.get("secrets", {}).items():
        aws.put(name, value if isinstance(value, str) else json.dumps(value))
    for name, encoded in document.get("binary_secrets", {}).items():
        aws.put(name, base64.b64decode(encoded, validate=True))
    for each in document.get("principals", ()):
        aws.add_principal(
            each["access_key_id"],
            each["secret_access_key"],
            session_token=each.get("session_token"),
            allow=each.get("allow", ("*",)),
            actions=each.get("actions", READ_OPERATIONS),
        )


def main() -> int:
    from tests.support import aws_control

    return aws_control.main()


if __name__ == "__main__":
    raise SystemExit(main())
