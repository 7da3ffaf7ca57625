# SPDX-License-Identifier: Apache-2.0
"""A strict AWS for tests and for the demo: Secrets Manager, Parameter Store, STS and SQS.

It speaks their protocols over HTTP or HTTPS on loopback, on one port, verifies Signature Version 4
from the bytes it received, keeps principals apart, counts calls, and fails on demand. Values are
never logged or recorded.

In a test:

    with AwsStandIn() as aws:
        aws.add_principal("AKIDEXAMPLE", "the secret access key")
        aws.put("prod/db", "value")
        ... Keyturn with aws.environment() ...
        aws.rotate("prod/db", "another")
        hold = aws.fail("hold", operation="GetSecretValue", secret="prod/db")
        hold.wait_held(); ...; hold.release()
        assert aws.count("GetSecretValue", secret="prod/db") == 1

Further: aws.put_parameter(), aws.add_role() with a trust policy in IAM's JSON,
aws.add_identity_provider() for tokens of service accounts, aws.deny() takes one action away,
aws.queues() and aws.announce_changes() for events. The credential endpoints of containers and of
instances are in `aws_metadata`.

As a program: `python3 -m tests.support.aws_standin --help`; a person changes values with
`python3 -m tests.support.aws_standin rotate NAME` and the other commands of `aws_command`.
"""

from __future__ import annotations

import collections
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from tests.support import aws_faults
from tests.support.aws_calls import Call, CallLog
from tests.support.aws_identity import Identities, Principal, Role, short_policy
from tests.support.aws_jwt import IdentityProvider, KeySource
from tests.support.aws_keys import KmsKeys
from tests.support.aws_policy import Policy
from tests.support.aws_protocol import AwsError
from tests.support.aws_secretsmanager import SecretStore
from tests.support.aws_services import SECRETS_MANAGER, SQS, SSM, STS, Service, route
from tests.support.aws_sigv4 import ReceivedRequest, SignatureError, SigningKey, verify
from tests.support.aws_sqs import QueueService, label_event, parameter_event
from tests.support.aws_ssm import ParameterStore
from tests.support.aws_sts import UNSIGNED, TokenService, timestamp
from tests.support.certificates import Authority
from tests.support.clock import SettableClock
from tests.support.faults import WIRE_KINDS, Fault, FaultBook, deliver
from tests.support.http_wire import Connection, Request, Response, WireServer

DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT = "123456789012"

# The access key pair of the AWS documentation; it opens nothing.
EXAMPLE_ACCESS_KEY_ID = "AKIDEXAMPLE"
EXAMPLE_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

# A reply, its outcome, and the fault that will befall it on the wire.
Answer = tuple[Response, str, Optional[Fault]]


