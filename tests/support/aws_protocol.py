# SPDX-License-Identifier: Apache-2.0
"""How AWS services are spoken to: documents in, errors and replies out, in JSON and as a form.

A request is checked against the fields of its operation (the service models' own constraints) and
refused when it has others: a client that sends what the service does not know has a mistake.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape


class AwsError(Exception):
    """An error reply. `framework` errors come from the service's front, not from its model."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        framework: bool = False,
        headers: Sequence[tuple[str, str]] = (),
    ):
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.framework = framework
        self.headers = list(headers)


def validation(message: str) -> AwsError:
    return AwsError("ValidationException", message, framework=True)


def _serialization(message: str) -> AwsError:
    return AwsError("SerializationException", message, framework=True)


@dataclass(frozen=True)
class Field:
    """`low` and `high` bound a number, or the length of a text or list. `each` is for the elements
    of a list, `fields` for the members of an object."""

    kind: type
    low: int = 0
    high: int = 0
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    each: Optional["Field"] = None
    fields: Optional[Mapping[str, "Field"]] = None


Fields = Mapping[str, Field]

_JSON_NAMES: dict[Any, str] = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    bool: "TRUE_VALUE",
    list: "START_ARRAY",
}


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate key")
    return document


def parse_json(fields: Fields, body: bytes) -> dict[str, Any]:
    """The request document, checked."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError):
        raise _serialization("not a JSON document") from None
    if not isinstance(document, dict):
        raise _serialization("Unexpected token")
    check_fields(fields, document)
    return document


def check_fields(fields: Fields, document: Mapping[str, Any], path: str = "") -> None:
    for name, value in document.items():
        if name not in fields:
            raise _serialization(f"Unexpected field '{name}'")
        _check(path + _member(name), value, fields[name])
    for name, each in fields.items():
        if each.required and name not in document:
            raise _constraint(f"null at '{path}{_member(name)}'", "Member must not be null")


def _member(name: str) -> str:
    return name[0].lower() + name[1:]


def _constraint(what: str, problem: str) -> AwsError:
    return validation(
        f"1 validation error detected: Value {what} failed to satisfy constraint: {problem}"
    )


def _check(place: str, value: Any, field: Field) -> None:
    if type(value) is not field.kind:
        sent = _JSON_NAMES.get(type(value), "START_OBJECT")
        raise _serialization(f"{sent} can not be converted to {field.kind.__name__} at '{place}'")
    problem = _problem(value, field)
    if problem:
        raise _constraint(f"at '{place}'", problem)
    if field.kind is list and field.each is not None:
        for number, each in enumerate(value, 1):
            _check(f"{place}.{number}.member", each, field.each)
    if field.fields is not None:
        check_fields(field.fields, value, f"{place}.")


def _problem(value: Any, field: Field) -> str:
    size = value if field.kind is int else len(value) if field.kind in (str, list) else 0
    noun = "value" if field.kind is int else "length"
    if field.high and size > field.high:
        return f"Member must have {noun} less than or equal to {field.high}"
    if field.kind in (str, list, int) and size < field.low:
        return f"Member must have {noun} greater than or equal to {field.low}"
    if field.choices and value not in field.choices:
        return f"Member must satisfy enum value set: [{', '.join(field.choices)}]"
    if field.pattern and not re.fullmatch(field.pattern, value, re.ASCII):
        return f"Member must satisfy regular expression pattern: {field.pattern}"
    return ""


# -- the query protocol ----------------------------------------------------------------------------


def parse_form(body: bytes) -> dict[str, str]:
    """Names and values of a form (application/x-www-form-urlencoded), strictly encoded."""
    form: dict[str, str] = {}
    for part in body.split(b"&"):
        name, equals, value = part.partition(b"=")
        if not equals or not name or re.search(rb"%(?![0-9A-Fa-f]{2})|[^!-~]", part):
            raise AwsError("MalformedInput", "The form is malformed")
        key = _form_text(name)
        if key in form:
            raise AwsError("MalformedInput", f"{key} occurs twice")
        form[key] = _form_text(value)
    return form


def _form_text(encoded: bytes) -> str:
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise AwsError("MalformedInput", "The form is not UTF-8") from None


def form_document(fields: Fields, form: Mapping[str, str]) -> dict[str, Any]:
    """`Tags.member.1.Key=a` as {"Tags": [{"Key": "a"}]}, numbers as numbers; checked. The errors of
    this protocol are named ValidationError."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        node = tree
        *parents, last = name.split(".")
        for part in parents:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise AwsError("MalformedInput", f"{name} contradicts another member")
        node[last] = value
    try:
        document = {name: _shaped(name, value, fields) for name, value in tree.items()}
        check_fields(fields, document)
    except AwsError as error:
        raise AwsError("ValidationError", error.message) from None
    return document


def _shaped(name: str, value: Any, fields: Fields) -> Any:
    field = fields.get(name)
    if field is None:
        raise _serialization(f"Unexpected parameter '{name}'")
    return _shape(name, value, field)


def _shape(name: str, value: Any, field: Field) -> Any:
    if field.kind is int:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,9}", value):
            raise _serialization(f"'{name}' is not a number")
        return int(value)
    if field.kind is list and field.each is not None:
        # An empty list has no members to name: `Tags=`, as the protocol has it and AWS's SDKs send.
        if value == "":
            return []
        members = value.get("member") if isinstance(value, dict) else None
        numbers = [str(number) for number in range(1, 1 + len(members or ()))]
        if not isinstance(members, dict) or sorted(members) != sorted(numbers):
            raise _serialization(f"'{name}' is not a list of members from 1 on")
        return [_shape(name, members[number], field.each) for number in numbers]
    if field.fields is not None and isinstance(value, dict):
        return {key: _shaped(key, each, field.fields) for key, each in value.items()}
    return value


def xml_reply(operation: str, namespace: str, result: Mapping[str, Any], request_id: str) -> bytes:
    return (
        f'<{operation}Response xmlns="{namespace}">\n'
        f"  <{operation}Result>\n{_xml(result, 4)}  </{operation}Result>\n"
        f"  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n"
        f"</{operation}Response>\n"
    ).encode("utf-8")


def xml_error(error: AwsError, namespace: str, request_id: str) -> bytes:
    kind = "Sender" if error.status < 500 else "Receiver"
    about = {"Type": kind, "Code": error.code, "Message": error.message}
    return (
        f'<ErrorResponse xmlns="{namespace}">\n  <Error>\n{_xml(about, 4)}  </Error>\n'
        f"  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n"
    ).encode("utf-8")


def _xml(members: Mapping[str, Any], indent: int) -> str:
    blanks = " " * indent
    text = ""
    for name, value in members.items():
        if isinstance(value, Mapping):
            text += f"{blanks}<{name}>\n{_xml(value, indent + 2)}{blanks}</{name}>\n"
        else:
            text += f"{blanks}<{name}>{escape(str(value))}</{name}>\n"
    return text
