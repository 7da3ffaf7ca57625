# SPDX-License-Identifier: Apache-2.0
"""Web identity tokens of the AWS stand-in, against the cryptography package's signatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from tests.support.aws_jwt import (
    IdentityProvider,
    KeysUnreachable,
    TokenIssuer,
    TokenRejected,
    b64url,
    parse_token,
    un_b64url,
    verify_signature,
)

NOW = 1_800_000_000.0
MESSAGE = b"header.payload"


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def issuer(request: pytest.FixtureRequest) -> TokenIssuer:
    return TokenIssuer(algorithm=request.param)


def number(text: str) -> int:
    return int.from_bytes(un_b64url(text), "big")


def bytes_of(value: int) -> str:
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def check(issuer: TokenIssuer, token: str, *, now: float = NOW, **options: Any) -> None:
    IdentityProvider(issuer.issuer, issuer.jwks, **options).verify(parse_token(token), now)


def rule_of(issuer: TokenIssuer, token: str, **options: Any) -> str:
    with pytest.raises(TokenRejected) as caught:
        check(issuer, token, **options)
    return caught.value.rule


def test_accepts_what_cryptography_signs_with_rsa() -> None:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": bytes_of(numbers.n), "e": bytes_of(numbers.e)}
    signature = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    assert verify_signature(jwk, "RS256", MESSAGE, signature)
    assert not verify_signature(jwk, "RS256", MESSAGE + b"x", signature)
    assert not verify_signature(jwk, "RS256", MESSAGE, signature[:-1])
    assert not verify_signature(jwk, "ES256", MESSAGE, signature)
    assert not verify_signature(jwk, "none", MESSAGE, b"")
    sha1 = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA1())
    assert not verify_signature(jwk, "RS256", MESSAGE, sha1)


def test_accepts_what_cryptography_signs_with_ecdsa() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }
    r, s = decode_dss_signature(key.sign(MESSAGE, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert verify_signature(jwk, "ES256", MESSAGE, signature)
    assert not verify_signature(jwk, "ES256", MESSAGE + b"x", signature)
    assert not verify_signature(jwk, "ES256", MESSAGE, signature + b"\0")
    assert not verify_signature(jwk, "ES256", MESSAGE, bytes(64))
    off_curve = {**jwk, "y": jwk["x"]}
    assert not verify_signature(off_curve, "ES256", MESSAGE, signature)


def test_cryptography_accepts_what_is_signed_here(issuer: TokenIssuer) -> None:
    token = parse_token(issuer.token("somebody", now=NOW))
    (jwk,) = issuer.jwks()["keys"]
    assert jwk["kid"] == token.header["kid"] and jwk["alg"] == token.header["alg"]
    if jwk["kty"] == "RSA":
        public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        public.verify(token.signature, token.signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        point = ec.EllipticCurvePublicNumbers(
            number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()
        ).public_key()
        r, s = (int.from_bytes(token.signature[i : i + 32], "big") for i in (0, 32))
        point.verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(hashes.SHA256()))


def test_good_token_is_accepted(issuer: TokenIssuer) -> None:
    check(issuer, issuer.service_account("team", "app", now=NOW))
    check(issuer, issuer.token("x", ["other", "sts.amazonaws.com"], now=NOW))
    check(issuer, issuer.token("x", "another", now=NOW), audiences=("another",))


@pytest.mark.parametrize(
    "make,rule",
    [
        (lambda i: i.token("x", now=NOW - 3601), "expired"),
        (lambda i: i.token("x", now=NOW, exp=NOW), "expired"),
        (lambda i: i.token("x", now=NOW, nbf=NOW + 301), "not-yet-valid"),
        (lambda i: i.token("x", "wrong", now=NOW), "audience"),
        (lambda i: i.token("x", [], now=NOW), "audience"),
        (lambda i: i.token("x", now=NOW, header={"kid": "other"}), "unknown-key-id"),
        (lambda i: i.token("x", now=NOW, header={"alg": "none"}), "token-signature"),
        (lambda i: i.token("x", now=NOW, header={"alg": "HS256"}), "token-signature"),
        (lambda i: TokenIssuer().token("x", now=NOW), "unknown-key-id"),
        (lambda i: i.token("x", now=NOW, exp=None), "token-grammar"),
        (lambda i: i.token("x", now=NOW, exp="1"), "token-grammar"),
        (lambda i: i.token("x", now=NOW, sub=None), "token-grammar"),
        (lambda i: i.token("x", now=NOW, iss=7), "token-grammar"),
        (lambda i: i.token("x", now=NOW) + ".x", "token-grammar"),
        (lambda i: i.token("x", now=NOW).rpartition(".")[0], "token-grammar"),
        (lambda i: "not a token", "token-grammar"),
        (lambda i: "a.b.c", "token-grammar"),
        (lambda i: "", "token-grammar"),
    ],
)
def test_rejects_token(issuer: TokenIssuer, make: Callable[[TokenIssuer], str], rule: str) -> None:
    assert rule_of(issuer, make(issuer)) == rule


def test_altered_payload_is_noticed(issuer: TokenIssuer) -> None:
    head, payload, signature = issuer.token("x", now=NOW).split(".")
    claims = json.loads(un_b64url(payload))
    other = b64url(json.dumps({**claims, "sub": "y"}).encode())
    assert rule_of(issuer, f"{head}.{other}.{signature}") == "token-signature"


def test_keys_rotate_with_and_without_an_overlap(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    issuer = TokenIssuer(path=path)
    provider = IdentityProvider(issuer.issuer, path)
    old = parse_token(issuer.token("x", now=NOW))
    provider.verify(old, NOW)
    issuer.rotate_keys(keep_old=True)
    assert len(json.loads(path.read_text())["keys"]) == 2
    provider.verify(old, NOW)
    provider.verify(parse_token(issuer.token("x", now=NOW)), NOW)
    issuer.rotate_keys()
    with pytest.raises(TokenRejected, match="unknown-key-id"):
        provider.verify(old, NOW)
    provider.verify(parse_token(issuer.token("x", now=NOW)), NOW)


@pytest.mark.parametrize("content", [None, "", "[]", '{"keys": 1}'])
def test_keys_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_text(content)
    token = parse_token(TokenIssuer().token("x", now=NOW))
    with pytest.raises(KeysUnreachable):
        IdentityProvider("https://i", path).verify(token, NOW)
    with pytest.raises(KeysUnreachable):
        IdentityProvider("https://i", "http://127.0.0.1:9/jwks").verify(token, NOW)


def test_keys_are_read_over_http() -> None:
    from tests.support.http_wire import Response, WireServer

    issuer = TokenIssuer()
    seen = []

    def answer(connection: Any, request: Any) -> None:
        seen.append((request.target, request.value("authorization")))
        connection.answer(Response(200, [], json.dumps(issuer.jwks()).encode()))

    server = WireServer(answer).start()
    try:
        url = f"http://127.0.0.1:{server.port}/openid/v1/jwks"
        provider = IdentityProvider(issuer.issuer, url, token="reader")
        provider.verify(parse_token(issuer.token("x", now=NOW)), NOW)
    finally:
        server.stop()
    assert seen == [(b"/openid/v1/jwks", "Bearer reader")]


@pytest.mark.parametrize("text", ["=", "YQ==", "Y Q", "YR", "Y", "é"])
def test_base64url_is_strict(text: str) -> None:
    with pytest.raises(ValueError):
        un_b64url(text)
    assert un_b64url("YQ") == b"a" and un_b64url("_-8") == b"\xff\xef"
