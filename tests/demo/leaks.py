# SPDX-License-Identifier: Apache-2.0
"""Looks for secret values in texts: as they are, in base64 (how Secrets carry them), in hex."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

# Shorter ones would be found by chance.
SHORTEST_VALUE = 8


def forms_of(value: str | bytes) -> set[str]:
    """The texts that would give the value away: itself, if it is text; its hex; and what stands in
    base64 of anything that contains it, at each of the three offsets (without the characters that
    neighbours share)."""
    data = value.encode() if isinstance(value, str) else value
    if len(data) < SHORTEST_VALUE:
        raise ValueError("too short to be looked for")
    forms = {data.hex(), data.hex().upper()}
    if isinstance(value, str):
        forms.add(value)
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode()
        # A character of base64 has 6 bits: those with a bit of the padding or of what follows vary.
        first = (8 * offset + 5) // 6
        last = (8 * (offset + len(data))) // 6
        standard = encoded[first:last]
        forms |= {standard, standard.replace("+", "-").replace("/", "_")}
    return forms


def find_leaks(values: Mapping[str, str | bytes], texts: Mapping[str, str]) -> list[str]:
    """`values` and `texts` by name. "name of the value in name of the text" for each leak; the
    values themselves are not in the answer."""
    return [
        f"{value_name} in {text_name}"
        for value_name, value in values.items()
        for text_name, text in texts.items()
        if contains_any(text, forms_of(value))
    ]


def contains_any(text: str, forms: Iterable[str]) -> bool:
    return any(form in text for form in forms)
