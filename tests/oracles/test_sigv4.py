# SPDX-License-Identifier: Apache-2.0
"""Keyturn's signer against botocore's and against the stand-in's verifier: random requests, stage
by stage, byte for byte. (The golden vectors are in tests/unit/aws/test_sigv4.c.)"""

from __future__ import annotations

import base64
import calendar
import datetime
import json
import os
import random
import string
import time
from dataclasses import dataclass
from typing import Optional
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.oracles.tool import ask_tool
from tests.support.aws_sigv4 import ReceivedRequest, SigningKey, verify

pytestmark = pytest.mark.sanitizers

REQUESTS = 2000
# Another seed for more of them: the same seed, the same requests.
SEED = int(os.environ.get("KEYTURN_SIGV4_SEED") or 20261123)
STAGES = ("canonical_request", "string_to_sign", "signature", "authorization")

# What hop-by-hop or proxies change; both signers leave it out.
UNSIGNED = ("User-Agent", "X-Amzn-Trace-Id", "Connection", "Expect", "Keep-Alive", "TE", "Trailer")
_SEGMENT = string.ascii_letters + string.digits + "-._~ !$&'()*,;=:@%\u00e9\u20ac\U0001f511"
_VALUE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True)
class Case:
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    region: str
    service: str
    date: str
    token: Optional[str]
    access_key_id: str
    secret_access_key: str

    def line(self) -> str:
        """As sigv4_tool reads it."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        document["body"] = base64.b64encode(self.body).decode()
        if self.token is None:
            del document["token"]
        return json.dumps(document)

    def host(self) -> str:
        return dict(self.headers)["Host"]


def text(random_: random.Random, alphabet: str, low: int, high: int) -> str:
    return "".join(random_.choices(alphabet, k=random_.randint(low, high)))


def path_of(random_: random.Random) -> str:
    """Raw, with dot segments and empty ones; not at the end, where the signers differ."""
    if random_.random() < 0.4:
        return "/"
    segments = [
        random_.choice(
            ("", ".", "..", text(random_, _SEGMENT, 1, 8), text(random_, _SEGMENT, 1, 8))
        )
        for _ in range(random_.randint(0, 5))
    ]
    last = random_.choice(("", text(random_, string.ascii_letters + "~ %\u00e9", 1, 6)))
    return "/" + "/".join([*segments, last])


def query_of(random_: random.Random) -> str:
    """Encoded as canonical queries are, in any order, keys repeated."""
    if random_.random() < 0.5:
        return ""
    keys = [text(random_, _SEGMENT + "+/?#", 1, 6) for _ in range(random_.randint(1, 4))]
    pairs = [
        (random_.choice(keys), text(random_, _SEGMENT + "+/?#", 0, 8))
        for _ in range(random_.randint(1, 6))
    ]
    return "&".join(f"{quote(k, safe='-._~')}={quote(v, safe='-._~')}" for k, v in pairs)


def value_of(random_: random.Random) -> str:
    words = [text(random_, _VALUE, 1, 10) for _ in range(random_.randint(1, 4))]
    blanks = [" " * random_.choice((1, 1, 2, 5)) for _ in words]
    inner = "".join(word + blank for word, blank in zip(words, blanks))
    return random_.choice(("", " ", "   ")) + inner + random_.choice(("", " "))


def headers_of(random_: random.Random, date: str, token: Optional[str]) -> list[tuple[str, str]]:
    port = random_.choice(("", ":8443"))
    headers = [("Host", f"h-{text(random_, string.ascii_lowercase, 1, 20)}.example.com{port}")]
    headers.append(("X-Amz-Date", date))
    if token is not None:
        headers.append(("X-Amz-Security-Token", token))
    if random_.random() < 0.7:
        headers.append(("Content-Type", "application/x-amz-json-1.1"))
        headers.append(
            ("X-Amz-Target", f"secretsmanager.{text(random_, string.ascii_letters, 1, 9)}")
        )
    names = [
        "X-" + text(random_, string.ascii_letters + string.digits + "-_", 1, 12)
        for _ in range(random_.randint(0, 4))
    ]
    for name in names:
        for _ in range(random_.choice((1, 1, 1, 2, 3))):
            # Case does not make another header.
            headers.append((random_.choice((name, name.upper())), value_of(random_)))
    for name in random_.sample(UNSIGNED, random_.randint(0, 2)):
        headers.append((name, value_of(random_)))
    random_.shuffle(headers)
    return headers


def case_of(random_: random.Random) -> Case:
    # To the end of 2099, leap days and year's ends among them.
    instant = datetime.datetime(1970, 1, 1) + datetime.timedelta(
        seconds=random_.randrange(1_400_000_000, 4_102_444_800)
    )
    date = instant.strftime("%Y%m%dT%H%M%SZ")
    token = text(random_, string.ascii_letters + "/+=", 1, 900) if random_.random() < 0.5 else None
    return Case(
        random_.choice(("GET", "POST", "PUT", "DELETE")),
        path_of(random_),
        query_of(random_),
        headers_of(random_, date, token),
        random_.randbytes(random_.choice((0, 1, 63, 64, 65, random_.randrange(4096)))),
        text(random_, string.ascii_lowercase + string.digits + "-", 1, 20),
        text(random_, string.ascii_lowercase + "-", 1, 16),
        date,
        token,
        text(random_, string.ascii_uppercase + string.digits, 16, 128),
        text(random_, string.ascii_letters + string.digits + "+/", 1, 100),
    )


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    random_ = random.Random(SEED)
    return [case_of(random_) for _ in range(REQUESTS)]


@pytest.fixture(scope="module")
def answers(cases: list[Case]) -> list[dict[str, str]]:
    return [json.loads(line) for line in ask_tool("sigv4_tool", [case.line() for case in cases])]


def botocore_stages(case: Case, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    frozen = datetime.datetime.strptime(case.date, "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: frozen)
    url = f"https://{case.host()}{case.path}" + (f"?{case.query}" if case.query else "")
    request = AWSRequest(case.method, url, data=case.body)
    for name, value in case.headers:
        # botocore adds these two itself.
        if name not in ("X-Amz-Date", "X-Amz-Security-Token"):
            request.headers.add_header(name, value)
    credentials = Credentials(case.access_key_id, case.secret_access_key, case.token)
    signer = SigV4Auth(credentials, case.service, case.region)
    signer.add_auth(request)
    authorization = request.headers["Authorization"]
    # The stages once more, for whoever looks for the first difference.
    del request.headers["Authorization"]
    canonical = signer.canonical_request(request)
    to_sign = signer.string_to_sign(request, canonical)
    return {
        "canonical_request": canonical,
        "string_to_sign": to_sign,
        "signature": signer.signature(to_sign, request),
        "authorization": authorization,
    }


def test_requests_are_many_and_of_every_kind(cases: list[Case]) -> None:
    assert len(cases) == REQUESTS >= 1000
    assert len({case.line() for case in cases}) == REQUESTS
    for kind in (
        lambda case: case.token is not None,
        lambda case: not case.body,
        lambda case: len(case.body) > 1000,
        lambda case: "/../" in case.path,
        lambda case: "//" in case.path,
        lambda case: "\u20ac" in case.path,
        lambda case: case.query.count("&") > 3,
        lambda case: "%2F" in case.query,
        lambda case: any("  " in value for _, value in case.headers),
        lambda case: len({n.lower() for n, _ in case.headers}) < len(case.headers),
        lambda case: any(name in UNSIGNED for name, _ in case.headers),
    ):
        assert sum(1 for case in cases if kind(case)) >= 20


def test_every_stage_is_botocores(
    cases: list[Case], answers: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (case, answer) in enumerate(zip(cases, answers)):
        wanted = botocore_stages(case, monkeypatch)
        for stage in STAGES:
            assert answer.get(stage) == wanted[stage], f"request {number}, {stage}: {case.line()}"


def test_every_signature_is_accepted_by_the_verifier(
    cases: list[Case], answers: list[dict[str, str]]
) -> None:
    for number, (case, answer) in enumerate(zip(cases, answers)):
        target = case.path + (f"?{case.query}" if case.query else "")
        headers = [(name.encode(), value.encode()) for name, value in case.headers]
        headers.append((b"Authorization", answer["authorization"].encode()))
        verified = verify(
            ReceivedRequest(case.method, target.encode(), headers, case.body),
            {case.access_key_id: SigningKey(case.secret_access_key, case.token)}.get,
            regions=(case.region,),
            service=case.service,
            now=calendar.timegm(time.strptime(case.date, "%Y%m%dT%H%M%SZ")),
        )
        assert verified.canonical_request == answer["canonical_request"], f"request {number}"
