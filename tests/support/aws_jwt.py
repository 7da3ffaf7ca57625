# SPDX-License-Identifier: Apache-2.0
"""Web identity tokens: made, published as a JSON Web Key Set, and verified.

RS256 and ES256 (RFC 7515, 7517, 7518), which are what Kubernetes signs with, on the standard
library alone. For tests only: none of the arithmetic is constant time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from tests.support.certificates import PrivateKey, is_on_curve, verify_ecdsa

# DER of the DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1).
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_FETCH_SECONDS = 10.0


class TokenRejected(Exception):
    """`rule` names the check that failed, for tests."""

    def __init__(self, rule: str):
        super().__init__(rule)
        self.rule = rule


class KeysUnreachable(Exception):
    """The identity provider does not publish its keys, or not now."""


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def un_b64url(text: str) -> bytes:
    """Strict: no padding, no other characters, no stray bits."""
    if "=" in text:
        raise ValueError("padding")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64url(data) != text:
        raise ValueError("not canonical")
    return data


def _number(text: str) -> int:
    return int.from_bytes(un_b64url(text), "big")


# -- keys ------------------------------------------------------------------------------------------


class EcKey:
    algorithm = "ES256"

    def __init__(self) -> None:
        self._key = PrivateKey()
        self.kid = secrets.token_hex(16)

    def jwk(self) -> dict[str, str]:
        x, y = self._key.public[1:33], self._key.public[33:]
        return {
            "use": "sig",
            "kty": "EC",
            "kid": self.kid,
            "crv": "P-256",
            "alg": self.algorithm,
            "x": b64url(x),
            "y": b64url(y),
        }

    def sign(self, message: bytes) -> bytes:
        r, s = self._key.sign_pair(message)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _prime(bits: int) -> int:
    """Probable: 40 rounds of Miller-Rabin behind trial division."""
    small = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % each for each in small) and _is_prime(candidate):
            return candidate


def _is_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(40):
        x = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


class RsaKey:
    algorithm = "RS256"

    def __init__(self, bits: int = 2048) -> None:
        self._e = 65537
        while True:
            p, q = _prime(bits // 2), _prime(bits // 2)
            if p != q and (p - 1) * (q - 1) % self._e:
                break
        self._n = p * q
        self._d = pow(self._e, -1, (p - 1) * (q - 1))
        self.kid = secrets.token_hex(16)

    def jwk(self) -> dict[str, str]:
        size = (self._n.bit_length() + 7) // 8
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": self.algorithm,
            "n": b64url(self._n.to_bytes(size, "big")),
            "e": b64url(self._e.to_bytes(3, "big")),
        }

    def sign(self, message: bytes) -> bytes:
        size = (self._n.bit_length() + 7) // 8
        padded = int.from_bytes(_pkcs1(message, size), "big")
        return pow(padded, self._d, self._n).to_bytes(size, "big")


def _pkcs1(message: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 9.2)."""
    info = _SHA256_INFO + hashlib.sha256(message).digest()
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def verify_signature(
    jwk: Mapping[str, Any], algorithm: str, message: bytes, signature: bytes
) -> bool:
    """The key decides the algorithm: a header that names another is refused, "none" among them."""
    try:
        if jwk.get("kty") == "RSA" and algorithm == "RS256":
            n, e = _number(jwk["n"]), _number(jwk["e"])
            size = (n.bit_length() + 7) // 8
            opened = pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big")
            return (
                n.bit_length() >= 2048
                and len(signature) == size
                and opened == _pkcs1(message, size)
            )
        if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256" and algorithm == "ES256":
            point = (_number(jwk["x"]), _number(jwk["y"]))
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            return (
                len(signature) == 64 and is_on_curve(point) and verify_ecdsa(point, message, r, s)
            )
    except (KeyError, ValueError, OverflowError):
        pass
    return False


# -- tokens ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "Token()"

    def audiences(self) -> list[str]:
        aud = self.claims.get("aud", [])
        return [aud] if isinstance(aud, str) else list(aud)


def parse_token(text: str) -> Token:
    parts = text.split(".")
    try:
        header, claims = (json.loads(un_b64url(part)) for part in parts[:2])
        signature = un_b64url(parts[2])
    except (IndexError, ValueError):
        raise TokenRejected("token-grammar") from None
    sound = isinstance(header, dict) and isinstance(claims, dict) and len(parts) == 3
    if not sound or not all(isinstance(claims.get(name), str) for name in ("iss", "sub")):
        raise TokenRejected("token-grammar")
    if type(claims.get("exp")) not in (int, float):
        raise TokenRejected("token-grammar")
    return Token(header, claims, ".".join(parts[:2]).encode(), signature)


