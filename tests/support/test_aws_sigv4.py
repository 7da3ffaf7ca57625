# SPDX-License-Identifier: Apache-2.0
"""The verifier of the AWS stand-in against golden vectors, and against altered ones."""

from __future__ import annotations

import base64
import calendar
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from tests.support.aws_sigv4 import (
    ReceivedRequest,
    SignatureError,
    SigningKey,
    Verified,
    canonical_request,
    signing_key,
    verify,
)

DATA = json.loads(
    (Path(__file__).parent.parent / "data" / "aws" / "sigv4-vectors.json").read_text("ascii")
)
VECTORS = DATA["vectors"]
IDS = [vector["id"] for vector in VECTORS]
KEY_ID, SECRET = DATA["access_key_id"], DATA["secret_access_key"]


def epoch(amz_date: str) -> int:
    return calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))


def received(vector: dict[str, Any]) -> ReceivedRequest:
    """The vector as a server would receive it, its expected Authorization header included."""
    headers = [(n.encode(), v.encode()) for n, v in vector["headers"]]
    headers += [(n.encode(), v.encode()) for n, v in vector.get("unsigned_headers_sent", ())]
    headers.append((b"Authorization", vector["authorization"].encode()))
    body = vector.get("body", "").encode()
    if "body_base64" in vector:
        body = base64.b64decode(vector["body_base64"])
    target = vector["path"].encode()
    if vector["query"]:
        target += b"?" + vector["query"].encode()
    return ReceivedRequest(vector["method"], target, headers, body)


def check(
    vector: dict[str, Any],
    request: ReceivedRequest,
    *,
    now: Optional[float] = None,
    secret: str = SECRET,
    regions: Optional[tuple[str, ...]] = None,
    service: Optional[str] = None,
) -> Verified:
    return verify(
        request,
        {KEY_ID: SigningKey(secret, vector.get("session_token"))}.get,
        regions=regions or (vector["region"],),
        service=service or vector["service"],
        now=epoch(vector["amz_date"]) if now is None else now,
    )


