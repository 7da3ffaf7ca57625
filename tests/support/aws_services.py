# SPDX-License-Identifier: Apache-2.0
"""The services of the AWS stand-in as they look on the wire: targets, content types, replies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from tests.support import aws_secretsmanager, aws_sqs, aws_ssm, aws_sts
from tests.support.aws_protocol import (
    AwsError,
    Fields,
    form_document,
    parse_form,
    parse_json,
    xml_error,
    xml_reply,
)
from tests.support.http_wire import Request, Response

FORM_TYPES = (
    "application/x-www-form-urlencoded; charset=utf-8",
    "application/x-www-form-urlencoded",
)
# What the query protocol calls the errors of signatures and of the front, and its statuses.
_QUERY_CODES = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
}
# Kinds of id, as faults and call records name them.
SECRET, PARAMETER, ROLE, QUEUE = "secret", "parameter", "role", "queue"


@dataclass(frozen=True)
class Service:
    """`prefix` is that of X-Amz-Target; None: the query protocol. `internal` is the code of a
    failure of the service's own."""

    name: str
    prefix: Optional[str]
    content_type: str
    fields: Mapping[str, Fields]
    forbidden: tuple[str, ...]
    id_kind: str
    internal: str

    def is_query(self) -> bool:
        return self.prefix is None

    def document(self, operation: str, request: Request) -> dict[str, Any]:
        """The checked request; unknown members, paths and content types are refused."""
        sound = request.method == "POST" and request.target == b"/"
        if not sound or operation not in self.fields:
            raise AwsError("UnknownOperationException", "", framework=True)
        if self.is_query():
            return self._form(operation, request)
        if request.value("content-type") != self.content_type:
            raise AwsError(
                "SerializationException", f"Content-Type is not {self.content_type}", framework=True
            )
        return parse_json(self.fields[operation], request.body)

    def _form(self, operation: str, request: Request) -> dict[str, Any]:
        form = parse_form(request.body)
        if form.pop("Version", None) != aws_sts.VERSION:
            raise AwsError("InvalidAction", f"Could not find operation {operation} for version")
        del form["Action"]
        return form_document(self.fields[operation], form)

    def reply(
        self, operation: str, document: Mapping[str, Any], request_id: str, ascii_only: bool
    ) -> Response:
        if self.is_query():
            body = xml_reply(operation, aws_sts.NAMESPACE, document, request_id)
        else:
            body = _json(document, ascii_only)
        return self._response(200, body, request_id)

    def error(self, error: AwsError, request_id: str, shape: str) -> Response:
        error = self.translated(error)
        headers = list(error.headers)
        if self.is_query():
            body = xml_error(error, aws_sts.NAMESPACE, request_id)
        else:
            document: dict[str, str] = {}
            namespace = "com.amazon.coral.service" if error.framework else self._namespace()
            if shape == "header":
                headers.append(("x-amzn-ErrorType", f"{error.code}:http://internal.amazon.com/"))
            else:
                prefix = f"{namespace}#" if shape == "prefixed" else ""
                document["__type"] = prefix + error.code
            if error.message:
                # Both spellings occur: the front writes the first, the service's model the second.
                document["message" if error.framework else "Message"] = error.message
            body = _json(document, False)
        response = self._response(error.status, body, request_id)
        response.headers += headers
        return response

    def translated(self, error: AwsError) -> AwsError:
        renamed = error.framework or error.code == "AccessDeniedException"
        if not self.is_query() or not renamed or error.code not in _QUERY_CODES:
            return error
        code, status = _QUERY_CODES[error.code]
        return AwsError(code, error.message, status, headers=error.headers)

    def _namespace(self) -> str:
        return f"com.amazonaws.{self.name}"

    def _response(self, status: int, body: bytes, request_id: str) -> Response:
        kind = "text/xml" if self.is_query() else self.content_type
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", kind)]
        return Response(status, headers, body)


def _json(document: Mapping[str, Any], ascii_only: bool) -> bytes:
    return json.dumps(document, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8")


_JSON = "application/x-amz-json-1.1"
SECRETS_MANAGER = Service(
    "secretsmanager",
    "secretsmanager.",
    _JSON,
    aws_secretsmanager.FIELDS,
    aws_secretsmanager.WRITE_OPERATIONS,
    SECRET,
    "InternalServiceError",
)
SSM = Service(
    "ssm",
    "AmazonSSM.",
    _JSON,
    aws_ssm.FIELDS,
    aws_ssm.WRITE_OPERATIONS,
    PARAMETER,
    "InternalServerError",
)
SQS = Service(
    "sqs",
    "AmazonSQS.",
    "application/x-amz-json-1.0",
    aws_sqs.FIELDS,
    (),
    QUEUE,
    "InternalFailure",
)
STS = Service("sts", None, FORM_TYPES[0], aws_sts.FIELDS, (), ROLE, "InternalFailure")
SERVICES = (SECRETS_MANAGER, SSM, SQS, STS)


def route(request: Request) -> tuple[Service, str]:
    """The service and operation a request names; Secrets Manager and what it says when none."""
    target = request.value("x-amz-target")
    if target is None and (request.value("content-type") or "").lower() in FORM_TYPES:
        try:
            return STS, parse_form(request.body).get("Action", "")
        except AwsError:
            return STS, ""
    if len(request.values("x-amz-target")) == 1:
        for service in SERVICES:
            if service.prefix is not None and (target or "").startswith(service.prefix):
                return service, (target or "").removeprefix(service.prefix)
    return SECRETS_MANAGER, ""
