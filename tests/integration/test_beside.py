# SPDX-License-Identifier: Apache-2.0
"""Keyturn beside the External Secrets Operator, which is played here by the test: when it steps in,
and what it leaves to the operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.builds import SLOWER
from tests.integration.probe import eventually
from tests.integration.remote import external_secret, store, wait_data
from tests.integration.serving import NAMESPACE, Serving, put_held_pod, secret
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

READY = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced"}],
    "refreshTime": "2026-01-01T00:00:00Z",
    "syncedResourceVersion": "1-x",
}
QUEUE = "changes"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        for name in ("db", "other"):
            standin.put(f"/prod/{name}", name)
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(store())
        yield server


def beside(api: ApiServer, aws: AwsStandIn, folder: Path, **options: str) -> Serving:
    given = {"external_secrets_controller": "eso", "head_start": "300ms", "debounce": "0s"}
    return Serving(api, folder, aws.environment(), **{**given, **options})


def written(api: ApiServer) -> list[Any]:
    """What Keyturn wrote into ExternalSecrets and stores."""
    return [
        call
        for verb in ("create", "update", "patch", "delete")
        for resource in ("externalsecrets", "secretstores")
        for call in api.requests(verb, resource)
    ]


def test_it_makes_what_a_pod_waits_for_after_the_head_start(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    with beside(api, aws, tmp_path) as running:
        running.wait_synced()
        api.put(external_secret("other", "/prod/other"))  # nobody waits for it
        api.put(external_secret("db", "/prod/db"))
        put_held_pod(api, "web", "db")
        wait_data(api, "db", password="db")
        assert api.get("secrets", NAMESPACE, "other") is None
        made = api.get("secrets", NAMESPACE, "db")
    # As the operator would have made it, owner and all; and nothing of the operator's is touched.
    assert made is not None
    (owner,) = made["metadata"]["ownerReferences"]
    described = api.get("externalsecrets", NAMESPACE, "db")
    assert described is not None and owner["uid"] == described["metadata"]["uid"]
    assert written(api) == []


def test_what_a_review_has_read_makes_it_no_quicker(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    """The operator's own run may be waiting for the same slow AWS."""
    with beside(api, aws, tmp_path) as running:
        running.wait_synced()
        described = external_secret("db", "/prod/db")
        assert running.validate(described).warnings == []
        assert aws.count(secret="/prod/db") == 1
        # Nor what was read for another one.
        api.put(external_secret("first", "/prod/db"))
        put_held_pod(api, "first", "first")
        wait_data(api, "first", password="db")
        assert aws.count(secret="/prod/db") == 2
        api.put(described)
        put_held_pod(api, "web", "db")
        wait_data(api, "db", password="db")
        assert aws.count(secret="/prod/db") == 3


def test_what_the_operator_has_come_to_is_its_own(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    failed: Object = {"conditions": [{"type": "Ready", "status": "False", "reason": "x"}]}
    with beside(api, aws, tmp_path) as running:
        running.wait_synced()
        api.put({**external_secret("other", "/prod/other"), "status": failed})
        put_held_pod(api, "first", "other")
        api.put(external_secret("db", "/prod/db"))
        put_held_pod(api, "second", "db")
        wait_data(api, "db", password="db")
        running.wait_lease_renewed()
        assert api.get("secrets", NAMESPACE, "other") is None
        assert aws.count("GetSecretValue", secret="/prod/other") == 0


def test_an_operator_that_comes_while_aws_answers_is_not_overtaken(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    held = aws.fail("hold", secret="/prod/db")
    with beside(api, aws, tmp_path) as running:
        running.wait_synced()
        api.put(external_secret("db", "/prod/db"))
        put_held_pod(api, "web", "db")
        eventually(lambda: held.held == 1, "AWS is asked")
        api.patch("externalsecrets", NAMESPACE, "db", {"status": READY})
        aws.clear_faults()
        said = running.wait_log("externalsecret", name="db", outcome="failed")
        assert "has come to it" in said["error"]
        assert api.count("create", "secrets", namespace=NAMESPACE) == 0


def test_what_changed_in_aws_is_written_with_its_hash_in_one_request(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    """So that the operator sees a valid hash and fetches nothing."""
    aws.queues().create(QUEUE)
    aws.announce_changes(QUEUE)
    described = api.put({**external_secret("db", "/prod/db"), "status": READY})
    put_operators_secret(api, described, "db")
    with beside(api, aws, tmp_path, aws_rotation_queue=aws.queue_url(QUEUE)) as running:
        running.wait_synced()
        aws.put("/prod/db", "rotated")
        wait_data(api, "db", 30, password="rotated")
        (call,) = api.requests("update", "secrets", namespace=NAMESPACE)
        before = "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36"
        found = api.get("secrets", NAMESPACE, "db")
        assert found is not None
        annotations = found["metadata"]["annotations"]
        assert annotations["reconcile.external-secrets.io/data-hash"] != before
        assert api.count("patch", "secrets", namespace=NAMESPACE) == 0
        assert written(api) == []


def put_operators_secret(api: ApiServer, described: Object, value: str) -> None:
    made = secret("db", password=value)
    made["metadata"] |= {
        "labels": {"reconcile.external-secrets.io/managed": "true"},
        "annotations": {
            "reconcile.external-secrets.io/data-hash": (
                "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36"
            )
        },
        "ownerReferences": [
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "name": "db",
                "uid": described["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    api.put(made, "externalsecrets.external-secrets.io/db")


def test_it_has_no_patience_for_what_somebody_else_s_controller_reads(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    foreign = store("foreign")
    foreign["spec"]["controller"] = "team-x"
    api.put(foreign)
    with beside(api, aws, tmp_path) as running:
        running.wait_synced()
        api.put(external_secret("other", "/prod/other", "foreign"))
        put_held_pod(api, "first", "other")
        api.put(external_secret("db", "/prod/db"))
        put_held_pod(api, "second", "db")
        wait_data(api, "db", 20 * SLOWER, password="db")
        running.wait_lease_renewed()
        assert api.get("secrets", NAMESPACE, "other") is None
