# SPDX-License-Identifier: Apache-2.0
"""Faults of the AWS stand-in beyond those every test server has (faults.py).

Most decide the answer of a whole call. With `secret` (or `parameter`) given and several asked for,
those of ENTRY_KINDS befall that one only: an entry of Errors[], a name among InvalidParameters, or
silence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Mapping, Optional

from tests.support.aws_identity import Principal
from tests.support.aws_paging import page_token
from tests.support.aws_protocol import AwsError
from tests.support.aws_services import Service
from tests.support.faults import Fault, FaultBook
from tests.support.http_wire import Connection, Response

# The codes that the SDKs take for throttling.
THROTTLE_CODES = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "TransactionInProgressException",
)

KINDS: dict[str, dict[str, Any]] = {
    "throttle": {
        "code": "ThrottlingException",
        "message": "Rate exceeded",
        "status": 400,
        "retry_after_ms": None,
    },
    "access_denied": {},
    "internal": {"message": "An error occurred on the server side.", "retry_after_ms": None},
    "error": {"code": "", "message": "", "status": 400, "headers": ()},
    # {secret: error code}: a batch with several entries in Errors[].
    "entries": {"codes": {}},
    "unavailable": {
        "status": 503,
        "body": b"<html><head><title>503 Service Unavailable</title></head></html>\n",
        "headers": (),
    },
    "oversized": {"size": 9 * 1024 * 1024},
    "duplicate_keys": {},
    # U+0000 in the middle of each value.
    "nul": {},
    "stale": {},
    "empty_page": {},
    "omit": {},
    # The answer is whole and promises keep-alive; then the connection is closed, or reset.
    "close_after": {"ms": 0, "reset": False},
}
FACTS = (
    "service",
    "operation",
    "secret",
    "parameter",
    "role",
    "queue",
    "principal",
    "session",
    "region",
)
ENTRY_KINDS = ("throttle", "access_denied", "internal", "error", "omit")
_BATCHES = ("BatchGetSecretValue", "GetParameters")
# The member of a reply that a page of it holds.
_PAGED = {
    "BatchGetSecretValue": "SecretValues",
    "ListSecrets": "SecretList",
    "ListSecretVersionIds": "Versions",
    "GetParametersByPath": "Parameters",
    "DescribeParameters": "Parameters",
    "GetParameterHistory": "Parameters",
}


def entry_of(fault: Optional[Fault], operation: str) -> Optional[str]:
    """The one of a batch that this fault befalls; None when it befalls the call."""
    if fault is None or operation not in _BATCHES or fault.kind not in ENTRY_KINDS:
        return None
    return fault.where.get("secret") or fault.where.get("parameter")


def error_of(fault: Fault, service: Service, principal: Principal, action: str) -> AwsError:
    """What `throttle`, `access_denied`, `internal` and `error` answer. `action` is "ssm:Get..."."""
    params = fault.params
    headers = []
    if params.get("retry_after_ms") is not None:
        headers.append(("x-amz-retry-after", str(params["retry_after_ms"])))
    if fault.kind == "access_denied":
        return principal.denied(action, "*")
    if fault.kind == "internal":
        return AwsError(service.internal, params["message"], 500, headers=headers)
    if fault.kind == "throttle":
        return AwsError(
            params["code"], params["message"], params["status"], framework=True, headers=headers
        )
    return AwsError(params["code"], params["message"], params["status"], headers=params["headers"])


def empty_page(operation: str, document: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """A page with nothing on it and a successor; None when the operation has no pages."""
    if operation not in _PAGED:
        return None
    start = {key: value for key, value in document.items() if key != "NextToken"}
    return {_PAGED[operation]: [], "NextToken": page_token(operation, start, 0)}


def with_nul(reply: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(reply))
    values = [changed, changed.get("Parameter"), *changed.get("SecretValues", ())]
    for each in [*values, *changed.get("Parameters", ())]:
        for name in ("SecretString", "Value"):
            if isinstance(each, dict) and isinstance(each.get(name), str):
                half = len(each[name]) // 2
                each[name] = f"{each[name][:half]}\0{each[name][half:]}"
    return changed


def spoiled(response: Response, fault: Fault) -> Response:
    """The response with what `oversized` and `duplicate_keys` do to its bytes."""
    assert isinstance(response.body, bytes)
    is_xml = response.body.startswith(b"<")
    if fault.kind == "oversized":
        return _padded(response, fault.params["size"], is_xml)
    if fault.kind == "duplicate_keys" and not is_xml:
        response.body = response.body[:-1] + b"," + response.body[1:]
    return response


def _padded(response: Response, size: int, is_xml: bool) -> Response:
    """The same document with a filler member in front, streamed up to `size` bytes."""
    assert isinstance(response.body, bytes)
    if is_xml:
        root = response.body.index(b">") + 1
        start = response.body[:root] + b"<Filler>"
        rest = b"</Filler>" + response.body[root:]
    else:
        start, rest = b'{"Filler":"', b'",' + response.body[1:]
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


def end_connection(connection: Connection, fault: Fault, book: FaultBook) -> None:
    """After the answer: what a server does that has lost patience with an idle connection."""
    book.rest(fault.params["ms"] / 1000)
    if fault.params["reset"]:
        connection.reset()
    else:
        connection.close()
