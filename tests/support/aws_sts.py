# SPDX-License-Identifier: Apache-2.0
"""The Security Token Service of the AWS stand-in: roles are assumed as their trust policies say.

Follows the STS API reference (API version 2011-06-15) and IAM's rules for session tags and role
chaining. Codes and statuses are those of the service; where a message's exact words are not known,
they say what is wrong.
"""

from __future__ import annotations

import threading
from time import gmtime, strftime
from typing import Any, Mapping, Optional

from tests.support.aws_identity import Identities, Principal, Role
from tests.support.aws_jwt import (
    IdentityProvider,
    KeysUnreachable,
    Token,
    TokenRejected,
    parse_token,
)
from tests.support.aws_policy import ALLOW, DENY, Statement, lowered, verdict
from tests.support.aws_protocol import AwsError, Field, Fields
from tests.support.clock import SettableClock

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
VERSION = "2011-06-15"
OPERATIONS = ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity")
UNSIGNED = ("AssumeRoleWithWebIdentity",)
DEFAULT_SECONDS = 3600
# A session that another session opened lasts an hour at most.
CHAINED_SECONDS = 3600

_ARN = Field(str, 20, 2048, required=True)
_SESSION_NAME = Field(str, 2, 64, required=True, pattern=r"[\w+=,.@-]*")
_DURATION = Field(int, 900, 43200)
_TAG_TEXT = r"[\w \t\-.:/=+@]*"
FIELDS: dict[str, Fields] = {
    "AssumeRole": {
        "RoleArn": _ARN,
        "RoleSessionName": _SESSION_NAME,
        "ExternalId": Field(str, 2, 1224, pattern=r"[\w+=,.@:\/-]*"),
        "DurationSeconds": _DURATION,
        "Tags": Field(
            list,
            0,
            50,
            each=Field(
                dict,
                fields={
                    "Key": Field(str, 1, 128, required=True, pattern=_TAG_TEXT),
                    "Value": Field(str, 0, 256, required=True, pattern=_TAG_TEXT),
                },
            ),
        ),
        "TransitiveTagKeys": Field(list, 0, 50, each=Field(str, 1, 128, pattern=_TAG_TEXT)),
        "SourceIdentity": Field(str, 2, 64, pattern=r"[\w+=,.@-]*"),
        "Policy": Field(str, 1),
    },
    "AssumeRoleWithWebIdentity": {
        "RoleArn": _ARN,
        "RoleSessionName": _SESSION_NAME,
        "WebIdentityToken": Field(str, 4, 20000, required=True),
        "DurationSeconds": _DURATION,
        "Policy": Field(str, 1),
    },
    "GetCallerIdentity": {},
}


class TokenService:
    """Any thread."""

    def __init__(self, clock: SettableClock, identities: Identities):
        self._clock = clock
        self._identities = identities
        self._lock = threading.Lock()
        self._providers: dict[str, IdentityProvider] = {}

    def add_provider(self, provider: IdentityProvider) -> str:
        """Returns its ARN."""
        with self._lock:
            self._providers[provider.issuer] = provider
        return self.provider_arn(provider)

    def provider_arn(self, provider: IdentityProvider) -> str:
        account, partition = self._identities.account, self._identities.partition
        return f"arn:{partition}:iam::{account}:oidc-provider/{provider.name()}"

    def call(
        self, operation: str, document: Mapping[str, Any], principal: Optional[Principal]
    ) -> tuple[dict[str, Any], Principal]:
        """The result, and the session it opened or, where it opens none, the caller."""
        if operation == "AssumeRoleWithWebIdentity":
            return self._with_token(document)
        assert principal is not None
        if operation == "GetCallerIdentity":
            about = {
                "UserId": principal.user_id,
                "Account": principal.account,
                "Arn": principal.arn,
            }
            return about, principal
        return self._assume(document, principal)

    # -- AssumeRole -----------------------------------------------------------------------------

    def _assume(
        self, document: Mapping[str, Any], caller: Principal
    ) -> tuple[dict[str, Any], Principal]:
        role = self._identities.role(_role_arn(document))
        tags = _tags(document)
        transitive = frozenset(document.get("TransitiveTagKeys", ()))
        facts = {
            "sts:RoleSessionName": document["RoleSessionName"],
            **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        }
        for name, fact in (
            ("ExternalId", "sts:ExternalId"),
            ("SourceIdentity", "sts:SourceIdentity"),
        ):
            if name in document:
                facts[fact] = document[name]
        if tags:
            facts["aws:TagKeys"] = list(tags)
        if transitive:
            facts["sts:TransitiveTagKeys"] = sorted(transitive)
        self._demand("sts:AssumeRole", role, document["RoleArn"], caller, facts)
        inherited = {key: caller.tags[key] for key in caller.transitive}
        if tags:
            self._demand("sts:TagSession", role, document["RoleArn"], caller, facts)
        assert role is not None
        _check_tags(tags, transitive, inherited)
        session = self._identities.open_session(
            role,
            document["RoleSessionName"],
            _seconds(document, role, chained=caller.role is not None),
            tags={**inherited, **tags},
            transitive=frozenset(inherited) | transitive,
        )
        return _reply(session, packed=bool(tags)), session

    def _demand(
        self,
        action: str,
        role: Optional[Role],
        arn: str,
        caller: Principal,
        facts: Mapping[str, Any],
    ) -> None:
        """A role that is not there is answered like one that may not be assumed.

        The trust policy must name the caller, or its account; in the latter case the caller's own
        policies must allow it too, as they must for a role of another account.
        """
        own = caller.decide(action, (arn,), facts)
        said, named = DENY, False
        if role is not None:
            context = caller.context(facts)
            heard = [
                each
                for each in role.trust.statements()
                if each.concerns(action, (arn,), context) and _kind(each, caller)
            ]
            said = verdict(heard)
            named = any(_kind(each, caller) == "named" for each in heard)
        same_account = role is not None and role.account == caller.account
        if DENY in (own, said) or said != ALLOW or not (own == ALLOW or (named and same_account)):
            raise AwsError(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}",
                403,
            )

    # -- AssumeRoleWithWebIdentity --------------------------------------------------------------

    def _with_token(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], Principal]:
        arn = _role_arn(document)
        token, provider = self._verified(document["WebIdentityToken"])
        role = self._identities.role(arn)
        action = "sts:AssumeRoleWithWebIdentity"
        facts = lowered(
            {
                f"{provider.name()}:sub": token.claims["sub"],
                f"{provider.name()}:aud": token.audiences(),
                "sts:RoleSessionName": document["RoleSessionName"],
            }
        )
        federated = ("Federated", self.provider_arn(provider))
        said = DENY
        if role is not None:
            said = verdict(
                each
                for each in role.trust.statements()
                if federated in each.principals and each.concerns(action, (arn,), facts)
            )
        if role is None or said != ALLOW:
            raise AwsError("AccessDenied", f"Not authorized to perform {action}", 403)
        session = self._identities.open_session(
            role, document["RoleSessionName"], _seconds(document, role, chained=False)
        )
        reply = _reply(session, packed=False)
        reply |= {
            "SubjectFromWebIdentityToken": token.claims["sub"],
            "Provider": self.provider_arn(provider),
            "Audience": token.audiences()[0],
        }
        return reply, session

    def _verified(self, text: str) -> tuple[Token, IdentityProvider]:
        now = self._clock.now()
        try:
            token = parse_token(text)
            with self._lock:
                provider = self._providers.get(token.claims["iss"])
            if provider is None:
                raise TokenRejected("unknown-issuer")
            provider.verify(token, now)
        except KeysUnreachable:
            raise AwsError(
                "IDPCommunicationError",
                "Couldn't retrieve verification key from your identity provider, please reference "
                "AssumeRoleWithWebIdentity documentation for requirements",
            ) from None
        except TokenRejected as error:
            raise _rejection(error.rule, now) from None
        return token, provider


