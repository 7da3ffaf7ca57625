# SPDX-License-Identifier: Apache-2.0
"""Verifies AWS Signature Version 4 from the bytes a server received.

Written from the published algorithm ("Create a signed AWS API request", AWS IAM user guide) and
sharing nothing with Keyturn's signer, so that the two check each other. Header mode only. Stricter
than AWS where a lax server would hide a client's mistake: header order, uniqueness and the set of
signed headers are all checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from calendar import timegm
from dataclasses import dataclass
from time import gmtime, strftime, strptime
from typing import Callable, Optional, Sequence
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 300
TERMINATOR = "aws4_request"

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Za-z0-9_]{3,128})/(?P<date>[^/, ]+)"
    r"/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)/(?P<terminator>[^/, ]+), "
    r"SignedHeaders=(?P<names>[^, ]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_TOKEN_LINE = re.compile(r"^(x-amz-security-token:).*$", re.MULTILINE)

Header = tuple[bytes, bytes]


class SignatureError(Exception):
    """The request is not signed as AWS demands.

    `code` and `message` are what AWS answers; `rule` names the check that failed, for tests;
    `canonical_request` is what was computed here, without the session token.
    """

    def __init__(self, rule: str, code: str, message: str, canonical_request: str = ""):
        super().__init__(f"{rule}: {code}")
        self.rule = rule
        self.code = code
        self.message = message
        self.canonical_request = canonical_request


@dataclass(frozen=True)
class SigningKey:
    """What the verifier must know of one access key. The token is None for a long-lived key."""

    secret_access_key: str
    session_token: Optional[str] = None
    expired: bool = False

    def __repr__(self) -> str:
        return "SigningKey()"


@dataclass(frozen=True)
class Verified:
    """An accepted signature and the stages that led to it."""

    access_key_id: str
    region: str
    service: str
    canonical_request: str
    string_to_sign: str
    signature: str

    def __repr__(self) -> str:
        return f"Verified(access_key_id={self.access_key_id!r})"


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came over the wire; header values are raw, folding included."""

    method: str
    target: bytes
    headers: Sequence[Header]
    body: bytes

    def values(self, name: str) -> list[bytes]:
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]


def _trimmed(value: bytes) -> bytes:
    """Runs of blanks become one space, the ends are trimmed; a folded line is such a run."""
    return re.sub(rb"[ \t\r\n]+", b" ", value).strip(b" ")


def _one(request: ReceivedRequest, name: str) -> Optional[str]:
    values = request.values(name)
    if len(values) > 1:
        raise SignatureError(
            f"repeated-{name}",
            "IncompleteSignatureException",
            f"Request header '{name}' occurs {len(values)} times.",
        )
    return _trimmed(values[0]).decode("latin-1") if values else None


def canonical_path(path: bytes) -> str:
    """Dot segments and runs of slashes go, then every byte outside the unreserved set is encoded.

    A path that arrives percent-encoded is encoded a second time, as for every service but S3.
    """
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment not in (b"", b"."):
            kept.append(segment)
    slash = b"/" if kept and path.endswith(b"/") else b""
    return quote(b"/" + b"/".join(kept) + slash, safe="/-._~")


