# SPDX-License-Identifier: Apache-2.0
"""The KMS keys behind secrets and parameters: who may decrypt, and whether anybody can."""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import Optional

from tests.support.aws_identity import Principal
from tests.support.aws_policy import ALLOW


class KeyDisabled(Exception):
    pass


class KeyDenied(Exception):
    pass


class KmsKeys:
    """A key exists once it is named. `None` is the service's own key, which anybody may use who may
    read the value. Any thread."""

    def __init__(self, region: str, account: str, partition: str = "aws"):
        self._prefix = f"arn:{partition}:kms:{region}:{account}:key/"
        self._lock = threading.Lock()
        self._disabled: set[str] = set()

    def arn(self, key: str) -> str:
        return key if key.startswith("arn:") else self._prefix + key

    def set_enabled(self, key: str, enabled: bool) -> None:
        with self._lock:
            (self._disabled.discard if enabled else self._disabled.add)(self.arn(key))

    def demand(self, key: Optional[str], principal: Principal) -> None:
        if key is None:
            return
        if principal.decide("kms:Decrypt", (self.arn(key),)) != ALLOW:
            raise KeyDenied()
        with self._lock:
            if self.arn(key) in self._disabled:
                raise KeyDisabled()


def ciphertext(plain: str) -> str:
    """What a SecureString looks like to whoever does not ask for decryption."""
    digest = hashlib.sha512(plain.encode()).digest()
    return "AQICAHh" + base64.b64encode(digest * 3).decode()
