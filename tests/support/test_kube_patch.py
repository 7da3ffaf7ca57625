# SPDX-License-Identifier: Apache-2.0
"""Patches as a Kubernetes API server applies them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.kube_patch import PatchError, json_patch, merge, strategic


# The examples of RFC 7386, appendix A.
@pytest.mark.parametrize(
    "target,patch,result",
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy(target)
    assert merge(target, patch) == result
    assert target == before


# The examples of RFC 6902, appendix A.
@pytest.mark.parametrize(
    "target,operations,result",
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}],
         {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}],
         {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}],
         {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        ({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
         [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
         {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
        ({"foo": ["all", "grass", "cows", "eat"]},
         [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
         {"foo": ["all", "cows", "eat", "grass"]}),
        ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "qux"}], {"baz": "qux"}),
        ({"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
         {"foo": "bar", "child": {"grandchild": {}}}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
         {"foo": ["bar", ["abc", "def"]]}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}],
         {"a": {"b": 1}, "c": {"b": 1}}),
        ({"metadata": {"annotations": {}}},
         [{"op": "add", "path": "/metadata/annotations/keyturn.io~1x", "value": "v"}],
         {"metadata": {"annotations": {"keyturn.io/x": "v"}}}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    ],
)  # fmt: skip
def test_json_patch(target: Any, operations: Any, result: Any) -> None:
    before = copy.deepcopy(target)
    assert json_patch(target, operations) == result
    assert target == before


@pytest.mark.parametrize(
    "target,operations",
    [
        ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}]),
        ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}]),
        ({"foo": []}, [{"op": "add", "path": "/foo/1", "value": 1}]),
        ({"foo": [1]}, [{"op": "remove", "path": "/foo/01"}]),
        ({"foo": 1}, [{"op": "remove", "path": "/bar"}]),
        ({"foo": 1}, [{"op": "replace", "path": "/bar", "value": 1}]),
        ({"foo": 1}, [{"op": "explode", "path": "/foo"}]),
        ({"foo": 1}, [{"op": "add", "path": "/foo"}]),
        ({"foo": 1}, [{"op": "add", "path": "foo", "value": 1}]),
        ({"foo": 1}, {"op": "add"}),
    ],
)
def test_json_patch_refuses(target: Any, operations: Any) -> None:
    with pytest.raises(PatchError):
        json_patch(target, operations)


POD: dict[str, Any] = {
    "metadata": {"name": "p", "annotations": {"a": "1"}, "finalizers": ["one"]},
    "spec": {
        "schedulingGates": [{"name": "keyturn.io/secrets"}, {"name": "other"}],
        "containers": [{"name": "c", "env": [{"name": "A", "value": "1"}], "args": ["x", "y"]}],
        "nodeSelector": {"k": "v"},
    },
}


def test_strategic_merge_takes_one_gate_away_and_sets_an_annotation() -> None:
    gate = {"$patch": "delete", "name": "keyturn.io/secrets"}
    patch = {"metadata": {"annotations": {"b": "2"}}, "spec": {"schedulingGates": [gate]}}
    result = strategic(POD, patch)
    assert result["spec"]["schedulingGates"] == [{"name": "other"}]
    assert result["metadata"]["annotations"] == {"a": "1", "b": "2"}
    assert strategic(result, patch) == result, "idempotent"
    assert len(POD["spec"]["schedulingGates"]) == 2
    last = strategic(result, {"spec": {"schedulingGates": [{"$patch": "delete", "name": "other"}]}})
    assert "schedulingGates" not in last["spec"]


@pytest.mark.parametrize(
    "patch,path,expected",
    [
        ({"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}},
         ("spec", "containers", 0, "env"),
         [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
        ({"spec": {"containers": [{"name": "c", "args": ["z"]}]}},
         ("spec", "containers", 0, "args"), ["z"]),
        ({"spec": {"containers": [{"$patch": "replace"}, {"name": "d"}]}},
         ("spec", "containers"), [{"name": "d"}]),
        ({"spec": {"nodeSelector": {"$patch": "replace", "n": "w"}}},
         ("spec", "nodeSelector"), {"n": "w"}),
        ({"spec": {"nodeSelector": None}}, ("spec", "nodeSelector"), None),
        ({"metadata": {"finalizers": ["two", "one"]}}, ("metadata", "finalizers"), ["one", "two"]),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": ["one"]}},
         ("metadata", "finalizers"), []),
        ({"spec": {"$setElementOrder/containers": [{"name": "c"}]}},
         ("spec", "containers", 0, "name"), "c"),
        ({"spec": {"$retainKeys": ["containers"]}}, ("spec", "nodeSelector"), None),
    ],
)  # fmt: skip
def test_strategic_merge(patch: Any, path: tuple[Any, ...], expected: Any) -> None:
    value: Any = strategic(POD, patch)
    for part in path:
        value = value.get(part) if isinstance(value, dict) else value[part]
    assert value == expected


def test_strategic_merge_finds_a_webhook_by_name() -> None:
    present = {"webhooks": [{"name": "a", "clientConfig": {"url": "u"}}, {"name": "b"}]}
    patch = {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "Q0E="}}]}
    assert strategic(present, patch)["webhooks"] == [
        {"name": "a", "clientConfig": {"url": "u", "caBundle": "Q0E="}},
        {"name": "b"},
    ]


def test_strategic_merge_refuses_an_item_without_its_key() -> None:
    with pytest.raises(PatchError):
        strategic(POD, {"spec": {"schedulingGates": [{"$patch": "delete"}]}})
    with pytest.raises(PatchError):
        strategic(POD, {"spec": {"$patch": "explode"}})
