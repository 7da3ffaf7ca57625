# SPDX-License-Identifier: Apache-2.0
"""X.509 certificates for test servers: a throw-away authority and leaves, ECDSA P-256.

The standard library can use certificates but not make them; this writes the DER itself, so that
neither the openssl program nor a package is needed. For tests only: the arithmetic is not constant
time.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import secrets
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = Optional[tuple[int, int]]


def _add(a: Point, b: Point) -> Point:
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _multiply(scalar: int, point: Point) -> Point:
    result: Point = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _digest(message: bytes) -> int:
    return int.from_bytes(hashlib.sha256(message).digest(), "big")


def is_on_curve(point: tuple[int, int]) -> bool:
    x, y = point
    b = _G[1] * _G[1] - _G[0] ** 3 + 3 * _G[0]
    return 0 <= x < _P and 0 <= y < _P and (y * y - x**3 + 3 * x - b) % _P == 0


def verify_ecdsa(point: tuple[int, int], message: bytes, r: int, s: int) -> bool:
    """Whether the key with this public point made the signature (FIPS 186-5 section 6.4.2)."""
    if not (0 < r < _N and 0 < s < _N):
        return False
    inverse = pow(s, -1, _N)
    u, v = _digest(message) * inverse % _N, r * inverse % _N
    sum_ = _add(_multiply(u, _G), _multiply(v, point))
    return sum_ is not None and sum_[0] % _N == r


class PrivateKey:
    def __init__(self) -> None:
        self._d = secrets.randbelow(_N - 1) + 1
        point = _multiply(self._d, _G)
        assert point is not None
        self.public = b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")

    def sign(self, message: bytes) -> bytes:
        """In DER, as X.509 has it."""
        r, s = self.sign_pair(message)
        return _sequence(_integer(r), _integer(s))

    def sign_pair(self, message: bytes) -> tuple[int, int]:
        while True:
            k = secrets.randbelow(_N - 1) + 1
            point = _multiply(k, _G)
            assert point is not None
            r = point[0] % _N
            s = pow(k, -1, _N) * (_digest(message) + r * self._d) % _N
            if r and s:
                return r, s

    def pem(self) -> str:
        body = _sequence(
            _integer(1),
            _tlv(0x04, self._d.to_bytes(32, "big")),
            _tlv(0xA0, _oid("1.2.840.10045.3.1.7")),
            _tlv(0xA1, _bits(self.public)),
        )
        return _pem("EC PRIVATE KEY", body)


def _tlv(tag: int, body: bytes) -> bytes:
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(body: bytes, unused: int = 0) -> bytes:
    return _tlv(0x03, bytes([unused]) + body)


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytearray([40 * first + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(groups))
    return _tlv(0x06, bytes(body))


def _time(instant: float) -> bytes:
    """UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5)."""
    moment = time.gmtime(instant)
    if moment.tm_year < 2050:
        return _tlv(0x17, time.strftime("%y%m%d%H%M%SZ", moment).encode())
    return _tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", moment).encode())


def _name(common_name: str) -> bytes:
    attribute = _sequence(_oid("2.5.4.3"), _tlv(0x0C, common_name.encode()))
    return _sequence(_tlv(0x31, attribute))


def _pem(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _extension(oid: str, value: bytes, critical: bool = False) -> bytes:
    flag = _tlv(0x01, b"\xff") if critical else b""
    return _sequence(_oid(oid), flag, _tlv(0x04, value))


def _key_id(public: bytes) -> bytes:
    return hashlib.sha1(public).digest()


_ECDSA_SHA256 = _sequence(_oid("1.2.840.10045.4.3.2"))
_EC_P256 = _sequence(_oid("1.2.840.10045.2.1"), _oid("1.2.840.10045.3.1.7"))


@dataclass(frozen=True)
class Leaf:
    certificate_pem: str
    key_pem: str

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        certificate.write_text(self.certificate_pem)
        key.touch(mode=0o600)
        key.write_text(self.key_pem)
        return certificate, key

    def server_context(self) -> ssl.SSLContext:
        """A context for a test server: TLS 1.2 and later, HTTP/1.1 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = self.write(Path(directory), "leaf")
            context.load_cert_chain(certificate, key)
        return context


class Authority:
    """A certificate authority whose key lives in this process only."""

    def __init__(self, common_name: str = "keyturn test authority", days: float = 30):
        self._key = PrivateKey()
        self._name = common_name
        now = time.time()
        self.pem = self._certificate(
            common_name, self._key, now - 3600, now + days * 86400, authority=True, names=()
        )

    def issue(
        self,
        names: Sequence[str] = ("localhost", "127.0.0.1", "::1"),
        *,
        not_before: Optional[float] = None,
        not_after: Optional[float] = None,
        common_name: str = "keyturn test server",
    ) -> Leaf:
        """A serving certificate for DNS names and addresses; the times are epoch seconds."""
        key = PrivateKey()
        now = time.time()
        pem = self._certificate(
            common_name,
            key,
            now - 3600 if not_before is None else not_before,
            now + 30 * 86400 if not_after is None else not_after,
            authority=False,
            names=names,
        )
        return Leaf(pem, key.pem())

    def write(self, path: Path) -> Path:
        path.write_text(self.pem)
        return path

    def _certificate(
        self,
        subject: str,
        key: PrivateKey,
        not_before: float,
        not_after: float,
        *,
        authority: bool,
        names: Sequence[str],
    ) -> str:
        basic = _sequence(_tlv(0x01, b"\xff")) if authority else _sequence()
        usage = _bits(b"\x06", 1) if authority else _bits(b"\x80", 7)
        extensions = [
            _extension("2.5.29.19", basic, critical=True),
            _extension("2.5.29.15", usage, critical=True),
            _extension("2.5.29.14", _tlv(0x04, _key_id(key.public))),
            _extension("2.5.29.35", _sequence(_tlv(0x80, _key_id(self._key.public)))),
        ]
        if not authority:
            extensions.append(_extension("2.5.29.37", _sequence(_oid("1.3.6.1.5.5.7.3.1"))))
        if names:
            extensions.append(_extension("2.5.29.17", _sequence(*map(_alternative_name, names))))
        body = _sequence(
            _tlv(0xA0, _integer(2)),
            _integer(int.from_bytes(os.urandom(16), "big") >> 1),
            _ECDSA_SHA256,
            _name(self._name),
            _sequence(_time(not_before), _time(not_after)),
            _name(subject),
            _sequence(_EC_P256, _bits(key.public)),
            _tlv(0xA3, _sequence(*extensions)),
        )
        return _pem("CERTIFICATE", _sequence(body, _ECDSA_SHA256, _bits(self._key.sign(body))))


def _alternative_name(name: str) -> bytes:
    try:
        return _tlv(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return _tlv(0x82, name.encode("ascii"))
