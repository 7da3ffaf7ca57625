# SPDX-License-Identifier: Apache-2.0
"""Tokens of a genuine API server at the AWS stand-in, as IAM roles for service accounts work: its
published keys verify them, and they open the session of a role."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.support.aws_sdk import error_of, sdk_client
from tests.support.aws_standin import AwsStandIn, trusting_service_account

AUDIENCE = "sts.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/app"


def token_of(
    control_plane: ControlPlane, namespace: str, name: str, audience: str = AUDIENCE
) -> str:
    """The TokenRequest API, as Keyturn asks it."""
    spec = {"audiences": [audience], "expirationSeconds": 600}
    path = control_plane.api.resource("ServiceAccount").path(namespace, name, "token")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return control_plane.api.request("POST", path, body).body["status"]["token"]


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
def standin(control_plane: ControlPlane, namespace: str) -> Iterator[AwsStandIn]:
    """Trusts the API server's issuer, and the ServiceAccount "app" of the test's namespace."""
    control_plane.api.create(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}, namespace
    )
    issuer = claims_of(token_of(control_plane, namespace, "app"))["iss"]
    with AwsStandIn() as aws:
        provider = aws.add_identity_provider(
            issuer,
            control_plane.url + "/openid/v1/jwks",
            ca_file=str(control_plane.pki.ca.certificate),
            # Whoever is a ServiceAccount may read the keys.
            token=control_plane.token_for("default", namespace),
        )
        aws.add_role("app", trusting_service_account(provider, namespace, "app"))
        aws.put("prod/db", "the value")
        yield aws


def exchange(aws: AwsStandIn, token: str) -> Any:
    return sdk_client("sts", aws.endpoint).assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="keyturn-test", WebIdentityToken=token
    )


def refusal(aws: AwsStandIn, token: str) -> tuple[str, int]:
    client = sdk_client("sts", aws.endpoint)
    arguments = {"RoleArn": ROLE, "RoleSessionName": "keyturn-test", "WebIdentityToken": token}
    return error_of(client.assume_role_with_web_identity, **arguments)[0::2]


def test_token_of_the_api_server_opens_a_session(
    control_plane: ControlPlane, namespace: str, standin: AwsStandIn
) -> None:
    reply = exchange(standin, token_of(control_plane, namespace, "app"))
    subject = f"system:serviceaccount:{namespace}:app"
    assert reply["SubjectFromWebIdentityToken"] == subject
    session = standin.identities.find(reply["Credentials"]["AccessKeyId"])
    client = sdk_client("secretsmanager", standin.endpoint, who=session)
    assert client.get_secret_value(SecretId="prod/db")["SecretString"] == "the value"
    assert standin.calls("GetSecretValue")[0].session == "keyturn-test"


def test_token_for_another_audience_account_or_time_is_refused(
    control_plane: ControlPlane, namespace: str, standin: AwsStandIn
) -> None:
    elsewhere = token_of(control_plane, namespace, "app", "pods.eks.amazonaws.com")
    assert refusal(standin, elsewhere) == ("InvalidIdentityToken", 400)
    assert refusal(standin, token_of(control_plane, namespace, "default")) == ("AccessDenied", 403)
    good = token_of(control_plane, namespace, "app")
    altered = good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:]
    assert refusal(standin, altered) == ("InvalidIdentityToken", 400)
    standin.clock.set_offset(601)
    assert refusal(standin, good) == ("ExpiredTokenException", 400)
    standin.clock.set_offset(0)
    exchange(standin, good)


def test_unreadable_keys_are_the_providers_fault(
    control_plane: ControlPlane, namespace: str, standin: AwsStandIn
) -> None:
    token = token_of(control_plane, namespace, "app")
    standin.add_identity_provider(
        claims_of(token)["iss"],
        control_plane.url + "/openid/v1/jwks",
        ca_file=str(control_plane.pki.ca.certificate),
        token="nobody",
    )
    assert refusal(standin, token) == ("IDPCommunicationError", 400)
