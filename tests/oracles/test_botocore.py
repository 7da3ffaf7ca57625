# SPDX-License-Identifier: Apache-2.0
"""The stand-in against the SDK: it takes what botocore sends, and every reply is, to the last
member, what the service models say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

import pytest

from tests.oracles.shapes import findings
from tests.support import aws_secretsmanager, aws_sqs, aws_ssm, aws_sts
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_sdk import error_of, sdk_client
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account

ROLE = "arn:aws:iam::123456789012:role/"
OPERATIONS = {
    "secretsmanager": aws_secretsmanager.READ_OPERATIONS,
    "ssm": aws_ssm.READ_OPERATIONS,
    "sts": aws_sts.OPERATIONS,
    "sqs": aws_sqs.OPERATIONS,
}


@dataclass
class Seen:
    """Operations with the findings in their replies, and what was not yet asked."""

    replies: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def watch(self, client: Any) -> Any:
        client.meta.events.register("before-parse", self._look)
        return client

    def _look(self, operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
        if response_dict["status_code"] == 200:
            service = operation_model.service_model.endpoint_prefix
            found = self.replies.setdefault((service, operation_model.name), [])
            found += findings(operation_model, response_dict["body"])


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        yield server


@pytest.fixture
def issuer(aws: AwsStandIn) -> TokenIssuer:
    made = TokenIssuer()
    provider = aws.add_identity_provider(made.issuer, made.jwks)
    aws.add_role("irsa", trusting_service_account(provider, "team", "app"))
    aws.add_role("chained", trusting_account(tags=True, external_id="id:1"))
    return made


def fill(aws: AwsStandIn) -> None:
    aws.put("s/text", "é", tags={"team": "red"}, description="what it is", kms_key="k")
    aws.put("s/text", "rotated")
    aws.put("s/binary", b"\0\1")
    aws.put("s/pending", None)
    aws.put("s/gone", "x")
    aws.delete("s/gone")
    aws.put_parameter("/p/secret", "x", labels=["live"], tags={"a": "b"}, kms_key="k")
    aws.put_parameter("/p/secret", "y")
    aws.put_parameter("/p/list", "a,b", kind="StringList")
    aws.queues().create("q")


def ask_secrets_manager(client: Any) -> None:
    for name in ("s/text", "s/binary"):
        client.get_secret_value(SecretId=name)
    version = client.get_secret_value(SecretId="s/text", VersionStage="AWSPREVIOUS")["VersionId"]
    client.get_secret_value(SecretId="s/text", VersionId=version)
    client.batch_get_secret_value(SecretIdList=["s/text", "s/binary", "s/pending", "s/none"])
    filters = [{"Key": "name", "Values": ["s/"]}]
    page = client.batch_get_secret_value(Filters=filters, MaxResults=1)
    client.batch_get_secret_value(Filters=filters, MaxResults=1, NextToken=page["NextToken"])
    for name in ("s/text", "s/gone"):
        client.describe_secret(SecretId=name)
    client.list_secrets(
        Filters=[{"Key": "tag-key", "Values": ["team"]}],
        SortBy="last-changed-date",
        SortOrder="desc",
        IncludePlannedDeletion=True,
        MaxResults=100,
    )
    client.list_secret_version_ids(SecretId="s/text", IncludeDeprecated=True)


def ask_ssm(client: Any) -> None:
    for name in ("/p/secret", "/p/secret:live", "/p/list"):
        client.get_parameter(Name=name, WithDecryption=True)
    client.get_parameters(Names=["/p/secret:1", "/p/list", "/none"], WithDecryption=True)
    page = client.get_parameters_by_path(Path="/", Recursive=True, MaxResults=1)
    client.get_parameters_by_path(
        Path="/", Recursive=True, MaxResults=1, NextToken=page["NextToken"]
    )
    client.describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/p"]}]
    )
    client.get_parameter_history(Name="/p/secret", WithDecryption=True)
    client.list_tags_for_resource(ResourceType="Parameter", ResourceId="/p/secret")


def ask_sts(client: Any, token: str) -> None:
    client.get_caller_identity()
    client.assume_role(
        RoleArn=ROLE + "chained",
        RoleSessionName="keyturn-a+b=c,d.e@f-g",
        ExternalId="id:1",
        DurationSeconds=900,
        Tags=[{"Key": "a b", "Value": "c/d + e=f @g:h"}, {"Key": "k", "Value": ""}],
        TransitiveTagKeys=["k"],
    )
    client.assume_role_with_web_identity(
        RoleArn=ROLE + "irsa", RoleSessionName="keyturn", WebIdentityToken=token
    )


def ask_sqs(client: Any, url: str) -> None:
    client.get_queue_url(QueueName="q")
    client.receive_message(QueueUrl=url)
    for body in ("one", "zwei é"):
        client.send_message(QueueUrl=url, MessageBody=body)
    got = client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
        VisibilityTimeout=5,
        MessageSystemAttributeNames=["All"],
    )["Messages"]
    handles = [each["ReceiptHandle"] for each in got]
    client.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
    entries = [{"Id": "a", "ReceiptHandle": handles[1]}, {"Id": "b", "ReceiptHandle": "bad"}]
    client.delete_message_batch(QueueUrl=url, Entries=entries)


def test_every_operation_is_accepted_and_answered_as_modelled(
    aws: AwsStandIn, issuer: TokenIssuer
) -> None:
    fill(aws)
    seen = Seen()
    clients = {name: seen.watch(sdk_client(name, aws.endpoint)) for name in OPERATIONS}
    ask_secrets_manager(clients["secretsmanager"])
    ask_ssm(clients["ssm"])
    ask_sts(clients["sts"], issuer.service_account("team", "app", now=aws.clock.now()))
    ask_sqs(clients["sqs"], aws.queue_url("q"))
    wanted = {(service, name) for service, names in OPERATIONS.items() for name in names}
    assert set(seen.replies) == wanted
    assert {key: found for key, found in seen.replies.items() if found} == {}
    assert {call.outcome for call in aws.calls()} == {"ok"}


@pytest.mark.parametrize(
    "body,words",
    [
        (b'{"Name":"s","Extra":1}', "Extra is unknown"),
        (b'{"Name":7}', "Name is a int, not a string"),
        (b'{"CreatedDate":"2026"}', "CreatedDate is a str, not a timestamp"),
        (b'{"VersionStages":"AWSCURRENT"}', "VersionStages is not a list"),
        (b'{"VersionId":"short"}', "5 characters, not 32 to 64"),
    ],
)
def test_the_check_finds_what_the_model_does_not_say(body: bytes, words: str) -> None:
    model = sdk_client("secretsmanager", "http://127.0.0.1:9").meta.service_model
    (found,) = findings(model.operation_model("GetSecretValue"), body)
    assert found.endswith(words)


def test_sdk_sends_no_unsigned_header_that_matters_and_signs_every_service(
    aws: AwsStandIn, issuer: TokenIssuer
) -> None:
    fill(aws)
    for service, call, arguments in (
        ("secretsmanager", "list_secrets", {}),
        ("ssm", "get_parameter", {"Name": "/p/list"}),
        ("sts", "get_caller_identity", {}),
        ("sqs", "get_queue_url", {"QueueName": "q"}),
    ):
        getattr(sdk_client(service, aws.endpoint), call)(**arguments)
        assert aws.calls(service=service)[-1].principal == "AKIDEXAMPLE"
    assert aws.rejections() == []


def declared_errors(client: Any, call: str) -> set[str]:
    operation = client.meta.method_to_api_mapping[call]
    model = client.meta.service_model.operation_model(operation)
    shapes = model.error_shapes
    return {shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes}


@pytest.mark.parametrize(
    "service,call,arguments",
    [
        ("secretsmanager", "get_secret_value", {"SecretId": "s/none"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "s/gone"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "s/pending"}),
        ("secretsmanager", "batch_get_secret_value", {}),
        ("secretsmanager", "list_secrets", {"NextToken": "bm9uZTow"}),
        ("ssm", "get_parameter", {"Name": "/none"}),
        ("ssm", "get_parameter", {"Name": "/p/secret:9"}),
        ("ssm", "list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "/none"}),
        ("sqs", "receive_message", {"QueueUrl": "http://127.0.0.1/123456789012/none"}),
        ("sqs", "get_queue_url", {"QueueName": "none"}),
    ],
)
def test_errors_are_those_the_operation_declares(
    aws: AwsStandIn, service: str, call: str, arguments: dict[str, Any]
) -> None:
    fill(aws)
    client = sdk_client(service, aws.endpoint)
    code, _, status = error_of(getattr(client, call), **arguments)
    query_names = {"AWS.SimpleQueueService.NonExistentQueue"}
    assert code in declared_errors(client, call) | query_names and status == 400


@pytest.mark.parametrize(
    "issue,code,status",
    [
        (
            lambda i, now: i.service_account("team", "app", now=now - 9999),
            "ExpiredTokenException",
            400,
        ),
        (
            lambda i, now: i.service_account("team", "app", audience="x", now=now),
            "InvalidIdentityToken",
            400,
        ),
    ],
)
def test_token_errors_are_those_sts_declares(
    aws: AwsStandIn, issuer: TokenIssuer, issue: Any, code: str, status: int
) -> None:
    client = sdk_client("sts", aws.endpoint)
    call = "assume_role_with_web_identity"
    got = error_of(
        getattr(client, call),
        RoleArn=ROLE + "irsa",
        RoleSessionName="keyturn",
        WebIdentityToken=issue(issuer, aws.clock.now()),
    )
    assert got[0::2] == (code, status)
    model = client.meta.service_model.operation_model("AssumeRoleWithWebIdentity")
    declared = {
        shape.metadata["error"]["code"]: shape.metadata["error"]["httpStatusCode"]
        for shape in model.error_shapes
    }
    assert declared[code] == status
