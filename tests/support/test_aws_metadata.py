# SPDX-License-Identifier: Apache-2.0
"""The credential endpoints of the stand-in, seen by botocore's own providers and by HTTP."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, Iterator, Optional
from urllib.parse import urlsplit

import pytest
from botocore.credentials import ContainerProvider, InstanceMetadataProvider
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

from tests.support.aws_identity import Principal
from tests.support.aws_metadata import (
    CONTAINER_PATH,
    ROLE_PATH,
    TOKEN_PATH,
    ContainerEndpoint,
    InstanceMetadata,
)
from tests.support.aws_sdk import sdk_client
from tests.support.aws_standin import AwsStandIn

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        server.add_role("pod", [])
        server.put("s", "x")
        yield server


def ask(
    endpoint: Any, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(endpoint.url)
    client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, headers={**sent, "Content-Length": "0"})
    response = client.getresponse()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def reads(aws: AwsStandIn, credentials: Any) -> bool:
    """Whether what an SDK's provider obtained opens a secret."""
    frozen = credentials.get_frozen_credentials()
    who = Principal(frozen.access_key, frozen.secret_key, frozen.token, "", "", aws.policy(), "")
    client = sdk_client("secretsmanager", aws.endpoint, who=who)
    return client.get_secret_value(SecretId="s")["SecretString"] == "x"


# -- containers ------------------------------------------------------------------------------------


def test_container_credentials_open_a_secret(aws: AwsStandIn, tmp_path: Path) -> None:
    with ContainerEndpoint(aws, "pod", token_file=tmp_path / "token") as endpoint:
        provider = ContainerProvider(environ=endpoint.environment())
        assert reads(aws, provider.load())
        assert aws.calls("GetCredentials")[0].service == "container"
        assert aws.calls("GetSecretValue")[0].session == endpoint.session_name


def test_container_token_rotates(aws: AwsStandIn, tmp_path: Path) -> None:
    path = tmp_path / "token"
    with ContainerEndpoint(aws, "pod", token_file=path) as endpoint:
        old = path.read_text()
        assert ask(endpoint, CONTAINER_PATH, Authorization=old)[0] == 200
        endpoint.rotate_token(newline=True)
        assert ask(endpoint, CONTAINER_PATH, Authorization=old)[0] == 401
        new = path.read_text()
        assert new.endswith("\n")
        new = new.rstrip("\n")
        status, _, body = ask(endpoint, CONTAINER_PATH, Authorization=new)
        assert status == 200 and set(json.loads(body)) == {
            "AccessKeyId",
            "SecretAccessKey",
            "Token",
            "Expiration",
            "AccountId",
        }


@pytest.mark.parametrize("prefix,suffix", [("Bearer ", ""), ("", "x"), ("x", "")])
def test_container_takes_the_token_and_nothing_else(
    aws: AwsStandIn, prefix: str, suffix: str
) -> None:
    with ContainerEndpoint(aws, "pod") as endpoint:
        token = endpoint.environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        sent = prefix + token + suffix
        assert ask(endpoint, CONTAINER_PATH, Authorization=sent)[0] == 401
        assert ask(endpoint, CONTAINER_PATH)[0] == 401
        assert ask(endpoint, "/", Authorization=token)[0] == 404
        assert ask(endpoint, CONTAINER_PATH, "POST", Authorization=token)[0] == 404
        assert ask(endpoint, CONTAINER_PATH, Authorization=token)[0] == 200


def test_container_sessions_are_the_same_until_they_end(aws: AwsStandIn) -> None:
    with ContainerEndpoint(aws, "pod", check=lambda token: token == "good") as endpoint:

        def key() -> str:
            return json.loads(ask(endpoint, CONTAINER_PATH, Authorization="good")[2])["AccessKeyId"]

        first = key()
        assert key() == first
        endpoint.new_session()
        second = key()
        assert second != first
        aws.expire("pod")
        assert key() != second


def test_container_meets_faults(aws: AwsStandIn) -> None:
    with ContainerEndpoint(aws, "pod", check=lambda _: True) as endpoint:

        def status() -> int:
            return ask(endpoint, CONTAINER_PATH, Authorization="t")[0]

        aws.script(
            "unavailable",
            ("error", {"status": 429, "message": "slow down"}),
            ("answer", {"status": 200, "body": b"{}"}),
            service="container",
        )
        assert [status() for _ in range(4)] == [503, 429, 200, 200]
        outcomes = [call.outcome for call in aws.calls(service="container")]
        assert outcomes == ["unavailable", "429", "answer", "ok"]
        aws.fail("reset_before_headers", service="container", times=1)
        with pytest.raises(ConnectionError):
            status()


