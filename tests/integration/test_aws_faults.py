# SPDX-License-Identifier: Apache-2.0
"""One call after the other fails on the way to a Secret: the first, then the second and so on until
none is left, each in every way that a call may fail; either once, or with all that follow until
the trouble is over.

Whatever happens the Secret is never written in part, who looks at the ExternalSecret is told what
is wrong, no value is said, and when all is well again the Secret is there without anybody's help.

Each way has programs and stand-ins of its own, and all run at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.builds import SANITIZED, SLOWER
from tests.integration.planted import Planted, assert_nothing_said
from tests.integration.probe import eventually
from tests.integration.remote import (
    BREAKS,
    MATERIALISING,
    PARAMETER_STORE,
    data_of,
    external_secret,
    failures,
    role_arn,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving
from tests.support.api_server import ApiServer
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account
from tests.support.faults import Fault

Environment = dict[str, str]

# How a call fails, and what is then said of it: the kind, and words of the reason.
SAID: dict[str, tuple[Sequence[str], str]] = {
    "throttled": (["BUSY"], "Throttling"),
    "internal": (["UNAVAILABLE"], "Internal"),
    "page": (["UNAVAILABLE"], "HTTP status 503"),
    "reset-late": (["UNAVAILABLE", "BUSY"], ""),
    "half": (["UNAVAILABLE", "BUSY"], ""),
    "garbage": (["UNAVAILABLE"], ""),
    "oversized": (["TOO_BIG"], "an answer over"),
    "denied": (["DENIED"], "AccessDenied"),
    "expired": (["DENIED"], "ExpiredToken"),
}
FAULTS = {**BREAKS, "denied": ("access_denied", {}), "expired": ("error", {"code": "ExpiredToken"})}
# With sanitizers one that is tried again, one that is not, and one that needs other credentials.
KINDS = ["half", "denied", "expired"] if SANITIZED else list(SAID)


# Ways to a Secret: what is set up, and how many calls it takes.


def own_keys(api: ApiServer, aws: AwsStandIn, folder: Path) -> Environment:
    aws.add_principal()
    api.put(store())
    return aws.environment()


def web_identity(api: ApiServer, aws: AwsStandIn, folder: Path) -> Environment:
    issuer, file = TokenIssuer(), folder / "token"
    provider = aws.add_identity_provider(issuer.issuer, issuer.jwks)
    aws.add_role("own", trusting_service_account(provider, "keyturn-system", "keyturn"))
    file.write_text(issuer.service_account("keyturn-system", "keyturn", now=aws.clock.now()))
    api.put(store())
    return {
        **aws.endpoint_environment(),
        "AWS_ROLE_ARN": role_arn("own"),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
    }


def role_chain(api: ApiServer, aws: AwsStandIn, folder: Path) -> Environment:
    aws.add_principal()
    first = aws.add_role("first", trusting_account())
    last = aws.add_role("last", trusting_account())
    api.put(store(additionalRoles=[first.arn], role=last.arn))
    return aws.environment()


def parameter_store(api: ApiServer, aws: AwsStandIn, folder: Path) -> Environment:
    aws.add_principal()
    api.put(store(service=PARAMETER_STORE))
    return aws.environment()


@dataclass(frozen=True)
class Way:
    prepare: Callable[[ApiServer, AwsStandIn, Path], Environment]
    operations: tuple[str, ...]


BATCH = "BatchGetSecretValue"
WAYS = {
    "own_keys": Way(own_keys, (BATCH,)),
    "web_identity": Way(web_identity, ("AssumeRoleWithWebIdentity", BATCH)),
    "role_chain": Way(role_chain, ("AssumeRole", "AssumeRole", BATCH)),
    "parameter_store": Way(parameter_store, ("GetParameters",)),
}


# One run of the program.


def put(aws: AwsStandIn, planted: Planted) -> dict[str, str]:
    """Two values of each service, so that half of what is wanted would be something."""
    wanted = {key: planted.new(key) for key in ("user", "password")}
    for key, value in wanted.items():
        aws.put(f"/prod/{key}", value)
        aws.put_parameter(f"/prod/{key}", value)
    return wanted


def assert_never_in_part(api: ApiServer, wanted: dict[str, str]) -> None:
    for verb in ("create", "update"):
        for call in api.requests(verb, "secrets", namespace=NAMESPACE):
            assert sorted(call.body["data"]) == sorted(wanted)


def assert_told(api: ApiServer, serving: Serving, kind: str) -> None:
    kinds, words = SAID[kind]
    entry = serving.wait_log("externalsecret", 20, name="db", outcome="failed")
    assert entry["error_kind"] in kinds, entry
    assert words in entry["error"], entry

    def events() -> list[str]:
        found = api.objects("events")
        return [each["message"] for each in found if each["reason"] == "UpdateFailed"]

    eventually(lambda: entry["error"] in events(), "an Event that says it")


def go(way: Way, kind: str, nth: int, folder: Path, lasting: bool) -> Fault:
    """The n-th call fails, alone or with all after it."""
    planted = Planted()
    with ApiServer() as api, AwsStandIn() as aws:
        environment = way.prepare(api, aws, folder)
        wanted = put(aws, planted)
        fault_kind, params = FAULTS[kind]
        times = None if lasting else 1
        fault = aws.fail(fault_kind, times=times, skip=nth - 1, **params)
        api.put(external_secret("db", {key: f"/prod/{key}" for key in wanted}))
        with Serving(api, folder, environment, **MATERIALISING) as serving:
            serving.wait_synced()
            if lasting and nth <= len(way.operations):
                assert_told(api, serving, kind)
                assert data_of(api, "db") is None
                fault.clear()
            wait_data(api, "db", 30, **wanted)
            serving.wait_log("externalsecret", name="db", outcome="created")
            for role in aws.identities.sessions():
                planted.add_principal(role.access_key_id, role)
            assert_nothing_said(serving, planted)
            if fault.hits == 0:
                assert failures(serving, "db") == []
                assert tuple(call.operation for call in aws.calls()) == way.operations
        assert_never_in_part(api, wanted)
    return fault


def every_call(way: Way, lasting: bool, folder: Path) -> None:
    for kind in KINDS:
        nth = 1
        while go(way, kind, nth, folder, lasting).hits > 0:
            nth += 1
        assert nth == len(way.operations) + 1


# All at once.


@pytest.fixture(scope="module")
def under_way(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[tuple[str, bool], Future[None]]]:
    with ThreadPoolExecutor(2 * len(WAYS)) as pool:
        yield {
            (name, lasting): pool.submit(
                every_call, way, lasting, tmp_path_factory.mktemp(f"{name}-{lasting}")
            )
            for name, way in WAYS.items()
            for lasting in (False, True)
        }


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_whichever_call_fails_the_secret_comes_whole(
    under_way: dict[tuple[str, bool], Future[None]], name: str, lasting: bool
) -> None:
    under_way[name, lasting].result(timeout=280 * SLOWER)
