# SPDX-License-Identifier: Apache-2.0
"""Parameter Store of the AWS stand-in: parameters, and what the reading operations answer.

Follows the Systems Manager API reference (service model 2014-11-06). Where AWS's behaviour is not
known the stricter one is taken: a name asked for twice is refused, and one name that may not be
read, or cannot be decrypted, fails the whole of GetParameters.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional, Sequence

from tests.support.aws_identity import Principal
from tests.support.aws_keys import KeyDenied, KeyDisabled, KmsKeys, ciphertext
from tests.support.aws_paging import page
from tests.support.aws_protocol import AwsError, Field, Fields, validation
from tests.support.clock import SettableClock

BATCH_CEILING = 10
TYPES = ("String", "StringList", "SecureString")

READ_OPERATIONS = (
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "DescribeParameters",
    "GetParameterHistory",
    "ListTagsForResource",
)
# Operations that exist and that no principal of the stand-in may use.
WRITE_OPERATIONS = (
    "AddTagsToResource",
    "DeleteParameter",
    "DeleteParameters",
    "LabelParameterVersion",
    "PutParameter",
    "RemoveTagsFromResource",
    "UnlabelParameterVersion",
)

_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,1011}")
_ARN = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter(/.+)", re.DOTALL)
_LABEL = re.compile(r"(?!aws|ssm|\d)[A-Za-z0-9_.\-]{1,100}", re.IGNORECASE)

_NAME_FIELD = Field(str, 1, 2048, required=True)
_DECRYPT = Field(bool)
_FILTERS = Field(
    list,
    0,
    50,
    each=Field(
        dict,
        fields={
            "Key": Field(str, 1, 132, required=True, pattern=r"tag:.+|Name|Type|KeyId|Path|Label"),
            "Option": Field(str, 1, 10),
            "Values": Field(list, 1, 50, each=Field(str, 1, 1024)),
        },
    ),
)
FIELDS: dict[str, Fields] = {
    "GetParameter": {"Name": _NAME_FIELD, "WithDecryption": _DECRYPT},
    "GetParameters": {
        "Names": Field(list, 1, BATCH_CEILING, required=True, each=Field(str, 1, 2048)),
        "WithDecryption": _DECRYPT,
    },
    "GetParametersByPath": {
        "Path": _NAME_FIELD,
        "Recursive": Field(bool),
        "ParameterFilters": _FILTERS,
        "WithDecryption": _DECRYPT,
        "MaxResults": Field(int, 1, 10),
        "NextToken": Field(str),
    },
    "DescribeParameters": {
        "ParameterFilters": _FILTERS,
        "MaxResults": Field(int, 1, 50),
        "NextToken": Field(str),
        "Shared": Field(bool),
    },
    "GetParameterHistory": {
        "Name": _NAME_FIELD,
        "WithDecryption": _DECRYPT,
        "MaxResults": Field(int, 1, 50),
        "NextToken": Field(str),
    },
    "ListTagsForResource": {
        "ResourceType": Field(str, required=True, choices=("Parameter",)),
        "ResourceId": _NAME_FIELD,
    },
}


@dataclass
class ParameterVersion:
    number: int
    value: str
    changed: float
    labels: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"ParameterVersion({self.number}, labels={self.labels})"


@dataclass
class Parameter:
    name: str
    arn: str
    kind: str
    versions: list[ParameterVersion] = field(default_factory=list)
    kms_key: Optional[str] = None
    tags: dict[str, str] = field(default_factory=dict)

    def latest(self) -> ParameterVersion:
        return self.versions[-1]

    def selected(self, selector: str) -> Optional[ParameterVersion]:
        """By version number or label."""
        return next(
            (v for v in self.versions if selector == str(v.number) or selector in v.labels), None
        )


class ParameterStore:
    """The parameters of one account in one region. Any thread."""

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
        self._prefix = f"arn:{partition}:ssm:{region}:{account}:parameter"
        self._lock = threading.RLock()
        self._parameters: dict[str, Parameter] = {}

    # -- what a test or a person does -----------------------------------------------------------

    def put(
        self,
        name: str,
        value: str,
        *,
        kind: Optional[str] = None,
        labels: Sequence[str] = (),
        kms_key: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
    ) -> int:
        """Creates the parameter (a SecureString unless told otherwise) or adds a version; returns
        its number. Any size is taken."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a parameter name: {name!r}")
        if kind is not None and kind not in TYPES:
            raise ValueError(f"no parameter type {kind}")
        with self._lock:
            parameter = self._parameters.get(name)
            if parameter is None:
                parameter = Parameter(name, self._arn(name), kind or "SecureString")
                self._parameters[name] = parameter
            parameter.kind = kind or parameter.kind
            if kms_key is not None:
                parameter.kms_key = self._keys.arn(kms_key)
            if tags is not None:
                parameter.tags = dict(tags)
            number = parameter.latest().number + 1 if parameter.versions else 1
            parameter.versions.append(ParameterVersion(number, value, self._clock.now()))
            for label in labels:
                self._label(parameter, label, parameter.latest())
            return number

    def label(self, name: str, label: str, number: Optional[int] = None) -> None:
        """LabelParameterVersion: a label is on one version at most; the latest when None."""
        with self._lock:
            parameter = self._parameters[name]
            version = parameter.selected(str(number)) if number else parameter.latest()
            if version is None:
                raise KeyError(f"{name} has no version {number}")
            self._label(parameter, label, version)

    def _label(self, parameter: Parameter, label: str, version: ParameterVersion) -> None:
        if not _LABEL.fullmatch(label):
            raise ValueError(f"not a label: {label!r}")
        for each in parameter.versions:
            if label in each.labels:
                each.labels.remove(label)
        version.labels.append(label)

    def delete(self, name: str) -> None:
        with self._lock:
            del self._parameters[name]

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._parameters)

    def arn(self, name: str) -> str:
        with self._lock:
            return self._parameters[name].arn

    def summary(self) -> list[dict[str, Any]]:
        """Everything but the values."""
        with self._lock:
            return [
                {
                    "name": each.name,
                    "arn": each.arn,
                    "type": each.kind,
                    "versions": {v.number: list(v.labels) for v in each.versions},
                }
                for each in sorted(self._parameters.values(), key=lambda each: each.name)
            ]

    def _arn(self, name: str) -> str:
        return self._prefix + (name if name.startswith("/") else f"/{name}")

    # -- what the API does ----------------------------------------------------------------------

    def resolve(self, asked: str) -> tuple[Optional[Parameter], str, str]:
        """The parameter asked for by name or ARN, its name or ARN, and the selector ("" or ":3").

        An ARN of a name without a leading slash looks like one of a name with it.
        """
        whole = asked.strip(" ")
        head = _ARN.fullmatch(whole)
        colon = whole.find(":", head.start(1) if head else 0)
        base, selector = (whole, "") if colon < 0 else (whole[:colon], whole[colon:])
        with self._lock:
            if head is None:
                return self._parameters.get(base), base, selector
            found = next((p for p in self._parameters.values() if p.arn == base), None)
            return found, base, selector

    def call(
        self,
        operation: str,
        document: Mapping[str, Any],
        principal: Principal,
        *,
        stale: bool = False,
        invalid: Iterable[str] = (),
        omit: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Answers one call. The last three are faults: the version before the latest, and names
        that GetParameters calls invalid or leaves out silently."""
        with self._lock:
            if operation == "GetParameter":
                return self._get(document, principal, stale)
            if operation == "GetParameters":
                return self._batch(document, principal, stale, frozenset(invalid), frozenset(omit))
            if operation == "GetParametersByPath":
                return self._by_path(document, principal, stale)
            if operation == "GetParameterHistory":
                return self._history(document, principal)
            if operation == "ListTagsForResource":
                return self._tags(document, principal)
            return self._describe(document, principal)

    def _demand(self, operation: str, asked: str, principal: Principal) -> None:
        parameter, base, _ = self.resolve(asked)
        if not _NAME.fullmatch(base) and not _ARN.fullmatch(base):
            raise validation(
                'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a '
                "path, it can consist of sub-paths divided by slash symbol; each sub-path can be "
                "formed as a mix of letters, numbers and the following 3 symbols .-_"
            )
        arn = base if base.startswith("arn:") else self._arn(base)
        names = (parameter.name,) if parameter is not None else (base,)
        principal.demand(f"ssm:{operation}", arn, *names, more=_tag_context(parameter))

    def _readable(self, parameter: Parameter, principal: Principal, decrypt: bool) -> None:
        if parameter.kind != "SecureString" or not decrypt:
            return
        try:
            self._keys.demand(parameter.kms_key, principal)
        except KeyDenied:
            raise AwsError(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not "
                "exist in this region, or you are not allowed to access.",
            ) from None
        except KeyDisabled:
            raise AwsError("InvalidKeyId", f"{parameter.kms_key} is disabled.") from None

    def _get(
        self, document: Mapping[str, Any], principal: Principal, stale: bool
    ) -> dict[str, Any]:
        asked, decrypt = document["Name"], document.get("WithDecryption", False)
        self._demand("GetParameter", asked, principal)
        parameter, _, selector = self.resolve(asked)
        if parameter is None:
            raise AwsError("ParameterNotFound", "")
        version = parameter.selected(selector[1:]) if selector else parameter.latest()
        if version is None:
            kind = "version" if selector[1:].isdigit() else "label"
            raise AwsError(
                "ParameterVersionNotFound",
                f"Systems Manager could not find {kind} {selector[1:]} of {parameter.name}. "
                "Verify the version and try again.",
            )
        self._readable(parameter, principal, decrypt)
        return {"Parameter": _value(parameter, version, selector, decrypt, stale)}

    def _batch(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        stale: bool,
        invalid: frozenset[str],
        omit: frozenset[str],
    ) -> dict[str, Any]:
        names, decrypt = document["Names"], document.get("WithDecryption", False)
        if len(set(names)) != len(names):
            raise validation("Duplicate names in the request.")
        for asked in names:
            self._demand("GetParameters", asked, principal)
        found: list[tuple[Parameter, ParameterVersion, str]] = []
        missing: list[str] = []
        for asked in names:
            parameter, base, selector = self.resolve(asked)
            known = {asked, base, parameter.name if parameter else base}
            if known & omit:
                continue
            version = None
            if parameter is not None and not known & invalid:
                version = parameter.selected(selector[1:]) if selector else parameter.latest()
            if parameter is None or version is None:
                missing.append(asked)
            else:
                self._readable(parameter, principal, decrypt)
                found.append((parameter, version, selector))
        # Sorted by name, as AWS documents it: not the order of the request.
        found.sort(key=lambda each: (each[0].name, each[2]))
        return {
            "InvalidParameters": missing,
            "Parameters": [_value(p, v, selector, decrypt, stale) for p, v, selector in found],
        }

    def _by_path(
        self, document: Mapping[str, Any], principal: Principal, stale: bool
    ) -> dict[str, Any]:
        path, decrypt = document["Path"], document.get("WithDecryption", False)
        if not path.startswith("/") or not _NAME.fullmatch(path):
            raise validation(
                "The parameter doesn't meet the parameter name requirements. The parameter name "
                'must begin with a forward slash "/".'
            )
        root = path.rstrip("/") + "/"
        principal.demand("ssm:GetParametersByPath", self._arn(path), path)
        filters = document.get("ParameterFilters", ())
        if any(each["Key"] not in ("Type", "KeyId", "Label") for each in filters):
            raise AwsError("InvalidFilterKey", "The filter key is not valid for this operation.")
        label = next((f["Values"][0] for f in filters if f["Key"] == "Label"), None)
        found = []
        for name in sorted(self._parameters):
            parameter = self._parameters[name]
            rest = name[len(root) :] if name.startswith(root) else ""
            version = parameter.selected(label) if label is not None else parameter.latest()
            direct = rest and "/" not in rest
            below = rest and document.get("Recursive", False)
            if (direct or below) and version is not None and _passes(parameter, filters):
                found.append((parameter, version))
        shown, token = page(
            "GetParametersByPath", document, found, document.get("MaxResults", 10),
            "InvalidNextToken",
        )  # fmt: skip
        for parameter, _ in shown:
            self._readable(parameter, principal, decrypt)
        selector = f":{label}" if label is not None else ""
        return _paged(
            {"Parameters": [_value(p, v, selector, decrypt, stale) for p, v in shown]}, token
        )

    def _describe(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        principal.demand("ssm:DescribeParameters", "*")
        filters = document.get("ParameterFilters", ())
        found = [self._parameters[name] for name in sorted(self._parameters)]
        found = [each for each in found if _passes(each, filters)]
        size = document.get("MaxResults", 50)
        shown, token = page("DescribeParameters", document, found, size, "InvalidNextToken")
        listed = [
            {
                "Name": each.name,
                "ARN": each.arn,
                "Type": each.kind,
                **({"KeyId": each.kms_key} if each.kms_key else {}),
                "LastModifiedDate": round(each.latest().changed, 3),
                "Version": each.latest().number,
                "Tier": "Standard",
                "Policies": [],
                "DataType": "text",
            }
            for each in shown
        ]
        return _paged({"Parameters": listed}, token)

    def _history(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        asked, decrypt = document["Name"], document.get("WithDecryption", False)
        self._demand("GetParameterHistory", asked, principal)
        parameter, _, _ = self.resolve(asked)
        if parameter is None:
            raise AwsError("ParameterNotFound", "")
        self._readable(parameter, principal, decrypt)
        size = document.get("MaxResults", 50)
        shown, token = page(
            "GetParameterHistory", document, parameter.versions, size, "InvalidNextToken"
        )
        listed = [
            {
                "Name": parameter.name,
                "Type": parameter.kind,
                "LastModifiedDate": round(each.changed, 3),
                "Value": _text(parameter, each, decrypt),
                "Version": each.number,
                "Labels": list(each.labels),
                "Tier": "Standard",
                "Policies": [],
                "DataType": "text",
            }
            for each in shown
        ]
        return _paged({"Parameters": listed}, token)

    def _tags(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        self._demand("ListTagsForResource", document["ResourceId"], principal)
        parameter, _, _ = self.resolve(document["ResourceId"])
        if parameter is None:
            raise AwsError("InvalidResourceId", "")
        tags = [{"Key": key, "Value": value} for key, value in parameter.tags.items()]
        return {"TagList": tags}


def _tag_context(parameter: Optional[Parameter]) -> dict[str, str]:
    tags = parameter.tags if parameter is not None else {}
    context = {f"ssm:resourceTag/{key}": value for key, value in tags.items()}
    return {**context, **{f"aws:ResourceTag/{key}": value for key, value in tags.items()}}


def _text(parameter: Parameter, version: ParameterVersion, decrypt: bool) -> str:
    if parameter.kind == "SecureString" and not decrypt:
        return ciphertext(version.value)
    return version.value


def _value(
    parameter: Parameter, version: ParameterVersion, selector: str, decrypt: bool, stale: bool
) -> dict[str, Any]:
    if stale and not selector and len(parameter.versions) > 1:
        version = parameter.versions[-2]
    reply: dict[str, Any] = {
        "ARN": parameter.arn,
        "DataType": "text",
        "LastModifiedDate": round(version.changed, 3),
        "Name": parameter.name,
    }
    if selector:
        reply["Selector"] = selector
    reply |= {
        "Type": parameter.kind,
        "Value": _text(parameter, version, decrypt),
        "Version": version.number,
    }
    return reply


def _paged(reply: dict[str, Any], token: Optional[str]) -> dict[str, Any]:
    if token is not None:
        reply["NextToken"] = token
    return reply


def _passes(parameter: Parameter, filters: Sequence[Mapping[str, Any]]) -> bool:
    return all(_passes_one(parameter, each) for each in filters)


def _passes_one(parameter: Parameter, each: Mapping[str, Any]) -> bool:
    key, option, values = each["Key"], each.get("Option", "Equals"), each.get("Values", [])
    if key.startswith("tag:"):
        # Exact, key and value together; without values the key alone counts.
        tag = parameter.tags.get(key[4:])
        return tag is not None and (not values or tag in values)
    if key == "Label":
        return any(parameter.selected(value) is not None for value in values)
    if key == "Path":
        below = [value.rstrip("/") + "/" for value in values]
        rests = [parameter.name[len(b) :] for b in below if parameter.name.startswith(b)]
        return any(option == "Recursive" or "/" not in rest for rest in rests)
    text = {"Name": parameter.name, "Type": parameter.kind, "KeyId": parameter.kms_key or ""}[key]
    if option == "BeginsWith":
        return any(text.startswith(value) for value in values)
    if option == "Contains":
        return any(value in text for value in values)
    if option != "Equals":
        raise AwsError("InvalidFilterOption", "The filter option is not valid.")
    return text in values
