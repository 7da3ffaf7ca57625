# SPDX-License-Identifier: Apache-2.0
"""Secrets that are rotated in AWS arrive by a queue of EventBridge's events, long before their
interval is over."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.keyturn import slower
from tests.cluster.rollouts import start_again
from tests.cluster.scenario import QUICK, Scenario, data_of
from tests.support.aws_sqs import Queue
from tests.support.aws_standin import AwsStandIn

QUEUE = "changes"


@pytest.fixture(scope="module")
def queue(aws: AwsStandIn) -> Queue:
    made = aws.queues().create(QUEUE)
    aws.announce_changes(QUEUE)
    return made


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn, queue: Queue) -> dict[str, Any]:
    return {
        "options": {**QUICK, "aws-rotation-queue": aws.queue_url(queue.name)},
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


def remote_name(scenario: Scenario) -> str:
    return f"/prod/{scenario.namespace}/password"


def wait_password(scenario: Scenario, name: str, password: str) -> None:
    def there() -> bool:
        found = scenario.api.find("Secret", name, scenario.namespace)
        return found is not None and data_of(found).get("password") == password

    scenario.wait_for(there, f"Secret {name} with the value from AWS", 30)


def messages(scenario: Scenario, outcome: str) -> float:
    return scenario.keyturn.metric("keyturn_rotation_messages_total", outcome=outcome)


def create_first(scenario: Scenario, aws: AwsStandIn) -> str:
    """A Secret "db" that is due again tomorrow, made of the secret with this name."""
    name = remote_name(scenario)
    aws.put(name, "first")
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", name, refresh="24h"))
    wait_password(scenario, "db", "first")
    return name


@pytest.mark.sanitizers
def test_a_rotated_secret_arrives_long_before_its_interval(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    name = create_first(scenario, aws)
    aws.rotate(name, "second")
    wait_password(scenario, "db", "second")


def test_an_old_answer_right_after_the_rotation_is_not_taken_for_the_new_one(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    name = create_first(scenario, aws)
    old = aws.fail("stale", secret=name, times=2)
    aws.rotate(name, "second")
    wait_password(scenario, "db", "second")
    assert old.hits == 2


@contextlib.contextmanager
def visible_again_after(queue: Queue, seconds: float) -> Iterator[None]:
    before, queue.visibility_seconds = queue.visibility_seconds, seconds
    try:
        yield
    finally:
        queue.visibility_seconds = before


@pytest.mark.sanitizers
def test_a_rotation_that_a_crash_interrupts_is_in_the_queue_still(
    scenario: Scenario, aws: AwsStandIn, queue: Queue
) -> None:
    name = create_first(scenario, aws)
    replica = scenario.keyturn.replicas[0]
    held = aws.fail("hold", operation="GetSecretValue", secret=name)
    with visible_again_after(queue, 1.0):
        aws.rotate(name, "second")
        # The first value was announced too: the next look at this secret is ten seconds later.
        held.wait_held(timeout=40 * slower())
        replica.kill()
        held.release()
        assert any(name in message.body for message in queue.messages)
        start_again(scenario.keyturn, replica)
        wait_password(scenario, "db", "second")
        # Two versions that were told of together are looked at for some seconds, and the messages
        # come again and again meanwhile.
        aws.queues().wait_empty(QUEUE, 30 * slower())


def test_the_annotation_force_sync_asks_at_once(scenario: Scenario, aws: AwsStandIn) -> None:
    name = create_first(scenario, aws)
    # Nobody tells of it.
    aws.announce_changes(None)
    aws.rotate(name, "second")
    annotation = {"metadata": {"annotations": {"force-sync": "1"}}}
    scenario.api.patch("ExternalSecret", "db", annotation, scenario.namespace)
    wait_password(scenario, "db", "second")
    aws.announce_changes(QUEUE)


def test_messages_that_are_no_events_cost_nothing(scenario: Scenario, aws: AwsStandIn) -> None:
    name = create_first(scenario, aws)
    before = messages(scenario, "not_an_event"), messages(scenario, "unused")
    stranger = "arn:aws:secretsmanager:us-east-1:123456789012:secret:/not/asked/for-AbCdEf"
    forged = {
        "source": "aws.secretsmanager",
        "detail-type": "Secret Label Updated",
        "resources": [stranger],
        "detail": {"name": "/not/asked/for", "labelUpdated": "AWSCURRENT", "versionId": "x" * 32},
    }
    for body in ("no json", "{}", json.dumps(forged)):
        aws.queues().send(QUEUE, body)
    scenario.wait_for(
        lambda: (messages(scenario, "not_an_event"), messages(scenario, "unused"))
        == (before[0] + 2, before[1] + 1),
        "the messages to be read",
    )
    assert aws.count(secret=stranger) == aws.count(secret="/not/asked/for") == 0
