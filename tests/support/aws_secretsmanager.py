# SPDX-License-Identifier: Apache-2.0
"""The secrets of the AWS stand-in, and what Secrets Manager's reading operations answer.

Follows the Secrets Manager API reference (service model 2017-10-17). No HTTP and no signatures
here: a request document and a principal in, a reply document or an AwsError out.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets as randomness
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Union

from tests.support.aws_identity import Principal
from tests.support.aws_keys import KeyDenied, KeyDisabled, KmsKeys
from tests.support.aws_paging import page
from tests.support.aws_protocol import AwsError, Field, Fields, validation
from tests.support.clock import SettableClock

VALUE_CEILING = 65536
BATCH_CEILING = 20
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"

READ_OPERATIONS = (
    "GetSecretValue",
    "BatchGetSecretValue",
    "DescribeSecret",
    "ListSecrets",
    "ListSecretVersionIds",
)
# Operations that exist and that no principal of the stand-in may use: values change by its control
# interface only.
WRITE_OPERATIONS = (
    "CancelRotateSecret",
    "CreateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "GetRandomPassword",
    "GetResourcePolicy",
    "PutResourcePolicy",
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RestoreSecret",
    "RotateSecret",
    "StopReplicationToReplica",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
    "ValidateResourcePolicy",
)

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_ARN = re.compile(r"arn:(aws[a-z-]*):secretsmanager:([a-z0-9-]+):(\d{12}):secret:(.+)", re.DOTALL)
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")


def not_found(what: str = "") -> AwsError:
    return AwsError(
        "ResourceNotFoundException", f"Secrets Manager can't find the specified secret{what}."
    )


def value_not_found(what: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for {what}",
    )


def invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


@dataclass
class Version:
    version_id: str
    value: Union[str, bytes, None]
    stages: list[str]
    created: float

    def __repr__(self) -> str:
        return f"Version({self.version_id!r}, stages={self.stages})"


@dataclass
class Secret:
    name: str
    arn: str
    created: float
    changed: float
    description: Optional[str] = None
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    kms_key: Optional[str] = None
    deleted_at: Optional[float] = None
    accessed: Optional[float] = None

    def staged(self, stage: str) -> Optional[Version]:
        return next((v for v in self.versions.values() if stage in v.stages), None)

    def stages(self) -> dict[str, list[str]]:
        return {v.version_id: list(v.stages) for v in self.versions.values() if v.stages}


_FILTER_KEYS = (
    "description",
    "name",
    "tag-key",
    "tag-value",
    "primary-region",
    "owning-service",
    "all",
)
_FILTER = Field(
    dict,
    fields={
        "Key": Field(str, choices=_FILTER_KEYS, required=True),
        "Values": Field(list, 1, 10, each=Field(str, 0, 512), required=True),
    },
)
_SECRET_ID = Field(str, 1, 2048, required=True)
_TOKEN = Field(str, 1, 4096)
_FILTERS = Field(list, 0, 10, each=_FILTER)
FIELDS: dict[str, Fields] = {
    "GetSecretValue": {
        "SecretId": _SECRET_ID,
        "VersionId": Field(str, 32, 64),
        "VersionStage": Field(str, 1, 256),
    },
    "BatchGetSecretValue": {
        "SecretIdList": Field(list, 1, BATCH_CEILING, each=Field(str, 1, 2048)),
        "MaxResults": Field(int, 1, 20),
        "NextToken": _TOKEN,
        "Filters": _FILTERS,
    },
    "DescribeSecret": {"SecretId": _SECRET_ID},
    "ListSecrets": {
        "MaxResults": Field(int, 1, 100),
        "IncludePlannedDeletion": Field(bool),
        "SortOrder": Field(str, choices=("asc", "desc")),
        "SortBy": Field(
            str,
            choices=("created-date", "last-accessed-date", "last-changed-date", "name"),
        ),
        "NextToken": _TOKEN,
        "Filters": _FILTERS,
    },
    "ListSecretVersionIds": {
        "SecretId": _SECRET_ID,
        "MaxResults": Field(int, 1, 100),
        "IncludeDeprecated": Field(bool),
        "NextToken": _TOKEN,
    },
}


class SecretStore:
    """The secrets of one account in one region. Any thread."""

    def __init__(
        self,
        clock: SettableClock,
        keys: KmsKeys,
        *,
        region: str,
        account: str,
        partition: str = "aws",
    ):
        self._clock = clock
        self._keys = keys
        self._prefix = f"arn:{partition}:secretsmanager:{region}:{account}:secret:"
        self._lock = threading.RLock()
        self._secrets: dict[str, Secret] = {}

    # -- what a test or a person does -----------------------------------------------------------

    def put(
        self,
        name: str,
        value: Union[str, bytes, None],
        *,
        stages: Sequence[str] = (CURRENT,),
        version_id: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        suffix: Optional[str] = None,
        kms_key: Optional[str] = None,
    ) -> str:
        """Creates the secret or adds a version, as PutSecretValue does, and returns its id.

        A value of None makes a version without one, as an AWSPENDING version may be during a
        rotation. Any size is taken: refusing oversized values is the client's duty too.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a secret name: {name!r}")
        if isinstance(value, (str, bytes)) and not value:
            raise ValueError("a secret value has at least one byte")
        with self._lock:
            now = self._clock.now()
            secret = self._secrets.get(name)
            if secret is None:
                suffix = suffix or "".join(
                    randomness.choice("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
                    for _ in range(6)
                )
                secret = Secret(name, f"{self._prefix}{name}-{suffix}", now, now)
                self._secrets[name] = secret
            if tags is not None:
                secret.tags = dict(tags)
            if description is not None:
                secret.description = description
            if kms_key is not None:
                secret.kms_key = self._keys.arn(kms_key)
            version_id = version_id or str(uuid.uuid4())
            if version_id in secret.versions:
                raise ValueError(f"version {version_id} exists and versions are immutable")
            secret.versions[version_id] = Version(version_id, value, [], now)
            secret.changed = now
            for stage in stages:
                self._move(secret, stage, version_id)
            return version_id

    def move_stage(self, name: str, stage: str, version_id: Optional[str]) -> None:
        """UpdateSecretVersionStage; None takes the label away."""
        with self._lock:
            secret = self._secrets[name]
            self._move(secret, stage, version_id)
            secret.changed = self._clock.now()

    def _move(self, secret: Secret, stage: str, version_id: Optional[str]) -> None:
        holder = secret.staged(stage)
        if holder is not None and holder.version_id == version_id:
            return
        target = secret.versions[version_id] if version_id is not None else None
        if holder is not None:
            holder.stages.remove(stage)
        if target is not None:
            target.stages.append(stage)
        if stage == CURRENT and holder is not None and target is not None:
            self._move(secret, PREVIOUS, holder.version_id)

    def delete(self, name: str, *, force: bool = False, recovery_days: int = 30) -> None:
        """Schedules the deletion, or with `force` deletes at once."""
        with self._lock:
            secret = self._secrets[name]
            if force:
                del self._secrets[name]
            else:
                secret.deleted_at = self._clock.now() + recovery_days * 86400

    def restore(self, name: str) -> None:
        with self._lock:
            self._secrets[name].deleted_at = None

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._secrets)

    def arn(self, name: str) -> str:
        with self._lock:
            return self._secrets[name].arn

    def current_version_id(self, name: str) -> str:
        with self._lock:
            version = self._secrets[name].staged(CURRENT)
            if version is None:
                raise KeyError(f"{name} has no version labelled {CURRENT}")
            return version.version_id

    def summary(self) -> list[dict[str, Any]]:
        """Everything but the values."""
        with self._lock:
            return [
                {
                    "name": secret.name,
                    "arn": secret.arn,
                    "versions": secret.stages(),
                    "deleted": secret.deleted_at is not None,
                }
                for secret in sorted(self._secrets.values(), key=lambda each: each.name)
            ]

    # -- what the API does ----------------------------------------------------------------------

    def find(self, secret_id: str) -> Optional[Secret]:
        """By name, by ARN, or by ARN without its random suffix.

        An ARN that ends in a hyphen and six characters counts as complete, as in AWS, so a partial
        ARN of a name that ends so finds nothing.
        """
        with self._lock:
            match = _ARN.fullmatch(secret_id)
            if match is None:
                return self._secrets.get(secret_id)
            if not secret_id.startswith(self._prefix):
                return None
            for secret in self._secrets.values():
                if secret.arn == secret_id:
                    return secret
            rest = secret_id[len(self._prefix) :]
            return None if _SUFFIX.fullmatch(rest[-7:]) else self._secrets.get(rest)

    def call(
        self,
        operation: str,
        document: Mapping[str, Any],
        principal: Principal,
        *,
        stale: bool = False,
        secret_error: Callable[[str], Optional[AwsError]] = lambda _: None,
        omit: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Answers one call. The last three are faults: the value before the latest rotation, an
        error for one id of a batch, and ids that a batch leaves out silently."""
        with self._lock:
            if operation == "GetSecretValue":
                return self._get(document, principal, stale)
            if operation == "BatchGetSecretValue":
                return self._batch(document, principal, stale, secret_error, frozenset(omit))
            if operation == "DescribeSecret":
                secret = self._visible(document["SecretId"], operation, principal)
                return self._description(secret, "VersionIdsToStages")
            if operation == "ListSecrets":
                return self._list(document, principal)
            return self._versions(document, principal)

    def _visible(self, secret_id: str, operation: str, principal: Principal) -> Secret:
        """Rights are looked at first: a stranger cannot tell a foreign secret from none."""
        if not _ARN.fullmatch(secret_id) and not _NAME.fullmatch(secret_id):
            raise validation(
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
                "the following: -/_+=.@!"
            )
        secret = self.find(secret_id)
        self._demand(secret, secret_id, operation, principal)
        if secret is None:
            raise not_found()
        return secret

    def _demand(
        self, secret: Optional[Secret], secret_id: str, operation: str, principal: Principal
    ) -> None:
        action = f"secretsmanager:{operation}"
        if secret is None:
            # A name that nothing has still is a name: rights to it are those to its would-be ARN.
            principal.demand(action, secret_id, f"{self._prefix}{secret_id}-000000")
            return
        tags: dict[str, str] = {}
        for key, value in secret.tags.items():
            tags[f"secretsmanager:ResourceTag/{key}"] = value
            tags[f"aws:ResourceTag/{key}"] = value
        principal.demand(action, secret.arn, secret.name, more=tags)

    def _get(
        self, document: Mapping[str, Any], principal: Principal, stale: bool
    ) -> dict[str, Any]:
        secret = self._visible(document["SecretId"], "GetSecretValue", principal)
        if secret.deleted_at is not None:
            raise AwsError(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for "
                "deletion.",
            )
        version_id, stage = document.get("VersionId"), document.get("VersionStage")
        if version_id is not None:
            version = secret.versions.get(version_id)
            if version is None:
                raise value_not_found(f"VersionId: {version_id}")
            if stage is not None and stage not in version.stages:
                raise AwsError(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                )
        else:
            stage = stage or CURRENT
            version = secret.staged(stage)
            if version is None:
                raise value_not_found(f"staging label: {stage}")
        if version.value is None:
            raise value_not_found(f"staging label: {stage or CURRENT}")
        try:
            self._keys.demand(secret.kms_key, principal)
        except KeyDenied:
            raise AwsError("AccessDeniedException", "Access to KMS is not allowed") from None
        except KeyDisabled:
            raise AwsError(
                "DecryptionFailure",
                "Secrets Manager can't decrypt the protected secret text using the provided KMS "
                "key.",
            ) from None
        return self._value(secret, version, stale and version_id is None and stage == CURRENT)

    def _value(self, secret: Secret, version: Version, stale: bool) -> dict[str, Any]:
        stages = list(version.stages)
        if stale:
            previous = secret.staged(PREVIOUS)
            if previous is not None and previous.value is not None:
                version = previous
        secret.accessed = self._clock.now()
        reply: dict[str, Any] = {
            "ARN": secret.arn,
            "CreatedDate": round(version.created, 3),
            "Name": secret.name,
        }
        if isinstance(version.value, bytes):
            reply["SecretBinary"] = base64.b64encode(version.value).decode()
        else:
            reply["SecretString"] = version.value
        reply["VersionId"] = version.version_id
        reply["VersionStages"] = stages
        return reply

    def _batch(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        stale: bool,
        secret_error: Callable[[str], Optional[AwsError]],
        omit: frozenset[str],
    ) -> dict[str, Any]:
        operation = "BatchGetSecretValue"
        ids, filters = document.get("SecretIdList"), document.get("Filters")
        principal.demand(f"secretsmanager:{operation}", "*")
        if (ids is None) == (filters is None):
            raise invalid_parameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both."
            )
        if ids is not None and document.get("MaxResults") is not None:
            raise invalid_parameter(
                "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is "
                "provided."
            )
        reply: dict[str, Any] = {"Errors": [], "SecretValues": []}
        if filters is not None:
            principal.demand("secretsmanager:ListSecrets", "*")
            found = [each for each in self._sorted(filters) if each.deleted_at is None]
            shown, token = page(operation, document, found, document.get("MaxResults") or 20)
            ids = [secret.arn for secret in shown]
        else:
            ids, token = page(operation, document, ids or [], BATCH_CEILING)
        if token is not None:
            reply["NextToken"] = token
        seen: set[str] = set()
        for secret_id in ids:
            secret = self.find(secret_id)
            identity = secret.arn if secret else secret_id
            if identity in seen or secret_id in omit or (secret and secret.name in omit):
                continue
            seen.add(identity)
            try:
                error = secret_error(secret_id)
                if error is not None:
                    raise error
                reply["SecretValues"].append(self._get({"SecretId": secret_id}, principal, stale))
            except AwsError as error:
                reply["Errors"].append(
                    {"ErrorCode": error.code, "Message": error.message, "SecretId": secret_id}
                )
        # The order is not the request's: whoever correlates by position must fail.
        reply["SecretValues"].sort(key=lambda each: hashlib.sha1(each["Name"].encode()).digest())
        return reply

    def _description(self, secret: Secret, versions_member: str) -> dict[str, Any]:
        """A secret without its value; the two operations name the map of versions differently."""
        entry: dict[str, Any] = {
            "ARN": secret.arn,
            "Name": secret.name,
            "CreatedDate": round(secret.created, 3),
            "LastChangedDate": round(secret.changed, 3),
            "Tags": [{"Key": key, "Value": value} for key, value in secret.tags.items()],
        }
        if secret.stages():
            entry[versions_member] = secret.stages()
        if secret.description is not None:
            entry["Description"] = secret.description
        if secret.kms_key is not None:
            entry["KmsKeyId"] = secret.kms_key
        if secret.accessed is not None:
            # AWS gives the day only.
            entry["LastAccessedDate"] = secret.accessed // 86400 * 86400
        if secret.deleted_at is not None:
            entry["DeletedDate"] = round(secret.deleted_at, 3)
        return entry

    def _list(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        principal.demand("secretsmanager:ListSecrets", "*")
        keys: dict[str, Callable[[Secret], Any]] = {
            "name": lambda each: each.name,
            "created-date": lambda each: each.created,
            "last-changed-date": lambda each: each.changed,
            "last-accessed-date": lambda each: each.accessed or 0.0,
        }
        found = [
            each
            for each in self._sorted(document.get("Filters") or [])
            if each.deleted_at is None or document.get("IncludePlannedDeletion")
        ]
        found.sort(
            key=keys[document.get("SortBy", "created-date")],
            reverse=document.get("SortOrder", "desc") == "desc",
        )
        shown, token = page("ListSecrets", document, found, document.get("MaxResults") or 100)
        reply: dict[str, Any] = {
            "SecretList": [self._description(each, "SecretVersionsToStages") for each in shown]
        }
        if token is not None:
            reply["NextToken"] = token
        return reply

    def _versions(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        secret = self._visible(document["SecretId"], "ListSecretVersionIds", principal)
        found = [
            version
            for version in secret.versions.values()
            if version.stages or document.get("IncludeDeprecated")
        ]
        size = document.get("MaxResults") or 100
        shown, token = page("ListSecretVersionIds", document, found, size)
        reply: dict[str, Any] = {
            "ARN": secret.arn,
            "Name": secret.name,
            "Versions": [
                {
                    "VersionId": each.version_id,
                    "CreatedDate": round(each.created, 3),
                    **({"VersionStages": list(each.stages)} if each.stages else {}),
                }
                for each in shown
            ],
        }
        if token is not None:
            reply["NextToken"] = token
        return reply

    def _sorted(self, filters: Sequence[Any]) -> list[Secret]:
        return sorted(
            (
                secret
                for secret in self._secrets.values()
                if all(_passes(secret, each["Key"], each["Values"]) for each in filters)
            ),
            key=lambda each: each.name,
        )


def _passes(secret: Secret, key: str, values: Sequence[str]) -> bool:
    """Prefix match, `!` negates. Tag keys and tag values are not paired, as in AWS."""
    texts = {
        "name": [secret.name],
        "description": [secret.description or ""],
        "tag-key": list(secret.tags),
        "tag-value": list(secret.tags.values()),
        "primary-region": [],
        "owning-service": [],
    }
    texts["all"] = [text for each in texts.values() for text in each]
    for value in values:
        wanted = value[1:] if value.startswith("!") else value
        hit = any(text.startswith(wanted) for text in texts[key])
        if hit != value.startswith("!"):
            return True
    return False
