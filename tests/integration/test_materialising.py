# SPDX-License-Identifier: Apache-2.0
"""ExternalSecrets carried out while the API server fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.integration.serving import NAMESPACE, Serving, namespaced
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

READ = "GetSecretValue"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        for name in ("one", "two"):
            standin.put(f"/prod/{name}", "x")
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(namespaced(objects.secret_store()))
        yield server


@pytest.fixture
def serving(api: ApiServer, aws: AwsStandIn, tmp_path: Path) -> Iterator[Serving]:
    environment = aws.environment()
    with Serving(api, tmp_path, environment, external_secrets_controller="keyturn") as running:
        running.wait_synced()
        yield running


def describe(api: ApiServer, name: str) -> None:
    api.put(namespaced(objects.external_secret(name, f"/prod/{name}")))


def wait_carried_out(serving: Serving, name: str, outcome: str) -> Object:
    return serving.wait_log("externalsecret", name=name, outcome=outcome)


def test_a_write_that_fails_is_no_fault_of_the_store(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.fail("status", verb="create", resource="secrets", code=500, times=1)
    describe(api, "one")
    assert wait_carried_out(serving, "one", "failed")["error_kind"] == "UNAVAILABLE"
    # The others of the same store are asked for at once, and this one at the next try.
    describe(api, "two")
    for name in ("two", "one"):
        wait_carried_out(serving, name, "created")
        assert api.get("secrets", NAMESPACE, name) is not None
    outcomes = [entry["outcome"] for entry in serving.process.logs("externalsecret")]
    assert sorted(outcomes) == ["created", "created", "failed"]
    assert (aws.count(READ, secret="/prod/one"), aws.count(READ, secret="/prod/two")) == (2, 1)
