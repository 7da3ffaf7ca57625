# SPDX-License-Identifier: Apache-2.0
"""The patches a Kubernetes API server applies: JSON merge patch (RFC 7386), JSON Patch (RFC 6902)
and strategic merge patch, the last for the lists that Keyturn and its tests touch.

Every function returns a new document and leaves its arguments alone.
"""

from __future__ import annotations

import copy
from typing import Any, Mapping, Sequence

# The list fields merged by key, with the key, as the patch tags of the API types say. A list not
# named here is replaced as a whole.
MERGE_KEYS = {
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "schedulingGates": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
    "webhooks": "name",
}
PRIMITIVE_LISTS = frozenset({"finalizers"})


class PatchError(Exception):
    """The patch does not fit the object. `status` is the HTTP status an API server answers."""

    def __init__(self, message: str, status: int = 422):
        super().__init__(message)
        self.status = status


def merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return copy.deepcopy({key: value for key, value in patch.items() if key != "$patch"})
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"Unknown patch type found: {directive}", 400)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$setElementOrder/") or key == "$patch":
            continue
        if key == "$retainKeys":
            result = {kept: result[kept] for kept in result if kept in value}
        elif key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field, ()) if each not in value]
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic(result.get(key), value)
        elif isinstance(value, list) and key in MERGE_KEYS:
            result[key] = _merge_list(result.get(key) or [], value, MERGE_KEYS[key])
        elif isinstance(value, list) and key in PRIMITIVE_LISTS:
            present = result.get(key) or []
            result[key] = present + [each for each in value if each not in present]
        else:
            result[key] = copy.deepcopy(value)
    # A list emptied by a patch is left out, as omitempty does.
    return {key: value for key, value in result.items() if not (key in MERGE_KEYS and value == [])}


def _merge_list(present: Sequence[Any], patch: Sequence[Any], key: str) -> list[dict[str, Any]]:
    if any(isinstance(each, dict) and each.get("$patch") == "replace" for each in patch):
        return copy.deepcopy([each for each in patch if "$patch" not in each])
    result = [dict(each) for each in present]
    for each in patch:
        if not isinstance(each, dict) or key not in each:
            raise PatchError(f"map: {each!r} does not contain declared merge key: {key}", 400)
        index = next((i for i, old in enumerate(result) if old.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            if index is not None:
                del result[index]
        elif index is None:
            result.append(strategic({}, each))
        else:
            result[index] = strategic(result[index], each)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    if not isinstance(operations, list):
        raise PatchError("a JSON Patch is an array", 400)
    document = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict) or "path" not in operation:
            raise PatchError("an operation has a path", 400)
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    kind, path = operation.get("op"), _split(operation["path"])
    if kind in ("move", "copy"):
        source = _split(operation.get("from", ""))
        value = copy.deepcopy(_find(document, source))
        if kind == "move":
            document = _remove(document, source)
        return _add(document, path, value)
    if kind == "remove":
        return _remove(document, path)
    if kind not in ("add", "replace", "test") or "value" not in operation:
        raise PatchError(f"operation {kind!r}", 400)
    value = copy.deepcopy(operation["value"])
    if kind == "add":
        return _add(document, path, value)
    found = _find(document, path)
    if kind == "test":
        if found != value:
            raise PatchError(f"testing path {operation['path']} failed")
        return document
    return _add(_remove(document, path), path, value)


def _split(path: str) -> list[str]:
    if path == "":
        return []
    if not path.startswith("/"):
        raise PatchError(f"path {path!r}", 400)
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _index(part: str, size: int) -> int:
    if not part.isdigit() or (part != "0" and part.startswith("0")) or int(part) >= size:
        raise PatchError(f"array index {part!r}")
    return int(part)


def _find(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(part, len(document))]
        else:
            raise PatchError(f"path part {part!r} is missing")
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent) + 1), value)
    else:
        raise PatchError(f"path part {last!r} is missing")
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    _find(document, path)
    if not path:
        return None
    parent, last = _find(document, path[:-1]), path[-1]
    del parent[_index(last, len(parent)) if isinstance(parent, list) else last]
    return document
