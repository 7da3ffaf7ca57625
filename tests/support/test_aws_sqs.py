# SPDX-License-Identifier: Apache-2.0
"""Queues of the stand-in, seen by botocore."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Iterator

import pytest

from tests.support.aws_sdk import error_of, sdk_client
from tests.support.aws_standin import AwsStandIn


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        server.queues().create("changes")
        yield server


@pytest.fixture
def sqs(aws: AwsStandIn) -> Any:
    return sdk_client("sqs", aws.endpoint, validate=False)


def receive(aws: AwsStandIn, sqs: Any, **options: Any) -> list[dict[str, Any]]:
    url = aws.queue_url("changes")
    most = {"MaxNumberOfMessages": 10}
    return sqs.receive_message(QueueUrl=url, **{**most, **options}).get("Messages", [])


def delete(aws: AwsStandIn, sqs: Any, handles: list[str]) -> dict[str, Any]:
    entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
    return sqs.delete_message_batch(QueueUrl=aws.queue_url("changes"), Entries=entries)


def test_messages_are_received_and_deleted(aws: AwsStandIn, sqs: Any) -> None:
    assert receive(aws, sqs) == []
    for number in range(3):
        aws.queues().send("changes", f"body {number}")
    got = receive(aws, sqs)
    assert sorted(each["Body"] for each in got) == ["body 0", "body 1", "body 2"]
    assert [each["Body"] for each in got] != ["body 0", "body 1", "body 2"], "no order to rely on"
    assert receive(aws, sqs) == [], "those in flight are hidden"
    reply = delete(aws, sqs, [each["ReceiptHandle"] for each in got])
    assert [each["Id"] for each in reply["Successful"]] == ["0", "1", "2"]
    aws.queues().wait_empty("changes", timeout=1)
    assert aws.count("DeleteMessageBatch", queue="changes") == 1


def test_message_comes_again_when_its_visibility_ends(aws: AwsStandIn, sqs: Any) -> None:
    aws.queues().send("changes", "x")
    options = {"MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    (first,) = receive(aws, sqs, VisibilityTimeout=0, **options)
    started = time.monotonic()
    (second,) = receive(aws, sqs, VisibilityTimeout=1, **options)
    counts = [each["Attributes"]["ApproximateReceiveCount"] for each in (first, second)]
    assert counts == ["1", "2"]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    (third,) = receive(aws, sqs, WaitTimeSeconds=20)
    assert 0.5 < time.monotonic() - started < 10
    delete(aws, sqs, [third["ReceiptHandle"]])
    assert aws.queues().remaining("changes") == 0


def test_long_poll_ends_with_a_message_or_with_its_time(aws: AwsStandIn, sqs: Any) -> None:
    started = time.monotonic()
    assert receive(aws, sqs, WaitTimeSeconds=1) == []
    assert time.monotonic() - started >= 0.95
    got: list[Any] = []
    poll = threading.Thread(target=lambda: got.extend(receive(aws, sqs, WaitTimeSeconds=20)))
    poll.start()
    while not [call for call in aws.calls("ReceiveMessage") if call.outcome is None]:
        time.sleep(0.005)
    aws.queues().send("changes", "now")
    poll.join(10)
    assert [each["Body"] for each in got] == ["now"]


def test_held_poll_ends_when_the_server_stops() -> None:
    server = AwsStandIn().start()
    server.add_principal()
    server.queues().create("changes")
    client = sdk_client("sqs", server.endpoint)
    ended: list[Any] = []

    def poll() -> None:
        try:
            client.receive_message(QueueUrl=server.queue_url("changes"), WaitTimeSeconds=20)
        except Exception as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=poll)
    thread.start()
    while not server.calls("ReceiveMessage"):
        time.sleep(0.005)
    server.stop()
    thread.join(10)
    assert len(ended) == 1


def test_url_and_single_delete(aws: AwsStandIn, sqs: Any) -> None:
    url = sqs.get_queue_url(QueueName="changes")["QueueUrl"]
    assert url == aws.queue_url("changes") == f"{aws.endpoint}/123456789012/changes"
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    (message,) = receive(aws, sqs)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert aws.queues().remaining("changes") == 0


def test_one_bad_handle_fails_alone(aws: AwsStandIn, sqs: Any) -> None:
    aws.queues().send("changes", "x")
    (message,) = receive(aws, sqs)
    reply = delete(aws, sqs, ["nonsense", message["ReceiptHandle"]])
    assert [each["Id"] for each in reply["Successful"]] == ["1"]
    (failed,) = reply["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == (
        "0",
        "ReceiptHandleIsInvalid",
        True,
    )


def test_refusals(aws: AwsStandIn, sqs: Any) -> None:
    url = aws.queue_url("changes")
    for arguments, code in (
        ({"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ({"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ({"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ({"QueueUrl": aws.queue_url("absent")}, "AWS.SimpleQueueService.NonExistentQueue"),
        ({"QueueUrl": f"{aws.endpoint}/999999999999/changes"}, "InvalidAddress"),
    ):
        assert error_of(sqs.receive_message, **{"QueueUrl": url, **arguments})[0] == code
    for entries, code in (
        ([], "EmptyBatchRequest"),
        ([("a", "h"), ("a", "h")], "BatchEntryIdsNotDistinct"),
        ([(str(n), "h") for n in range(11)], "TooManyEntriesInBatchRequest"),
    ):
        given = [{"Id": name, "ReceiptHandle": handle} for name, handle in entries]
        got = error_of(sqs.delete_message_batch, QueueUrl=url, Entries=given)
        assert got[0] == f"AWS.SimpleQueueService.{code}"


def test_right_to_delete_is_that_of_the_single_call(aws: AwsStandIn, sqs: Any) -> None:
    aws.deny("sqs:DeleteMessage", "arn:aws:sqs:us-east-1:123456789012:changes")
    entries = [{"Id": "0", "ReceiptHandle": "h"}]
    refused = error_of(sqs.delete_message_batch, QueueUrl=aws.queue_url("changes"), Entries=entries)
    assert refused[0] == "AccessDeniedException" and "sqs:DeleteMessage " in refused[1]
    assert receive(aws, sqs) == []


def test_changes_are_announced(aws: AwsStandIn, sqs: Any) -> None:
    aws.put("prod/db", "before")
    aws.announce_changes("changes")
    version = aws.rotate("prod/db", "the planted value")
    aws.put("prod/db", "pending", stages=["AWSPENDING"])
    aws.put_parameter("/a", "x")
    aws.put_parameter("/a", "y")
    aws.delete_parameter("/a")
    events = [json.loads(each["Body"]) for each in receive(aws, sqs)]
    (label,) = [e for e in events if e["detail-type"] == "Secret Label Updated"]
    assert label["source"] == "aws.secretsmanager" and label["resources"] == [aws.arn("prod/db")]
    assert label["detail"] == {
        "name": "prod/db",
        "labelUpdated": "AWSCURRENT",
        "versionId": version,
    }
    changes = [e["detail"] for e in events if e["detail-type"] == "Parameter Store Change"]
    operations = sorted(each["operation"] for each in changes)
    assert operations == ["Create", "Delete", "Update"] and changes[0]["name"] == "/a"
    assert "planted" not in json.dumps(events)
