# SPDX-License-Identifier: Apache-2.0
"""Parameter Store of the stand-in, seen by botocore."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.support.aws_sdk import error_of, sdk_client
from tests.support.aws_standin import AwsStandIn


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        yield server


@pytest.fixture
def ssm(aws: AwsStandIn) -> Any:
    return sdk_client("ssm", aws.endpoint, validate=False)


def test_get_by_name_arn_version_and_label(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/a/b", "one", labels=["old"])
    assert aws.put_parameter("/a/b", "two") == 2
    arn = aws.parameters().arn("/a/b")
    wanted = {
        "/a/b": ("two", 2, None),
        arn: ("two", 2, None),
        "/a/b:1": ("one", 1, ":1"),
        f"{arn}:1": ("one", 1, ":1"),
        "/a/b:old": ("one", 1, ":old"),
        " /a/b ": ("two", 2, None),
    }
    for asked, (value, version, selector) in wanted.items():
        reply = ssm.get_parameter(Name=asked, WithDecryption=True)["Parameter"]
        assert (reply["Value"], reply["Version"], reply.get("Selector")) == (
            value,
            version,
            selector,
        )
        assert (reply["Name"], reply["ARN"], reply["Type"]) == ("/a/b", arn, "SecureString")
    assert aws.count("GetParameter", parameter="/a/b") == 6
    assert aws.count("GetParameter", parameter=arn, outcome="ok") == 6


def test_labels_move(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/a", "one", labels=["live"])
    aws.put_parameter("/a", "two")
    assert ssm.get_parameter(Name="/a:live", WithDecryption=True)["Parameter"]["Value"] == "one"
    aws.parameters().label("/a", "live", 2)
    assert ssm.get_parameter(Name="/a:live", WithDecryption=True)["Parameter"]["Value"] == "two"


def test_a_name_without_a_slash(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("plain", "x", kind="String")
    reply = ssm.get_parameter(Name="plain")["Parameter"]
    assert reply["Value"] == "x" and reply["ARN"].endswith(":parameter/plain")


def test_without_decryption_there_is_only_ciphertext(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/secret", "plain text")
    aws.put_parameter("/open", "plain text", kind="String")
    for decrypt in ({}, {"WithDecryption": False}):
        value = ssm.get_parameter(Name="/secret", **decrypt)["Parameter"]["Value"]
        assert value.startswith("AQICAHh") and "plain" not in value
        assert ssm.get_parameter(Name="/open", **decrypt)["Parameter"]["Value"] == "plain text"


@pytest.mark.parametrize(
    "name,code,words",
    [
        ("/absent", "ParameterNotFound", ""),
        ("/a:9", "ParameterVersionNotFound", "version 9 of /a"),
        ("/a:absent", "ParameterVersionNotFound", "label absent of /a"),
        ("/a b", "ValidationException", "sub-path"),
        ("", "ValidationException", "length"),
        (7, "SerializationException", ""),
    ],
)
def test_get_refuses(aws: AwsStandIn, ssm: Any, name: Any, code: str, words: str) -> None:
    aws.put_parameter("/a", "x")
    got, message, status = error_of(ssm.get_parameter, Name=name)
    assert (got, status) == (code, 400) and words in message


def test_batch_is_sorted_echoes_selectors_and_lists_what_is_invalid(
    aws: AwsStandIn, ssm: Any
) -> None:
    aws.put_parameter("/b", "b1")
    aws.put_parameter("/b", "b2", labels=["new"])
    aws.put_parameter("/a", "a1")
    asked = ["/b:1", "/absent", "/b", "/a", "/b:new", "/a:9"]
    reply = ssm.get_parameters(Names=asked, WithDecryption=True)
    got = [(p["Name"], p.get("Selector"), p["Value"]) for p in reply["Parameters"]]
    assert got == [
        ("/a", None, "a1"),
        ("/b", None, "b2"),
        ("/b", ":1", "b1"),
        ("/b", ":new", "b2"),
    ]
    assert reply["InvalidParameters"] == ["/absent", "/a:9"]
    assert aws.calls("GetParameters")[0].ids == asked


def test_batch_has_a_ceiling_of_ten_and_no_duplicates(aws: AwsStandIn, ssm: Any) -> None:
    names = [f"/{number}" for number in range(11)]
    assert error_of(ssm.get_parameters, Names=names)[0] == "ValidationException"
    assert len(ssm.get_parameters(Names=names[:10])["InvalidParameters"]) == 10
    assert error_of(ssm.get_parameters, Names=["/1", "/1"])[0] == "ValidationException"
    assert error_of(ssm.get_parameters, Names=[])[0] == "ValidationException"


def test_one_denied_name_fails_the_whole_batch(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/mine", "x")
    aws.put_parameter("/theirs", "x")
    aws.deny("ssm:GetParameters", "*:parameter/theirs")
    code, message, _ = error_of(ssm.get_parameters, Names=["/mine", "/theirs"])
    assert code == "AccessDeniedException" and ":parameter/theirs" in message
    assert "explicit deny" in message
    assert ssm.get_parameters(Names=["/mine"])["Parameters"][0]["Name"] == "/mine"
    assert ssm.get_parameter(Name="/theirs")["Parameter"], "another action"
    aws.undeny()
    assert len(ssm.get_parameters(Names=["/mine", "/theirs"])["Parameters"]) == 2


def test_a_key_that_is_denied_or_disabled(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/a", "x", kms_key="the-key")
    aws.put_parameter("/b", "x")
    aws.deny("kms:Decrypt", aws.keys().arn("the-key"))
    for call, arguments in (
        (ssm.get_parameter, {"Name": "/a"}),
        (ssm.get_parameters, {"Names": ["/a", "/b"]}),
        (ssm.get_parameters_by_path, {"Path": "/"}),
    ):
        assert call(**arguments), "the ciphertext needs no key"
        assert error_of(call, **arguments, WithDecryption=True)[0] == "AccessDeniedException"
    aws.undeny()
    aws.keys().set_enabled("the-key", False)
    assert error_of(ssm.get_parameter, Name="/a", WithDecryption=True)[0] == "InvalidKeyId"
    aws.keys().set_enabled("the-key", True)
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "x"


def pages(ssm: Any, **arguments: Any) -> list[list[str]]:
    seen, token = [], {}
    while True:
        reply = ssm.get_parameters_by_path(**arguments, **token)
        seen.append([each["Name"] for each in reply["Parameters"]])
        if "NextToken" not in reply:
            return seen
        token = {"NextToken": reply["NextToken"]}


def test_by_path_pages_recursively_or_not(aws: AwsStandIn, ssm: Any) -> None:
    for number in range(7):
        aws.put_parameter(f"/app/{number}", "x")
    aws.put_parameter("/app/deep/er", "x", kind="String")
    aws.put_parameter("/apple", "x")
    direct = [f"/app/{number}" for number in range(7)]
    assert pages(ssm, Path="/app") == [direct]
    assert pages(ssm, Path="/app/", MaxResults=3) == [direct[:3], direct[3:6], direct[6:]]
    assert pages(ssm, Path="/app", Recursive=True) == [[*direct, "/app/deep/er"]]
    strings = [{"Key": "Type", "Option": "Equals", "Values": ["String"]}]
    found = pages(ssm, Path="/app", Recursive=True, ParameterFilters=strings)
    assert found == [["/app/deep/er"]]
    for arguments, code in (
        ({"Path": "app"}, "ValidationException"),
        ({"Path": "/app", "MaxResults": 11}, "ValidationException"),
        ({"Path": "/app", "NextToken": "bm9uZTow"}, "InvalidNextToken"),
    ):
        assert error_of(ssm.get_parameters_by_path, **arguments)[0] == code


def test_by_path_with_an_empty_page_and_a_label(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/app/a", "one", labels=["live"])
    aws.put_parameter("/app/a", "two")
    aws.put_parameter("/app/b", "x")
    aws.fail("empty_page", operation="GetParametersByPath", times=2)
    assert pages(ssm, Path="/app") == [[], [], ["/app/a", "/app/b"]]
    label = [{"Key": "Label", "Option": "Equals", "Values": ["live"]}]
    reply = ssm.get_parameters_by_path(Path="/app", ParameterFilters=label, WithDecryption=True)
    assert [(p["Value"], p["Selector"]) for p in reply["Parameters"]] == [("one", ":live")]


def test_describe_tags_and_history(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/a/1", "x", tags={"team": "red"})
    aws.put_parameter("/a/1", "y", labels=["live"])
    aws.put_parameter("/b/2", "x", tags={"team": "blue"})

    def names(**each: Any) -> list[str]:
        found = ssm.describe_parameters(ParameterFilters=[each])["Parameters"]
        return [parameter["Name"] for parameter in found]

    assert names(Key="tag:team", Values=["red"]) == ["/a/1"]
    assert names(Key="tag:tea", Values=["red"]) == [], "not a prefix match"
    assert names(Key="tag:team") == ["/a/1", "/b/2"]
    assert names(Key="Name", Option="BeginsWith", Values=["/b"]) == ["/b/2"]
    assert names(Key="Name", Option="Contains", Values=["/"]) == ["/a/1", "/b/2"]
    assert names(Key="Path", Option="Recursive", Values=["/a"]) == ["/a/1"]
    history = ssm.get_parameter_history(Name="/a/1", WithDecryption=True)["Parameters"]
    assert [(p["Version"], p["Value"], p["Labels"]) for p in history] == [
        (1, "x", []),
        (2, "y", ["live"]),
    ]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/a/1")["TagList"]
    assert tags == [{"Key": "team", "Value": "red"}]


def test_writing_is_nobodys_right(aws: AwsStandIn, ssm: Any) -> None:
    refused = error_of(ssm.put_parameter, Name="/a", Value="x", Type="String")
    assert refused[0] == "AccessDeniedException" and "ssm:PutParameter" in refused[1]


def test_faults_of_one_parameter_and_of_the_call(aws: AwsStandIn, ssm: Any) -> None:
    aws.put_parameter("/a", "one")
    aws.put_parameter("/a", "two")
    aws.put_parameter("/b", "x")
    aws.fail("error", parameter="/a", operation="GetParameters", times=1)
    reply = ssm.get_parameters(Names=["/a", "/b"])
    assert reply["InvalidParameters"] == ["/a"] and len(reply["Parameters"]) == 1
    aws.fail("omit", parameter="/a", times=1)
    reply = ssm.get_parameters(Names=["/a", "/b"])
    assert [p["Name"] for p in reply["Parameters"]] == ["/b"]
    assert reply["InvalidParameters"] == []
    aws.fail("internal", service="ssm", times=1)
    assert error_of(ssm.get_parameter, Name="/a")[0::2] == ("InternalServerError", 500)
    aws.fail("stale", times=2)
    values = [
        ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] for _ in range(3)
    ]
    assert values == ["one", "one", "two"]
    aws.fail("nul", times=1)
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "t\0wo"


def test_requests_to_the_wrong_service_are_refused(aws: AwsStandIn) -> None:
    client = sdk_client("ssm", aws.endpoint)
    client.meta.events.register(
        "before-sign.ssm.*", lambda request, **_: request.context.update(signing={})
    )
    client._request_signer._signing_name = "secretsmanager"
    assert error_of(client.get_parameter, Name="/a")[0] == "InvalidSignatureException"
    assert aws.rejections()[0].rule == "scope-service"
