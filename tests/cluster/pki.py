# SPDX-License-Identifier: Apache-2.0
"""The certificates of one control plane, made by the openssl program (3.0 or later)."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

# P-256 everywhere: a key takes milliseconds, where RSA takes a good part of a second.
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
SERVICE_ADDRESS = "10.96.0.1"  # the first of the API server's --service-cluster-ip-range


@dataclass(frozen=True)
class KeyPair:
    certificate: Path
    key: Path


class Pki:
    """A CA of its own, in `folder`, and what it signed. Private keys are readable by us alone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        # The machine's own configuration would add extensions.
        self._config = folder / "openssl.cnf"
        self._config.write_text("[req]\ndistinguished_name = name\n[name]\n")
        self.ca = self._make("ca", "/CN=keyturn-test-ca", [])
        self.api_server = self.server(
            "apiserver",
            ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
            ("127.0.0.1", SERVICE_ADDRESS),
        )
        # ServiceAccount tokens are signed with the private half and verified with the public one.
        self.service_account_key = folder / "sa.key"
        self.service_account_public_key = folder / "sa.pub"
        self._openssl(
            *("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-out", str(self.service_account_key)),
        )
        self._openssl(
            *("pkey", "-in", str(self.service_account_key), "-pubout"),
            *("-out", str(self.service_account_public_key)),
        )

    def server(
        self, file_name: str, dns_names: tuple[str, ...], addresses: tuple[str, ...] = ()
    ) -> KeyPair:
        names = [f"DNS:{name}" for name in dns_names] + [f"IP:{address}" for address in addresses]
        return self._sign(
            file_name,
            f"/CN={file_name}",
            ["extendedKeyUsage=serverAuth", f"subjectAltName={','.join(names)}"],
        )

    def client(self, file_name: str, user: str, groups: tuple[str, ...] = ()) -> KeyPair:
        """A client certificate: Kubernetes takes the user from CN and the groups from O."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        return self._sign(file_name, subject, ["extendedKeyUsage=clientAuth"])

    def _sign(self, file_name: str, subject: str, extensions: list[str]) -> KeyPair:
        return self._make(
            file_name,
            subject,
            ["-CA", str(self.ca.certificate), "-CAkey", str(self.ca.key)],
            ["basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature", *extensions],
        )

    def _make(
        self, file_name: str, subject: str, signer: list[str], extensions: list[str] | None = None
    ) -> KeyPair:
        pair = KeyPair(self.folder / f"{file_name}.crt", self.folder / f"{file_name}.key")
        extensions = extensions or [
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
            "subjectKeyIdentifier=hash",
        ]
        self._openssl(
            *("req", "-config", str(self._config), "-x509", *NEW_KEY, *signer),
            *("-subj", subject, "-days", "365"),
            *(argument for extension in extensions for argument in ("-addext", extension)),
            *("-keyout", str(pair.key), "-out", str(pair.certificate)),
        )
        return pair

    def _openssl(self, *arguments: str) -> None:
        reply = subprocess.run(
            ["openssl", *arguments], capture_output=True, text=True, check=False, umask=0o077
        )
        if reply.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]} failed: {reply.stderr.strip()}")
