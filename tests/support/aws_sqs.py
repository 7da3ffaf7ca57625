# SPDX-License-Identifier: Apache-2.0
"""Queues of the AWS stand-in: standard SQS queues with long polling, visibility and deletion.

Follows the SQS API reference (service model 2012-11-05, JSON protocol). Messages come at least once
and in no order that a client could rely on: those of one reply are reversed.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional
from urllib.parse import urlsplit

from tests.support.aws_identity import Principal
from tests.support.aws_protocol import AwsError, Field, Fields
from tests.support.clock import SettableClock

BATCH_CEILING = 10

OPERATIONS = (
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "GetQueueUrl",
    "SendMessage",
)
_URL = Field(str, 1, 2048, required=True)
_NAMES = Field(list, 0, 100, each=Field(str, 1, 256))
FIELDS: dict[str, Fields] = {
    "ReceiveMessage": {
        "QueueUrl": _URL,
        "AttributeNames": _NAMES,
        "MessageSystemAttributeNames": _NAMES,
        "MessageAttributeNames": _NAMES,
        "MaxNumberOfMessages": Field(int, -999999, 999999),
        "VisibilityTimeout": Field(int, -999999, 999999),
        "WaitTimeSeconds": Field(int, -999999, 999999),
    },
    "DeleteMessage": {"QueueUrl": _URL, "ReceiptHandle": Field(str, required=True)},
    "DeleteMessageBatch": {
        "QueueUrl": _URL,
        "Entries": Field(
            list,
            required=True,
            each=Field(
                dict,
                fields={
                    "Id": Field(str, required=True),
                    "ReceiptHandle": Field(str, required=True),
                },
            ),
        ),
    },
    "GetQueueUrl": {"QueueName": Field(str, 1, 80, required=True)},
    "SendMessage": {"QueueUrl": _URL, "MessageBody": Field(str, 1, required=True)},
}


@dataclass
class Message:
    message_id: str
    body: str
    sent: float
    visible_at: float  # monotonic
    handles: set[str] = field(default_factory=set)
    received: int = 0


@dataclass
class Queue:
    name: str
    arn: str
    visibility_seconds: float
    messages: list[Message] = field(default_factory=list)
    deleted: int = 0


class QueueService:
    """The queues of one account in one region. Any thread."""

    def __init__(self, clock: SettableClock, *, region: str, account: str, partition: str = "aws"):
        self._clock = clock
        self._account = account
        self._prefix = f"arn:{partition}:sqs:{region}:{account}:"
        self._changed = threading.Condition()
        self._queues: dict[str, Queue] = {}
        self._stopped = False

    # -- what a test or a person does -----------------------------------------------------------

    def create(self, name: str, *, visibility_seconds: float = 30.0) -> Queue:
        with self._changed:
            queue = Queue(name, self._prefix + name, visibility_seconds)
            self._queues[name] = queue
            return queue

    def send(self, name: str, body: str) -> str:
        with self._changed:
            message = Message(str(uuid.uuid4()), body, self._clock.now(), time.monotonic())
            self._queues[name].messages.append(message)
            self._changed.notify_all()
            return message.message_id

    def remaining(self, name: str) -> int:
        """Messages not deleted, those in flight included."""
        with self._changed:
            return len(self._queues[name].messages)

    def wait_empty(self, name: str, timeout: float = 10.0) -> None:
        """Returns when every message has been deleted."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._queues[name].messages, timeout):
                raise TimeoutError(f"messages are left in {name} after {timeout} s")

    def summary(self) -> list[dict[str, Any]]:
        with self._changed:
            return [
                {"name": each.name, "messages": len(each.messages), "deleted": each.deleted}
                for each in self._queues.values()
            ]

    def path(self, name: str) -> str:
        """Of the queue's URL."""
        return f"/{self._account}/{name}"

    def stop(self) -> None:
        """Polls end with nothing."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    # -- what the API does ----------------------------------------------------------------------

    def call(
        self,
        operation: str,
        document: Mapping[str, Any],
        principal: Principal,
        url_of: Callable[[str], str],
    ) -> dict[str, Any]:
        if operation == "GetQueueUrl":
            queue = self._find(document["QueueName"])
            self._demand(operation, document["QueueName"], principal)
            if queue is None:
                raise _no_queue()
            return {"QueueUrl": url_of(queue.name)}
        name = self.queue_name(document["QueueUrl"])
        # IAM knows no action for the batch: it is that of the single call.
        self._demand(operation.removesuffix("Batch"), name, principal)
        queue = self._find(name)
        if queue is None:
            raise _no_queue()
        if operation == "ReceiveMessage":
            return self._receive(queue, document, principal)
        if operation == "SendMessage":
            body = document["MessageBody"]
            return {"MessageId": self.send(name, body), "MD5OfMessageBody": _md5(body)}
        if operation == "DeleteMessage":
            problem = self._delete(queue, document["ReceiptHandle"])
            if problem is not None:
                raise problem
            return {}
        return self._delete_batch(queue, document["Entries"])

    def queue_name(self, url: str) -> str:
        """The host is not looked at: AWS takes the account and the name from the URL."""
        account, _, name = urlsplit(url).path.lstrip("/").partition("/")
        if account != self._account or not name or "/" in name:
            raise AwsError("InvalidAddress", "The address is not valid for this endpoint.")
        return name

    def _find(self, name: str) -> Optional[Queue]:
        with self._changed:
            return self._queues.get(name)

    def _demand(self, operation: str, name: str, principal: Principal) -> None:
        principal.demand(f"sqs:{operation}", self._prefix + name)

    def _receive(
        self, queue: Queue, document: Mapping[str, Any], principal: Principal
    ) -> dict[str, Any]:
        most = _ranged(document, "MaxNumberOfMessages", 1, 10, 1)
        wait = _ranged(document, "WaitTimeSeconds", 0, 20, 0)
        hidden = _ranged(document, "VisibilityTimeout", 0, 43200, queue.visibility_seconds)
        asked = document.get("MessageSystemAttributeNames", document.get("AttributeNames", ()))
        deadline = time.monotonic() + wait
        with self._changed:
            while not (ready := self._visible(queue)) and not self._stopped:
                now = time.monotonic()
                due = [each.visible_at for each in queue.messages]
                if now >= deadline:
                    break
                self._changed.wait(min([deadline, *due]) - now if due else deadline - now)
            taken = [self._take(each, hidden) for each in ready[:most]]
        if not taken:
            return {}
        return {"Messages": [self._told(m, h, asked, principal) for m, h in reversed(taken)]}

    @staticmethod
    def _visible(queue: Queue) -> list[Message]:
        now = time.monotonic()
        return [each for each in queue.messages if each.visible_at <= now]

    @staticmethod
    def _take(message: Message, hidden: float) -> tuple[Message, str]:
        handle = "AQEB" + uuid.uuid4().hex * 4 + "=="
        message.handles.add(handle)
        message.received += 1
        message.visible_at = time.monotonic() + hidden
        return message, handle

    @staticmethod
    def _told(message: Message, handle: str, asked: Any, principal: Principal) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "MessageId": message.message_id,
            "ReceiptHandle": handle,
            "MD5OfBody": _md5(message.body),
            "Body": message.body,
        }
        attributes = {
            "SenderId": principal.user_id,
            "SentTimestamp": str(int(message.sent * 1000)),
            "ApproximateReceiveCount": str(message.received),
        }
        shown = {k: v for k, v in attributes.items() if k in asked or "All" in asked}
        return {**reply, "Attributes": shown} if shown else reply

    def _delete(self, queue: Queue, handle: str) -> Optional[AwsError]:
        """A message that is gone already is deleted once more, in vain and without an error."""
        with self._changed:
            for message in queue.messages:
                if handle in message.handles:
                    queue.messages.remove(message)
                    queue.deleted += 1
                    self._changed.notify_all()
                    return None
        if handle.startswith("AQEB") and handle.endswith("=="):
            return None
        return AwsError(
            "ReceiptHandleIsInvalid", "The input receipt handle is not a valid receipt handle."
        )

    def _delete_batch(self, queue: Queue, entries: list[dict[str, str]]) -> dict[str, Any]:
        ids = [each["Id"] for each in entries]
        if not ids:
            raise _queue_error(
                "EmptyBatchRequest", "There should be at least one entry in the request."
            )
        if len(ids) > BATCH_CEILING:
            raise _queue_error(
                "TooManyEntriesInBatchRequest",
                f"Maximum number of entries per request are 10. You have sent {len(ids)}.",
            )
        if len(set(ids)) != len(ids):
            raise _queue_error("BatchEntryIdsNotDistinct", "An id is repeated.")
        reply: dict[str, list[Any]] = {"Successful": [], "Failed": []}
        for each in entries:
            problem = self._delete(queue, each["ReceiptHandle"])
            if problem is None:
                reply["Successful"].append({"Id": each["Id"]})
            else:
                reply["Failed"].append(
                    {
                        "Id": each["Id"],
                        "SenderFault": True,
                        "Code": problem.code,
                        "Message": problem.message,
                    }
                )
        return reply


def label_event(region: str, account: str, arn: str, name: str, version_id: str, at: str) -> str:
    """EventBridge's "Secret Label Updated" as it lies in a queue: AWSCURRENT has moved."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Secret Label Updated",
            "source": "aws.secretsmanager",
            "account": account,
            "time": at,
            "region": region,
            "resources": [arn],
            "detail": {"name": name, "labelUpdated": "AWSCURRENT", "versionId": version_id},
        }
    )


def parameter_event(
    region: str, account: str, arn: str, name: str, kind: str, change: str, at: str
) -> str:
    """EventBridge's "Parameter Store Change"; `change` is Create, Update or Delete."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Parameter Store Change",
            "source": "aws.ssm",
            "account": account,
            "time": at,
            "region": region,
            "resources": [arn],
            "detail": {"name": name, "type": kind, "operation": change},
        }
    )


def _ranged(document: Mapping[str, Any], name: str, low: int, high: int, default: Any) -> Any:
    value = document.get(name, default)
    if not low <= value <= high:
        raise AwsError(
            "InvalidParameterValue",
            f"Value {value} for parameter {name} is invalid. Reason: Must be >= {low} and <= "
            f"{high}, if provided.",
        )
    return value


def _no_queue() -> AwsError:
    return _queue_error(
        "QueueDoesNotExist", "The specified queue does not exist.", "NonExistentQueue"
    )


def _queue_error(code: str, message: str, query_code: Optional[str] = None) -> AwsError:
    """SDKs show the name that the older query protocol had, which a header tells them."""
    name = f"AWS.SimpleQueueService.{query_code or code};Sender"
    return AwsError(code, message, headers=[("x-amzn-query-error", name)])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