class TokenIssuer:
    """An identity provider of its own, for tests without an API server. Any thread.

    `path` writes the key set into a file whenever it changes.
    """

    def __init__(
        self,
        issuer: str = "https://oidc.test.example/id/KEYTURN",
        algorithm: str = "ES256",
        path: Optional[Path] = None,
    ):
        self.issuer = issuer
        self._path = path
        self._make = {"ES256": EcKey, "RS256": RsaKey}[algorithm]
        self._lock = threading.Lock()
        self._keys: list[Union[EcKey, RsaKey]] = []
        self.rotate_keys()

    def rotate_keys(self, *, keep_old: bool = False) -> None:
        """Signs with a new key from now on; the old ones stay published when they are kept."""
        key = self._make()
        with self._lock:
            self._keys = [key, *(self._keys if keep_old else ())]
        if self._path is not None:
            self._path.write_text(json.dumps(self.jwks()))

    def jwks(self) -> dict[str, Any]:
        with self._lock:
            return {"keys": [key.jwk() for key in self._keys]}

    def token(
        self,
        subject: str,
        audience: Union[str, Sequence[str]] = "sts.amazonaws.com",
        *,
        now: float,
        seconds: float = 3600,
        header: Mapping[str, Any] = {},
        **claims: Any,
    ) -> str:
        """`header` and `claims` add to what is usual, or replace it; None leaves one out."""
        with self._lock:
            key = self._keys[0]
        body = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience if isinstance(audience, str) else list(audience),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + seconds),
            **claims,
        }
        head = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **header}
        shown = {name: value for name, value in body.items() if value is not None}
        signed = f"{_segment(head)}.{_segment(shown)}"
        return f"{signed}.{b64url(key.sign(signed.encode()))}"

    def service_account(self, namespace: str, name: str, **options: Any) -> str:
        return self.token(f"system:serviceaccount:{namespace}:{name}", **options)


def _segment(document: Mapping[str, Any]) -> str:
    return b64url(json.dumps(document, separators=(",", ":")).encode())


# -- who trusts them -------------------------------------------------------------------------------

# A key set, a function that gives one, or where it is published: a file, or an URL.
KeySource = Union[Mapping[str, Any], Callable[[], Mapping[str, Any]], Path, str]


class IdentityProvider:
    """What IAM knows of an OpenID Connect provider: issuer, client ids, and where its keys are.

    Keys are read for each token: one that is no longer published counts no longer. The real
    kube-apiserver publishes its own at /openid/v1/jwks; `token` and `ca_file` let one read there.
    """

    def __init__(
        self,
        issuer: str,
        keys: KeySource,
        audiences: Sequence[str] = ("sts.amazonaws.com",),
        *,
        ca_file: Optional[str] = None,
        token: Optional[str] = None,
    ):
        self.issuer = issuer
        self.audiences = tuple(audiences)
        self._source = keys
        self._ca_file = ca_file
        self._token = token

    def name(self) -> str:
        """As in the ARN of the provider and in condition keys: without the scheme."""
        return self.issuer.removeprefix("https://")

    def verify(self, token: Token, now: float) -> None:
        """Raises TokenRejected, with "expired" for one that was good, or KeysUnreachable."""
        kid = token.header.get("kid")
        key = next((each for each in self._fetch() if each.get("kid") == kid), None)
        if key is None:
            raise TokenRejected("unknown-key-id")
        if not verify_signature(key, token.header.get("alg", ""), token.signed, token.signature):
            raise TokenRejected("token-signature")
        if now >= token.claims["exp"]:
            raise TokenRejected("expired")
        if token.claims.get("nbf", 0) > now + 300:
            raise TokenRejected("not-yet-valid")
        if not set(token.audiences()) & set(self.audiences):
            raise TokenRejected("audience")

    def _fetch(self) -> list[Mapping[str, Any]]:
        try:
            document = self._read()
            return list(document["keys"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeysUnreachable(type(error).__name__) from None

    def _read(self) -> Mapping[str, Any]:
        source = self._source
        if callable(source):
            return source()
        if isinstance(source, Mapping):
            return source
        if isinstance(source, Path) or "://" not in source:
            return json.loads(Path(source).read_text())
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request = urllib.request.Request(source, headers=headers)
        handlers: list[Any] = [urllib.request.ProxyHandler({})]
        if source.startswith("https:"):
            context = ssl.create_default_context(cafile=self._ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        with urllib.request.build_opener(*handlers).open(request, timeout=_FETCH_SECONDS) as reply:
            return json.loads(reply.read())
