# SPDX-License-Identifier: Apache-2.0
"""IAM policies as far as tests need them: identity policies and trust policies in IAM's own JSON.

Statements with Effect, Action, Resource (identity) or Principal (trust), and Condition with the
string operators. An explicit deny wins, then an allow, else nothing is said. `*` and `?` are
wildcards, `${aws:PrincipalTag/KEY}` in a resource or a condition's value is filled in.
"""

from __future__ import annotations

import functools
import re
import threading
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional, Sequence

ALLOW, DENY, NOTHING = "Allow", "Deny", "nothing"

Context = Mapping[str, Sequence[str]]

_OPERATOR = re.compile(
    r"(?:(?P<set>ForAllValues|ForAnyValue):)?String(?P<negated>Not)?(?P<kind>Equals|Like)"
    r"(?P<if_exists>IfExists)?"
)
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


@functools.lru_cache(maxsize=4096)
def _pattern(text: str, any_case: bool) -> re.Pattern:
    parts = [{"*": ".*", "?": "."}.get(character, re.escape(character)) for character in text]
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if any_case else 0))


def _like(text: str, pattern: str, *, any_case: bool = False) -> bool:
    return _pattern(pattern, any_case).fullmatch(text) is not None


def _texts(value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"not a text or a list of texts: {value!r}")
    return texts


def lowered(context: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """A context: the names of condition keys know no case."""
    return {key.lower(): _texts(value) for key, value in context.items()}


def _filled(text: str, context: Context) -> Optional[str]:
    """With its variables; None when one has no value, and then nothing matches."""
    filled = text
    for name in _VARIABLE.findall(text):
        values = context.get(name.lower(), ())
        if len(values) != 1:
            return None
        filled = filled.replace("${" + name + "}", values[0])
    return filled


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def concerns(self, action: str, resources: Iterable[str], context: Context) -> bool:
        return (
            any(_like(action, pattern, any_case=True) for pattern in self.actions)
            and self._names(resources, context)
            and all(_holds(*condition, context) for condition in self.conditions)
        )

    def _names(self, resources: Iterable[str], context: Context) -> bool:
        patterns = [filled for each in self.resources if (filled := _filled(each, context))]
        return any(_like(each, pattern) for each in resources for pattern in patterns)


def _holds(operator: str, key: str, wanted: tuple[str, ...], context: Context) -> bool:
    match = _OPERATOR.fullmatch(operator)
    assert match is not None
    values = context.get(key.lower())
    if not values:
        # No value: a negated test, one "IfExists" and one for all of no values hold.
        return bool(match["negated"] or match["if_exists"] or match["set"] == "ForAllValues")
    patterns = [filled for each in wanted if (filled := _filled(each, context)) is not None]

    def one(value: str) -> bool:
        if match["kind"] == "Like":
            return any(_like(value, pattern) for pattern in patterns)
        return value in patterns

    hits = [one(value) != bool(match["negated"]) for value in values]
    return all(hits) if match["set"] != "ForAnyValue" else any(hits)


def parse_statement(document: Mapping[str, Any]) -> Statement:
    """IAM's JSON. What the stand-in does not understand is refused rather than ignored."""
    unknown = set(document) - {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}
    if unknown or document.get("Effect") not in (ALLOW, DENY):
        raise ValueError(f"statement not understood: {document!r}")
    conditions = []
    for operator, tests in document.get("Condition", {}).items():
        if not _OPERATOR.fullmatch(operator):
            raise ValueError(f"condition operator {operator} is not understood")
        conditions += [(operator, key, _texts(values)) for key, values in tests.items()]
    principal = document.get("Principal", {})
    if isinstance(principal, str):
        principal = {"AWS": principal}
    return Statement(
        document["Effect"],
        _texts(document["Action"]),
        _texts(document.get("Resource", "*")),
        tuple((kind, each) for kind, named in principal.items() for each in _texts(named)),
        tuple(conditions),
    )


def statements_of(document: Any) -> list[Statement]:
    """From a policy document, a list of statements, or one."""
    if isinstance(document, Mapping) and "Statement" in document:
        document = document["Statement"]
    if isinstance(document, Mapping):
        document = [document]
    return [parse_statement(each) for each in document]


class Policy:
    """Statements that a test may change while calls are answered. Any thread."""

    def __init__(self, document: Any = ()):
        self._lock = threading.Lock()
        self._statements = statements_of(document)
        self._denials: list[Statement] = []

    def replace(self, document: Any) -> None:
        statements = statements_of(document)
        with self._lock:
            self._statements = statements

    def deny(self, actions: Any, resources: Any = "*") -> None:
        """One more explicit denial, until undeny()."""
        each = parse_statement({"Effect": DENY, "Action": actions, "Resource": resources})
        with self._lock:
            self._denials.append(each)

    def undeny(self) -> None:
        with self._lock:
            self._denials.clear()

    def statements(self) -> list[Statement]:
        with self._lock:
            return [*self._denials, *self._statements]

    def decide(self, action: str, resources: Sequence[str], context: Context) -> str:
        return verdict(
            each for each in self.statements() if each.concerns(action, resources, context)
        )


def verdict(statements: Iterable[Statement]) -> str:
    effects = {each.effect for each in statements}
    return DENY if DENY in effects else ALLOW if ALLOW in effects else NOTHING
