# SPDX-License-Identifier: Apache-2.0
"""The same calls against the stand-in and against moto, which nobody here wrote.

Where they differ the table DIFFERENCES says so, with the reason: a difference that is not in it
fails the test, and so does an entry that is seen no more. What the reason calls documented is in
the API references or the SDK's models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

import pytest

from tests.oracles.comparison import ask, differences
from tests.oracles.moto import Moto
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_sdk import sdk_client
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account

ROLE = "arn:aws:iam::123456789012:role/"
SERVICES = ("secretsmanager", "ssm", "sts", "sqs")


@dataclass
class Side:
    """One of the two servers, with what a case needs to name."""

    clients: dict[str, Any]
    names: dict[str, str]

    def fill_in(self, value: Any) -> Any:
        """Texts like "$arn" stand for what this server has made up."""
        if isinstance(value, dict):
            return {key: self.fill_in(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill_in(each) for each in value]
        return self.names.get(value, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def moto() -> Iterator[Side]:
    with Moto() as server:
        clients = {name: sdk_client(name, server.endpoint, validate=False) for name in SERVICES}
        yield Side(clients, fill_moto(clients))


@pytest.fixture(scope="module")
def ours() -> Iterator[Side]:
    with AwsStandIn() as server:
        server.add_principal()
        clients = {name: sdk_client(name, server.endpoint, validate=False) for name in SERVICES}
        yield Side(clients, fill_ours(server))


def fill_moto(clients: dict[str, Any]) -> dict[str, str]:
    secrets, ssm, sqs = (clients[name] for name in ("secretsmanager", "ssm", "sqs"))
    tags = [{"Key": "team", "Value": "red"}]
    first = secrets.create_secret(Name="s/text", SecretString="one", Tags=tags)
    second = secrets.put_secret_value(SecretId="s/text", SecretString="two")
    secrets.create_secret(Name="s/binary", SecretBinary=b"\0\1")
    secrets.create_secret(Name="s/empty")
    secrets.create_secret(Name="s/gone", SecretString="x")
    secrets.delete_secret(SecretId="s/gone")
    secrets.create_secret(Name="t/other", SecretString="x")
    for value in ("one", "two"):
        ssm.put_parameter(Name="/p/secret", Value=value, Type="SecureString", Overwrite=True)
    ssm.label_parameter_version(Name="/p/secret", ParameterVersion=1, Labels=["old"])
    ssm.put_parameter(Name="/p/list", Value="a,b", Type="StringList", Tags=tags)
    ssm.put_parameter(Name="/p/deep/er", Value="x", Type="String")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    return {
        "$arn": first["ARN"],
        "$partial": first["ARN"][:-7],
        "$first": first["VersionId"],
        "$second": second["VersionId"],
        "$parameter": "arn:aws:ssm:us-east-1:123456789012:parameter/p/list",
        "$url": url,
        "$no-url": url + "-none",
        "$expired": TokenIssuer().token("x", now=1_000_000),
    }


def fill_ours(aws: AwsStandIn) -> dict[str, str]:
    first = aws.put("s/text", "one", tags={"team": "red"})
    second = aws.rotate("s/text", "two")
    aws.put("s/binary", b"\0\1")
    aws.put("s/empty", None, stages=())
    aws.put("s/gone", "x")
    aws.delete("s/gone")
    aws.put("t/other", "x")
    aws.put_parameter("/p/secret", "one", labels=["old"])
    aws.put_parameter("/p/secret", "two")
    aws.put_parameter("/p/list", "a,b", kind="StringList", tags={"team": "red"})
    aws.put_parameter("/p/deep/er", "x", kind="String")
    aws.queues().create("q")
    issuer = TokenIssuer()
    provider = aws.add_identity_provider(issuer.issuer, issuer.jwks)
    aws.add_role("plain", trusting_account(tags=True))
    aws.add_role("external", trusting_account(external_id="right"))
    aws.add_role("web", trusting_service_account(provider, "team", "app"))
    arn = aws.arn("s/text")
    return {
        "$arn": arn,
        "$partial": arn[:-7],
        "$first": first,
        "$second": second,
        "$parameter": aws.parameters().arn("/p/list"),
        "$url": aws.queue_url("q"),
        "$no-url": aws.queue_url("q-none"),
        "$expired": issuer.token("x", now=1_000_000),
    }


SM, SSM, STS, SQS = SERVICES
NAMED = [{"Key": "name", "Values": ["s/"]}]
MANY = [f"none/{number}" for number in range(21)]

# Case: service, call, arguments.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "secret-by-name": (SM, "get_secret_value", {"SecretId": "s/text"}),
    "secret-by-arn": (SM, "get_secret_value", {"SecretId": "$arn"}),
    "secret-by-partial-arn": (SM, "get_secret_value", {"SecretId": "$partial"}),
    "secret-binary": (SM, "get_secret_value", {"SecretId": "s/binary"}),
    "secret-version": (SM, "get_secret_value", {"SecretId": "s/text", "VersionId": "$first"}),
    "secret-stage": (SM, "get_secret_value", {"SecretId": "s/text", "VersionStage": "AWSPREVIOUS"}),
    "secret-version-and-stage": (
        SM,
        "get_secret_value",
        {"SecretId": "s/text", "VersionId": "$second", "VersionStage": "AWSCURRENT"},
    ),
    "secret-stage-of-another-version": (
        SM,
        "get_secret_value",
        {"SecretId": "s/text", "VersionId": "$first", "VersionStage": "AWSCURRENT"},
    ),
    "secret-stage-absent": (
        SM,
        "get_secret_value",
        {"SecretId": "s/text", "VersionStage": "AWSPENDING"},
    ),
    "secret-version-absent": (
        SM,
        "get_secret_value",
        {"SecretId": "s/text", "VersionId": "0" * 32},
    ),
    "secret-absent": (SM, "get_secret_value", {"SecretId": "none"}),
    "secret-deleted": (SM, "get_secret_value", {"SecretId": "s/gone"}),
    "secret-without-value": (SM, "get_secret_value", {"SecretId": "s/empty"}),
    "batch": (
        SM,
        "batch_get_secret_value",
        {"SecretIdList": ["s/text", "s/binary", "s/gone", "none"]},
    ),
    "batch-without-value": (SM, "batch_get_secret_value", {"SecretIdList": ["s/text", "s/empty"]}),
    "batch-duplicates": (
        SM,
        "batch_get_secret_value",
        {"SecretIdList": ["s/text", "s/text", "$arn"]},
    ),
    "batch-by-filter": (
        SM,
        "batch_get_secret_value",
        {"Filters": [{"Key": "name", "Values": ["t/"]}]},
    ),
    "batch-of-21": (SM, "batch_get_secret_value", {"SecretIdList": MANY}),
    "batch-of-nothing": (SM, "batch_get_secret_value", {}),
    "batch-of-both": (SM, "batch_get_secret_value", {"SecretIdList": ["a"], "Filters": NAMED}),
    "batch-max-results-of-ids": (
        SM,
        "batch_get_secret_value",
        {"SecretIdList": ["a"], "MaxResults": 3},
    ),
    "describe": (SM, "describe_secret", {"SecretId": "s/text"}),
    "describe-deleted": (SM, "describe_secret", {"SecretId": "s/gone"}),
    "describe-absent": (SM, "describe_secret", {"SecretId": "none"}),
    "list-by-name": (SM, "list_secrets", {"Filters": NAMED}),
    "list-planned-deletion": (
        SM,
        "list_secrets",
        {"Filters": [{"Key": "name", "Values": ["s/gone"]}], "IncludePlannedDeletion": True},
    ),
    "list-by-tag-key-prefix": (
        SM,
        "list_secrets",
        {"Filters": [{"Key": "tag-key", "Values": ["te"]}]},
    ),
    "list-page": (SM, "list_secrets", {"MaxResults": 1, "SortOrder": "asc"}),
    "versions": (SM, "list_secret_version_ids", {"SecretId": "s/text"}),
    "parameter": (SSM, "get_parameter", {"Name": "/p/secret", "WithDecryption": True}),
    "parameter-encrypted": (SSM, "get_parameter", {"Name": "/p/secret"}),
    "parameter-by-arn": (SSM, "get_parameter", {"Name": "$parameter"}),
    "parameter-version": (SSM, "get_parameter", {"Name": "/p/secret:1", "WithDecryption": True}),
    "parameter-label": (SSM, "get_parameter", {"Name": "/p/secret:old", "WithDecryption": True}),
    "parameter-absent": (SSM, "get_parameter", {"Name": "/none"}),
    "parameter-version-absent": (SSM, "get_parameter", {"Name": "/p/secret:9"}),
    "parameters": (
        SSM,
        "get_parameters",
        {"Names": ["/p/secret", "/none", "/p/list", "/p/secret:1"], "WithDecryption": True},
    ),
    "parameters-11": (SSM, "get_parameters", {"Names": MANY[:11]}),
    "parameters-duplicates": (SSM, "get_parameters", {"Names": ["/p/list", "/p/list"]}),
    "by-path": (SSM, "get_parameters_by_path", {"Path": "/p", "WithDecryption": True}),
    "by-path-recursive": (
        SSM,
        "get_parameters_by_path",
        {"Path": "/p/", "Recursive": True, "WithDecryption": True},
    ),
    "by-path-page": (
        SSM,
        "get_parameters_by_path",
        {"Path": "/p", "MaxResults": 1, "WithDecryption": True},
    ),
    "by-path-relative": (SSM, "get_parameters_by_path", {"Path": "p"}),
    "describe-parameters": (
        SSM,
        "describe_parameters",
        {"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/p/d"]}]},
    ),
    "describe-parameters-by-tag": (
        SSM,
        "describe_parameters",
        {"ParameterFilters": [{"Key": "tag:team", "Option": "Equals", "Values": ["red"]}]},
    ),
    "parameter-history": (
        SSM,
        "get_parameter_history",
        {"Name": "/p/secret", "WithDecryption": True},
    ),
    "parameter-tags": (
        SSM,
        "list_tags_for_resource",
        {"ResourceType": "Parameter", "ResourceId": "/p/list"},
    ),
    "assume-role": (
        STS,
        "assume_role",
        {
            "RoleArn": ROLE + "plain",
            "RoleSessionName": "keyturn",
            "Tags": [{"Key": "a b", "Value": "c+d"}],
        },
    ),
    "assume-role-of-900-seconds-less": (
        STS,
        "assume_role",
        {"RoleArn": ROLE + "plain", "RoleSessionName": "keyturn", "DurationSeconds": 100},
    ),
    "assume-role-external-id": (
        STS,
        "assume_role",
        {"RoleArn": ROLE + "external", "RoleSessionName": "keyturn", "ExternalId": "wrong"},
    ),
    "assume-role-session-name": (
        STS,
        "assume_role",
        {"RoleArn": ROLE + "plain", "RoleSessionName": "with space"},
    ),
    "web-identity-expired": (
        STS,
        "assume_role_with_web_identity",
        {"RoleArn": ROLE + "web", "RoleSessionName": "keyturn", "WebIdentityToken": "$expired"},
    ),
    "web-identity-nonsense": (
        STS,
        "assume_role_with_web_identity",
        {"RoleArn": ROLE + "web", "RoleSessionName": "keyturn", "WebIdentityToken": "nonsense"},
    ),
    "queue-url": (SQS, "get_queue_url", {"QueueName": "q"}),
    "queue-url-absent": (SQS, "get_queue_url", {"QueueName": "none"}),
    "receive-nothing": (SQS, "receive_message", {"QueueUrl": "$url", "WaitTimeSeconds": 1}),
    "receive-absent": (SQS, "receive_message", {"QueueUrl": "$no-url"}),
    "receive-11": (SQS, "receive_message", {"QueueUrl": "$url", "MaxNumberOfMessages": 11}),
    "receive-21-seconds": (SQS, "receive_message", {"QueueUrl": "$url", "WaitTimeSeconds": 21}),
    "delete-bad-handle": (
        SQS,
        "delete_message_batch",
        {"QueueUrl": "$url", "Entries": [{"Id": "a", "ReceiptHandle": "bad"}]},
    ),
    "delete-nothing": (SQS, "delete_message_batch", {"QueueUrl": "$url", "Entries": []}),
    "delete-11": (
        SQS,
        "delete_message_batch",
        {
            "QueueUrl": "$url",
            "Entries": [{"Id": str(n), "ReceiptHandle": f"h{n}"} for n in range(11)],
        },
    ),
    "send": (SQS, "send_message", {"QueueUrl": "$url", "MessageBody": "é"}),
}

STATUS = "an error of the JSON protocol that is the caller's has status 400"
ORDER = "AWS promises no order; ours is by name"
CIPHERTEXT = "without decryption the value is ciphertext"
NOTHING = "an empty list or none is the same to a client"

# Case: {path: moto's / ours, or who alone has it: why}.
DIFFERENCES: dict[str, dict[str, str]] = {
    "secret-stage-of-another-version": {
        "error.status: 404 / 400": STATUS,
    },
    "secret-stage-absent": {
        "error.status: 404 / 400": STATUS,
    },
    "secret-version-absent": {
        "error.status: 404 / 400": STATUS,
    },
    "secret-absent": {
        "error.status: 404 / 400": STATUS,
    },
    "secret-without-value": {
        "error.status: 404 / 400": STATUS,
    },
    "batch-without-value": {
        "ResourceNotFoundException / answered": "in AWS an entry of Errors[]",
    },
    "batch-duplicates": {
        "SecretValues: 3 of them / 1 of them": "what AWS does is not known; ours answers once",
    },
    "batch-of-21": {
        "answered / ValidationException": "moto does not count; the model allows 1 to 20",
    },
    "batch-of-nothing": {
        "answered / InvalidParameterException": "documented: either ids or filters",
    },
    "describe-deleted": {
        "Tags: only ours": NOTHING,
    },
    "describe-absent": {
        "error.status: 404 / 400": STATUS,
    },
    "list-by-name": {
        "SecretList[0].Tags: only ours": NOTHING,
        "SecretList[1].Tags: only ours": NOTHING,
    },
    "list-planned-deletion": {
        "SecretList[0].Tags: only ours": NOTHING,
    },
    "versions": {
        "ARN: s/text / arn:aws:secretsmanager:u": "documented: the ARN",
        "NextToken: only moto's": "there is no second page",
    },
    "parameter-encrypted": {
        "Parameter.Value: kms:alias/aws/ssm:two / AQICAHhko1Q0eJNq3zKYs/oT": CIPHERTEXT,
    },
    "parameter-version": {
        "Parameter.Selector: only ours": "documented: the selector is repeated",
    },
    "parameter-label": {
        "Parameter.Selector: only ours": "documented: the selector is repeated",
    },
    "parameters": {
        "Parameters[1].Selector: only ours": "documented: the selector is repeated",
    },
    "parameters-duplicates": {
        "answered / ValidationException": "what AWS does is not known; a client asks once",
    },
    "by-path-page": {
        "Parameters[0].ARN: arn:aws:ssm:us-east-1:12 / arn:aws:ssm:us-east-1:12": ORDER,
        "Parameters[0].Name: /p/secret / /p/list": ORDER,
        "Parameters[0].Type: SecureString / StringList": ORDER,
        "Parameters[0].Value: two / a,b": ORDER,
        "Parameters[0].Version: 2 / 1": ORDER,
    },
    "by-path-relative": {
        "answered / ValidationException": "documented: a path begins with a slash",
    },
    "describe-parameters": {
        "Parameters[0].ARN: only ours": "the model has it",
        "Parameters[0].LastModifiedUser: only moto's": "nobody reads it",
        "Parameters[0].Policies: only ours": NOTHING,
    },
    "describe-parameters-by-tag": {
        "Parameters[0].ARN: only ours": "the model has it",
        "Parameters[0].LastModifiedUser: only moto's": "nobody reads it",
        "Parameters[0].Policies: only ours": NOTHING,
    },
    "parameter-history": {
        "Parameters[0].KeyId: only moto's": "ours names keys that a test has named",
        "Parameters[0].LastModifiedUser: only moto's": "nobody reads it",
        "Parameters[0].Policies: only ours": NOTHING,
        "Parameters[1].KeyId: only moto's": "ours names keys that a test has named",
        "Parameters[1].LastModifiedUser: only moto's": "nobody reads it",
        "Parameters[1].Policies: only ours": NOTHING,
    },
    "assume-role-of-900-seconds-less": {
        "answered / ValidationError": "the model allows 900 to 43200 seconds",
    },
    "assume-role-external-id": {
        "answered / AccessDenied": "moto does not look at trust policies",
    },
    "assume-role-session-name": {
        "answered / ValidationError": "the model's pattern has no space",
    },
    "web-identity-expired": {
        "answered / ExpiredTokenException": "moto takes any token",
    },
    "web-identity-nonsense": {
        "answered / InvalidIdentityToken": "moto takes any token",
    },
    "delete-11": {
        "answered / AWS.SimpleQueueService.TooManyEntriesInBatchRequest": "documented: ten",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_differs_from_moto_as_the_table_says(case: str, moto: Side, ours: Side) -> None:
    service, call, arguments = CASES[case]
    answers = [ask(side.clients[service], call, side.fill_in(arguments)) for side in (moto, ours)]
    assert differences(*answers) == sorted(DIFFERENCES.get(case, {}))
