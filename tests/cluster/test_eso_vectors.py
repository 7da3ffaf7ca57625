# SPDX-License-Identifier: Apache-2.0
"""The program that says what Go and ESO make of single inputs: it is right where that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.eso import Vectors

# external-secrets.md has these as measured: hashes, and one trap for each of the others.
KNOWN: list[tuple[str, dict[str, Any], str, Any]] = [
    (
        "data-hash",
        {"data": {"foo": "bar"}},
        "hash",
        "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36",
    ),
    ("rv", {"generation": 1}, "rv", "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"),
    (
        "sha3",
        {"text": "default/foo"},
        "hash",
        "5634524f81ffd28d5559acdfea844235c0d3fc2499aca5a96810d10e",
    ),
    ("template", {"text": "{{ (fromJson .j).n }}", "data": {"j": '{"n":1e6}'}}, "text", "1e+06"),
    ("template", {"text": '{{ "/w==" | b64dec }}'}, "text", {"b64": "/w=="}),
    ("template", {"text": "{{ .a", "data": {}}, "error", "unclosed action"),
    ("keys-and-values", {"text": "y: no\n"}, "data", {"true": "false"}),
    ("parse", {"text": "{{ nope }}"}, "error", 'function "nope" not defined'),
    ("transform", {"text": "{{ .value | upper }}", "key": "db"}, "key", "DB"),
    ("property", {"text": '{"a.b":1.10,"a":{"b":2}}', "property": "a.b"}, "text", "1.1"),
    ("extract", {"text": '{"a":1.10,"a":1e3}'}, "data", {"a": "1e3"}),
    ("json", {"text": '{"n":12345678901234567890}'}, "json", '{"n":12345678901234567000}'),
    ("regexp", {"pattern": "(?=a)", "text": "a"}, "error", "invalid or unsupported Perl syntax"),
    ("regexp", {"pattern": "(a)", "text": "a", "with": "$1_x"}, "replaceAll", ""),
    ("yaml", {"text": "a: 3.14159265358979\n"}, "strings", {"a": "3.1415927"}),
    ("decode", {"strategy": "Auto", "text": "eA=="}, "text", "x"),
    ("convert", {"strategy": "Unicode", "data": {"/": "x"}}, "data", {"_U002f_": "x"}),
    ("validate", {"data": {"": "x"}}, "data", {}),
    (
        "rewrite",
        {"rewrite": [{"regexp": {"source": "a", "target": "b"}}], "data": {"a": "x"}},
        "data",
        {"b": "x"},
    ),
    ("runes", {"text": "é"}, "runes", [{"rune": 233, "letter": True, "number": False}]),
    ("nonsense", {}, "error", "unknown op"),
]


@pytest.fixture(scope="module")
def vectors() -> Iterator[Vectors]:
    with Vectors() as vectors:
        yield vectors


@pytest.mark.parametrize(("op", "question", "member", "answer"), KNOWN)
def test_answers_what_is_known(
    vectors: Vectors, op: str, question: dict[str, Any], member: str, answer: Any
) -> None:
    found = vectors.ask(op, **question)[member]
    assert answer in found if member == "error" else answer == found


def test_functions_are_sprigs_and_esos_without_the_environment(vectors: Vectors) -> None:
    names = set(vectors.ask("functions")["names"])
    assert {"b64enc", "toYaml", "filterPEM", "regexReplaceAllLiteral"} <= names
    assert not {"env", "expandenv"} & names