# What STS says of a token; the claims are not repeated.
_REJECTIONS = {
    "token-grammar": "The ID Token provided is not a valid JWT. (You may see this error if you "
    "sent an Access Token)",
    "unknown-issuer": "No OpenIDConnect provider found in your account for the issuer",
    "unknown-key-id": "Couldn't retrieve verification key from your identity provider, please "
    "reference AssumeRoleWithWebIdentity documentation for requirements",
    "token-signature": "Token signature is invalid",
    "not-yet-valid": "Token is not yet valid",
    "audience": "Incorrect token audience",
}


def _rejection(rule: str, now: float) -> AwsError:
    if rule == "expired":
        return AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time",
        )
    return AwsError("InvalidIdentityToken", _REJECTIONS[rule])


def _kind(statement: Statement, caller: Principal) -> Optional[str]:
    """Whether a trust policy's statement names the caller, or no more than its account."""
    root = caller.identity().split(":iam::")[0] + f":iam::{caller.account}:root"
    for kind, name in statement.principals:
        if kind == "AWS" and name in ("*", caller.arn, caller.identity()):
            return "named"
    for kind, name in statement.principals:
        if kind == "AWS" and name in (root, caller.account):
            return "account"
    return None


def _role_arn(document: Mapping[str, Any]) -> str:
    arn = document["RoleArn"]
    if ":role/" not in arn or not arn.startswith("arn:aws"):
        raise AwsError("ValidationError", "The role ARN is invalid")
    return arn


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    pairs = [(each["Key"], each["Value"]) for each in document.get("Tags", ())]
    if len({key.lower() for key, _ in pairs}) != len(pairs):
        raise AwsError(
            "InvalidParameterValue",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        )
    return dict(pairs)


def _check_tags(
    tags: Mapping[str, str], transitive: frozenset[str], inherited: Mapping[str, str]
) -> None:
    if {key.lower() for key in tags} & {key.lower() for key in inherited}:
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session.",
        )
    if not transitive <= set(tags):
        raise AwsError(
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.",
        )
    if sum(len(key) + len(value) for key, value in tags.items()) > 8192:
        raise AwsError("PackedPolicyTooLarge", "Serialized token too large for session")


def _seconds(document: Mapping[str, Any], role: Role, *, chained: bool) -> int:
    asked = document.get("DurationSeconds")
    if asked is None:
        return min(DEFAULT_SECONDS, role.max_session_seconds)
    if chained and asked > CHAINED_SECONDS:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    if asked > role.max_session_seconds:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return asked


def timestamp(instant: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(instant))


def _reply(session: Principal, *, packed: bool) -> dict[str, Any]:
    assert session.expires_at is not None
    reply: dict[str, Any] = {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": timestamp(session.expires_at),
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }
    if packed:
        reply["PackedPolicySize"] = 6
    return reply