# -- instances -------------------------------------------------------------------------------------


def token_of(endpoint: InstanceMetadata, seconds: int = 60) -> str:
    status, headers, body = ask(endpoint, TOKEN_PATH, "PUT", **{TTL: str(seconds)})
    assert status == 200 and headers[TTL.lower()] == str(seconds)
    return body.decode()


def imds_provider(endpoint: InstanceMetadata) -> InstanceMetadataProvider:
    fetcher = InstanceMetadataFetcher(
        timeout=5,
        num_attempts=1,
        config={"ec2_metadata_service_endpoint": endpoint.url + "/"},
    )
    return InstanceMetadataProvider(iam_role_fetcher=fetcher)


def test_instance_credentials_open_a_secret(aws: AwsStandIn) -> None:
    with InstanceMetadata(aws, "pod") as endpoint:
        assert reads(aws, imds_provider(endpoint).load())
        operations = [call.operation for call in aws.calls(service="imds")]
        assert operations == ["PutToken", "ListRoles", "GetRole"]


def test_instance_wants_a_token_that_lives(aws: AwsStandIn) -> None:
    with InstanceMetadata(aws, "pod") as endpoint:
        assert ask(endpoint, ROLE_PATH)[0] == 401, "version 1 is off"
        assert ask(endpoint, ROLE_PATH, **{TOKEN: "nonsense"})[0] == 401
        token = token_of(endpoint, 60)
        status, _, body = ask(endpoint, ROLE_PATH, **{TOKEN: token})
        assert (status, body) == (200, b"pod")
        status, _, body = ask(endpoint, ROLE_PATH + "pod", **{TOKEN: token})
        document = json.loads(body)
        assert status == 200 and document["Code"] == "Success"
        assert document["AccessKeyId"].startswith("ASIA")
        assert ask(endpoint, ROLE_PATH + "other", **{TOKEN: token})[0] == 404
        aws.clock.set_offset(61)
        assert ask(endpoint, ROLE_PATH, **{TOKEN: token})[0] == 401
        token = token_of(endpoint)
        endpoint.forget_tokens()
        assert ask(endpoint, ROLE_PATH, **{TOKEN: token})[0] == 401


@pytest.mark.parametrize("ttl", ["0", "21601", "soon", "", None])
def test_instance_refuses_lifetime(aws: AwsStandIn, ttl: Optional[str]) -> None:
    with InstanceMetadata(aws, "pod") as endpoint:
        headers = {TTL: ttl} if ttl is not None else {}
        assert ask(endpoint, TOKEN_PATH, "PUT", **headers)[0] == 400
        assert ask(endpoint, TOKEN_PATH, "GET")[0] == 405
        assert ask(endpoint, TOKEN_PATH, "PUT", **{TTL: "60", "X-Forwarded-For": "a"})[0] == 403


def test_instance_without_a_role_and_with_a_failure_in_200(aws: AwsStandIn) -> None:
    with InstanceMetadata(aws, "pod") as endpoint:
        endpoint.failure = ("AssumeRoleUnauthorizedAccess", "EC2 cannot assume the role")
        token = token_of(endpoint)
        status, _, body = ask(endpoint, ROLE_PATH + "pod", **{TOKEN: token})
        assert status == 200 and json.loads(body)["Code"] == "AssumeRoleUnauthorizedAccess"
    with InstanceMetadata(aws, "absent") as endpoint:
        token = token_of(endpoint)
        assert ask(endpoint, ROLE_PATH, **{TOKEN: token})[0] == 404


def test_instance_put_may_hang(aws: AwsStandIn) -> None:
    with InstanceMetadata(aws, "pod") as endpoint:
        hold = aws.fail("hold", service="imds", operation="PutToken")
        address = urlsplit(endpoint.url)
        client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=0.2)
        client.request("PUT", TOKEN_PATH, headers={TTL: "60", "Content-Length": "0"})
        with pytest.raises(TimeoutError):
            client.getresponse()
        hold.wait_held()
        client.close()
        hold.release()


def test_botocore_gives_up_where_the_container_refuses(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContainerMetadataFetcher, "RETRY_ATTEMPTS", 1)
    with ContainerEndpoint(aws, "pod", check=lambda _: False) as endpoint:
        with pytest.raises(CredentialRetrievalError, match="401"):
            ContainerProvider(environ=endpoint.environment()).load()
        assert [call.outcome for call in aws.calls(service="container")] == ["401"]
