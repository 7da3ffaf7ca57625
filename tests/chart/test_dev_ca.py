# SPDX-License-Identifier: Apache-2.0
"""certs/make-dev-ca.sh: what it makes is what the program reads and the API server accepts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "certs" / "make-dev-ca.sh"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def openssl(*arguments: str) -> str:
    reply = run("openssl", *arguments)
    assert reply.returncode == 0, reply.stderr
    return reply.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs") / "dev"
    names = ("keyturn.example", "10.0.0.1", "fd00::1")
    made = run(str(SCRIPT), "-o", str(folder), "-n", "ns", "-s", "svc", *names)
    assert made.returncode == 0, made.stderr
    return folder


def test_files_are_the_keys_of_the_secret(folder: Path) -> None:
    names = {"ca.crt", "ca.key", "tls.crt", "tls.key", "path"}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_path_is_a_segment_without_a_newline(folder: Path) -> None:
    assert re.fullmatch(rb"[0-9a-f]{32}", (folder / "path").read_bytes())


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ("-verify_hostname", "svc.ns.svc"),
        ("-verify_hostname", "localhost"),
        ("-verify_hostname", "keyturn.example"),
        ("-verify_ip", "127.0.0.1"),
        ("-verify_ip", "::1"),
        ("-verify_ip", "10.0.0.1"),
        ("-verify_ip", "fd00::1"),
    ],
)
def test_certificate_verifies(folder: Path, check: str, name: str) -> None:
    # -x509_strict: what GnuTLS and Go insist on as well.
    openssl(
        *("verify", "-x509_strict", "-purpose", "sslserver", check, name),
        *("-CAfile", str(folder / "ca.crt"), str(folder / "tls.crt")),
    )


def test_keys_are_p256_and_belong_to_the_certificates(folder: Path) -> None:
    for name in ("ca", "tls"):
        text = openssl("x509", "-in", str(folder / f"{name}.crt"), "-noout", "-text")
        assert "NIST CURVE: P-256" in text
        public = openssl("x509", "-in", str(folder / f"{name}.crt"), "-noout", "-pubkey")
        assert public == openssl("pkey", "-in", str(folder / f"{name}.key"), "-pubout")


def test_existing_ca_is_kept_unless_forced(folder: Path) -> None:
    before = (folder / "ca.key").read_bytes()
    refused = run(str(SCRIPT), "-o", str(folder))
    assert refused.returncode == 1
    assert "-f replaces it" in refused.stderr
    assert (folder / "ca.key").read_bytes() == before

    replaced = run(str(SCRIPT), "-f", "-o", str(folder))
    assert replaced.returncode == 0, replaced.stderr
    assert (folder / "ca.key").read_bytes() != before
    # Nothing but the five files, whatever was in the way.
    assert len(list(folder.iterdir())) == 5