def refused(vector: dict[str, Any], request: ReceivedRequest, **options: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        check(vector, request, **options)
    return caught.value.rule


def with_header(request: ReceivedRequest, name: str, change: Callable[[bytes], bytes]):
    headers = [
        (key, change(value) if key.lower() == name.encode() else value)
        for key, value in request.headers
    ]
    return replace(request, headers=headers)


def test_there_are_99_vectors() -> None:
    assert len(VECTORS) == 99 and len(set(IDS)) == 99


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_accepts_vector_with_the_stages_it_names(vector: dict[str, Any]) -> None:
    request = received(vector)
    canonical = canonical_request(request, vector["signed_headers"].split(";"))
    assert canonical.decode() == vector["canonical_request"]
    assert hashlib.sha256(canonical).hexdigest() == vector["canonical_request_sha256"]
    verified = check(vector, request)
    assert verified.string_to_sign == vector["string_to_sign"]
    assert verified.signature == vector["signature"]
    assert (verified.access_key_id, verified.region) == (KEY_ID, vector["region"])


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_altered_body(vector: dict[str, Any]) -> None:
    request = received(vector)
    altered = replace(request, body=request.body + b" ")
    assert refused(vector, altered) in ("signature", "content-sha256")


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_altered_signed_header(vector: dict[str, Any]) -> None:
    altered = with_header(received(vector), "host", lambda value: value + b"x")
    assert refused(vector, altered) == "signature"


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_flipped_signature_digit(vector: dict[str, Any]) -> None:
    def flip(value: bytes) -> bytes:
        return value[:-1] + (b"1" if value[-1:] == b"0" else b"0")

    assert refused(vector, with_header(received(vector), "authorization", flip)) == "signature"


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_another_secret(vector: dict[str, Any]) -> None:
    assert refused(vector, received(vector), secret=SECRET[:-1] + "Z") == "signature"


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_altered_target(vector: dict[str, Any]) -> None:
    request = received(vector)
    joint = b"&" if b"?" in request.target else b"?"
    assert refused(vector, replace(request, target=request.target + joint + b"z=1")) == "signature"


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_rejects_unsigned_amz_header(vector: dict[str, Any]) -> None:
    request = received(vector)
    altered = replace(request, headers=[*request.headers, (b"X-Amz-Extra", b"1")])
    assert refused(vector, altered) == "unsigned-header"


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
@pytest.mark.parametrize("offset,rule", [(301, "expired"), (-301, "not-yet-current")])
def test_rejects_clock_off_by_more_than_five_minutes(
    vector: dict[str, Any], offset: int, rule: str
) -> None:
    now = epoch(vector["amz_date"])
    assert refused(vector, received(vector), now=now + offset) == rule
    check(vector, received(vector), now=now + (299 if offset > 0 else -299))


@pytest.mark.parametrize("stages", DATA["key_derivation"], ids=lambda each: each["service"])
def test_derives_signing_key(stages: dict[str, str]) -> None:
    derived = signing_key(SECRET, stages["date"], stages["region"], stages["service"])
    assert derived.hex() == stages["k_signing"]


SM_GET = VECTORS[IDS.index("sm-get")]
SM_BATCH = VECTORS[IDS.index("sm-batch")]


@pytest.mark.parametrize(
    "old,new,rule",
    [
        (
            "SignedHeaders=content-type;host;",
            "SignedHeaders=host;content-type;",
            "signed-headers-order",
        ),
        (
            "SignedHeaders=content-type;host;",
            "SignedHeaders=content-type;host;host;",
            "signed-headers-order",
        ),
        ("content-type;host;", "content-type;", "unsigned-host"),
        ("x-amz-date;", "", "unsigned-x-amz-date"),
        ("SignedHeaders=content-type;", "SignedHeaders=", "unsigned-header"),
        (";x-amz-target", "", "unsigned-header"),
        (";x-amz-target", ";x-amz-target;x-more", "signed-header-absent"),
        ("us-east-1", "us-west-2", "scope-region"),
        ("/secretsmanager/", "/ssm/", "scope-service"),
        ("aws4_request", "aws5_request", "scope-terminator"),
        ("/20261123/", "/20261122/", "scope-date"),
        ("AKIDEXAMPLE", "AKIDOTHER", "unknown-key"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "authorization-grammar"),
        (", Signature", ",Signature", "authorization-grammar"),
        ("Signature=d", "Signature=D", "authorization-grammar"),
    ],
)
def test_rejects_authorization(old: str, new: str, rule: str) -> None:
    altered = with_header(
        received(SM_GET),
        "authorization",
        lambda value: value.replace(old.encode(), new.encode(), 1),
    )
    assert altered != received(SM_GET)
    assert refused(SM_GET, altered) == rule


def test_rejects_without_or_with_two_authorizations() -> None:
    request = received(SM_GET)
    assert refused(SM_GET, replace(request, headers=request.headers[:-1])) == "no-authorization"
    twice = replace(request, headers=[*request.headers, request.headers[-1]])
    assert refused(SM_GET, twice) == "repeated-authorization"


def test_rejects_session_token_that_differs_or_is_not_expected() -> None:
    request = received(SM_BATCH)
    altered = with_header(request, "x-amz-security-token", lambda value: value + b"=")
    assert refused(SM_BATCH, altered) == "session-token"
    without = {key: value for key, value in SM_BATCH.items() if key != "session_token"}
    assert refused(without, request) == "session-token"
    assert refused({**SM_GET, "session_token": "expected"}, received(SM_GET)) == "session-token"


def test_messages_of_skew_are_those_clients_parse() -> None:
    with pytest.raises(SignatureError) as caught:
        check(SM_GET, received(SM_GET), now=epoch("20261123T133600Z"))
    assert caught.value.message == (
        "Signature expired: 20261123T123600Z is now earlier than 20261123T133100Z "
        "(20261123T133600Z - 5 min.)"
    )


def test_canonical_request_in_the_error_hides_the_token() -> None:
    request = replace(received(SM_BATCH), body=b"{}")
    with pytest.raises(SignatureError) as caught:
        check(SM_BATCH, request)
    assert SM_BATCH["session_token"] not in caught.value.canonical_request
    assert "x-amz-security-token:<hidden>" in caught.value.canonical_request
