# SPDX-License-Identifier: Apache-2.0
"""One call against two servers, and in what the answers differ."""

from __future__ import annotations

import datetime
import re
from typing import Any, Iterator

from botocore.exceptions import ClientError

# What each server makes up for itself.
_MADE_UP = (
    (re.compile(r"(:secret:[A-Za-z0-9/_+=.@-]+)-[A-Za-z0-9]{6}"), r"\1-SUFFIX"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "ENDPOINT"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\bAROA[A-Z0-9]{16,17}\b"), "ROLE-ID"),
)
_OPAQUE = {
    "AccessKeyId",
    "NextToken",
    "ReceiptHandle",
    "SecretAccessKey",
    "SessionToken",
    "VersionId",
}
# Says which cases ran before; and the words of errors.
_LEFT_OUT = {"LastAccessedDate", "Message"}
# Lists whose order neither server promises.
_UNORDERED = {"SecretValues", "Errors", "Messages", "Parameters", "SecretList", "Versions"}


def ask(client: Any, call: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The reply, comparable; an error as {"error": {"code", "status"}}."""
    try:
        reply = getattr(client, call)(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"error": {"code": error.response["Error"]["Code"], "status": status}}
    del reply["ResponseMetadata"]
    return _comparable("", reply)


def _comparable(name: str, value: Any) -> Any:
    if name in _OPAQUE and isinstance(value, str):
        return "OPAQUE"
    if isinstance(value, dict):
        keys = {_text(key): each for key, each in value.items() if key not in _LEFT_OUT}
        return {key: _comparable(key, each) for key, each in keys.items()}
    if isinstance(value, list):
        elements = [_comparable("", each) for each in value]
        return sorted(elements, key=repr) if name in _UNORDERED else elements
    if isinstance(value, datetime.datetime):
        return "TIME"
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    for pattern, instead in _MADE_UP:
        text = pattern.sub(instead, text)
    return text


def differences(other: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """One line each: the path, what the other server says, what the stand-in says."""
    if ("error" in other) != ("error" in ours):
        return [f"{_outcome(other)} / {_outcome(ours)}"]
    return sorted(_differences(other, ours, ""))


def _outcome(answer: dict[str, Any]) -> str:
    return answer["error"]["code"] if "error" in answer else "answered"


def _differences(other: Any, ours: Any, path: str) -> Iterator[str]:
    if isinstance(other, dict) and isinstance(ours, dict):
        for key in sorted(set(other) | set(ours)):
            below = f"{path}.{key}" if path else key
            if key not in other:
                yield f"{below}: only ours"
            elif key not in ours:
                yield f"{below}: only moto's"
            else:
                yield from _differences(other[key], ours[key], below)
    elif isinstance(other, list) and isinstance(ours, list) and len(other) == len(ours):
        for number, (left, right) in enumerate(zip(other, ours)):
            yield from _differences(left, right, f"{path}[{number}]")
    elif other != ours:
        yield f"{path}: {_short(other)} / {_short(ours)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} of them"
    return str(value)[:24]