class AwsStandIn:
    """`tls` is False, True (a throw-away authority; its certificate is `ca_file`), or a pair of
    paths (certificate, key). `error_shape` is how JSON errors are written: "plain" (`__type` bare),
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
        self.account = account
        self.error_shape = error_shape
        self.ascii_replies = ascii_replies
        self.log = CallLog(log)
        self.identities = Identities(self.clock, account)
        self.sts = TokenService(self.clock, self.identities)
        self._keys = {region: KmsKeys(region, account) for region in regions}
        self._stores = {r: self._regional(SecretStore, r) for r in regions}
        self._parameters = {r: self._regional(ParameterStore, r) for r in regions}
        self._queues = {
            region: QueueService(self.clock, region=region, account=account) for region in regions
        }
        self._announced: Optional[str] = None
        self._faults = FaultBook(aws_faults.KINDS, aws_faults.FACTS)
        self._lock = threading.Lock()
        self._rejections: collections.deque[SignatureError] = collections.deque(maxlen=100)
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

    def _regional(self, kind: Any, region: str) -> Any:
        return kind(self.clock, self._keys[region], region=region, account=self.account)

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
        for each in self._queues.values():
            each.stop()
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
        actions: Optional[Sequence[str]] = None,
        policy: Any = None,
    ) -> Principal:
        """A user. `policy` is IAM's JSON; without it, `allow` are patterns over names and ARNs of
        secrets and parameters, and `actions` operations ("GetSecretValue", "ssm:GetParameter")."""
        document = short_policy(allow, actions) if policy is None else policy
        return self.identities.add_user(access_key_id, secret_access_key, session_token, document)

    def remove_principal(self, access_key_id: str) -> None:
        self.identities.remove(access_key_id)

    def has_principals(self) -> bool:
        return bool(self.identities.users())

    def add_role(
        self,
        name: str,
        trust: Any,
        *,
        policy: Any = None,
        allow: Sequence[str] = ("*",),
        actions: Optional[Sequence[str]] = None,
        max_session_seconds: int = 3600,
        account: Optional[str] = None,
    ) -> Role:
        """`trust` is a trust policy in IAM's JSON, whole or its statements; see also
        trusting_account() and trusting_service_account()."""
        document = short_policy(allow, actions) if policy is None else policy
        return self.identities.add_role(
            name, trust, document, max_session_seconds=max_session_seconds, account=account
        )

    def add_identity_provider(
        self,
        issuer: str,
        keys: KeySource,
        audiences: Sequence[str] = ("sts.amazonaws.com",),
        **reading: Any,
    ) -> str:
        """Tokens of this issuer count from now on. `keys`: its key set, a function, a file or an
        URL. Returns the provider's ARN."""
        return self.sts.add_provider(IdentityProvider(issuer, keys, audiences, **reading))

    def expire(self, who: str) -> None:
        """The session of this access key, or all of this role: expired from now on."""
        self.identities.expire(who)

    def policy(self, who: Optional[str] = None) -> Policy:
        """Of a user by access key id, a role by name or ARN, or the first user."""
        return self.identities.policy(who)

    def deny(self, action: Any, resource: Any = "*", *, who: Optional[str] = None) -> None:
        """Takes an action ("secretsmanager:BatchGetSecretValue", "kms:Decrypt") away until
        undeny(); `resource` is an ARN or name, with `*` perhaps."""
        self.policy(who).deny(action, resource)

    def undeny(self, *, who: Optional[str] = None) -> None:
        self.policy(who).undeny()

    def environment(
        self, access_key_id: Optional[str] = None, region: Optional[str] = None
    ) -> dict[str, str]:
        """The environment variables that point an AWS client here as that principal."""
        users = self.identities.users()
        principal = self.identities.find(access_key_id) if access_key_id else users[0]
        assert principal is not None
        variables = {
            "AWS_ACCESS_KEY_ID": principal.access_key_id,
            "AWS_SECRET_ACCESS_KEY": principal.secret_access_key,
            **self.endpoint_environment(region),
        }
        if principal.session_token is not None:
            variables["AWS_SESSION_TOKEN"] = principal.session_token
        return variables

    def endpoint_environment(self, region: Optional[str] = None) -> dict[str, str]:
        """The same without credentials."""
        variables = {"AWS_REGION": region or self.regions[0]}
        for service in ("SECRETS_MANAGER", "SSM", "STS", "SQS"):
            variables[f"AWS_ENDPOINT_URL_{service}"] = self.endpoint
        if self.ca_file is not None:
            variables["AWS_CA_BUNDLE"] = self.ca_file
        return variables

    # -- what is stored -------------------------------------------------------------------------

    def store(self, region: Optional[str] = None) -> SecretStore:
        return self._stores[region or self.regions[0]]

    def parameters(self, region: Optional[str] = None) -> ParameterStore:
        return self._parameters[region or self.regions[0]]

    def queues(self, region: Optional[str] = None) -> QueueService:
        return self._queues[region or self.regions[0]]

    def keys(self, region: Optional[str] = None) -> KmsKeys:
        return self._keys[region or self.regions[0]]

    def put(self, name: str, value: Union[str, bytes, None], **options: Any) -> str:
        """PutSecretValue in the first region, creating the secret; returns the version id."""
        version = self.store().put(name, value, **options)
        if "AWSCURRENT" in options.get("stages", ("AWSCURRENT",)):
            self._announce_secret(name, version)
        return version

    def rotate(self, name: str, value: Union[str, bytes]) -> str:
        """A new AWSCURRENT version of a secret that exists."""
        self.store().arn(name)
        return self.put(name, value)

    def delete(self, name: str, *, force: bool = False) -> None:
        self.store().delete(name, force=force)

    def arn(self, name: str) -> str:
        return self.store().arn(name)

    def put_parameter(self, name: str, value: str, **options: Any) -> int:
        """PutParameter in the first region; returns the version."""
        number = self.parameters().put(name, value, **options)
        self._announce_parameter(name, "Create" if number == 1 else "Update")
        return number

    def delete_parameter(self, name: str) -> None:
        self._announce_parameter(name, "Delete")
        self.parameters().delete(name)

    def queue_url(self, name: str, region: Optional[str] = None) -> str:
        return self.endpoint + self.queues(region).path(name)

    def announce_changes(self, queue: Optional[str]) -> None:
        """From now on EventBridge's events about changes lie in this queue; None: nowhere."""
        self._announced = queue

    def _announce_secret(self, name: str, version: str) -> None:
        if self._announced is None:
            return
        region, at = self.regions[0], timestamp(self.clock.now())
        event = label_event(region, self.account, self.arn(name), name, version, at)
        self.queues().send(self._announced, event)

    def _announce_parameter(self, name: str, change: str) -> None:
        if self._announced is None:
            return
        summary = next(e for e in self.parameters().summary() if e["name"] == name)
        region, at = self.regions[0], timestamp(self.clock.now())
        event = parameter_event(
            region, self.account, summary["arn"], name, summary["type"], change, at
        )
        self.queues().send(self._announced, event)

    # -- faults ---------------------------------------------------------------------------------

    def fail(self, kind: str, *, times: Optional[int] = None, **arguments: Any) -> Fault:
        """Arms a fault for the next `times` matching calls, or until cleared; the first `skip` of
        them are let be.

        Kinds: those of aws_faults.KINDS and of TIMING_KINDS and WIRE_KINDS in faults.py. Calls are
        selected by `service`, `operation`, `principal`, `session`, `region`, and `secret`,
        `parameter`, `role` or `queue`: the id as requested, the name or the ARN. The remaining
        arguments are the kind's own. Signatures are checked before any fault.
        """
        return self._faults.arm(kind, times, **arguments)

    def script(self, *steps: Union[str, tuple[str, Mapping[str, Any]]], **where: Any) -> None:
        """One fault for each of the next matching calls, in this order; then all is well."""
        for step in steps:
            kind, params = (step, {}) if isinstance(step, str) else step
            self.fail(kind, times=1, **params, **where)

    def faults(self) -> list[Fault]:
        return self._faults.armed()

    def clear_faults(self) -> None:
        self._faults.clear()

    def set_idle_seconds(self, seconds: Optional[float]) -> None:
        """How long connections may be idle before they are closed, from the next request on."""
        self._server.idle_seconds = seconds

    # -- what happened --------------------------------------------------------------------------

    def calls(self, operation: Optional[str] = None, **where: Optional[str]) -> list[Call]:
        """Recorded calls, oldest first, those in flight too; selected as by CallLog.calls()."""
        return self.log.calls(operation, **where)

    def count(self, operation: Optional[str] = None, **where: Any) -> int:
        return len(self.calls(operation, **where))

    def invocations(self, operation: Optional[str] = None, **where: Any) -> int:
        """As count(), but a call counts once, however often its client tried: a try ends after a
        while where the answer is held."""
        ids = [call.headers["amz-sdk-invocation-id"] for call in self.calls(operation, **where)]
        return len(set(ids))

    def counts(self) -> dict[str, dict[str, int]]:
        return self.log.counts()

    def wait_calls(
        self, count: int, operation: Optional[str] = None, timeout: float = 10.0, **where: Any
    ) -> list[Call]:
        """Returns when at least `count` matching calls have been answered."""
        return self.log.wait(count, operation, timeout, **where)

    def reset_calls(self) -> None:
        self.log.reset()
        with self._lock:
            self._rejections.clear()

    def rejections(self) -> list[SignatureError]:
        """Signatures refused, with the canonical request computed here (token hidden)."""
        with self._lock:
            return list(self._rejections)

    def most_in_flight(self, operation: Optional[str] = None, **where: Any) -> int:
        """How many calls, or matching calls, were answered at the same time, at most."""
        return self.log.most_in_flight(operation, **where)

    def connections_accepted(self) -> int:
        return self._server.accepted

    def open_connections(self) -> int:
        return self._server.open_connections()

    def close_connections(self) -> None:
        self._server.close_connections()

    # -- one request ----------------------------------------------------------------------------

    def serve(self, connection: Connection, call: Call, answer: Callable[[], Answer]) -> None:
        """Answers a call that has begun, with its faults, and completes its record. For the other
        endpoints of the stand-in too."""
        outcome, status = "aborted", None
        try:
            response, outcome, fault = answer()
            response.headers.append(("Date", self.clock.http_date()))
            status = response.status
            if fault is not None and fault.kind in WIRE_KINDS:
                outcome = fault.kind
            self.log.decided(call, outcome, status)
            deliver(connection, response, fault, self._faults)
            if fault is not None and fault.kind == "close_after":
                aws_faults.end_connection(connection, fault, self._faults)
        finally:
            self.log.decided(call, outcome, status)
            self.log.left()

    def settle(self, call: Call, **ids: Any) -> Optional[Fault]:
        """The fault that decides this call, if any; waits as the timing kinds say."""
        facts = {
            "service": call.service,
            "operation": call.operation,
            "principal": call.principal,
            "session": call.session,
            "region": call.region,
            **ids,
        }
        return self._faults.settle(facts)

    def _handle(self, connection: Connection, request: Request) -> None:
        service, operation = route(request)
        call = self.log.begin(connection, request, service.name, operation)
        self.serve(connection, call, lambda: self._answer(request, service, call))

    def _answer(self, request: Request, service: Service, call: Call) -> Answer:
        try:
            principal = self._authenticate(request, service, call)
            if call.operation in service.forbidden:
                assert principal is not None
                raise principal.denied(f"{service.name}:{call.operation}", "*")
            document = service.document(call.operation, request)
            self._identify(service, document, call)
            fault = self.settle(call, **{service.id_kind: [*call.ids, *call.names]})
            if fault is not None and fault.kind == "unavailable":
                headers = [("Content-Type", "text/html"), *fault.params["headers"]]
                response = Response(fault.params["status"], headers, fault.params["body"])
                return response, "unavailable", None
            reply = self._reply(service, document, principal, call, fault)
        except AwsError as error:
            shown = service.translated(error)
            return service.error(error, call.request_id, self.error_shape), shown.code, None
        response = service.reply(call.operation, reply, call.request_id, self.ascii_replies)
        if fault is not None and fault.kind in ("oversized", "duplicate_keys"):
            return aws_faults.spoiled(response, fault), "ok", None
        return response, "ok", fault

    def _authenticate(self, request: Request, service: Service, call: Call) -> Optional[Principal]:
        """None for an operation that takes no signature; one that has a signature is refused."""
        if service is STS and call.operation in UNSIGNED:
            if request.values("authorization"):
                raise AwsError("ValidationError", "This operation is not to be signed")
            return None
        received = ReceivedRequest(request.method, request.target, request.headers, request.body)
        try:
            verified = verify(
                received,
                self._signing_key,
                regions=self.regions,
                service=service.name,
                now=self.clock.now(),
            )
        except SignatureError as error:
            with self._lock:
                self._rejections.append(error)
            raise AwsError(error.code, error.message, framework=True) from None
        principal = self.identities.find(verified.access_key_id)
        assert principal is not None
        self.log.update(
            call,
            principal=principal.access_key_id,
            identity=principal.arn,
            session=principal.session_name,
            region=verified.region,
        )
        return principal

    def _signing_key(self, access_key_id: str) -> Optional[SigningKey]:
        found = self.identities.find(access_key_id)
        if found is None:
            return None
        expired = self.identities.is_expired(found)
        return SigningKey(found.secret_access_key, found.session_token, expired)

    def _identify(self, service: Service, document: Mapping[str, Any], call: Call) -> None:
        ids: list[str] = []
        for name in ("SecretId", "Name", "Path", "ResourceId", "RoleArn", "QueueName"):
            if name in document:
                ids.append(document[name])
        ids += document.get("SecretIdList", []) + document.get("Names", [])
        names: list[str] = []
        for each in ids:
            names += self._names(service, each, call)
        if "QueueUrl" in document:
            ids.append(document["QueueUrl"])
            names.append(document["QueueUrl"].rpartition("/")[2])
        self.log.update(call, ids=ids, names=names)

    def _names(self, service: Service, asked: str, call: Call) -> list[str]:
        found: Any = None
        if service is SECRETS_MANAGER:
            found = self.store(call.region).find(asked)
        elif service is SSM:
            found = self.parameters(call.region).resolve(asked)[0]
        elif service is STS:
            found = self.identities.role(asked)
        return [found.name, found.arn] if found is not None else []

    def _reply(
        self,
        service: Service,
        document: Mapping[str, Any],
        principal: Optional[Principal],
        call: Call,
        fault: Optional[Fault],
    ) -> dict[str, Any]:
        kind = fault.kind if fault is not None else None
        entry = aws_faults.entry_of(fault, call.operation)
        if fault is not None and entry is None and kind in aws_faults.ENTRY_KINDS[:-1]:
            action = f"{service.name}:{call.operation}"
            raise aws_faults.error_of(fault, service, principal or _NOBODY, action)
        if kind == "empty_page":
            page = aws_faults.empty_page(call.operation, document)
            if page is not None:
                return page
        if service is STS:
            result, session = self.sts.call(call.operation, document, principal)
            if session is not principal:
                self.log.update(call, opened=session.access_key_id)
            return result
        assert principal is not None
        if service is SQS:
            return self.queues(call.region).call(
                call.operation, document, principal, lambda name: self.queue_url(name, call.region)
            )
        if service is SSM:
            reply = self._parameter_reply(document, principal, call, fault, entry)
        else:
            reply = self._secret_reply(document, principal, call, fault, entry)
        return aws_faults.with_nul(reply) if kind == "nul" else reply

    def _parameter_reply(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        call: Call,
        fault: Optional[Fault],
        entry: Optional[str],
    ) -> dict[str, Any]:
        omitted = fault is not None and fault.kind == "omit"
        return self.parameters(call.region).call(
            call.operation,
            document,
            principal,
            stale=fault is not None and fault.kind == "stale",
            invalid=[entry] if entry is not None and not omitted else [],
            omit=[entry] if entry is not None and omitted else [],
        )

    def _secret_reply(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        call: Call,
        fault: Optional[Fault],
        entry: Optional[str],
    ) -> dict[str, Any]:
        store = self.store(call.region)
        errors: dict[str, AwsError] = {}
        omit: list[str] = []
        if fault is not None and entry is not None:
            if fault.kind == "omit":
                omit = _all_names(store, entry)
            else:
                action = "secretsmanager:GetSecretValue"
                error = aws_faults.error_of(fault, SECRETS_MANAGER, principal, action)
                errors = dict.fromkeys(_all_names(store, entry), error)
        elif fault is not None and fault.kind == "entries":
            for each, code in fault.params["codes"].items():
                errors |= dict.fromkeys(_all_names(store, each), AwsError(code, "scripted"))
        reply = store.call(
            call.operation,
            document,
            principal,
            stale=fault is not None and fault.kind == "stale",
            secret_error=errors.get,
            omit=omit,
        )
        failed = [each["ErrorCode"] for each in reply.get("Errors", ())]
        self.log.update(call, batch_errors=failed)
        return reply


