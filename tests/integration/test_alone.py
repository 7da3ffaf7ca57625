# SPDX-License-Identifier: Apache-2.0
"""Keyturn as the controller of ExternalSecrets: what it writes besides Secrets, and when it asks
AWS again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.builds import SLOWER
from tests.integration.probe import eventually
from tests.integration.remote import (
    MATERIALISING,
    by_service_account,
    data_of,
    external_secret,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

SINGLE = "GetSecretValue"
BATCH = "BatchGetSecretValue"
CLEANUP = "externalsecrets.external-secrets.io/externalsecret-cleanup"
# Of an object without labels and annotations, first generation.
FIRST_VERSION = "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        standin.put("/prod/db", "first")
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(store())
        yield server


Start = Callable[[], Serving]


@pytest.fixture
def start(api: ApiServer, aws: AwsStandIn, tmp_path: Path) -> Start:
    return lambda: Serving(api, tmp_path, aws.environment(), **MATERIALISING)


def reads(aws: AwsStandIn) -> int:
    return aws.count(SINGLE) + aws.count(BATCH)


def found(api: ApiServer, resource: str, name: str) -> Object:
    obj = api.get(resource, NAMESPACE, name)
    assert obj is not None
    return obj


def change(api: ApiServer, resource: str, name: str, edit: Callable[[Object], Any]) -> None:
    """As somebody would with kubectl."""
    obj = copy.deepcopy(found(api, resource, name))
    edit(obj)
    api.put(obj)


def wait_status(api: ApiServer, resource: str, name: str, **wanted: str) -> Object:
    """Until the condition Ready has these members; the whole status."""

    def holds(obj: Object | None) -> bool:
        conditions = ((obj or {}).get("status") or {}).get("conditions") or []
        return any(
            all(each.get(member) == value for member, value in {"type": "Ready", **wanted}.items())
            for each in conditions
        )

    return api.wait_object(resource, NAMESPACE, name, holds, timeout=60 * SLOWER)["status"]


def wait_synced(api: ApiServer, name: str, version: str | None = None) -> Object:
    status = wait_status(api, "externalsecrets", name, status="True", reason="SecretSynced")
    if version:
        eventually(
            lambda: found(api, "externalsecrets", name)["status"]["syncedResourceVersion"]
            == version,
            f"status of {version}",
        )
    return status


def events(api: ApiServer, reason: str) -> list[Object]:
    return [event for event in api.objects("events") if event["reason"] == reason]


def test_the_status_says_how_it_went(api: ApiServer, start: Start) -> None:
    api.put(external_secret("db", "/prod/db"))
    with start():
        status = wait_synced(api, "db")
    assert status["syncedResourceVersion"] == FIRST_VERSION
    assert status["binding"] == {"name": "db"}
    assert status["refreshTime"].endswith("Z")
    (condition,) = status["conditions"]
    assert condition["message"] == "secret synced"
    assert condition["lastTransitionTime"] >= status["refreshTime"]


def test_a_failure_stands_in_the_status_until_it_is_over(
    api: ApiServer, aws: AwsStandIn, start: Start
) -> None:
    aws.deny("secretsmanager:GetSecretValue")
    aws.deny("secretsmanager:BatchGetSecretValue")
    api.put(external_secret("db", "/prod/db"))
    with start() as running:
        status = wait_status(api, "externalsecrets", "db", status="False")
        (condition,) = status["conditions"]
        assert condition["reason"] == "SecretSyncedError"
        assert condition["message"] == "could not get secret data from provider"
        assert "refreshTime" not in status and "syncedResourceVersion" not in status
        eventually(lambda: bool(events(api, "UpdateFailed")), "the Event")
        assert "AccessDenied" in events(api, "UpdateFailed")[0]["message"]
        aws.undeny()
        wait_synced(api, "db")
        assert running.process.logs("status not written") == []


def test_a_restart_with_fresh_external_secrets_makes_no_call(
    api: ApiServer, aws: AwsStandIn, start: Start
) -> None:
    many = range(1000)
    for number in many:
        aws.put(f"/prod/{number}", f"value {number}")
        refresh = "0" if number % 2 else "1h"
        api.put(external_secret(f"db-{number}", f"/prod/{number}", refresh=refresh))
    with start():
        for number in many:
            wait_synced(api, f"db-{number}")
    aws.reset_calls()
    with start() as running:
        running.wait_synced()
        running.wait_log("externalsecrets looked at", known=1000, due=0)
        # What is new has its turn, and is all that is asked for.
        api.put(external_secret("db", "/prod/db"))
        wait_data(api, "db", password="first")
        assert reads(aws) == 1


@pytest.mark.parametrize("field", ["labels", "annotations"], ids=["a label", "an annotation"])
def test_changed_metadata_forces_a_refresh(
    api: ApiServer, aws: AwsStandIn, start: Start, field: str
) -> None:
    api.put(external_secret("db", "/prod/db"))
    with start():
        wait_synced(api, "db")
        aws.put("/prod/db", "second")
        more = {field: {"a": "1"}}
        change(api, "externalsecrets", "db", lambda obj: obj["metadata"].update(more))
        wait_data(api, "db", password="second")
        eventually(
            lambda: found(api, "externalsecrets", "db")["status"]["syncedResourceVersion"]
            not in ("", FIRST_VERSION),
            "the new version in the status",
        )


def test_once_is_once_whatever_changes(api: ApiServer, aws: AwsStandIn, start: Start) -> None:
    """As the operator has it: with refreshInterval 0 even another label fetches nothing."""
    api.put(external_secret("db", "/prod/db", refresh="0"))
    with start() as running:
        wait_synced(api, "db")
        aws.put("/prod/db", "second")
        change(api, "externalsecrets", "db", lambda obj: obj["metadata"].update(labels={"a": "1"}))
        aws.put("/prod/other", "other")
        api.put(external_secret("later", "/prod/other"))
        wait_data(api, "later", password="other")
        running.wait_lease_renewed()
        assert data_of(api, "db") == {"password": b"first"}


def test_a_secret_that_somebody_changed_is_written_again(api: ApiServer, start: Start) -> None:
    api.put(external_secret("db", "/prod/db"))
    with start():
        wait_synced(api, "db")
        change(api, "secrets", "db", lambda obj: obj["data"].update(password="eA=="))
        wait_data(api, "db", password="first")
        change(api, "secrets", "db", lambda obj: obj["metadata"].pop("labels"))
        eventually(
            lambda: "labels" in found(api, "secrets", "db")["metadata"], "the label written again"
        )


def with_finalizers(name: str) -> Object:
    manifest = external_secret(name, "/prod/db")
    manifest["metadata"]["finalizers"] = [CLEANUP, "example.com/other"]
    return manifest


def set_policy(api: ApiServer, name: str, policy: str) -> None:
    def edit(obj: Object) -> None:
        obj["spec"]["target"]["deletionPolicy"] = policy

    change(api, "externalsecrets", name, edit)


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_the_finalizer_of_an_operator_that_is_gone_is_taken_off(
    api: ApiServer, start: Start, policy: str
) -> None:
    api.put(with_finalizers("db"))
    with start():
        wait_synced(api, "db")
        set_policy(api, "db", policy)
        api.delete("externalsecrets", NAMESPACE, "db")
        api.wait_object(
            "externalsecrets",
            NAMESPACE,
            "db",
            lambda obj: obj is not None and obj["metadata"]["finalizers"] == ["example.com/other"],
            timeout=20 * SLOWER,
        )
        # Otherwise it is the garbage collector's, which there is none of here.
        assert (api.get("secrets", NAMESPACE, "db") is None) == (policy == "Delete")
        eventually(lambda: bool(events(api, "Deleted")) == (policy == "Delete"), "the Event")


def test_a_secret_that_is_another_s_survives_the_deletion(api: ApiServer, start: Start) -> None:
    api.put(with_finalizers("db"))
    with start():
        wait_synced(api, "db")
        set_policy(api, "db", "Delete")
        change(
            api,
            "secrets",
            "db",
            lambda obj: obj["metadata"]["ownerReferences"][0].update(name="other", uid="other"),
        )
        api.delete("externalsecrets", NAMESPACE, "db")
        api.wait_object(
            "externalsecrets",
            NAMESPACE,
            "db",
            lambda obj: obj is not None and CLEANUP not in obj["metadata"]["finalizers"],
            timeout=20 * SLOWER,
        )
        assert api.get("secrets", NAMESPACE, "db") is not None


def test_what_an_earlier_target_left_is_deleted(api: ApiServer, start: Start) -> None:
    api.put(external_secret("db", "/prod/db"))
    with start():
        wait_synced(api, "db")
        change(api, "externalsecrets", "db", lambda obj: obj["spec"]["target"].update(name="new"))
        wait_data(api, "new", password="first")
        api.wait_object("secrets", NAMESPACE, "db", lambda obj: obj is None, timeout=20 * SLOWER)
        eventually(
            lambda: found(api, "externalsecrets", "db")["status"]["binding"] == {"name": "new"},
            "the binding",
        )


def test_nothing_else_of_an_external_secret_is_written(api: ApiServer, start: Start) -> None:
    api.put(external_secret("db", "/prod/db"))
    before = found(api, "externalsecrets", "db")
    with start():
        wait_synced(api, "db")
    after = found(api, "externalsecrets", "db")
    for volatile in ("resourceVersion", "managedFields"):
        before["metadata"].pop(volatile, None)
        after["metadata"].pop(volatile, None)
    assert after["metadata"] == before["metadata"]
    assert after["spec"] == before["spec"]
    writes = [
        call
        for verb in ("create", "update", "patch", "delete")
        for call in api.requests(verb, "externalsecrets")
    ]
    assert {call.subresource for call in writes} == {"status"}


def test_a_status_that_somebody_else_wrote_meanwhile_is_written_again(
    api: ApiServer, start: Start
) -> None:
    conflict = {"code": 409, "reason": "Conflict"}
    api.fail("status", verb="patch", resource="externalsecrets", times=2, **conflict)
    api.put(external_secret("db", "/prod/db"))
    with start():
        wait_synced(api, "db")


def test_stores_say_whether_credentials_can_be_obtained(api: ApiServer, start: Start) -> None:
    api.put(store("lost", **by_service_account("nobody")))
    with start() as running:
        status = wait_status(api, "secretstores", "aws", status="True", reason="Valid")
        assert status["capabilities"] == "ReadWrite"
        assert status["conditions"][0]["message"] == "store validated"
        wait_status(api, "secretstores", "lost", status="False", reason="InvalidProviderConfig")
        said = running.wait_log("store", name="lost", valid=False)
        assert "nobody" in said["error"]


def test_a_restart_validates_no_store_at_once(
    api: ApiServer, aws: AwsStandIn, start: Start
) -> None:
    with start():
        wait_status(api, "secretstores", "aws", status="True")
    with start() as running:
        running.wait_synced()
        api.put(store("new"))
        wait_status(api, "secretstores", "new", status="True")
        assert {entry["name"] for entry in running.process.logs("store")} == {"new"}


def test_a_run_that_the_stop_cuts_off_is_told_nobody(
    api: ApiServer, aws: AwsStandIn, start: Start
) -> None:
    """Neither as a Warning nor in its status: it says nothing of the ExternalSecret."""
    hold = aws.fail("hold")
    with start() as running:
        running.wait_synced()
        api.put(external_secret("db", "/prod/db"))
        hold.wait_held()
        assert running.process.stop(30 * SLOWER) == 0
    assert [event for event in api.objects("events") if event["type"] == "Warning"] == []
    assert "status" not in found(api, "externalsecrets", "db")
    assert api.get("secrets", NAMESPACE, "db") is None
