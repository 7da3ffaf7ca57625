# SPDX-License-Identifier: Apache-2.0
"""Values that must not be left in the memory of the program under test, nor in what it says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from tests.integration.serving import Serving
from tests.support.aws_identity import Principal
from tests.support.memory_scan import WINDOW_BYTES, Marker, ScanResult, scan

# What nobody may read: the kernel's own pages, and those of secret memory, memfd_secret(2), where
# the key of the cache lies.
UNREADABLE = ("[vvar", "[vsyscall", "/secretmem")

# All session tokens begin alike.
_TOKEN_PREFIX = len("IQoJb3JpZ2luX2VjE//")


class Planted:
    """Named by the way they come."""

    def __init__(self) -> None:
        self.markers: list[Marker] = []

    def new(self, name: str) -> str:
        self.markers.append(Marker(name))
        return self.markers[-1].text

    def add(self, name: str, value: bytes) -> None:
        self.markers.append(Marker(name, value))

    def add_principal(self, name: str, principal: Principal) -> None:
        """The secret access key, the session token, and the keys derived to sign with."""
        self.add(f"{name}: key", principal.secret_access_key.encode())
        if principal.session_token is not None:
            self.add(f"{name}: token", principal.session_token[_TOKEN_PREFIX:].encode())
        key = b"AWS4" + principal.secret_access_key.encode()
        day = time.strftime("%Y%m%d", time.gmtime())
        for step in (day, "us-east-1", "secretsmanager", "aws4_request"):
            key = hmac.digest(key, step.encode(), hashlib.sha256)
            self.add(f"{name}: key derived for {step}", key)


def look(serving: Serving, planted: Planted) -> ScanResult:
    result = scan(serving.process.pid, planted.markers)
    assert all(name.startswith(UNREADABLE) for name in result.unreadable), result.describe()
    return result


def assert_nothing_left(serving: Serving, planted: Planted) -> None:
    assert_left(serving, planted, {})


def assert_left(serving: Serving, planted: Planted, in_use: Mapping[str, int]) -> None:
    """`in_use` says which markers are in memory, in how many places; of the others there is not
    even a part. Looked at again once, for the last answer may be on its way yet."""
    wrong = _wrong(look(serving, planted), planted, in_use)
    if wrong:
        serving.wait_lease_renewed()
        wrong = _wrong(look(serving, planted), planted, in_use)
    assert not wrong, "\n".join(wrong)


def _wrong(result: ScanResult, planted: Planted, in_use: Mapping[str, int]) -> list[str]:
    wrong = []
    for marker in planted.markers:
        places = in_use.get(marker.name, 0)
        windows = len(marker.value) // WINDOW_BYTES
        if (result.whole(marker.name), result.parts(marker.name)) != (places, places * windows):
            hits = [hit for hit in result.hits if hit.marker == marker.name]
            wrong.append(f"{marker}: in {places} places, but found {hits}")
    return wrong


def assert_nothing_said(serving: Serving, planted: Planted) -> None:
    """In no line of the log, no Event and no status."""
    events = [event["message"] for event in serving.api.objects("events")]
    statuses = [
        json.dumps(each.get("status"), ensure_ascii=False)
        for resource in ("externalsecrets", "secretstores", "clustersecretstores")
        for each in serving.api.objects(resource)
    ]
    said = "\n".join([*serving.lines(), *events, *statuses]).encode()
    for marker in planted.markers:
        forms = {**marker.forms, "hex": marker.value.hex().encode()}
        assert not [form for form, bytes_ in forms.items() if bytes_ in said], marker
        assert base64.urlsafe_b64encode(marker.value).rstrip(b"=") not in said, marker