def canonical_query(query: bytes) -> str:
    pairs = []
    for part in query.split(b"&") if query else []:
        key, _, value = part.partition(b"=")
        pairs.append(
            (quote(unquote_to_bytes(key), safe="-._~"), quote(unquote_to_bytes(value), safe="-._~"))
        )
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def canonical_request(request: ReceivedRequest, signed_names: Sequence[str]) -> bytes:
    path, _, query = request.target.partition(b"?")
    lines = [
        request.method.encode(),
        canonical_path(path).encode(),
        canonical_query(query).encode(),
    ]
    for name in signed_names:
        joined = b",".join(_trimmed(value) for value in request.values(name))
        lines.append(name.encode() + b":" + joined)
    lines += [b"", ";".join(signed_names).encode()]
    lines.append(hashlib.sha256(request.body).hexdigest().encode())
    return b"\n".join(lines)


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _instant(amz_date: str) -> int:
    try:
        if not re.fullmatch(r"\d{8}T\d{6}Z", amz_date):
            raise ValueError
        return timegm(strptime(amz_date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise SignatureError(
            "x-amz-date",
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got something else.",
        ) from None


def _stamp(instant: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(instant))


def _check_clock(amz_date: str, now: float) -> None:
    """The messages are the ones the services send; clients are known to parse them."""
    sent = _instant(amz_date)
    server = _stamp(now)
    if sent < now - SKEW_SECONDS:
        limit = _stamp(now - SKEW_SECONDS)
        raise SignatureError(
            "expired",
            "InvalidSignatureException",
            f"Signature expired: {amz_date} is now earlier than {limit} ({server} - 5 min.)",
        )
    if sent > now + SKEW_SECONDS:
        limit = _stamp(now + SKEW_SECONDS)
        raise SignatureError(
            "not-yet-current",
            "InvalidSignatureException",
            f"Signature not yet current: {amz_date} is still later than {limit} "
            f"({server} + 5 min.)",
        )


def _check_scope(match: re.Match, amz_date: str, regions: Sequence[str], service: str) -> None:
    def refuse(rule: str, message: str) -> None:
        raise SignatureError(rule, "InvalidSignatureException", message)

    if match["region"] not in regions:
        refuse(
            "scope-region",
            f"Credential should be scoped to a valid region, not '{match['region']}'. ",
        )
    if match["service"] != service:
        refuse("scope-service", f"Credential should be scoped to correct service: '{service}'. ")
    if match["terminator"] != TERMINATOR:
        refuse(
            "scope-terminator",
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', "
            f"not '{match['terminator']}'.",
        )
    if match["date"] != amz_date[:8]:
        refuse(
            "scope-date",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{match['date']}' != '{amz_date[:8]}', from '{amz_date}'.",
        )


def _check_signed_names(request: ReceivedRequest, names: Sequence[str]) -> None:
    def refuse(rule: str, message: str) -> None:
        raise SignatureError(rule, "InvalidSignatureException", message)

    if list(names) != sorted(set(names)):
        refuse("signed-headers-order", "SignedHeaders must be sorted and unique.")
    sent = {name.lower().decode("latin-1") for name, _ in request.headers}
    for name in names:
        if name not in sent:
            refuse("signed-header-absent", f"Signed header '{name}' was not sent.")
    for name in ("host", "x-amz-date"):
        if name not in names:
            refuse(f"unsigned-{name}", f"'{name}' must be a 'SignedHeader' in the Authorization.")
    for name in sorted(sent):
        must = name == "content-type" or name.startswith("x-amz-")
        if must and name not in names:
            refuse("unsigned-header", f"Header '{name}' was sent but not signed.")


def _check_token(request: ReceivedRequest, key: SigningKey) -> None:
    sent = _one(request, "x-amz-security-token")
    expected = key.session_token
    same = (
        sent is None
        if expected is None
        else sent is not None and hmac.compare_digest(sent.encode(), expected.encode())
    )
    if not same:
        raise SignatureError(
            "session-token",
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    if key.expired:
        raise SignatureError(
            "expired-token",
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )


def _check_payload_header(request: ReceivedRequest) -> None:
    sent = _one(request, "x-amz-content-sha256")
    if sent is not None and sent != hashlib.sha256(request.body).hexdigest():
        raise SignatureError(
            "content-sha256",
            "InvalidSignatureException",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )


def verify(
    request: ReceivedRequest,
    find_key: Callable[[str], Optional[SigningKey]],
    *,
    regions: Sequence[str],
    service: str,
    now: float,
) -> Verified:
    """Returns who signed, or raises SignatureError. `now` is the server's clock, epoch seconds."""
    authorization = request.values("authorization")
    if not authorization:
        raise SignatureError(
            "no-authorization",
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    if len(authorization) > 1:
        raise SignatureError(
            "repeated-authorization",
            "IncompleteSignatureException",
            "Authorization header occurs more than once.",
        )
    match = _AUTHORIZATION.fullmatch(authorization[0].strip(b" \t").decode("latin-1"))
    if match is None:
        raise SignatureError(
            "authorization-grammar",
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' "
            "parameters in that order.",
        )
    key = find_key(match["key"])
    if key is None:
        raise SignatureError(
            "unknown-key",
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    amz_date = _one(request, "x-amz-date")
    if amz_date is None:
        raise SignatureError(
            "x-amz-date",
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    names = match["names"].split(";")
    _check_clock(amz_date, now)
    _check_scope(match, amz_date, regions, service)
    _check_signed_names(request, names)
    _check_token(request, key)
    _check_payload_header(request)

    canonical = canonical_request(request, names)
    to_sign = "\n".join(
        [
            ALGORITHM,
            amz_date,
            f"{match['date']}/{match['region']}/{match['service']}/{TERMINATOR}",
            hashlib.sha256(canonical).hexdigest(),
        ]
    )
    derived = signing_key(key.secret_access_key, match["date"], match["region"], match["service"])
    expected = hmac.new(derived, to_sign.encode(), hashlib.sha256).hexdigest()
    text = canonical.decode("utf-8", "replace")
    if not hmac.compare_digest(expected, match["signature"]):
        raise SignatureError(
            "signature",
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.",
            _TOKEN_LINE.sub(r"\1<hidden>", text),
        )
    return Verified(
        match["key"], match["region"], match["service"], text, to_sign, match["signature"]
    )
