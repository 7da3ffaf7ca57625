# SPDX-License-Identifier: Apache-2.0
"""The credential endpoints beside the stand-in's services, plain HTTP as in AWS: that of containers
(ECS, EKS Pod Identity) and the instance metadata service, version 2.

Both hand out sessions of one role, with which the services can then be called. Their calls are in
the stand-in's records, as services "container" and "imds", and meet its faults: "unavailable",
"answer", "hold", the wire kinds, and "error" with a status.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from pathlib import Path
from typing import Any, Callable, Optional

from tests.support.aws_calls import Call
from tests.support.aws_identity import Principal
from tests.support.aws_standin import Answer, AwsStandIn
from tests.support.aws_sts import timestamp
from tests.support.http_wire import Connection, Request, Response, WireServer

CONTAINER_PATH = "/v1/credentials"
TOKEN_PATH = "/latest/api/token"
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
_TTL_CEILING = 21600
_TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
_TOKEN_HEADER = "x-aws-ec2-metadata-token"


class Refused(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class _Endpoint:
    """A server of its own beside the stand-in; must be stopped before it."""

    service = ""

    def __init__(
        self,
        aws: AwsStandIn,
        role: str,
        *,
        session_name: str,
        session_seconds: int,
        port: int,
        host: str,
    ):
        self._aws = aws
        self.role = role
        self.session_name = session_name
        self.session_seconds = session_seconds
        self._lock = threading.Lock()
        self._session: Optional[Principal] = None
        self._server = WireServer(self._handle, host=host, port=port, name=self.service)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.port}"

    def __enter__(self) -> Any:
        self._server.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.stop()

    def new_session(self) -> None:
        """The next answer has other credentials; until then all have the same."""
        with self._lock:
            self._session = None

    def _current(self) -> Principal:
        role = self._aws.identities.role(self.role)
        assert role is not None, f"no role {self.role}"
        with self._lock:
            session = self._session
            if session is None or self._aws.identities.is_expired(session):
                session = self._aws.identities.open_session(
                    role, self.session_name, self.session_seconds
                )
                self._session = session
            return session

    def _handle(self, connection: Connection, request: Request) -> None:
        operation = self._operation(request)
        call = self._aws.log.begin(connection, request, self.service, operation)
        self._aws.serve(connection, call, lambda: self._answer(request, call))

    def _answer(self, request: Request, call: Call) -> Answer:
        fault = self._aws.settle(call, role=[self.role])
        try:
            if fault is not None and fault.kind == "unavailable":
                headers = [("Content-Type", "text/html"), *fault.params["headers"]]
                response = Response(fault.params["status"], headers, fault.params["body"])
                return response, "unavailable", None
            if fault is not None and fault.kind == "error":
                raise Refused(fault.params["status"], fault.params["message"])
            response = self._respond(request, call)
        except Refused as error:
            return self._refusal(error), str(error.status), None
        return response, "ok", fault

    def _operation(self, request: Request) -> str:
        raise NotImplementedError

    def _respond(self, request: Request, call: Call) -> Response:
        raise NotImplementedError

    def _refusal(self, error: Refused) -> Response:
        raise NotImplementedError

    def _credentials(self, call: Call) -> dict[str, str]:
        session = self._current()
        assert session.expires_at is not None and session.session_token is not None
        self._aws.log.update(call, opened=session.access_key_id)
        return {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": timestamp(session.expires_at),
        }


def _json(status: int, document: Any) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(document).encode())


class ContainerEndpoint(_Endpoint):
    """Answers GET /v1/credentials when Authorization is, byte for byte, the token of the moment.

    `token_file` is where the client finds it; rotate_token() writes another one there, and the old
    one counts no longer. Without a file the token is handed over in the environment. Instead,
    `check` may judge the Authorization value, for tokens that an API server has made.
    """

    service = "container"

    def __init__(
        self,
        aws: AwsStandIn,
        role: str,
        *,
        token_file: Optional[Path] = None,
        check: Optional[Callable[[str], bool]] = None,
        session_name: str = "eks-cluster-pod-00000000-0000-4000-8000-000000000000",
        session_seconds: int = 21600,
        port: int = 0,
        host: str = "127.0.0.1",
    ):
        self._token_file = token_file
        self._check = check
        self.rotate_token()
        super().__init__(
            aws,
            role,
            session_name=session_name,
            session_seconds=session_seconds,
            port=port,
            host=host,
        )

    @property
    def token(self) -> str:
        """The one that counts."""
        return self._token

    def rotate_token(self, *, newline: bool = False) -> None:
        """Kubernetes writes no newline behind a token; by hand there often is one."""
        self._token = f"eyJ{secrets.token_urlsafe(60)}.{secrets.token_urlsafe(60)}"
        if self._token_file is not None and self._check is None:
            new = self._token_file.with_suffix(".new")
            new.write_text(self._token + ("\n" if newline else ""))
            new.rename(self._token_file)

    def environment(self) -> dict[str, str]:
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + CONTAINER_PATH}
        if self._token_file is not None:
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(self._token_file)
        else:
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self._token
        return variables

    def _operation(self, request: Request) -> str:
        return "GetCredentials"

    def _respond(self, request: Request, call: Call) -> Response:
        if request.method != "GET" or request.target != CONTAINER_PATH.encode():
            raise Refused(404, "404 page not found")
        values = request.values("authorization")
        if len(values) != 1:
            raise Refused(401, "Authorization is needed, once")
        sent = values[0].strip(b" ").decode("latin-1")
        good = self._check(sent) if self._check else hmac.compare_digest(sent, self._token)
        if not good:
            raise Refused(401, "the token is not valid")
        account = {"AccountId": self._aws.account}
        return _json(200, {**self._credentials(call), **account})

    def _refusal(self, error: Refused) -> Response:
        return Response(error.status, [("Content-Type", "text/plain")], f"{error}\n".encode())


class InstanceMetadata(_Endpoint):
    """IMDSv2: a token by PUT, then the role's name and its credentials by GET.

    A request without a token, as of version 1, is refused. A PUT that the hop limit swallows is
    `aws.fail("hold", service="imds", operation="PutToken")`.
    """

    service = "imds"

    def __init__(
        self,
        aws: AwsStandIn,
        role: str,
        *,
        session_name: str = "i-0123456789abcdef0",
        session_seconds: int = 21600,
        port: int = 0,
        host: str = "127.0.0.1",
    ):
        self._tokens: dict[str, float] = {}
        # Instead of credentials: a document with `Code` other than "Success", status 200.
        self.failure: Optional[tuple[str, str]] = None
        super().__init__(
            aws,
            role,
            session_name=session_name,
            session_seconds=session_seconds,
            port=port,
            host=host,
        )

    def environment(self) -> dict[str, str]:
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}

    def forget_tokens(self) -> None:
        """As after a restart of the service: 401 until there is a new one."""
        with self._lock:
            self._tokens.clear()

    def _operation(self, request: Request) -> str:
        if request.target == TOKEN_PATH.encode():
            return "PutToken"
        return "ListRoles" if request.target == ROLE_PATH.encode() else "GetRole"

    def _respond(self, request: Request, call: Call) -> Response:
        if call.operation == "PutToken":
            return self._new_token(request)
        self._check_token(request)
        if request.method != "GET":
            raise Refused(405, "Method Not Allowed")
        role = self._aws.identities.role(self.role)
        name = role.name if role is not None else ""
        if call.operation == "ListRoles":
            if not name:
                raise Refused(404, "Not Found")
            return Response(200, [("Content-Type", "text/plain")], name.encode())
        if not name or request.target != (ROLE_PATH + name).encode():
            raise Refused(404, "Not Found")
        now = timestamp(self._aws.clock.now())
        if self.failure is not None:
            code, message = self.failure
            return _json(200, {"Code": code, "Message": message, "LastUpdated": now})
        about = {"Code": "Success", "LastUpdated": now, "Type": "AWS-HMAC"}
        return _json(200, {**about, **self._credentials(call)})

    def _new_token(self, request: Request) -> Response:
        if request.method != "PUT":
            raise Refused(405, "Method Not Allowed")
        # The real service refuses what a proxy has passed on.
        if request.values("x-forwarded-for"):
            raise Refused(403, "Forbidden")
        ttl = request.value(_TTL_HEADER) or ""
        if not ttl.isdigit() or not 1 <= int(ttl) <= _TTL_CEILING:
            raise Refused(400, "Bad Request")
        token = "AQAEA" + secrets.token_urlsafe(36) + "=="
        with self._lock:
            self._tokens[token] = self._aws.clock.now() + int(ttl)
        headers = [("Content-Type", "text/plain"), (_TTL_HEADER, ttl)]
        return Response(200, headers, token.encode())

    def _check_token(self, request: Request) -> None:
        sent = request.value(_TOKEN_HEADER) or ""
        with self._lock:
            until = self._tokens.get(sent)
        if until is None or self._aws.clock.now() >= until:
            raise Refused(401, "Unauthorized")

    def _refusal(self, error: Refused) -> Response:
        body = f"<html><head><title>{error.status} - {error}</title></head></html>\n"
        return Response(error.status, [("Content-Type", "text/html")], body.encode())
