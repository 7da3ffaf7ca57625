# SPDX-License-Identifier: Apache-2.0
"""Certificates of test servers, as OpenSSL sees them through the ssl module."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Optional

import pytest

from tests.support.certificates import Authority, Leaf


def handshake(leaf: Leaf, authority: Authority, name: str) -> Optional[str]:
    """A whole handshake over a socket pair; the TLS version, or raises as the client would."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            leaf.server_context().wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context(cadata=authority.pem)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        with context.wrap_socket(ours, server_hostname=name) as client:
            return client.version()
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_leaf_is_accepted_for_its_names(name: str) -> None:
    authority = Authority()
    assert handshake(authority.issue(), authority, name) in ("TLSv1.2", "TLSv1.3")


def test_leaf_is_refused_for_another_name_or_authority() -> None:
    authority = Authority()
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority.issue(), authority, "example.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.issue(), Authority("another"), "localhost")


def test_times_are_as_asked() -> None:
    authority = Authority()
    now = time.time()
    expired = authority.issue(not_before=now - 7200, not_after=now - 60)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(expired, authority, "localhost")
    early = authority.issue(not_before=now + 3600)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        handshake(early, authority, "localhost")
    distant = authority.issue(not_after=now + 40 * 365 * 86400)
    assert handshake(distant, authority, "localhost")


def test_written_key_is_private(tmp_path: Path) -> None:
    certificate, key = Authority().issue().write(tmp_path, "leaf")
    assert key.stat().st_mode & 0o077 == 0
    assert certificate.read_text().startswith("-----BEGIN CERTIFICATE-----\n")


def test_signatures_hold_for_many_keys() -> None:
    """Each leaf has its own key and nonce; DER integers with a high first bit occur among them."""
    authority = Authority()
    for _ in range(16):
        assert handshake(authority.issue(["localhost"]), authority, "localhost")
