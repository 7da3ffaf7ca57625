# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json

import pytest

from tests.demo.leaks import find_leaks, forms_of

VALUE = "s3cr3t-Value_0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"prefix{VALUE}suffix",
        VALUE.encode().hex(),
        json.dumps({"data": {"key": base64.b64encode(VALUE.encode()).decode()}}),
        base64.b64encode(f"x{VALUE}y".encode()).decode(),
        base64.b64encode(f"xy{VALUE}".encode()).decode(),
        base64.b64encode(f"wxyz{VALUE}z".encode()).decode(),
        base64.urlsafe_b64encode(f"\xff\xff{VALUE}".encode("latin-1")).decode(),
    ],
)
def test_finds_value_in_every_form(text: str) -> None:
    assert find_leaks({"the value": VALUE}, {"the text": text}) == ["the value in the text"]


def test_finds_value_with_bytes_that_base64_variants_write_differently() -> None:
    value = "\x7f???>>>~~~" * 3
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert find_leaks({"v": value}, {"t": encode(value.encode()).decode()}) == ["v in t"]


def test_finds_bytes_that_are_no_text() -> None:
    key = bytes(range(200, 232))
    texts = {"hex": key.hex(), "base64": base64.b64encode(b"." + key).decode(), "none": "ÈÉÊ"}
    assert find_leaks({"k": key}, texts) == ["k in hex", "k in base64"]


@pytest.mark.parametrize(
    "text", ["", VALUE[:-1], VALUE.swapcase(), base64.b64encode(VALUE[1:].encode()).decode()]
)
def test_finds_nothing_where_nothing_is(text: str) -> None:
    assert find_leaks({"v": VALUE}, {"t": text}) == []


def test_names_each_text_and_never_the_value() -> None:
    values = {"one": VALUE, "two": "another-value"}
    leaks = find_leaks(values, {"log": VALUE, "event": "", "x": VALUE})
    assert leaks == ["one in log", "one in x"]
    assert not any(VALUE in leak for leak in leaks)


def test_refuses_value_that_is_found_by_chance() -> None:
    with pytest.raises(ValueError):
        forms_of("short")
