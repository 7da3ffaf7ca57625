# SPDX-License-Identifier: Apache-2.0
"""The Security Token Service of the stand-in, seen by botocore, and the sessions it opens."""

from __future__ import annotations

import http.client
from datetime import datetime, timezone
from typing import Any, Iterator, Optional
from urllib.parse import urlencode

import pytest

from tests.support.aws_identity import Principal
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_sdk import error_of, sdk_client
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account

ROLE = "arn:aws:iam::123456789012:role/"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as server:
        server.add_principal()
        yield server


def sts(aws: AwsStandIn, who: Optional[Principal] = None) -> Any:
    return sdk_client("sts", aws.endpoint, who=who, validate=False)


def assume(aws: AwsStandIn, role: str, who: Optional[Principal] = None, **more: Any) -> Principal:
    """The session, as the server knows it, once the reply has been looked at."""
    arguments = {"RoleArn": ROLE + role, "RoleSessionName": "keyturn-test", **more}
    reply = sts(aws, who).assume_role(**arguments)
    session = aws.identities.find(reply["Credentials"]["AccessKeyId"])
    assert session is not None
    assert reply["Credentials"]["SecretAccessKey"] == session.secret_access_key
    assert reply["Credentials"]["SessionToken"] == session.session_token
    assert reply["AssumedRoleUser"]["Arn"] == (
        f"arn:aws:sts::123456789012:assumed-role/{role}/{arguments['RoleSessionName']}"
    )
    return session


def refusal(aws: AwsStandIn, role: str, who: Optional[Principal] = None, **more: Any) -> Any:
    arguments = {"RoleArn": ROLE + role, "RoleSessionName": "keyturn-test", **more}
    return error_of(sts(aws, who).assume_role, **arguments)


def secrets_manager(aws: AwsStandIn, who: Principal) -> Any:
    return sdk_client("secretsmanager", aws.endpoint, who=who)


# -- AssumeRole ------------------------------------------------------------------------------------


def test_session_reads_with_the_rights_of_its_role(aws: AwsStandIn) -> None:
    aws.put("red/1", "r")
    aws.put("blue/1", "b")
    aws.add_role("red", trusting_account(), allow=["red/*"])
    session = assume(aws, "red")
    client = secrets_manager(aws, session)
    assert client.get_secret_value(SecretId="red/1")["SecretString"] == "r"
    code, message, _ = error_of(client.get_secret_value, SecretId="blue/1")
    assert code == "AccessDeniedException" and "assumed-role/red/keyturn-test" in message
    call = aws.calls("GetSecretValue")[0]
    assert (call.session, call.principal) == ("keyturn-test", session.access_key_id)
    assert aws.count("GetSecretValue", session="keyturn-test") == 2
    assert aws.calls("AssumeRole")[0].opened == session.access_key_id
    assert aws.count("AssumeRole", role="red") == 1


def test_session_needs_its_token_and_ends(aws: AwsStandIn) -> None:
    aws.put("s", "x")
    aws.add_role("r", trusting_account())
    session = assume(aws, "r", DurationSeconds=900)
    client = secrets_manager(aws, session)
    assert client.get_secret_value(SecretId="s")
    bare = Principal(**{**vars(session), "session_token": None})
    refused = error_of(secrets_manager(aws, bare).get_secret_value, SecretId="s")
    assert refused[0] == "UnrecognizedClientException"
    # Both sides' clocks go on; botocore's does not, so the server's is moved within the window.
    session.expires_at = aws.clock.now() + 100
    aws.clock.set_offset(101)
    assert error_of(client.get_secret_value, SecretId="s")[0] == "ExpiredTokenException"
    assert error_of(sts(aws, session).get_caller_identity)[0::2] == ("ExpiredToken", 403)


def test_expiration_is_told(aws: AwsStandIn) -> None:
    aws.add_role("r", trusting_account(), max_session_seconds=7200)
    now = datetime.now(timezone.utc)
    for asked, seconds in (({}, 3600), ({"DurationSeconds": 7200}, 7200)):
        arguments = {"RoleArn": ROLE + "r", "RoleSessionName": "ab", **asked}
        until = sts(aws).assume_role(**arguments)["Credentials"]["Expiration"]
        assert abs((until - now).total_seconds() - seconds) < 60


def test_all_sessions_of_a_role_can_be_ended(aws: AwsStandIn) -> None:
    aws.add_role("r", trusting_account())
    session = assume(aws, "r")
    aws.expire("r")
    assert error_of(sts(aws, session).get_caller_identity)[0] == "ExpiredToken"
    assert sts(aws, assume(aws, "r")).get_caller_identity()["Account"] == "123456789012"


