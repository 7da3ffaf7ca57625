# SPDX-License-Identifier: Apache-2.0
"""How often AWS is asked, how many at a time, and whom it concerns when something goes wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.rollouts import uses_each
from tests.integration.builds import SLOWER
from tests.integration.probe import eventually
from tests.integration.remote import (
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
from tests.support.aws_standin import AwsStandIn, trusting_account

BATCH = "BatchGetSecretValue"
SINGLE = "GetSecretValue"
BATCH_MAX = 20
# The threads that carry out ExternalSecrets in the background.
THREADS = 8


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn(regions=("us-east-1", "eu-west-1")) as standin:
        standin.add_principal()
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(store())
        yield server


@contextlib.contextmanager
def serving(api: ApiServer, aws: AwsStandIn, folder: Path) -> Iterator[Serving]:
    with Serving(api, folder, aws.environment(), **MATERIALISING) as running:
        running.wait_synced()
        yield running


def describe(api: ApiServer, aws: AwsStandIn, numbers: Iterable[int]) -> None:
    """ExternalSecrets of as many secrets."""
    for number in numbers:
        aws.put(f"/prod/{number}", f"value {number}")
        api.put(external_secret(f"db-{number}", f"/prod/{number}"))


def wait_all(api: ApiServer, numbers: Iterable[int]) -> None:
    for number in numbers:
        wait_data(api, f"db-{number}", 60, password=f"value {number}")


def wait_outcomes(serving: Serving, outcome: str, count: int, timeout: float = 30) -> None:
    def found() -> int:
        return len({e["name"] for e in serving.process.logs("externalsecret", outcome=outcome)})

    eventually(lambda: found() == count, f"{count} {outcome}", timeout)


def wait_status(api: ApiServer, name: str) -> None:
    """Until it says that the Secret was made."""
    api.wait_object(
        "externalsecrets",
        NAMESPACE,
        name,
        lambda obj: obj is not None and "refreshTime" in (obj.get("status") or {}),
        timeout=60 * SLOWER,
    )


def counts(aws: AwsStandIn) -> tuple[int, int]:
    return aws.count(BATCH), aws.count(SINGLE)


def test_two_hundred_secrets_take_ten_calls_and_so_they_do_when_all_are_overdue(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    many = range(200)
    describe(api, aws, many)
    with serving(api, aws, tmp_path) as running:
        wait_all(api, many)
        wait_outcomes(running, "created", 200)
        assert counts(aws) == (10, 0)
        assert all(len(call.ids) == BATCH_MAX for call in aws.calls(BATCH))
        metrics = running.metrics()
        assert metrics.value("keyturn_aws_batches_total") == 10
        assert metrics.value("keyturn_aws_batched_values_total") == 200
        for number in many:
            wait_status(api, f"db-{number}")
    aws.reset_calls()
    for number in many:
        overdue = {"status": {"refreshTime": "2020-01-01T00:00:00Z"}}
        api.patch("externalsecrets", NAMESPACE, f"db-{number}", overdue)
    with serving(api, aws, tmp_path) as running:
        # Spread over half a minute, unless the first takes the others along.
        wait_outcomes(running, "unchanged", 200, 60)
        assert counts(aws) == (10, 0)
        assert failures(running, "db-0") == []


def test_where_batches_are_denied_all_are_asked_for_singly_from_then_on(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    aws.deny(f"secretsmanager:{BATCH}")
    many = range(200)
    describe(api, aws, many)
    with serving(api, aws, tmp_path) as running:
        wait_all(api, many)
        refused, singles = counts(aws)
        # Those that were on their way when the first was refused.
        assert 1 <= refused <= 10
        assert singles == 200
        assert aws.most_in_flight() <= THREADS
        describe(api, aws, range(200, 240))
        wait_all(api, range(200, 240))
        assert counts(aws) == (refused, 240)
        wait_outcomes(running, "created", 240)
        assert running.process.logs("externalsecret", outcome="failed") == []


@pytest.mark.parametrize("cold", [True, False], ids=["at the start", "later"])
def test_fifty_external_secrets_of_one_secret_take_one_call(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path, cold: bool
) -> None:
    aws.put("/prod/one", "the value")

    def describe_all() -> None:
        for number in range(50):
            api.put(external_secret(f"db-{number}", "/prod/one"))

    if cold:
        describe_all()
    with serving(api, aws, tmp_path) as running:
        if not cold:
            describe_all()
        for number in range(50):
            wait_data(api, f"db-{number}", password="the value")
        assert counts(aws) == (0, 1)
        wait_outcomes(running, "created", 50)


def test_parameters_are_asked_for_ten_at_a_time(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    api.put(store(service=PARAMETER_STORE))
    for number in range(100):
        aws.put_parameter(f"/prod/{number}", f"value {number}")
        api.put(external_secret(f"db-{number}", f"/prod/{number}"))
    with serving(api, aws, tmp_path):
        wait_all(api, range(100))
        assert (aws.count("GetParameters"), aws.count("GetParameter")) == (10, 0)


def test_pages_and_entries_that_fail_lead_to_the_right_secrets(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    """Of one batch: pages without anything on them, one secret that is not there, one that is not
    allowed, one that the service failed for, one that it forgot, and sixteen that are well."""
    describe(api, aws, range(BATCH_MAX - 1))
    api.put(external_secret("absent", "/prod/absent"))
    aws.fail("empty_page", operation=BATCH, times=2)
    codes = {"/prod/1": "AccessDeniedException", "/prod/2": "InternalServiceError"}
    aws.fail("entries", codes=codes, operation=BATCH, times=1)
    aws.fail("access_denied", operation=SINGLE, secret="/prod/1")
    with serving(api, aws, tmp_path) as running:
        wait_all(api, [number for number in range(BATCH_MAX - 1) if number != 1])
        denied = running.wait_log("externalsecret", name="db-1", outcome="failed")
        absent = running.wait_log("externalsecret", name="absent", outcome="failed")
        assert (denied["error_kind"], absent["error_kind"]) == ("DENIED", "MISSING")
        assert "AccessDeniedException" in denied["error"]
        assert data_of(api, "db-1") is None and data_of(api, "absent") is None
        for name in ("db-0", "db-2", "db-18"):
            assert failures(running, name) == []
        first = [call.operation for call in aws.calls()][:3]
        assert first == [BATCH] * 3


def test_a_secret_that_the_service_forgot_in_a_batch_is_asked_for_alone(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    describe(api, aws, range(5))
    aws.fail("omit", operation=BATCH, secret="/prod/3", times=1)
    with serving(api, aws, tmp_path):
        wait_all(api, range(5))
        assert counts(aws) == (1, 1)
        assert aws.count(SINGLE, secret="/prod/3") == 1


# What hangs concerns nobody else.


def hanging_secret(api: ApiServer, aws: AwsStandIn) -> tuple[Any, str]:
    return aws.fail("hold", secret="/prod/slow"), "aws"


def hanging_identity(api: ApiServer, aws: AwsStandIn) -> tuple[Any, str]:
    aws.add_role("slow", trusting_account())
    api.put(store("slow", role=role_arn("slow")))
    return aws.fail("hold", operation="AssumeRole", role="slow"), "slow"


def hanging_region(api: ApiServer, aws: AwsStandIn) -> tuple[Any, str]:
    api.put(store("slow", region="eu-west-1"))
    return aws.fail("hold", region="eu-west-1"), "slow"


@pytest.mark.parametrize("hang", [hanging_secret, hanging_identity, hanging_region])
def test_what_hangs_delays_nobody_else(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path, hang: Any
) -> None:
    for name in ("/prod/slow", "/prod/other"):
        aws.put(name, "x")
    aws.store("eu-west-1").put("/prod/slow", "x")
    with serving(api, aws, tmp_path) as running:
        hold, store_name = hang(api, aws)
        api.put(external_secret("slow", "/prod/slow", store_name))
        hold.wait_held(timeout=10 * SLOWER)
        other = "other"
        api.put(external_secret(other, "/prod/other"))
        wait_data(api, other, 4, password="x")
        # The very first try of the other one still waits for its answer.
        assert hold.hits == 1 and data_of(api, "slow") is None
        hold.release()
        wait_data(api, "slow", 30, password="x")
        assert failures(running, other) == []


def niceness(pid: int) -> dict[str, set[int]]:
    """Of the threads, by their names."""
    found: dict[str, set[int]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, _, fields = (task / "stat").read_text().partition("(")[2].rpartition(") ")
        found.setdefault(name, set()).add(int(fields.split()[16]))
    return found


def test_who_waits_for_aws_gives_way_to_who_serves(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    with serving(api, aws, tmp_path) as running:
        api.put(external_secret("db", "/not/there"))
        eventually(lambda: running.pod(**uses_each("db")).allowed, "an answer")
        eventually(lambda: "flight" in niceness(running.process.pid), "somebody who waits")
        nices = niceness(running.process.pid)
        own = nices.pop("keyturn")
        (behind,) = nices.pop("flight")
        assert behind > max(own)
        assert set().union(*nices.values()) == own
