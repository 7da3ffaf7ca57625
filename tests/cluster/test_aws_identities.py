# SPDX-License-Identifier: Apache-2.0
"""As whom a store reads AWS: its own keys, a ServiceAccount, roles, or Keyturn itself.

Tokens of ServiceAccounts are issued by the genuine API server; the stand-in verifies them against
the keys that it publishes.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.scenario import GATE, QUICK, Scenario, data_of, gates, uses
from tests.support.aws_standin import (
    AwsStandIn,
    trusting_account,
    trusting_service_account,
)

ISSUER = "https://kubernetes.default.svc"
READ = "GetSecretValue"


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "options": QUICK,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


@pytest.fixture(scope="module")
def provider(aws: AwsStandIn, control_plane: ControlPlane) -> str:
    """AWS trusts the tokens of this cluster."""
    return aws.add_identity_provider(
        ISSUER,
        control_plane.url + "/openid/v1/jwks",
        ca_file=str(control_plane.pki.ca.certificate),
        # Whoever is a ServiceAccount may read the keys.
        token=control_plane.token_for("default", "default"),
    )


def store(**aws: Any) -> Object:
    manifest = objects.secret_store()
    manifest["spec"]["provider"]["aws"] |= aws
    return manifest


def remote_name(scenario: Scenario) -> str:
    return f"/prod/{scenario.namespace}/password"


def service_account(name: str, role_arn: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "annotations": {"eks.amazonaws.com/role-arn": role_arn}},
    }


def by_service_account(name: str) -> Object:
    return {"auth": {"jwt": {"serviceAccountRef": {"name": name}}}}


def by_keys(secret: str) -> Object:
    reference = {
        "accessKeyIDSecretRef": {"name": secret, "key": "id"},
        "secretAccessKeySecretRef": {"name": secret, "key": "secret"},
    }
    return {"auth": {"secretRef": reference}}


def wait_password(scenario: Scenario, name: str, password: str) -> None:
    def there() -> bool:
        found = scenario.api.find("Secret", name, scenario.namespace)
        return found is not None and data_of(found).get("password") == password

    scenario.wait_for(there, f"Secret {name} with the value from AWS", 30)


def callers(aws: AwsStandIn, scenario: Scenario) -> set[str | None]:
    """Who has read the secret of this test: sessions, or the access keys of users."""
    calls = aws.calls(READ, secret=remote_name(scenario))
    return {call.session or call.principal for call in calls if call.outcome == "ok"}


@pytest.mark.sanitizers
def test_a_service_account_reads_by_its_own_role(
    scenario: Scenario, aws: AwsStandIn, provider: str
) -> None:
    name = remote_name(scenario)
    aws.put(name, "by-role")
    role = aws.add_role(
        f"reader-{scenario.namespace}",
        trusting_service_account(provider, scenario.namespace, "reader"),
        allow=[name],
    )
    scenario.create(service_account("reader", role.arn))
    scenario.create(store(**by_service_account("reader")))
    for each in ("one", "two", "three"):
        scenario.create(objects.external_secret(each, name))
    for each in ("one", "two", "three"):
        wait_password(scenario, each, "by-role")
    # By this name CloudTrail shows who it was; what is too long is cut.
    (session,) = callers(aws, scenario)
    assert session is not None and session.startswith(f"keyturn-{scenario.namespace}"[:40])
    # Credentials are fetched once for all of them, and so is the token.
    assert aws.count("AssumeRoleWithWebIdentity", role=role.arn) == 1
    tokens = scenario.audit(verb="create", resource="serviceaccounts/token")
    assert len(tokens) == 1
    assert tokens[0]["responseStatus"]["code"] == 201


def test_keys_in_a_secret_and_others_when_they_change(scenario: Scenario, aws: AwsStandIn) -> None:
    name = remote_name(scenario)
    aws.put(name, "by-keys")
    for key in ("AKIDFIRST", "AKIDSECOND"):
        aws.add_principal(key, f"secret of {key}".replace(" ", "-"), allow=[name])
    scenario.secret("keys", id="AKIDFIRST", secret="secret-of-AKIDFIRST")
    scenario.create(store(**by_keys("keys")))
    scenario.create(objects.external_secret("db", name, refresh="1s"))
    wait_password(scenario, "db", "by-keys")
    assert callers(aws, scenario) == {"AKIDFIRST"}
    scenario.change_secret("keys", id="AKIDSECOND", secret="secret-of-AKIDSECOND")
    scenario.wait_for(lambda: "AKIDSECOND" in callers(aws, scenario), "the new keys in use")
    aws.remove_principal("AKIDFIRST")
    aws.rotate(name, "by-the-second")
    wait_password(scenario, "db", "by-the-second")


def test_a_role_with_external_id_and_session_tags(scenario: Scenario, aws: AwsStandIn) -> None:
    name = remote_name(scenario)
    aws.put(name, "by-tagged-role")
    role = aws.add_role(
        f"tagged-{scenario.namespace}",
        trusting_account(external_id="ext-7", tags=True),
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "secretsmanager:*",
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {
                            "aws:PrincipalTag/team": "shop",
                            "aws:PrincipalTag/esoNamespace": scenario.namespace,
                        }
                    },
                }
            ],
        },
    )
    tagged = store(
        role=role.arn,
        externalID="ext-7",
        sessionTagsPolicy="Custom",
        customSessionTags={"team": "shop"},
        transitiveTagKeys=["team"],
    )
    scenario.create(tagged)
    scenario.create(objects.external_secret("db", name))
    wait_password(scenario, "db", "by-tagged-role")
    assert aws.count("AssumeRole", role=role.arn) == 1


def test_roles_are_assumed_one_after_the_other(scenario: Scenario, aws: AwsStandIn) -> None:
    name = remote_name(scenario)
    aws.put(name, "by-chain")
    first = aws.add_role(
        f"first-{scenario.namespace}", trusting_account(), actions=["sts:AssumeRole"]
    )
    last = aws.add_role(
        f"last-{scenario.namespace}",
        [{"Effect": "Allow", "Principal": {"AWS": first.arn}, "Action": "sts:AssumeRole"}],
        allow=[name],
    )
    scenario.create(store(additionalRoles=[first.arn], role=last.arn))
    scenario.create(objects.external_secret("db", name))
    wait_password(scenario, "db", "by-chain")
    assert aws.count("AssumeRole", role=first.arn) == 1
    assert aws.count("AssumeRole", role=last.arn) == 1


def test_keyturns_own_credentials_and_a_prefix(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), "by-keyturn")
    scenario.create(store(prefix=f"/prod/{scenario.namespace}/"))
    scenario.create(objects.external_secret("db", "password"))
    wait_password(scenario, "db", "by-keyturn")


def test_a_parameter(scenario: Scenario, aws: AwsStandIn) -> None:
    name = remote_name(scenario)
    aws.put_parameter(name, "older")
    aws.put_parameter(name, "newer")
    scenario.create(store(service="ParameterStore"))
    scenario.create(objects.external_secret("now", name))
    pinned = objects.external_secret("pinned", name)
    pinned["spec"]["data"][0]["remoteRef"]["version"] = "1"
    scenario.create(pinned)
    wait_password(scenario, "now", "newer")
    wait_password(scenario, "pinned", "older")


@pytest.mark.sanitizers
def test_a_role_that_may_not_be_assumed_is_said_and_nothing_else_suffers(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    name = remote_name(scenario)
    aws.put(name, "x")
    forbidden = aws.add_role(
        f"forbidden-{scenario.namespace}", trusting_account("999999999999"), allow=[name]
    )
    refused = store(role=forbidden.arn)
    refused["metadata"]["name"] = "refused"
    scenario.create(refused)
    scenario.create(objects.secret_store())
    denied = objects.external_secret("denied", name)
    denied["spec"]["secretStoreRef"]["name"] = "refused"
    scenario.create(denied)
    event = scenario.wait_event("denied", "UpdateFailed", "AccessDenied")
    pod = scenario.create(objects.pod("waits", **uses("denied", "password"))).object
    assert "AssumeRole" in event["message"] or forbidden.arn in event["message"]
    assert gates(pod) == [GATE]
    decision = scenario.decision("Pod", "waits")
    assert "AccessDenied (request " in decision["cause"]
    labels = {"operation": "AssumeRole", "code": "AccessDenied"}
    assert scenario.keyturn.metric("keyturn_aws_errors_total", **labels) >= 1
    # Another store of the same region is asked at once.
    scenario.create(objects.external_secret("db", name))
    wait_password(scenario, "db", "x")
    assert scenario.api.find("Secret", "denied", scenario.namespace) is None


def test_what_one_store_may_read_is_not_answered_to_another(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    """The value is cached for the first, and for nobody else."""
    name = remote_name(scenario)
    aws.put(name, "not-for-everybody")
    aws.add_principal("AKIDNOTHING", "nothing-allowed", allow=["/other/*"])
    scenario.create(objects.secret_store())
    scenario.create(objects.external_secret("db", name))
    wait_password(scenario, "db", "not-for-everybody")
    scenario.secret("keys", id="AKIDNOTHING", secret="nothing-allowed")
    other = store(**by_keys("keys"))
    other["metadata"]["name"] = "other"
    scenario.create(other)
    stolen = objects.external_secret("stolen", name)
    stolen["spec"]["secretStoreRef"]["name"] = "other"
    scenario.create(stolen)
    scenario.wait_event("stolen", "UpdateFailed", "AccessDeniedException")
    assert scenario.api.find("Secret", "stolen", scenario.namespace) is None


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        (by_keys("absent"), "absent with the AWS keys does not exist"),
        (by_service_account("absent"), "serviceaccounts"),
    ],
    ids=["keys", "service-account"],
)
def test_what_is_missing_is_named_and_keyturn_does_not_stand_in(
    scenario: Scenario, aws: AwsStandIn, auth: Object, said: str
) -> None:
    name = remote_name(scenario)
    aws.put(name, "x")
    scenario.create(store(**auth))
    scenario.create(objects.external_secret("db", name))
    scenario.wait_event("db", "UpdateFailed", said)
    assert aws.count(READ, secret=name) == 0
    assert scenario.api.find("Secret", "db", scenario.namespace) is None


def test_a_service_account_without_role_is_named(scenario: Scenario, aws: AwsStandIn) -> None:
    scenario.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "plain"}})
    scenario.create(store(**by_service_account("plain")))
    scenario.create(objects.external_secret("db", remote_name(scenario)))
    scenario.wait_event("db", "UpdateFailed", "eks.amazonaws.com/role-arn")
