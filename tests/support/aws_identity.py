# SPDX-License-Identifier: Apache-2.0
"""Who calls the AWS stand-in: users with long-lived keys, roles, and the sessions of roles."""

from __future__ import annotations

import base64
import secrets
import string
import threading
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence

from tests.support.aws_policy import ALLOW, DENY, Policy, lowered
from tests.support.aws_protocol import AwsError
from tests.support.clock import SettableClock

_ID_LETTERS = string.ascii_uppercase + "234567"

# What has no resource of its own: a policy must name "*" (Service Authorization Reference).
WITHOUT_RESOURCE = (
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:ListSecrets",
    "ssm:DescribeParameters",
)


def fresh_id(prefix: str) -> str:
    """AKIA... of a user, ASIA... of a session, AROA... of a role."""
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(16))


def fresh_secret() -> str:
    """40 characters of base64, those that must be quoted in forms and URLs among them."""
    return base64.b64encode(secrets.token_bytes(27)).decode() + "/+/+"


def fresh_token() -> str:
    """A session token of the length and alphabet of the real ones; ends in padding."""
    return "IQoJb3JpZ2luX2VjE//" + base64.b64encode(secrets.token_bytes(460)).decode()


@dataclass
class Role:
    name: str
    arn: str
    account: str
    trust: Policy
    policy: Policy
    max_session_seconds: int = 3600
    role_id: str = field(default_factory=lambda: fresh_id("AROA"))


@dataclass
class Principal:
    """A user's key or a role's session; `session_name` and `role` are None for a user. `tags` are
    session tags, `transitive` the keys of those that the next role in a chain inherits."""

    access_key_id: str
    secret_access_key: str
    session_token: Optional[str]
    arn: str
    account: str
    policy: Policy
    user_id: str
    expires_at: Optional[float] = None
    expired: bool = False
    session_name: Optional[str] = None
    role: Optional[Role] = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Principal({self.access_key_id!r})"

    def context(self, more: Mapping[str, Any] = {}) -> dict[str, tuple[str, ...]]:
        tags = {f"aws:PrincipalTag/{key}": value for key, value in self.tags.items()}
        return lowered({**tags, "aws:PrincipalArn": self.identity(), **more})

    def identity(self) -> str:
        """The ARN that policies name: a session's is that of its role."""
        return self.role.arn if self.role is not None else self.arn

    def decide(self, action: str, resources: Sequence[str], more: Mapping[str, Any] = {}) -> str:
        return self.policy.decide(action, resources, self.context(more))

    def demand(self, action: str, resource: str, *names: str, more: Mapping[str, Any] = {}) -> None:
        """Raises unless allowed. `resource` is the ARN, or "*"; `names` are other ways to name it
        that the stand-in's own short policies use."""
        decision = self.decide(action, (resource, *names), more)
        if decision != ALLOW:
            raise self.denied(action, resource, explicit=decision == DENY)

    def denied(self, action: str, resource: str, *, explicit: bool = False) -> AwsError:
        why = (
            "with an explicit deny in an identity-based policy"
            if explicit
            else f"because no identity-based policy allows the {action} action"
        )
        return AwsError(
            "AccessDeniedException",
            f"User: {self.arn} is not authorized to perform: {action} on resource: {resource} "
            f"{why}",
        )


