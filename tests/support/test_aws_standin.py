# SPDX-License-Identifier: Apache-2.0
"""The AWS stand-in and its Secrets Manager, seen by botocore, by a plain socket and by its command
line."""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, Optional
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.aws_control import ControlError, ControlServer, control
from tests.support.aws_faults import THROTTLE_CODES
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_standin import (
    EXAMPLE_ACCESS_KEY_ID,
    EXAMPLE_SECRET_ACCESS_KEY,
    AwsStandIn,
    trusting_account,
)
from tests.support.test_aws_sigv4 import SECRET, VECTORS, epoch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        yield server


def sdk(aws: AwsStandIn, *, secret: str = EXAMPLE_SECRET_ACCESS_KEY, **options: Any) -> Any:
    session = botocore.session.Session()
    return session.create_client(
        "secretsmanager",
        region_name=options.pop("region", "us-east-1"),
        endpoint_url=aws.endpoint,
        aws_access_key_id=options.pop("key", EXAMPLE_ACCESS_KEY_ID),
        aws_secret_access_key=secret,
        aws_session_token=options.pop("token", None),
        verify=aws.ca_file,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": options.pop("attempts", 1)},
            read_timeout=options.pop("read_timeout", 10),
            parameter_validation=False,
        ),
    )


def code_of(call: Any, **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    reply = caught.value.response
    assert len(reply["ResponseMetadata"]["RequestId"]) == 36
    return (
        reply["Error"]["Code"],
        reply["Error"].get("Message", ""),
        reply["ResponseMetadata"]["HTTPStatusCode"],
    )


def signed(
    aws: AwsStandIn,
    operation: str = "GetSecretValue",
    body: bytes = b'{"SecretId":"prod/db"}',
    headers: Optional[dict[str, str]] = None,
) -> bytes:
    """A whole signed request as bytes, for clients that must see the wire."""
    request = AWSRequest(
        "POST",
        aws.endpoint + "/",
        data=body,
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{operation}",
            "Host": urlsplit(aws.endpoint).netloc,
            **(headers or {}),
        },
    )
    credentials = Credentials(EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY)
    SigV4Auth(credentials, "secretsmanager", "us-east-1").add_auth(request)
    lines = ["POST / HTTP/1.1"] + [f"{k}: {v}" for k, v in request.headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def connect(aws: AwsStandIn) -> socket.socket:
    return socket.create_connection(("127.0.0.1", aws.port), timeout=10)


def receive_all(sock: socket.socket) -> tuple[bytes, Optional[type[OSError]]]:
    """Everything until the end of the connection, and how it ended."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except OSError as error:
        return data, type(error)
    return data, None


def read_response(sock: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(sock)
    response.begin()
    return response


def exchange(aws: AwsStandIn, request: bytes) -> tuple[int, dict[str, str], bytes]:
    with connect(aws) as sock:
        sock.sendall(request)
        response = read_response(sock)
        return response.status, dict(response.getheaders()), response.read()


# -- values and versions ---------------------------------------------------------------------------


def test_get_by_name_arn_and_partial_arn(aws: AwsStandIn) -> None:
    version = aws.put("prod/db", "v\u00e9\U0001f511 1")
    arn = aws.arn("prod/db")
    for secret_id in ("prod/db", arn, arn[:-7]):
        reply = sdk(aws).get_secret_value(SecretId=secret_id)
        assert reply["SecretString"] == "v\u00e9\U0001f511 1"
        assert (reply["Name"], reply["ARN"], reply["VersionId"]) == ("prod/db", arn, version)
        assert reply["VersionStages"] == ["AWSCURRENT"]
        assert abs(reply["CreatedDate"].timestamp() - time.time()) < 60
    assert aws.count("GetSecretValue", secret="prod/db") == 3
    assert aws.count("GetSecretValue", secret=arn[:-7], outcome="ok") == 1


def test_partial_arn_that_looks_complete_is_not_found(aws: AwsStandIn) -> None:
    aws.put("prod-abcdef", "value")
    partial = aws.arn("prod-abcdef")[:-7]
    assert code_of(sdk(aws).get_secret_value, SecretId=partial)[0] == "ResourceNotFoundException"
    reply = sdk(aws).get_secret_value(SecretId="prod-abcdef")
    assert reply["SecretString"] == "value"


def test_binary_value_round_trips(aws: AwsStandIn) -> None:
    value = bytes(range(256))
    aws.put("binary", value)
    reply = sdk(aws).get_secret_value(SecretId="binary")
    assert reply["SecretBinary"] == value and "SecretString" not in reply


def test_versions_and_stages_follow_a_rotation(aws: AwsStandIn) -> None:
    first = aws.put("prod/db", "one")
    second = aws.rotate("prod/db", "two")
    get = sdk(aws).get_secret_value
    assert get(SecretId="prod/db")["SecretString"] == "two"
    assert get(SecretId="prod/db", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    assert get(SecretId="prod/db", VersionId=first)["VersionStages"] == ["AWSPREVIOUS"]
    both = get(SecretId="prod/db", VersionId=second, VersionStage="AWSCURRENT")
    assert both["SecretString"] == "two"
    assert code_of(get, SecretId="prod/db", VersionStage="AWSPENDING") == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
        400,
    )
    pending = aws.put("prod/db", None, stages=["AWSPENDING"])
    assert code_of(get, SecretId="prod/db", VersionStage="AWSPENDING")[0] == (
        "ResourceNotFoundException"
    )
    aws.put("prod/db", "three", stages=["AWSPENDING"])
    assert get(SecretId="prod/db", VersionStage="AWSPENDING")["SecretString"] == "three"
    assert get(SecretId="prod/db")["SecretString"] == "two"
    mismatch = code_of(get, SecretId="prod/db", VersionId=first, VersionStage="AWSCURRENT")
    assert mismatch[0] == "InvalidRequestException"
    absent = code_of(get, SecretId="prod/db", VersionId="0" * 32)
    assert absent[1].endswith("VersionId: " + "0" * 32)
    assert pending in {
        each["VersionId"]
        for each in sdk(aws).list_secret_version_ids(SecretId="prod/db", IncludeDeprecated=True)[
            "Versions"
        ]
    }


def test_deleted_secret(aws: AwsStandIn) -> None:
    aws.put("prod/db", "one")
    aws.delete("prod/db")
    assert code_of(sdk(aws).get_secret_value, SecretId="prod/db") == (
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
        400,
    )
    assert "DeletedDate" in sdk(aws).describe_secret(SecretId="prod/db")
    assert sdk(aws).list_secrets()["SecretList"] == []
    assert len(sdk(aws).list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    aws.store().restore("prod/db")
    assert sdk(aws).get_secret_value(SecretId="prod/db")["SecretString"] == "one"
    aws.delete("prod/db", force=True)
    assert code_of(sdk(aws).get_secret_value, SecretId="prod/db")[1] == (
        "Secrets Manager can't find the specified secret."
    )


def test_describe_and_list(aws: AwsStandIn) -> None:
    first = aws.put("a/1", "x", tags={"team": "red"}, description="first")
    second = aws.rotate("a/1", "y")
    aws.put("b/2", "x", tags={"tea": "blue"})
    described = sdk(aws).describe_secret(SecretId="a/1")
    assert described["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    assert described["Tags"] == [{"Key": "team", "Value": "red"}]

    def names(*filters: tuple[str, str]) -> list[str]:
        wanted = [{"Key": key, "Values": [value]} for key, value in filters]
        listed = sdk(aws).list_secrets(Filters=wanted, SortBy="name", SortOrder="asc")
        return [each["Name"] for each in listed["SecretList"]]

    assert names() == ["a/1", "b/2"]
    assert names(("name", "a/")) == ["a/1"] and names(("name", "!a/")) == ["b/2"]
    assert names(("tag-key", "tea")) == ["a/1", "b/2"], "prefix match"
    assert names(("tag-key", "team"), ("tag-value", "blue")) == []
    assert names(("description", "first")) == ["a/1"]


# -- batches ---------------------------------------------------------------------------------------


def test_batch_mixes_values_and_errors(aws: AwsStandIn) -> None:
    for number in range(5):
        aws.put(f"s/{number}", f"value {number}")
    aws.put("s/empty", None)
    aws.delete("s/4")
    ids = [f"s/{number}" for number in range(5)] + ["s/empty", "s/absent", aws.arn("s/0"), "s/1"]
    reply = sdk(aws).batch_get_secret_value(SecretIdList=ids)
    values = {each["Name"]: each["SecretString"] for each in reply["SecretValues"]}
    assert values == {f"s/{number}": f"value {number}" for number in range(4)}
    assert len(reply["SecretValues"]) == 4, "a secret asked for twice is answered once"
    assert {each["SecretId"]: each["ErrorCode"] for each in reply["Errors"]} == {
        "s/4": "InvalidRequestException",
        "s/empty": "ResourceNotFoundException",
        "s/absent": "ResourceNotFoundException",
    }
    order = [each["Name"] for each in reply["SecretValues"]]
    assert order != sorted(order), "answers are not in the order of the request"
    assert aws.calls("BatchGetSecretValue")[0].batch_errors == [
        "InvalidRequestException",
        "ResourceNotFoundException",
        "ResourceNotFoundException",
    ]


@pytest.mark.parametrize(
    "arguments,code",
    [
        ({}, "InvalidParameterException"),
        ({"SecretIdList": ["a"], "Filters": []}, "InvalidParameterException"),
        ({"SecretIdList": ["a"], "MaxResults": 3}, "InvalidParameterException"),
        ({"SecretIdList": [str(n) for n in range(21)]}, "ValidationException"),
        ({"SecretIdList": []}, "ValidationException"),
        ({"SecretIdList": [7]}, "SerializationException"),
        ({"Filters": [{"Key": "nonsense", "Values": ["a"]}]}, "ValidationException"),
        ({"Filters": [], "MaxResults": 21}, "ValidationException"),
        ({"Filters": [], "NextToken": "bm90IG91cnM6MA=="}, "InvalidNextTokenException"),
    ],
)
def test_batch_refuses(aws: AwsStandIn, arguments: dict[str, Any], code: str) -> None:
    assert code_of(sdk(aws).batch_get_secret_value, **arguments)[0::2] == (code, 400)


def test_batch_of_twenty_is_accepted(aws: AwsStandIn) -> None:
    ids = [f"s/{number}" for number in range(20)]
    for each in ids:
        aws.put(each, "x")
    assert len(sdk(aws).batch_get_secret_value(SecretIdList=ids)["SecretValues"]) == 20


def test_batch_by_filter_pages(aws: AwsStandIn) -> None:
    for number in range(7):
        aws.put(f"app/{number}", "x")
    aws.put("other", "x")
    seen, token, pages = [], None, 0
    while True:
        arguments = {"Filters": [{"Key": "name", "Values": ["app/"]}], "MaxResults": 3}
        if token:
            arguments["NextToken"] = token
        reply = sdk(aws).batch_get_secret_value(**arguments)
        seen += [each["Name"] for each in reply["SecretValues"]]
        pages += 1
        token = reply.get("NextToken")
        if not token:
            break
    assert pages == 3 and sorted(seen) == [f"app/{number}" for number in range(7)]


# -- rights ----------------------------------------------------------------------------------------


def test_principals_see_only_their_secrets(aws: AwsStandIn) -> None:
    aws.add_principal("AKIDRED", "red secret", allow=["red/*"])
    aws.put("red/1", "r")
    aws.put("blue/1", "b")
    red = sdk(aws, key="AKIDRED", secret="red secret")
    assert red.get_secret_value(SecretId="red/1")["SecretString"] == "r"
    denied = code_of(red.get_secret_value, SecretId="blue/1")
    assert denied[0::2] == ("AccessDeniedException", 400)
    assert "secretsmanager:GetSecretValue" in denied[1]
    assert code_of(red.get_secret_value, SecretId="blue/none")[0] == "AccessDeniedException"
    reply = red.batch_get_secret_value(SecretIdList=["red/1", "blue/1"])
    assert [each["Name"] for each in reply["SecretValues"]] == ["red/1"]
    assert [each["ErrorCode"] for each in reply["Errors"]] == ["AccessDeniedException"]
    assert aws.count(principal="AKIDRED") == 4 and aws.count(principal="AKIDEXAMPLE") == 0


def test_batch_may_be_denied_as_a_whole(aws: AwsStandIn) -> None:
    aws.add_principal("AKIDONE", "one", actions=["GetSecretValue"])
    aws.put("s", "x")
    client = sdk(aws, key="AKIDONE", secret="one")
    assert code_of(client.batch_get_secret_value, SecretIdList=["s"])[0] == "AccessDeniedException"
    assert client.get_secret_value(SecretId="s")["SecretString"] == "x"


def test_regions_are_apart(aws: AwsStandIn) -> None:
    with AwsStandIn(regions=("us-east-1", "eu-west-1")) as server:
        server.add_principal()
        server.store("eu-west-1").put("s", "europe")
        assert sdk(server, region="eu-west-1").get_secret_value(SecretId="s")
        missing = code_of(sdk(server, region="us-east-1").get_secret_value, SecretId="s")
        assert missing[0] == "ResourceNotFoundException"
        wrong = code_of(sdk(server, region="ap-south-1").get_secret_value, SecretId="s")
        assert wrong[0] == "InvalidSignatureException" and "valid region" in wrong[1]


# -- signatures over the wire ----------------------------------------------------------------------


def test_refuses_what_botocore_signs_wrongly(aws: AwsStandIn) -> None:
    aws.put("s", "x")
    aws.add_principal("AKIDTEMP", "temporary", session_token="the token")
    good = sdk(aws, key="AKIDTEMP", secret="temporary", token="the token")
    assert good.get_secret_value(SecretId="s")["SecretString"] == "x"
    wrong_secret = sdk(aws, secret="wrong")
    assert code_of(wrong_secret.get_secret_value, SecretId="s")[0::2] == (
        "InvalidSignatureException",
        400,
    )
    unknown = sdk(aws, key="AKIDNOBODY")
    assert code_of(unknown.get_secret_value, SecretId="s")[0] == "UnrecognizedClientException"
    wrong_token = sdk(aws, key="AKIDTEMP", secret="temporary", token="another")
    assert code_of(wrong_token.get_secret_value, SecretId="s")[0] == "UnrecognizedClientException"
    aws.expire("AKIDTEMP")
    assert code_of(good.get_secret_value, SecretId="s")[0] == "ExpiredTokenException"
    assert [each.rule for each in aws.rejections()] == [
        "signature",
        "unknown-key",
        "session-token",
        "expired-token",
    ]


@pytest.mark.parametrize("offset,words", [(400, "Signature expired"), (-400, "not yet current")])
def test_clock_window_and_date_header_follow_the_settable_clock(
    aws: AwsStandIn, offset: int, words: str
) -> None:
    aws.clock.set_offset(offset)
    status, headers, body = exchange(aws, signed(aws))
    assert status == 400 and words in json.loads(body)["message"]
    sent = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
    assert abs(sent - (time.time() + offset)) < 5


@pytest.mark.parametrize(
    "vector",
    [
        v
        for v in VECTORS
        if v["id"]
        in (
            "sm-get",
            "sm-version-id",
            "sm-body-utf8",
            "unsigned-amz-sdk",
            "body-sha-header",
            "token-long",
        )
    ],
    ids=lambda each: each["id"],
)
def test_golden_request_is_accepted_over_a_socket(vector: dict[str, Any]) -> None:
    with AwsStandIn(regions=(vector["region"],)) as server:
        server.add_principal("AKIDEXAMPLE", SECRET, session_token=vector.get("session_token"))
        server.clock.freeze(epoch(vector["amz_date"]))
        lines = [f"POST {vector['path']} HTTP/1.1"]
        lines += [
            f"{n}: {v}"
            for n, v in vector["headers"] + vector.get("unsigned_headers_sent", [])
            if n != "Content-Length"
        ]
        body = vector["body"].encode()
        lines += [f"Authorization: {vector['authorization']}", f"Content-Length: {len(body)}"]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        status, _, reply = exchange(server, head + body)
        # The signature passed: what is wrong now is the secret's name, or that it is not there.
        assert status == 400
        assert json.loads(reply)["__type"] in ("ResourceNotFoundException", "ValidationException")
        flipped = body[:-3] + bytes([body[-3] ^ 1]) + body[-2:]
        _, _, reply = exchange(server, head + flipped)
        assert json.loads(reply)["__type"] == "InvalidSignatureException"


def test_curl_signs_so_that_it_is_accepted(aws: AwsStandIn) -> None:
    aws.put("prod/db", "from curl")
    run = subprocess.run(
        [
            "curl",
            "-sS",
            "--aws-sigv4",
            "aws:amz:us-east-1:secretsmanager",
            "--user",
            f"{EXAMPLE_ACCESS_KEY_ID}:{EXAMPLE_SECRET_ACCESS_KEY}",
            "-H",
            "Content-Type: application/x-amz-json-1.1",
            "-H",
            "X-Amz-Target: secretsmanager.GetSecretValue",
            "-d",
            '{"SecretId":"prod/db"}',
            aws.endpoint + "/",
        ],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert json.loads(run.stdout)["SecretString"] == "from curl"


# -- the protocol ----------------------------------------------------------------------------------


def test_replies_over_one_connection_carry_amazon_headers(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    with connect(aws) as sock:
        seen = set()
        for _ in range(3):
            sock.sendall(signed(aws))
            response = read_response(sock)
            assert response.getheader("Content-Type") == "application/x-amz-json-1.1"
            seen.add(response.getheader("x-amzn-RequestId"))
            response.read()
    assert len(seen) == 3 and aws.connections_accepted() == 1


@pytest.mark.parametrize(
    "operation,body,code",
    [
        ("Nonsense", b"{}", "UnknownOperationException"),
        ("PutSecretValue", b'{"SecretId":"s"}', "AccessDeniedException"),
        ("GetSecretValue", b"{", "SerializationException"),
        ("GetSecretValue", b"[]", "SerializationException"),
        ("GetSecretValue", b'{"SecretId":"a","SecretId":"b"}', "SerializationException"),
        ("GetSecretValue", b'{"SecretId":"a","Extra":1}', "SerializationException"),
        ("GetSecretValue", b'{"SecretId":1}', "SerializationException"),
        ("GetSecretValue", b'{"SecretId":"\xff"}', "SerializationException"),
        ("GetSecretValue", b"{}", "ValidationException"),
        ("GetSecretValue", b'{"SecretId":""}', "ValidationException"),
        ("GetSecretValue", b'{"SecretId":"a b"}', "ValidationException"),
        ("GetSecretValue", b'{"SecretId":"a","VersionId":"short"}', "ValidationException"),
    ],
)
def test_refuses_operation_or_document(
    aws: AwsStandIn, operation: str, body: bytes, code: str
) -> None:
    status, headers, reply = exchange(aws, signed(aws, operation, body))
    assert (status, json.loads(reply)["__type"]) == (400, code)
    assert headers["Content-Type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize(
    "shape,kind,header",
    [
        ("plain", "ResourceNotFoundException", None),
        ("prefixed", "com.amazonaws.secretsmanager#ResourceNotFoundException", None),
        ("header", None, "ResourceNotFoundException:http://internal.amazon.com/"),
    ],
)
def test_error_shapes(shape: str, kind: Optional[str], header: Optional[str]) -> None:
    with AwsStandIn(error_shape=shape) as server:
        server.add_principal()
        _, headers, body = exchange(server, signed(server))
        assert json.loads(body).get("__type") == kind
        assert headers.get("x-amzn-ErrorType") == header
        # botocore reads the code of this protocol from the body only.
        expected = "400" if shape == "header" else "ResourceNotFoundException"
        assert code_of(sdk(server).get_secret_value, SecretId="s")[0] == expected


@pytest.mark.parametrize(
    "request_bytes,status",
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost : a\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 400),
        (b"post / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST / HTTP/3\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ],
)
def test_malformed_http_is_refused(aws: AwsStandIn, request_bytes: bytes, status: int) -> None:
    assert exchange(aws, request_bytes)[0] == status


def test_https_with_generated_authority() -> None:
    with AwsStandIn(tls=True) as server:
        server.add_principal()
        server.put("s", "over tls")
        assert sdk(server).get_secret_value(SecretId="s")["SecretString"] == "over tls"
        with pytest.raises(ssl.SSLCertVerificationError):
            with connect(server) as sock:
                ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")


def test_more_than_256_connections_at_once(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    hold = aws.fail("hold", secret="prod/db")
    request = signed(aws)
    sockets = [connect(aws) for _ in range(300)]
    try:
        for sock in sockets:
            sock.sendall(request)
        hold.wait_held(300, timeout=60)
        assert aws.most_in_flight() == 300
        hold.release()
        assert all(read_response(sock).status == 200 for sock in sockets)
    finally:
        for sock in sockets:
            sock.close()


# -- faults ----------------------------------------------------------------------------------------


def test_throttle_hits_the_next_calls_only(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("throttle", times=2, retry_after_ms=70)
    status, headers, body = exchange(aws, signed(aws))
    assert (status, json.loads(body)) == (
        400,
        {"__type": "ThrottlingException", "message": "Rate exceeded"},
    )
    assert headers["x-amz-retry-after"] == "70"
    assert sdk(aws, attempts=3).get_secret_value(SecretId="prod/db")["SecretString"] == "x"
    assert aws.count(outcome="ThrottlingException") == 2 and aws.count(outcome="ok") == 1


def test_fault_matches_operation_secret_and_principal(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.put("b", "x")
    aws.add_principal("AKIDTWO", "two")
    aws.fail("access_denied", operation="GetSecretValue", secret="a", principal="AKIDEXAMPLE")
    assert code_of(sdk(aws).get_secret_value, SecretId="a")[0] == "AccessDeniedException"
    assert code_of(sdk(aws).get_secret_value, SecretId=aws.arn("a"))[0] == "AccessDeniedException"
    assert sdk(aws).get_secret_value(SecretId="b")["SecretString"] == "x"
    assert sdk(aws).describe_secret(SecretId="a")["Name"] == "a"
    assert sdk(aws, key="AKIDTWO", secret="two").get_secret_value(SecretId="a")
    aws.clear_faults()
    assert sdk(aws).get_secret_value(SecretId="a")["SecretString"] == "x"


def test_fault_of_one_secret_is_an_entry_of_a_batch(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.put("b", "x")
    fault = aws.fail("throttle", secret="a")
    reply = sdk(aws).batch_get_secret_value(SecretIdList=["a", "b"])
    assert [each["Name"] for each in reply["SecretValues"]] == ["b"]
    assert reply["Errors"][0] == {
        "SecretId": "a",
        "ErrorCode": "ThrottlingException",
        "Message": "Rate exceeded",
    }
    fault.clear()
    aws.fail("omit", secret="b", times=1)
    reply = sdk(aws).batch_get_secret_value(SecretIdList=["a", "b"])
    assert [each["Name"] for each in reply["SecretValues"]] == ["a"] and reply["Errors"] == []
    aws.fail("throttle", operation="BatchGetSecretValue", times=1)
    assert code_of(sdk(aws).batch_get_secret_value, SecretIdList=["a"])[0] == "ThrottlingException"


def test_internal_error_and_html_503(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("internal", times=1)
    status, _, body = exchange(aws, signed(aws))
    assert (status, json.loads(body)["__type"]) == (500, "InternalServiceError")
    aws.fail("unavailable", times=1)
    status, headers, body = exchange(aws, signed(aws))
    assert status == 503 and headers["Content-Type"] == "text/html" and body.startswith(b"<html>")
    aws.fail("error", code="DecryptionFailure", message="no key", times=1)
    assert code_of(sdk(aws).get_secret_value, SecretId="prod/db") == (
        "DecryptionFailure",
        "no key",
        400,
    )
    aws.fail("answer", status=302, headers=[("Location", "http://127.0.0.1/")], times=1)
    assert exchange(aws, signed(aws))[0] == 302
    assert exchange(aws, signed(aws))[0] == 200


def test_delay(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("delay", ms=300, times=1)
    started = time.monotonic()
    assert exchange(aws, signed(aws))[0] == 200
    assert time.monotonic() - started >= 0.3


def test_hold_keeps_one_call_in_flight_while_others_go_on(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.put("b", "x")
    hold = aws.fail("hold", secret="a", times=1)
    with connect(aws) as sock:
        sock.sendall(signed(aws, body=b'{"SecretId":"a"}'))
        hold.wait_held()
        assert exchange(aws, signed(aws, body=b'{"SecretId":"b"}'))[0] == 200
        assert [call.outcome for call in aws.calls()] == [None, "ok"]
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        aws.rotate("a", "rotated meanwhile")
        hold.release()
        sock.settimeout(10)
        response = read_response(sock)
        assert json.loads(response.read())["SecretString"] == "rotated meanwhile"
    assert hold.held == 0 and hold.hits == 1


def test_held_call_ends_when_the_server_stops() -> None:
    server = AwsStandIn().start()
    server.add_principal()
    hold = server.fail("hold")
    with connect(server) as sock:
        sock.sendall(signed(server))
        hold.wait_held()
        server.stop()
        assert receive_all(sock)[0] == b""


def test_reset_and_close_before_headers(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    for kind, end in (
        ("reset_before_headers", ConnectionResetError),
        ("close_before_headers", None),
    ):
        aws.fail(kind, times=1)
        with connect(aws) as sock:
            sock.sendall(signed(aws))
            assert receive_all(sock) == (b"", end)
    assert [call.outcome for call in aws.calls()] == [
        "reset_before_headers",
        "close_before_headers",
    ]


def test_reset_after_headers(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("reset_after_headers", times=1)
    with connect(aws) as sock:
        sock.sendall(signed(aws))
        data, end = receive_all(sock)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"\r\n\r\n")
    assert end is ConnectionResetError


def test_half_body(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x" * 1000)
    aws.fail("half_body", times=1)
    with connect(aws) as sock:
        sock.sendall(signed(aws))
        response = read_response(sock)
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    half, missing = len(caught.value.partial), caught.value.expected
    assert half > 500 and missing is not None and abs(half - missing) <= 1


@pytest.mark.parametrize("delta", [7, -7])
def test_wrong_content_length(aws: AwsStandIn, delta: int) -> None:
    aws.put("prod/db", "x")
    true_length = int(exchange(aws, signed(aws))[1]["Content-Length"])
    aws.fail("content_length", delta=delta, times=1)
    with connect(aws) as sock:
        sock.sendall(signed(aws))
        data, _ = receive_all(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"Content-Length: {true_length + delta}".encode() in head
    assert len(body) == true_length


def test_drip(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("drip", chunk=16, interval_ms=10, times=1)
    started = time.monotonic()
    status, headers, body = exchange(aws, signed(aws))
    assert status == 200 and json.loads(body)["SecretString"] == "x"
    assert time.monotonic() - started >= ((len(body) - 1) // 16) * 0.01


def test_oversized_body_is_valid_json_of_that_size(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("oversized", size=3_000_001, times=1)
    _, headers, body = exchange(aws, signed(aws))
    assert len(body) == 3_000_001 and json.loads(body)["SecretString"] == "x"


def test_garbage_and_duplicate_keys(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.fail("garbage", times=1)
    with pytest.raises(ValueError):
        json.loads(exchange(aws, signed(aws))[2])
    aws.fail("duplicate_keys", times=1)
    _, _, body = exchange(aws, signed(aws))
    assert body.count(b'"SecretString"') == 2
    json.loads(body)


def test_stale_value_after_rotation(aws: AwsStandIn) -> None:
    first = aws.put("prod/db", "one")
    aws.rotate("prod/db", "two")
    aws.fail("stale", times=1)
    reply = sdk(aws).get_secret_value(SecretId="prod/db")
    assert (reply["SecretString"], reply["VersionId"]) == ("one", first)
    assert sdk(aws).get_secret_value(SecretId="prod/db")["SecretString"] == "two"


def test_empty_page_with_token(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.fail("empty_page", times=1)
    first = sdk(aws).batch_get_secret_value(SecretIdList=["a"])
    assert first["SecretValues"] == []
    second = sdk(aws).batch_get_secret_value(SecretIdList=["a"], NextToken=first["NextToken"])
    assert [each["Name"] for each in second["SecretValues"]] == ["a"]
    assert "NextToken" not in second


def test_unknown_fault_or_parameter_is_an_error(aws: AwsStandIn) -> None:
    with pytest.raises(ValueError):
        aws.fail("explode")
    with pytest.raises(TypeError):
        aws.fail("delay", seconds=3)


def test_nul_and_escapes_reach_the_wire(aws: AwsStandIn) -> None:
    aws.put("prod/db", "a\0b\u20ac")
    _, _, body = exchange(aws, signed(aws))
    assert b"a\\u0000b\xe2\x82\xac" in body
    aws.ascii_replies = True
    assert b"a\\u0000b\\u20ac" in exchange(aws, signed(aws))[2]


def test_idle_connections_are_closed_when_asked() -> None:
    with AwsStandIn(idle_seconds=0.2) as server:
        server.add_principal()
        with connect(server) as sock:
            sock.sendall(signed(server))
            read_response(sock).read()
            assert receive_all(sock) == (b"", None)


@pytest.mark.parametrize("code", THROTTLE_CODES)
def test_every_throttling_code(aws: AwsStandIn, code: str) -> None:
    aws.put("prod/db", "x")
    aws.fail("throttle", code=code, times=1)
    assert code_of(sdk(aws).get_secret_value, SecretId="prod/db")[0] == code
    aws.fail("throttle", code=code, status=429, retry_after_ms=5, times=1)
    status, headers, _ = exchange(aws, signed(aws))
    assert (status, headers["x-amz-retry-after"]) == (429, "5")


def test_script_is_followed_call_by_call(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.put("other", "x")
    aws.script(
        ("throttle", {"code": "SlowDown"}),
        "unavailable",
        ("internal", {"retry_after_ms": 3}),
        secret="prod/db",
    )
    statuses = [exchange(aws, signed(aws))[0] for _ in range(4)]
    assert statuses == [400, 503, 500, 200]
    assert [call.outcome for call in aws.calls()] == [
        "SlowDown",
        "unavailable",
        "InternalServiceError",
        "ok",
    ]
    assert exchange(aws, signed(aws, body=b'{"SecretId":"other"}'))[0] == 200


def test_the_nth_of_the_matching_calls_fails(aws: AwsStandIn) -> None:
    aws.put("prod/db", "x")
    aws.put("other", "x")
    fault = aws.fail("unavailable", secret="prod/db", skip=2, times=1)
    assert exchange(aws, signed(aws, body=b'{"SecretId":"other"}'))[0] == 200
    statuses = [exchange(aws, signed(aws))[0] for _ in range(4)]
    assert (statuses, fault.hits) == ([200, 200, 503, 200], 1)


def test_several_entries_fail_in_one_batch(aws: AwsStandIn) -> None:
    for name in ("a", "b", "c", "d"):
        aws.put(name, "x")
    codes = {"a": "ThrottlingException", aws.arn("c"): "InternalServiceError"}
    aws.fail("entries", codes=codes, times=1)
    reply = sdk(aws).batch_get_secret_value(SecretIdList=["a", "b", "c", "d", "none"])
    assert sorted(each["Name"] for each in reply["SecretValues"]) == ["b", "d"]
    assert {each["SecretId"]: each["ErrorCode"] for each in reply["Errors"]} == {
        "a": "ThrottlingException",
        "c": "InternalServiceError",
        "none": "ResourceNotFoundException",
    }


def test_nul_in_every_value(aws: AwsStandIn) -> None:
    aws.put("prod/db", "abcd")
    aws.fail("nul", times=2)
    assert b"ab\\u0000cd" in exchange(aws, signed(aws))[2]
    reply = sdk(aws).batch_get_secret_value(SecretIdList=["prod/db"])
    assert reply["SecretValues"][0]["SecretString"] == "ab\0cd"
    assert sdk(aws).get_secret_value(SecretId="prod/db")["SecretString"] == "abcd"


@pytest.mark.parametrize("reset,end", [(False, None), (True, ConnectionResetError)])
def test_connection_ends_after_an_answer_that_promised_more(
    aws: AwsStandIn, reset: bool, end: Optional[type[OSError]]
) -> None:
    aws.put("prod/db", "x")
    aws.fail("close_after", ms=50, reset=reset, times=1)
    with connect(aws) as sock:
        started = time.monotonic()
        sock.sendall(signed(aws))
        response = read_response(sock)
        assert response.status == 200 and response.getheader("Connection") is None
        response.read()
        assert receive_all(sock) == (b"", end)
        assert time.monotonic() - started > 0.03
    assert aws.calls()[0].outcome == "ok"


def test_idle_time_can_be_set_while_serving(aws: AwsStandIn) -> None:
    with connect(aws) as sock:
        sock.sendall(signed(aws))
        read_response(sock).read()
        aws.set_idle_seconds(0.1)
        sock.sendall(signed(aws))
        read_response(sock).read()
        assert receive_all(sock) == (b"", None)


def test_tries_of_one_call_count_once(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.fail("internal", times=1)
    assert sdk(aws, attempts=2).get_secret_value(SecretId="a")
    assert sdk(aws).get_secret_value(SecretId="a")
    assert (aws.count("GetSecretValue"), aws.invocations("GetSecretValue")) == (3, 2)


def test_one_action_or_one_secret_or_the_key_is_denied(aws: AwsStandIn) -> None:
    aws.put("a", "x", kms_key="the-key")
    aws.put("b", "x")
    get, batch = sdk(aws).get_secret_value, sdk(aws).batch_get_secret_value
    aws.deny("secretsmanager:BatchGetSecretValue")
    code, message, status = code_of(batch, SecretIdList=["a", "b"])
    assert (code, status) == ("AccessDeniedException", 400)
    assert message.endswith(
        "is not authorized to perform: secretsmanager:BatchGetSecretValue on resource: * with an "
        "explicit deny in an identity-based policy"
    )
    assert get(SecretId="a")
    aws.undeny()
    aws.deny("secretsmanager:GetSecretValue", aws.arn("b"))
    reply = batch(SecretIdList=["a", "b"])
    assert [each["ErrorCode"] for each in reply["Errors"]] == ["AccessDeniedException"]
    assert code_of(get, SecretId="b")[0] == "AccessDeniedException"
    aws.undeny()
    aws.deny("kms:Decrypt", aws.keys().arn("the-key"))
    assert code_of(get, SecretId="a")[0:2] == (
        "AccessDeniedException",
        "Access to KMS is not allowed",
    )
    assert [e["SecretId"] for e in batch(SecretIdList=["a", "b"])["Errors"]] == ["a"]
    assert sdk(aws).describe_secret(SecretId="a")["KmsKeyId"] == aws.keys().arn("the-key")
    aws.undeny()
    aws.keys().set_enabled("the-key", False)
    assert code_of(get, SecretId="a")[0] == "DecryptionFailure"
    assert get(SecretId="b")["SecretString"] == "x"


def test_a_real_policy_allows_by_arn_and_batch_on_everything_only(aws: AwsStandIn) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:red/*"
    actions = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": arn}
    aws.add_principal("AKIDRED", "red", policy=[statement])
    aws.put("red/1", "r")
    aws.put("blue/1", "b")
    client = sdk(aws, key="AKIDRED", secret="red")
    assert client.get_secret_value(SecretId="red/1")["SecretString"] == "r"
    assert code_of(client.get_secret_value, SecretId="blue/1")[0] == "AccessDeniedException"
    assert code_of(client.get_secret_value, SecretId="red/none")[0] == ("ResourceNotFoundException")
    denied = code_of(client.batch_get_secret_value, SecretIdList=["red/1"])
    assert denied[0] == "AccessDeniedException", "a pattern is not everything"


# -- records, control, program ---------------------------------------------------------------------


def test_records_and_log_hold_no_value() -> None:
    lines: list[dict[str, Any]] = []
    with AwsStandIn(log=lines.append) as server:
        server.add_principal(session_token="the-session-token")
        server.put("prod/db", "the-planted-value")
        client = sdk(server, token="the-session-token")
        client.get_secret_value(SecretId="prod/db")
        client.batch_get_secret_value(SecretIdList=["prod/db", "absent"])
        code_of(sdk(server, token="wrong-token").get_secret_value, SecretId="prod/db")
        server.wait_calls(3)
        everything = repr(
            [
                server.calls(),
                lines,
                server.counts(),
                server.store().summary(),
                [vars(each) for each in server.rejections()],
            ]
        )
    assert len(lines) == 3
    for forbidden in ("the-planted-value", "the-session-token", EXAMPLE_SECRET_ACCESS_KEY):
        assert forbidden not in everything
    assert lines[1]["batch_errors"] == ["ResourceNotFoundException"]


def test_counts_by_operation_and_secret(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    sdk(aws).get_secret_value(SecretId="a")
    sdk(aws).batch_get_secret_value(SecretIdList=["a", "b"])
    counts = aws.counts()
    assert counts["operations"] == {"GetSecretValue": 1, "BatchGetSecretValue": 1}
    assert counts["secrets"] == {"a": 2, "b": 1}
    assert not counts["parameters"] and not counts["roles"] and not counts["queues"]
    aws.reset_calls()
    assert not any(aws.counts().values())


def test_wait_calls_waits_for_the_answer(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    with pytest.raises(TimeoutError):
        aws.wait_calls(1, timeout=0.05)
    thread = threading.Thread(target=lambda: sdk(aws).get_secret_value(SecretId="a"))
    thread.start()
    assert aws.wait_calls(1, "GetSecretValue", secret="a")[0].outcome == "ok"
    thread.join()


def test_concurrency_is_told_for_some_calls_alone(aws: AwsStandIn) -> None:
    aws.put("a", "x")
    aws.put("b", "x")
    hold = aws.fail("hold", secret="a")
    threads = [
        threading.Thread(target=lambda: sdk(aws).get_secret_value(SecretId="a")) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    hold.wait_held(3)
    for _ in range(2):
        sdk(aws).get_secret_value(SecretId="b")
    sdk(aws).describe_secret(SecretId="b")
    hold.release()
    for thread in threads:
        thread.join()
    assert aws.most_in_flight() == 4
    assert aws.most_in_flight("GetSecretValue", secret="a") == 3
    assert aws.most_in_flight("GetSecretValue", secret="b") == 1
    assert aws.most_in_flight("ListSecrets") == 0
    with pytest.raises(TypeError):
        aws.calls(colour="red")


def test_control_interface(aws: AwsStandIn) -> None:
    with ControlServer(aws) as server:
        url = server.url
        assert control(url, "PUT", "/secrets/prod/db", {"string": "one"})["name"] == "prod/db"
        control(url, "POST", "/secrets/prod/db/rotate", {"random": 24})
        (entry,) = control(url, "GET", "/secrets")
        assert sorted(entry["versions"].values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
        with pytest.raises(Exception, match="no secret"):
            control(url, "POST", "/secrets/absent/rotate", {"string": "x"})
        with pytest.raises(Exception, match="no fault kind"):
            control(url, "POST", "/faults", {"kind": "explode"})
        fault = control(url, "POST", "/faults", {"kind": "throttle", "times": 2})
        assert control(url, "GET", "/faults")[0]["id"] == fault["id"]
        assert code_of(sdk(aws).get_secret_value, SecretId="prod/db")[0] == "ThrottlingException"
        control(url, "DELETE", f"/faults/{fault['id']}")
        assert len(sdk(aws).get_secret_value(SecretId="prod/db")["SecretString"]) == 32
        assert control(url, "GET", "/counts")["secrets"] == {"prod/db": 2}
        assert control(url, "GET", "/calls")[0]["outcome"] == "ThrottlingException"
        control(url, "PUT", "/clock", {"offset_seconds": 1000})
        assert code_of(sdk(aws).get_secret_value, SecretId="prod/db")[0] == (
            "InvalidSignatureException"
        )
        control(url, "DELETE", "/secrets/prod/db")
        assert control(url, "GET", "/secrets")[0]["deleted"] is True
        control(url, "PUT", "/clock", {"offset_seconds": 0})
        assert control(url, "GET", "/concurrency?operation=GetSecretValue") == {"most_in_flight": 1}


def test_control_interface_of_the_other_services(aws: AwsStandIn) -> None:
    with ControlServer(aws) as server:
        url = server.url
        put = {"string": "one", "labels": ["live"]}
        assert control(url, "PUT", "/parameters//a/b", put) == {"name": "/a/b", "version": 1}
        assert control(url, "GET", "/parameters")[0]["versions"] == {"1": ["live"]}
        trust = trusting_account(external_id="theirs")
        role = control(url, "PUT", "/roles/reader", {"trust": trust, "allow": ["x/*"]})
        assert role == {"arn": "arn:aws:iam::123456789012:role/reader"}
        issuer = TokenIssuer()
        provider = {"issuer": issuer.issuer, "keys": issuer.jwks()}
        assert ":oidc-provider/" in control(url, "PUT", "/providers", provider)["arn"]
        assert {"role": "reader", **role} in control(url, "GET", "/principals")
        queue = control(url, "PUT", "/queues/changes", {"announce": True})
        assert queue["url"] == aws.queue_url("changes")
        control(url, "PUT", "/secrets/prod/db", {"string": "x", "kms_key": "k"})
        control(url, "POST", "/queues/changes", {"body": "{}"})
        assert control(url, "GET", "/queues")[0]["messages"] == 2
        get = sdk(aws).get_secret_value
        for path, document, code in (
            ("/kms/k", {"enabled": False}, "DecryptionFailure"),
            ("/kms/k", {"enabled": True}, None),
        ):
            control(url, "PUT", path, document)
            if code is not None:
                assert code_of(get, SecretId="prod/db")[0] == code
        control(url, "POST", "/denials", {"action": "secretsmanager:*"})
        assert code_of(get, SecretId="prod/db")[0] == "AccessDeniedException"
        control(url, "DELETE", "/denials")
        control(url, "PUT", "/idle", {"seconds": 5})
        assert get(SecretId="prod/db")["SecretString"] == "x"
        control(url, "POST", "/expire", {"who": EXAMPLE_ACCESS_KEY_ID})
        assert code_of(get, SecretId="prod/db")[0] == "ExpiredTokenException"
        control(url, "DELETE", "/parameters//a/b")
        for method, path in (("DELETE", "/parameters//a/b"), ("GET", "/nonsense")):
            with pytest.raises(ControlError):
                control(url, method, path)


def test_program_serves_and_its_commands_rotate(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(
        json.dumps(
            {
                "secrets": {"/prod/db/password": "first", "doc": {"a": 1}},
                "binary_secrets": {"bin": "AAEC"},
                "principals": [{"access_key_id": "AKIDDEMO", "secret_access_key": "demo"}],
                "parameters": {"/plain": "x", "/document": {"a": 1}},
                "roles": {"pod": {"trust": []}},
                "queues": ["changes"],
            }
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "tests.support.aws_standin"]
    server = subprocess.Popen(
        [
            *program,
            "--secrets",
            str(secrets),
            "--tls",
            "--log",
            "--container",
            "pod",
            "--imds",
            "pod",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None
        started = json.loads(server.stdout.readline())

        class Target:
            endpoint, ca_file = started["endpoint"], started["ca_file"]

        client = sdk(Target, key="AKIDDEMO", secret="demo")  # type: ignore[arg-type]
        get = client.get_secret_value
        assert get(SecretId="/prod/db/password")["SecretString"] == "first"
        assert json.loads(get(SecretId="doc")["SecretString"]) == {"a": 1}
        assert get(SecretId="bin")["SecretBinary"] == b"\0\1\2"
        environment["AWS_STANDIN_CONTROL"] = started["control"]

        def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess:
            return subprocess.run(
                [*program, *arguments],
                env=environment,
                cwd=ROOT,
                text=True,
                capture_output=True,
                timeout=30,
                **options,
            )

        assert command("rotate", "/prod/db/password", "second").returncode == 0
        assert get(SecretId="/prod/db/password")["SecretString"] == "second"
        assert (
            command("rotate", "/prod/db/password", "--file", "-", input="third\n").returncode == 0
        )
        assert get(SecretId="/prod/db/password")["SecretString"] == "third"
        assert command("rotate", "/prod/db/password").returncode == 0
        assert get(SecretId="/prod/db/password")["SecretString"] not in ("second", "third")
        absent = command("rotate", "absent", "x")
        assert absent.returncode == 1 and "no secret absent" in absent.stderr
        assert command("fail", "throttle", "--secret", "doc", "--times", "1").returncode == 0
        assert code_of(get, SecretId="doc")[0] == "ThrottlingException"
        listed = command("list").stdout
        assert "/prod/db/password" in listed and "third" not in listed
        assert command("parameter", "/plain", "new").returncode == 0
        assert '"2": []' in command("parameters").stdout
        assert command("deny", "secretsmanager:GetSecretValue", "doc").returncode == 0
        assert code_of(get, SecretId="doc")[0] == "AccessDeniedException"
        assert command("undeny").returncode == 0
        assert '"name": "changes"' in command("queues").stdout
        assert started["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/v1/credentials")
        assert started["AWS_EC2_METADATA_SERVICE_ENDPOINT"].startswith("http://127.0.0.1:")
        assert command("delete", "doc", "--force").returncode == 0
        assert code_of(get, SecretId="doc")[0] == "ResourceNotFoundException"
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=10)
    assert server.returncode == 0
    assert "second" not in errors and '"operation": "GetSecretValue"' in errors
