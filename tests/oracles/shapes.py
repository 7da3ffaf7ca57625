# SPDX-License-Identifier: Apache-2.0
"""Whether a reply is what the SDK's own service model says, member by member.

botocore's parser takes what it knows and passes over the rest; here the rest is a finding, and so
is a value of another type.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Iterator, Optional
from xml.etree import ElementTree

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def findings(operation_model: Any, body: bytes) -> list[str]:
    """What is wrong with the body of a successful reply; empty: nothing."""
    shape = operation_model.output_shape
    if operation_model.service_model.metadata["protocol"] == "query":
        return list(_xml_findings(operation_model, body))
    document = json.loads(body)
    return [] if shape is None else list(_json_findings(shape, document, shape.name))


def _json_findings(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _members(shape, value, path)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{path} is not a list"
            return
        for number, each in enumerate(value):
            yield from _json_findings(shape.member, each, f"{path}[{number}]")
    elif kind == "map":
        for key, each in value.items():
            yield from _json_findings(shape.value, each, f"{path}.{key}")
    else:
        yield from _scalar(shape, value, path)


def _members(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is not an object"
        return
    for name, each in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is unknown"
        else:
            yield from _json_findings(shape.members[name], each, f"{path}.{name}")
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is required"


def _scalar(shape: Any, value: Any, path: str) -> Iterator[str]:
    kinds: dict[str, Any] = {
        "string": str,
        "blob": str,
        "timestamp": (int, float),
        "integer": int,
        "long": int,
        "boolean": bool,
    }
    wanted = kinds[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        yield f"{path} is a {type(value).__name__}, not a {shape.type_name}"
        return
    if shape.type_name == "blob":
        base64.b64decode(value, validate=True)
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path} is not one of {shape.enum}"
    size = _size(shape, value)
    if size is not None:
        yield f"{path}: {size}"


def _size(shape: Any, value: Any) -> Optional[str]:
    if not isinstance(value, str):
        return None
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < low or (high is not None and len(value) > high):
        return f"{len(value)} characters, not {low} to {high}"
    return None


def _xml_findings(operation_model: Any, body: bytes) -> Iterator[str]:
    root = ElementTree.fromstring(body)
    name, shape = operation_model.name, operation_model.output_shape
    namespace = operation_model.service_model.metadata["xmlNamespace"]
    if root.tag != f"{{{namespace}}}{name}Response":
        yield f"the root is {root.tag}"
    children = [_local(each) for each in root]
    if children != [f"{name}Result", "ResponseMetadata"]:
        yield f"the root has {children}"
    yield from _element(shape, root[0], shape.name)


def _element(shape: Any, element: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for child in element:
            name = _local(child)
            if name not in shape.members:
                yield f"{path}.{name} is unknown"
            else:
                yield from _element(shape.members[name], child, f"{path}.{name}")
        present = {_local(child) for child in element}
        yield from (f"{path}.{n} is required" for n in shape.required_members if n not in present)
    elif shape.type_name == "timestamp":
        if not _ISO.fullmatch(element.text or ""):
            yield f"{path} is not a time"
    elif shape.type_name == "integer":
        if not (element.text or "").isdigit():
            yield f"{path} is not a number"
    else:
        size = _size(shape, element.text or "")
        if size is not None:
            yield f"{path}: {size}"


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2]