def short_policy(allow: Sequence[str], actions: Optional[Sequence[str]]) -> list[dict[str, Any]]:
    """`allow` are patterns over names and ARNs of secrets and parameters, `actions` are named with
    their service, or are Secrets Manager's. None: all."""
    if actions is None and tuple(allow) == ("*",):
        return [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    every = ("secretsmanager:*", "ssm:*")
    named = [a if ":" in a else f"secretsmanager:{a}" for a in actions or every]
    whole = [a for a in WITHOUT_RESOURCE if actions is None or a in named]
    return [
        {"Effect": "Allow", "Action": named, "Resource": list(allow)},
        {"Effect": "Allow", "Action": [*whole, "kms:Decrypt"], "Resource": "*"},
    ]


class Identities:
    """The users, roles and sessions of one account. Any thread."""

    def __init__(self, clock: SettableClock, account: str, partition: str = "aws"):
        self._clock = clock
        self._lock = threading.Lock()
        self._principals: dict[str, Principal] = {}
        self._roles: dict[str, Role] = {}
        self.account = account
        self.partition = partition

    def add_user(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: Optional[str],
        policy: Any,
    ) -> Principal:
        name = access_key_id.lower()
        principal = Principal(
            access_key_id,
            secret_access_key,
            session_token,
            f"arn:{self.partition}:iam::{self.account}:user/{name}",
            self.account,
            Policy(policy),
            fresh_id("AIDA"),
        )
        with self._lock:
            self._principals[access_key_id] = principal
        return principal

    def add_role(
        self,
        name: str,
        trust: Any,
        policy: Any,
        *,
        max_session_seconds: int = 3600,
        account: Optional[str] = None,
    ) -> Role:
        account = account or self.account
        arn = f"arn:{self.partition}:iam::{account}:role/{name}"
        role = Role(name, arn, account, Policy(trust), Policy(policy), max_session_seconds)
        with self._lock:
            self._roles[arn] = role
        return role

    def open_session(
        self,
        role: Role,
        session_name: str,
        seconds: int,
        *,
        tags: Mapping[str, str] = {},
        transitive: frozenset[str] = frozenset(),
    ) -> Principal:
        principal = Principal(
            fresh_id("ASIA"),
            fresh_secret(),
            fresh_token(),
            f"arn:{self.partition}:sts::{role.account}:assumed-role/"
            f"{role.name.rpartition('/')[2]}/{session_name}",
            role.account,
            role.policy,
            f"{role.role_id}:{session_name}",
            expires_at=self._clock.now() + seconds,
            session_name=session_name,
            role=role,
            tags=dict(tags),
            transitive=transitive,
        )
        with self._lock:
            self._principals[principal.access_key_id] = principal
        return principal

    def remove(self, access_key_id: str) -> None:
        with self._lock:
            del self._principals[access_key_id]

    def find(self, access_key_id: str) -> Optional[Principal]:
        with self._lock:
            return self._principals.get(access_key_id)

    def is_expired(self, principal: Principal) -> bool:
        over = principal.expires_at is not None and self._clock.now() >= principal.expires_at
        return principal.expired or over

    def users(self) -> list[Principal]:
        with self._lock:
            return [each for each in self._principals.values() if each.role is None]

    def roles(self) -> list[Role]:
        with self._lock:
            return list(self._roles.values())

    def sessions(self, role: Optional[str] = None) -> list[Principal]:
        """Oldest first. `role` is a name or an ARN."""
        with self._lock:
            return [
                each
                for each in self._principals.values()
                if each.role is not None and role in (None, each.role.name, each.role.arn)
            ]

    def role(self, name_or_arn: str) -> Optional[Role]:
        with self._lock:
            return next((r for r in self._roles.values() if name_or_arn in (r.name, r.arn)), None)

    def expire(self, who: str) -> None:
        """The session with this access key id, or all sessions of this role, end now."""
        with self._lock:
            ended = [
                each
                for each in self._principals.values()
                if each.access_key_id == who
                or (each.role is not None and who in (each.role.name, each.role.arn))
            ]
            for each in ended:
                each.expired = True
        if not ended and self.role(who) is None:
            raise KeyError(f"nobody is called {who}")

    def policy(self, who: Optional[str] = None) -> Policy:
        """Of a user by access key id, of a role by name or ARN; of the first user when None."""
        if who is None:
            return self.users()[0].policy
        role = self.role(who)
        if role is not None:
            return role.policy
        principal = self.find(who)
        if principal is None:
            raise KeyError(f"nobody is called {who}")
        return principal.policy
