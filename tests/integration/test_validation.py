# SPDX-License-Identifier: Apache-2.0
"""An ExternalSecret's own review, asked over the program's own port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.remote import MATERIALISING, external_secret, store
from tests.integration.serving import NAMESPACE, Serving
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(store())
        yield server


@pytest.fixture
def serving(api: ApiServer, aws: AwsStandIn, tmp_path: Path) -> Iterator[Serving]:
    with Serving(api, tmp_path, aws.environment(), **MATERIALISING) as running:
        running.wait_synced()
        yield running


def broken() -> Object:
    manifest = external_secret("db", "/prod/db")
    manifest["spec"]["target"]["template"] = {"data": {"url": "{{ .password "}}
    return manifest


def test_it_is_told_of_both_configurations(api: ApiServer, serving: Serving) -> None:
    for resource, route in (
        ("mutatingwebhookconfigurations", "mutate"),
        ("validatingwebhookconfigurations", "validate"),
    ):
        found = api.get(resource, "", "keyturn")
        assert found is not None
        for webhook in found["webhooks"]:
            client = webhook["clientConfig"]
            assert client["service"]["path"] == f"/{route}/{serving.segment()}"
            assert client["caBundle"]


def test_a_mistake_is_denied_with_its_place(aws: AwsStandIn, serving: Serving) -> None:
    answer = serving.validate(broken())
    assert not answer.allowed
    assert answer.patch is None
    entry = serving.wait_log("decision", kind="ExternalSecret", decision="deny", code="KT209")
    assert entry["name"] == "db"
    # What leaves it as it is passes, and so does what makes it right.
    assert serving.validate(broken(), old=broken()).allowed
    assert serving.validate(external_secret("db", "/prod/db"), old=broken()).allowed
    assert not serving.validate(broken(), old=external_secret("db", "/prod/db")).allowed
    assert aws.count() == 0


def test_a_store_that_is_missing_is_a_warning(serving: Serving) -> None:
    answer = serving.validate(external_secret("db", "/prod/db", "nowhere"))
    assert answer.allowed
    assert answer.warnings == ["KT220 SecretStore nowhere does not exist"]
    assert serving.validate(external_secret("db", "/prod/db")).warnings == []


def test_nothing_is_done_for_a_review(api: ApiServer, aws: AwsStandIn, serving: Serving) -> None:
    for dry_run in (False, True):
        assert serving.validate(external_secret("db", "/prod/db"), dry_run=dry_run).allowed
    assert aws.count() == 0
    assert api.get("secrets", NAMESPACE, "db") is None


def test_who_does_not_know_the_segment_learns_nothing(serving: Serving) -> None:
    for path in ("/validate/", "/validate", "/validate/x", f"/validate/{'0' * 32}"):
        assert serving.status(path) == 404
