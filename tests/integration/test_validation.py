# SPDX-License-Identifier: Apache-2.0
"""An ExternalSecret's own review, asked over the program's own port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.builds import SLOWER
from tests.integration.remote import (
    MATERIALISING,
    PARAMETER_STORE,
    external_secret,
    failures,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        standin.put("/prod/db", '{"password": "hunter2"}')
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
    assert not serving.validate(broken(), old=external_secret("db", "/prod/db")).allowed
    assert aws.count() == 0
    assert serving.validate(external_secret("db", "/prod/db"), old=broken()).allowed


def test_a_store_that_is_missing_is_a_warning(serving: Serving) -> None:
    answer = serving.validate(external_secret("db", "/prod/db", "nowhere"))
    assert answer.allowed
    assert answer.warnings == ["KT220 SecretStore nowhere does not exist"]
    assert serving.validate(external_secret("db", "/prod/db")).warnings == []


def asking(*remotes: Object, **spec: object) -> Object:
    """An ExternalSecret with an entry of data for each remoteRef."""
    manifest = external_secret("db", "")
    manifest["spec"]["data"] = [
        {"secretKey": f"key-{index}", "remoteRef": remote} for index, remote in enumerate(remotes)
    ]
    manifest["spec"] |= spec
    return manifest


PRESENT = {"key": "/prod/db", "property": "password"}
MISSING = {"key": "/prod/nothing"}

NO_SECRET = (
    "KT224 ExternalSecret app/db: spec.data[1]: no secret /prod/nothing in AWS Secrets Manager: "
    "make it or mend the key"
)


def assert_nothing_done(api: ApiServer, serving: Serving) -> None:
    assert api.get("secrets", NAMESPACE, "db") is None
    told = [event["involvedObject"]["kind"] for event in api.objects("events", NAMESPACE)]
    assert "ExternalSecret" not in told
    assert "hunter2" not in "\n".join(serving.lines())


def test_what_is_missing_in_aws_is_a_warning(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    """Each place that names it; what is there is read by the same call."""
    answer = serving.validate(
        asking(
            PRESENT,
            MISSING,
            {"key": "/prod/db", "property": "user"},
            target={"name": "db", "deletionPolicy": "Delete"},
            dataFrom=[{"extract": MISSING}],
        )
    )
    assert answer.allowed
    assert answer.warnings == [
        NO_SECRET,
        "KT225 ExternalSecret app/db: spec.data[2]: no property user in /prod/db: "
        "add it or mend the property",
        "KT224 ExternalSecret app/db: spec.dataFrom[0]: no secret /prod/nothing in AWS Secrets "
        "Manager: make it or mend the key",
    ]
    assert aws.count("BatchGetSecretValue") == 1
    entry = serving.wait_log("decision", kind="ExternalSecret", code="KT224")
    assert entry["decision"] == "allow"
    assert_nothing_done(api, serving)


def test_what_is_there_is_no_warning(api: ApiServer, aws: AwsStandIn, serving: Serving) -> None:
    answer = serving.validate(asking(PRESENT, dataFrom=[{"extract": {"key": "/prod/db"}}]))
    assert answer.allowed and answer.warnings == []
    assert aws.count() == aws.count("GetSecretValue") == 1
    assert_nothing_done(api, serving)


def test_a_parameter_is_looked_for_in_its_own_service(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(store("parameters", service=PARAMETER_STORE))
    aws.put_parameter("/prod/there", "x")
    by_parameters = {"secretStoreRef": {"name": "parameters", "kind": "SecretStore"}}
    serving.wait_log("store", name="parameters", valid=True)
    answer = serving.validate(asking({"key": "/prod/there"}, MISSING, **by_parameters))
    assert answer.allowed
    assert answer.warnings == [
        "KT224 ExternalSecret app/db: spec.data[1]: no parameter /prod/nothing in AWS Parameter "
        "Store: make it or mend the key"
    ]


def test_what_was_missing_and_has_been_made_is_found(aws: AwsStandIn, serving: Serving) -> None:
    """Whatever the cache remembers: who was warned has done what he was told."""
    assert len(serving.validate(asking(MISSING)).warnings) == 1
    aws.put("/prod/nothing", "{}")
    assert serving.validate(asking(MISSING)).warnings == []
    wanted = {**MISSING, "property": "user"}
    assert len(serving.validate(asking(wanted)).warnings) == 1
    aws.rotate("/prod/nothing", '{"user": "u"}')
    assert serving.validate(asking(wanted)).warnings == []


def test_aws_is_not_asked(aws: AwsStandIn, serving: Serving) -> None:
    """For what leaves the spec as it was, for a dry run, for what is wrong anyway, for a pattern,
    and for the like of tags."""
    missing = asking(MISSING)
    labelled = asking(MISSING)
    labelled["metadata"]["labels"] = {"team": "app"}
    assert serving.validate(labelled, old=missing).warnings == []
    assert serving.validate(missing, dry_run=True).warnings == []
    mistaken = asking(MISSING, target={"template": {"data": {"url": "{{"}}})
    assert not serving.validate(mistaken).allowed
    find = {"dataFrom": [{"find": {"name": {"regexp": "nothing"}}}]}
    assert serving.validate(asking(**find)).warnings == []
    assert serving.validate(asking({**MISSING, "metadataPolicy": "Fetch"})).warnings == []
    assert aws.count() == 0


def test_what_a_quota_may_refuse_is_not_asked_for(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    """It decides after webhooks. An UPDATE makes no object more."""
    hard = {"count/externalsecrets.external-secrets.io": "5"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "objects", "namespace": NAMESPACE},
        "spec": {"hard": hard},
    }
    api.put(quota)
    assert serving.validate(asking(PRESENT, MISSING)).warnings == []
    assert aws.count() == 0
    assert serving.validate(asking(PRESENT, MISSING), old=asking(PRESENT)).warnings == [NO_SECRET]


def test_aws_that_does_not_answer_keeps_nobody_waiting(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    hold = aws.fail("hold")
    began = time.monotonic()
    answer = serving.validate(asking(MISSING))
    took = time.monotonic() - began
    assert answer.allowed and answer.warnings == []
    # It was asked, and has not answered yet; the API server itself waits for three seconds.
    hold.wait_held()
    assert hold.held == 1
    assert took < 3.0 * SLOWER
    # That it was too short a time for AWS is nothing that a Pod would have to suffer for.
    aws.clear_faults()
    api.put(external_secret("other", "/prod/db"))
    serving.wait_log("externalsecret", name="other", outcome="created")
    assert failures(serving, "other") == []


@pytest.mark.parametrize("kind", ["access_denied", "internal", "throttle", "close_before_headers"])
def test_aws_that_fails_is_no_warning(aws: AwsStandIn, serving: Serving, kind: str) -> None:
    aws.fail(kind)
    answer = serving.validate(asking(PRESENT, MISSING))
    assert answer.allowed and answer.warnings == []
    assert aws.count() > 0


def test_what_may_not_be_read_hides_nothing_else(aws: AwsStandIn, serving: Serving) -> None:
    aws.deny("secretsmanager:GetSecretValue", aws.arn("/prod/db"))
    assert serving.validate(asking(PRESENT, MISSING)).warnings == [NO_SECRET]


def test_a_store_that_holds_its_values_is_asked_in_a_dry_run_too(
    api: ApiServer, serving: Serving
) -> None:
    fake = store("fake")
    fake["spec"]["provider"] = {"fake": {"data": [{"key": "there", "value": "{}"}]}}
    api.put(fake)
    serving.wait_log("store", name="fake", valid=True)
    by_fake = {"secretStoreRef": {"name": "fake", "kind": "SecretStore"}}
    manifest = asking({"key": "there"}, {"key": "gone"}, **by_fake)
    for dry_run in (False, True):
        answer = serving.validate(manifest, dry_run=dry_run)
        assert answer.allowed
        assert answer.warnings == [
            "KT224 ExternalSecret app/db: spec.data[1]: no secret gone in its store: "
            "make it or mend the key"
        ]


def test_what_a_review_has_read_is_no_older_for_who_reads_it_next(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    """It is read once for both where it may be as old as that, and again where it may not."""
    manifest = asking({"key": "/prod/db"})
    assert serving.validate(manifest).warnings == []
    api.put(manifest)
    serving.wait_log("externalsecret", name="db", outcome="created")
    assert aws.count("GetSecretValue") == 1
    hurried = asking({"key": "/prod/db"}, refreshInterval="1s")
    hurried["metadata"]["name"] = "hurried"
    hurried["spec"]["target"] = {"name": "hurried"}
    assert serving.validate(hurried).warnings == []
    aws.rotate("/prod/db", "new")
    api.put(hurried)
    wait_data(api, "hurried", **{"key-0": "new"})


def test_who_does_not_know_the_segment_learns_nothing(serving: Serving) -> None:
    for path in ("/validate/", "/validate", "/validate/x", f"/validate/{'0' * 32}"):
        assert serving.status(path) == 404
