# SPDX-License-Identifier: Apache-2.0
"""Policies of the AWS stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.aws_policy import ALLOW, DENY, NOTHING, Policy, lowered, parse_statement

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf"
READ = "secretsmanager:GetSecretValue"


def decide(document: Any, action: str = READ, resource: str = ARN, **context: Any) -> str:
    return Policy(document).decide(action, (resource,), lowered(context))


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": READ, "Resource": "*", **more}


@pytest.mark.parametrize(
    "action,resource,wanted",
    [
        ("*", "*", ALLOW),
        ("secretsmanager:*", "*", ALLOW),
        ("SecretsManager:getsecretVALUE", "*", ALLOW),
        ("secretsmanager:GetSecret", "*", NOTHING),
        ("secretsmanager:Get?ecretValue", "*", ALLOW),
        (READ, ARN, ALLOW),
        (READ, ARN.replace("AbCdEf", "??????"), ALLOW),
        (READ, ARN.replace("AbCdEf", "?????"), NOTHING),
        (READ, ARN.lower(), NOTHING),
        (READ, "arn:aws:secretsmanager:*:*:secret:prod/*", ALLOW),
        (READ, "prod/*", NOTHING),
        (["ssm:GetParameter", READ], ["nothing", "*"], ALLOW),
    ],
)
def test_action_and_resource_match_with_wildcards(action: Any, resource: Any, wanted: str) -> None:
    assert decide(allow(Action=action, Resource=resource)) == wanted


def test_brackets_are_not_wildcards() -> None:
    assert decide(allow(Resource="[a]"), resource="a") == NOTHING
    assert decide(allow(Resource="[a]"), resource="[a]") == ALLOW


def test_deny_wins_and_silence_is_no_permission() -> None:
    assert decide([allow(), {**allow(), "Effect": "Deny"}]) == DENY
    assert decide([]) == NOTHING
    assert decide({"Version": "2012-10-17", "Statement": [allow()]}) == ALLOW


def test_denials_come_and_go_while_in_use() -> None:
    policy = Policy(allow())
    policy.deny(READ, "*:secret:prod/*")
    assert policy.decide(READ, (ARN,), {}) == DENY
    assert policy.decide(READ, ("arn:other",), {}) == ALLOW
    policy.undeny()
    assert policy.decide(READ, (ARN,), {}) == ALLOW
    policy.replace([])
    assert policy.decide(READ, (ARN,), {}) == NOTHING


@pytest.mark.parametrize(
    "operator,values,context,wanted",
    [
        ("StringEquals", "a", {"key": "a"}, ALLOW),
        ("StringEquals", "a", {"KEY": "a"}, ALLOW),
        ("StringEquals", "a", {"key": "A"}, NOTHING),
        ("StringEquals", ["a", "b"], {"key": "b"}, ALLOW),
        ("StringEquals", "a*", {"key": "ab"}, NOTHING),
        ("StringEquals", "a", {}, NOTHING),
        ("StringEqualsIfExists", "a", {}, ALLOW),
        ("StringNotEquals", "a", {"key": "b"}, ALLOW),
        ("StringNotEquals", "a", {"key": "a"}, NOTHING),
        ("StringNotEquals", "a", {}, ALLOW),
        ("StringLike", "a*", {"key": "ab"}, ALLOW),
        ("StringNotLike", "a*", {"key": "ab"}, NOTHING),
        ("ForAllValues:StringEquals", ["a", "b"], {"key": ["a", "b"]}, ALLOW),
        ("ForAllValues:StringEquals", ["a", "b"], {"key": ["a", "c"]}, NOTHING),
        ("ForAllValues:StringEquals", ["a"], {}, ALLOW),
        ("ForAnyValue:StringEquals", ["a"], {"key": ["c", "a"]}, ALLOW),
        ("ForAnyValue:StringEquals", ["a"], {"key": ["c"]}, NOTHING),
        ("ForAnyValue:StringEquals", ["a"], {}, NOTHING),
    ],
)
def test_conditions(operator: str, values: Any, context: dict[str, Any], wanted: str) -> None:
    assert decide(allow(Condition={operator: {"key": values}}), **context) == wanted


def test_every_condition_must_hold() -> None:
    both = {"StringEquals": {"a": "1", "b": "2"}}
    assert decide(allow(Condition=both), a="1", b="2") == ALLOW
    assert decide(allow(Condition=both), a="1", b="3") == NOTHING


def test_variables_are_filled_in_and_a_missing_one_matches_nothing() -> None:
    statement = allow(Resource="*:secret:${aws:PrincipalTag/team}/*")
    tag = {"aws:PrincipalTag/team": "prod"}
    assert decide(statement, **tag) == ALLOW
    assert decide(statement, **{"aws:PrincipalTag/team": "dev"}) == NOTHING
    assert decide(statement) == NOTHING
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    assert decide(allow(Condition=condition), **tag, **{"aws:ResourceTag/team": "prod"}) == ALLOW
    assert decide(allow(Condition=condition), **{"aws:ResourceTag/team": "prod"}) == NOTHING


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Maybe", "Action": "*"},
        {"Effect": "Allow", "Action": "*", "NotResource": "*"},
        {"Effect": "Allow", "Action": 7},
        {"Effect": "Allow", "Action": "*", "Condition": {"DateLessThan": {"a": "b"}}},
    ],
)
def test_what_is_not_understood_is_refused(statement: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_statement(statement)