def _all_names(store: SecretStore, secret_id: str) -> list[str]:
    secret = store.find(secret_id)
    return [secret_id, *((secret.name, secret.arn, secret.arn[:-7]) if secret else ())]


# Who makes an unsigned request.
_NOBODY = Principal("", "", None, "anonymous", DEFAULT_ACCOUNT, Policy(), "anonymous")


def trusting_account(
    account: str = DEFAULT_ACCOUNT,
    *,
    external_id: Optional[str] = None,
    tags: bool = False,
) -> list[dict[str, Any]]:
    """A trust policy: whoever the account's own policies allow it; with session tags perhaps."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": ["sts:AssumeRole", *(["sts:TagSession"] if tags else [])],
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return [statement]


def trusting_service_account(
    provider_arn: str, namespace: str, name: str, audience: str = "sts.amazonaws.com"
) -> list[dict[str, Any]]:
    """A trust policy as for IAM roles for service accounts: this one, with this audience."""
    issuer = provider_arn.partition(":oidc-provider/")[2]
    subject = f"system:serviceaccount:{namespace}:{name}"
    return [
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer}:sub": subject, f"{issuer}:aud": audience}},
        }
    ]


def main() -> int:
    from tests.support import aws_command

    return aws_command.main()


if __name__ == "__main__":
    raise SystemExit(main())