def test_external_id(aws: AwsStandIn) -> None:
    aws.add_role("r", trusting_account(external_id="of:this/one"))
    assume(aws, "r", ExternalId="of:this/one")
    for more in ({}, {"ExternalId": "another"}):
        code, message, status = refusal(aws, "r", **more)
        assert (code, status) == ("AccessDenied", 403)
        assert message == (
            "User: arn:aws:iam::123456789012:user/akidexample is not authorized to perform: "
            f"sts:AssumeRole on resource: {ROLE}r"
        )


def test_role_that_is_absent_or_trusts_another_is_denied_alike(aws: AwsStandIn) -> None:
    aws.add_role("other", trusting_account("999999999999"))
    assert refusal(aws, "absent")[0::2] == refusal(aws, "other")[0::2] == ("AccessDenied", 403)


def test_account_trust_needs_the_callers_own_policy_and_a_named_caller_does_not(
    aws: AwsStandIn,
) -> None:
    poor = aws.add_principal("AKIDPOOR", "poor", policy=[])
    aws.add_role("account", trusting_account())
    named = {"Effect": "Allow", "Principal": {"AWS": poor.arn}, "Action": "sts:AssumeRole"}
    aws.add_role("named", named)
    assert refusal(aws, "account", poor)[0] == "AccessDenied"
    assume(aws, "named", poor)
    assert refusal(aws, "named")[0] == "AccessDenied", "names somebody else"
    aws.deny("sts:AssumeRole", ROLE + "named", who="AKIDPOOR")
    assert refusal(aws, "named", poor)[0] == "AccessDenied"


@pytest.mark.parametrize(
    "arguments,code,words",
    [
        ({"RoleSessionName": "a"}, "ValidationError", "roleSessionName"),
        ({"RoleSessionName": "a" * 65}, "ValidationError", "roleSessionName"),
        ({"RoleSessionName": "a b"}, "ValidationError", "roleSessionName"),
        ({"RoleSessionName": "sch\u00f6n"}, "ValidationError", "roleSessionName"),
        ({"RoleArn": "short"}, "ValidationError", "roleArn"),
        ({"RoleArn": "arn:aws:iam::123456789012:user/x"}, "ValidationError", "role ARN"),
        ({"ExternalId": "x"}, "ValidationError", "externalId"),
        ({"ExternalId": "with space"}, "ValidationError", "externalId"),
        ({"DurationSeconds": 899}, "ValidationError", "durationSeconds"),
        ({"DurationSeconds": 43201}, "ValidationError", "durationSeconds"),
        ({"DurationSeconds": 3601}, "ValidationError", "MaxSessionDuration"),
        ({"Tags": [{"Key": "k"}]}, "ValidationError", "value"),
        ({"Tags": [{"Key": "", "Value": "v"}]}, "ValidationError", "key"),
        ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, "ValidationError", "value"),
        ({"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "ValidationError", "50"),
        (
            {"Tags": [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]},
            "InvalidParameterValue",
            "Duplicate tag keys",
        ),
        (
            {"Tags": [{"Key": "k", "Value": "1"}], "TransitiveTagKeys": ["other"]},
            "InvalidParameterValue",
            "transitive",
        ),
    ],
)
def test_refuses_arguments(
    aws: AwsStandIn, arguments: dict[str, Any], code: str, words: str
) -> None:
    aws.add_role("r", trusting_account(tags=True))
    got, message, status = error_of(
        sts(aws).assume_role, **{"RoleArn": ROLE + "r", "RoleSessionName": "ok", **arguments}
    )
    assert (got, status) == (code, 400) and words in message


def test_tags_need_their_own_permission(aws: AwsStandIn) -> None:
    aws.add_role("plain", trusting_account())
    aws.add_role("tagged", trusting_account(tags=True))
    tags = [{"Key": "esoNamespace", "Value": "team a/b+c=d"}, {"Key": "empty", "Value": ""}]
    code, message, _ = refusal(aws, "plain", Tags=tags)
    assert code == "AccessDenied" and "sts:TagSession" in message
    session = assume(aws, "tagged", Tags=tags)
    assert session.tags == {"esoNamespace": "team a/b+c=d", "empty": ""}


def test_no_tags_as_an_empty_list_need_no_permission(aws: AwsStandIn) -> None:
    """`Tags=`: what the SDKs send for a list that is there and empty."""
    aws.add_role("plain", trusting_account())
    assert assume(aws, "plain", Tags=[], TransitiveTagKeys=[]).tags == {}


def test_tags_decide_what_a_session_may_read(aws: AwsStandIn) -> None:
    aws.put("team-a/db", "a")
    aws.put("team-b/db", "b")
    policy = {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/esoNamespace}/*",
    }
    aws.add_role("r", trusting_account(tags=True), policy=policy)
    session = assume(aws, "r", Tags=[{"Key": "esoNamespace", "Value": "team-a"}])
    client = secrets_manager(aws, session)
    assert client.get_secret_value(SecretId="team-a/db")["SecretString"] == "a"
    assert error_of(client.get_secret_value, SecretId="team-b/db")[0] == "AccessDeniedException"


def test_chain_inherits_transitive_tags_only(aws: AwsStandIn) -> None:
    for name in ("one", "two", "three"):
        aws.add_role(name, trusting_account(tags=True))
    tags = [{"Key": "stays", "Value": "1"}, {"Key": "goes", "Value": "2"}]
    one = assume(aws, "one", Tags=tags, TransitiveTagKeys=["stays"])
    two = assume(aws, "two", one, Tags=[{"Key": "own", "Value": "3"}])
    assert two.tags == {"stays": "1", "own": "3"}
    three = assume(aws, "three", two)
    assert three.tags == {"stays": "1"} and three.transitive == {"stays"}
    again = [{"Key": "stays", "Value": "other"}]
    code, message, _ = refusal(aws, "two", one, Tags=again)
    assert code == "InvalidParameterValue" and "transitive" in message


def test_chain_is_an_hour_at_most_and_sees_only_whom_it_may(aws: AwsStandIn) -> None:
    aws.add_role("first", trusting_account(), max_session_seconds=43200)
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE + "first"},
        "Action": "sts:AssumeRole",
    }
    aws.add_role("second", trust, max_session_seconds=43200)
    assert refusal(aws, "second")[0] == "AccessDenied"
    first = assume(aws, "first", DurationSeconds=43200)
    assume(aws, "second", first, DurationSeconds=3600)
    code, message, _ = refusal(aws, "second", first, DurationSeconds=3601)
    assert code == "ValidationError" and "role chaining" in message


# -- AssumeRoleWithWebIdentity ---------------------------------------------------------------------


@pytest.fixture
def issuer(aws: AwsStandIn) -> TokenIssuer:
    made = TokenIssuer()
    provider = aws.add_identity_provider(made.issuer, made.jwks)
    aws.add_role("irsa", trusting_service_account(provider, "team", "app"))
    return made


def exchange(aws: AwsStandIn, token: str, role: str = "irsa", **more: Any) -> dict[str, Any]:
    return sts(aws).assume_role_with_web_identity(
        RoleArn=ROLE + role, RoleSessionName="keyturn-team-app", WebIdentityToken=token, **more
    )


def rejected(aws: AwsStandIn, token: str, role: str = "irsa") -> tuple[str, int]:
    return error_of(
        sts(aws).assume_role_with_web_identity,
        RoleArn=ROLE + role,
        RoleSessionName="keyturn-team-app",
        WebIdentityToken=token,
    )[0::2]


def good(aws: AwsStandIn, issuer: TokenIssuer, **options: Any) -> str:
    return issuer.service_account("team", "app", now=aws.clock.now(), **options)


def test_token_of_the_service_account_opens_a_session(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    aws.put("s", "x")
    reply = exchange(aws, good(aws, issuer))
    assert reply["SubjectFromWebIdentityToken"] == "system:serviceaccount:team:app"
    assert reply["Audience"] == "sts.amazonaws.com"
    session = aws.identities.find(reply["Credentials"]["AccessKeyId"])
    assert session is not None
    assert secrets_manager(aws, session).get_secret_value(SecretId="s")["SecretString"] == "x"
    call = aws.calls("AssumeRoleWithWebIdentity")[0]
    assert (call.principal, call.outcome, call.ids) == (None, "ok", [ROLE + "irsa"])
    assert call.opened == session.access_key_id


def test_tokens_are_rejected_with_the_services_codes(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    now = aws.clock.now()
    foreign = TokenIssuer("https://elsewhere.test.example")
    forged = TokenIssuer(issuer.issuer)
    for token, code in (
        (issuer.service_account("team", "app", now=now - 7200), "ExpiredTokenException"),
        (good(aws, issuer, audience="wrong"), "InvalidIdentityToken"),
        (good(aws, issuer) + "x", "InvalidIdentityToken"),
        (foreign.service_account("team", "app", now=now), "InvalidIdentityToken"),
        (forged.service_account("team", "app", now=now), "InvalidIdentityToken"),
        ("not a token", "InvalidIdentityToken"),
        ("abc", "ValidationError"),
        ("a" * 20001, "ValidationError"),
    ):
        assert rejected(aws, token) == (code, 400), token[:20]


def test_token_of_another_service_account_is_denied(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    other = issuer.service_account("team", "other", now=aws.clock.now())
    assert rejected(aws, other) == ("AccessDenied", 403)
    assert rejected(aws, good(aws, issuer), "absent") == ("AccessDenied", 403)
    aws.add_role("account", trusting_account())
    assert rejected(aws, good(aws, issuer), "account") == ("AccessDenied", 403)


def test_audience_must_be_that_of_the_role_too(aws: AwsStandIn) -> None:
    made = TokenIssuer("https://two.test.example")
    provider = aws.add_identity_provider(made.issuer, made.jwks, ("sts.amazonaws.com", "other"))
    aws.add_role("narrow", trusting_service_account(provider, "team", "app"))
    assert rejected(aws, good(aws, made, audience="other"), "narrow") == ("AccessDenied", 403)
    exchange(aws, good(aws, made), "narrow")


def test_provider_that_cannot_be_reached(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    aws.add_identity_provider(issuer.issuer, "http://127.0.0.1:9/openid/v1/jwks")
    assert rejected(aws, good(aws, issuer)) == ("IDPCommunicationError", 400)


def test_rotated_keys(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    old = good(aws, issuer)
    issuer.rotate_keys()
    assert rejected(aws, old) == ("InvalidIdentityToken", 400)
    exchange(aws, good(aws, issuer))


# -- the protocol ----------------------------------------------------------------------------------


def post(
    aws: AwsStandIn, body: str, target: str = "/", method: str = "POST", **headers: str
) -> tuple[int, str, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    client.request(method, target, body, {**kind, **headers})
    response = client.getresponse()
    return response.status, response.getheader("Content-Type", ""), response.read()


def form(aws: AwsStandIn, issuer: TokenIssuer, **more: str) -> str:
    fields = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE + "irsa",
        "RoleSessionName": "keyturn",
        "WebIdentityToken": good(aws, issuer),
    }
    return urlencode({**fields, **more})


def test_reply_and_error_are_xml(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    status, kind, body = post(aws, form(aws, issuer))
    assert (status, kind) == (200, "text/xml")
    assert body.startswith(
        b'<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    )
    status, kind, body = post(aws, form(aws, issuer, RoleArn=ROLE + "none"))
    assert (status, kind) == (403, "text/xml")
    assert b"<Code>AccessDenied</Code>" in body and b"<Type>Sender</Type>" in body
    assert aws.calls()[-1].request_id.encode() in body


def test_refuses_what_no_sdk_sends(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    whole = form(aws, issuer)
    for body, code in (
        (whole + "&ProviderId=kubernetes", b"ValidationError"),
        (whole + "&RoleArn=twice", b"MissingAuthenticationToken"),
        (whole.replace("2011-06-15", "2011-06-16"), b"InvalidAction"),
        (whole + "&DurationSeconds=long", b"ValidationError"),
    ):
        status, _, reply = post(aws, body)
        assert status >= 400 and code in reply, (code, reply)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=..."}
    assert b"not to be signed" in post(aws, whole, **signed)[2]
    # The token in the URL, where proxies log it.
    assert post(aws, "", "/?" + whole, "GET")[0] >= 400
    assert post(aws, "", "/?" + whole)[0] >= 400


def test_unsigned_call_of_a_signed_operation(aws: AwsStandIn) -> None:
    body = urlencode(
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE + "r",
            "RoleSessionName": "ab",
        }
    )
    status, _, reply = post(aws, body)
    assert status == 403 and b"<Code>MissingAuthenticationToken</Code>" in reply


def test_signature_errors_have_the_query_protocols_names(aws: AwsStandIn) -> None:
    wrong = aws.add_principal("AKIDWRONG", "right")
    bad = Principal(**{**vars(wrong), "secret_access_key": "wrong"})
    assert error_of(sts(aws, bad).get_caller_identity)[0::2] == ("SignatureDoesNotMatch", 403)
    unknown = Principal(**{**vars(wrong), "access_key_id": "AKIDNOBODY"})
    assert error_of(sts(aws, unknown).get_caller_identity)[0::2] == ("InvalidClientTokenId", 403)
    aws.clock.set_offset(400)
    code, message, _ = error_of(sts(aws).get_caller_identity)
    assert code == "SignatureDoesNotMatch" and message.startswith("Signature expired: ")


def test_faults_of_sts(aws: AwsStandIn, issuer: TokenIssuer) -> None:
    aws.fail("throttle", service="sts", times=1)
    assert rejected(aws, good(aws, issuer)) == ("Throttling", 400)
    aws.fail("error", role="irsa", code="IDPCommunicationError", message="busy", times=1)
    assert rejected(aws, good(aws, issuer)) == ("IDPCommunicationError", 400)
    aws.fail("error", code="RegionDisabledException", status=403, times=1)
    assert rejected(aws, good(aws, issuer)) == ("RegionDisabledException", 403)
    aws.fail("oversized", size=100_000, times=1)
    status, _, body = post(aws, form(aws, issuer))
    assert status == 200 and len(body) == 100_000 and b"<Credentials>" in body
    exchange(aws, good(aws, issuer))
