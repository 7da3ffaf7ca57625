# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/data/externalsecret/cases; README.md there describes their format."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import Object

FOLDER = Path(__file__).parents[1] / "data" / "externalsecret" / "cases"
MEMBERS = {
    *("shows", "covers", "oracle", "handled", "namespaceLabels", "remote", "stores", "objects"),
    *("externalSecret", "existing", "difference", "keyturn", "expected"),
}
GROUP = "external-secrets.io"
DEFAULT_STORE: Object = {
    "kind": "SecretStore",
    "name": "store",
    "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "us-east-1"}}},
}
CREATED_BY = "reconcile.external-secrets.io/created-by"
# What YAML reads back as the same string without quotes, in every version of YAML.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_AMBIGUOUS = re.compile(r"(y|n|yes|no|on|off|true|false|null)", re.I)


@dataclass(frozen=True)
class Case:
    name: str
    path: Path
    document: Object

    @property
    def external_secret(self) -> str:
        return self.document["externalSecret"]["metadata"]["name"]

    @property
    def target(self) -> str:
        spec = self.document["externalSecret"].get("spec", {})
        return spec.get("target", {}).get("name") or self.external_secret

    @property
    def oracle(self) -> str:
        return self.document.get("oracle", "eso")

    @property
    def handled(self) -> bool:
        """Whether a controller takes it up: if not, there is no condition to wait for."""
        return self.document.get("handled", True)

    @property
    def expected(self) -> Object | None:
        return self.document.get("expected")

    @property
    def keyturn_expected(self) -> Object:
        """As ESO's, but for what is told in `keyturn`: there Keyturn differs on purpose."""
        return {**self.document["expected"], **self.document.get("keyturn", {})}

    @property
    def stores(self) -> list[Object]:
        return self.document.get("stores", [DEFAULT_STORE])

    def manifest_of_store(self, store: Object) -> Object:
        return {
            "apiVersion": store.get("apiVersion", f"{GROUP}/v1"),
            "kind": store["kind"],
            "metadata": {"name": store["name"]},
            "spec": store["spec"],
        }

    def manifest(self) -> Object:
        declared = self.document["externalSecret"]
        spec = dict(declared.get("spec", {}))
        if "stores" not in self.document:
            spec.setdefault("secretStoreRef", {"name": DEFAULT_STORE["name"]})
        return {
            "apiVersion": declared.get("apiVersion", f"{GROUP}/v1"),
            "kind": "ExternalSecret",
            "metadata": declared["metadata"],
            "spec": spec,
        }

    def secrets_of_others(self) -> set[str]:
        """Inputs, which nobody compares."""
        objects = self.document.get("objects", [])
        return {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"}

    def record(self, expected: Object) -> None:
        """Writes `expected` in place of the old one, which is the last member of the file."""
        text = re.split(r"^expected:", self.path.read_text(), flags=re.M)[0]
        self.path.write_text(f"{text.rstrip()}\nexpected:\n{_dump(expected)}")


def load_cases(names: Iterable[str] = ()) -> list[Case]:
    """All of them, or those named."""
    wanted = set(names)
    paths = [path for path in sorted(FOLDER.glob("*.yaml")) if not wanted or path.stem in wanted]
    cases = [Case(path.stem, path, yaml.safe_load(path.read_text())) for path in paths]
    for case in cases:
        unknown = set(case.document) - MEMBERS
        if unknown:
            raise ValueError(f"{case.path}: unknown members {sorted(unknown)}")
    _check_remote_names(cases)
    return cases


def _check_remote_names(cases: Iterable[Case]) -> None:
    """All cases share one AWS: two that mean different things by one name would disturb each
    other."""
    seen: dict[tuple[str, str], tuple[str, Any]] = {}
    for case in cases:
        for service, entries in case.document.get("remote", {}).items():
            for name, value in entries.items():
                other, same = seen.setdefault((service, name), (case.name, value))
                if same != value:
                    raise ValueError(f"{case.name} and {other} differ in what {name} is")


def substitute(value: Any, replacements: Mapping[str, str]) -> Any:
    """Replaces ${...} in all strings of a manifest, in its keys too."""
    if isinstance(value, str):
        for name, text in replacements.items():
            value = value.replace("${" + name + "}", text)
        return value
    if isinstance(value, list):
        return [substitute(each, replacements) for each in value]
    if isinstance(value, dict):
        items = value.items()
        return {substitute(k, replacements): substitute(v, replacements) for k, v in items}
    return value


def created_by(namespace: str, external_secret: str) -> str:
    return hashlib.sha3_224(f"{namespace}/{external_secret}".encode()).hexdigest()


def describe_secret(case: Case, secret: Object, namespace: str) -> Object:
    """The part of a Secret that is compared. The namespace is as if it were named like the case."""
    labels = dict(secret["metadata"].get("labels", {}))
    if labels.get(CREATED_BY) == created_by(namespace, case.external_secret):
        labels[CREATED_BY] = created_by(case.name, case.external_secret)
    texts, binaries = _split_data(secret.get("data", {}))
    described: Object = {"type": secret["type"], "data": texts}
    if binaries:
        described["binaryData"] = binaries
    described["labels"] = labels
    described["annotations"] = dict(secret["metadata"].get("annotations", {}))
    owners = secret["metadata"].get("ownerReferences", [])
    described["ownerReferences"] = [
        {name: value for name, value in owner.items() if name != "uid"} for owner in owners
    ]
    if "immutable" in secret:
        described["immutable"] = secret["immutable"]
    return described


def describe_status(external_secret: Object) -> Object:
    status = external_secret.get("status", {})
    return {
        "binding": status.get("binding", {}).get("name", ""),
        "conditions": [
            {name: each[name] for name in ("type", "status", "reason", "message")}
            for each in status.get("conditions", [])
        ],
    }


def comparable(described: Object) -> Object:
    """Without the messages of conditions: Keyturn's say more."""
    conditions = [
        {name: value for name, value in each.items() if name != "message"}
        for each in described.get("conditions", [])
    ]
    return {**described, "conditions": conditions}


def _split_data(data: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    texts: dict[str, str] = {}
    binaries: dict[str, str] = {}
    for key, encoded in data.items():
        try:
            texts[key] = base64.b64decode(encoded).decode("utf-8")
        except UnicodeDecodeError:
            binaries[key] = encoded
    return texts, binaries


class _Dumper(yaml.SafeDumper):
    pass


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and not _AMBIGUOUS.fullmatch(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _represent_text)


def _dump(expected: Object) -> str:
    text = yaml.dump(expected, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return "".join(f"  {line}\n" for line in text.splitlines())


def difference(expected: Object, actual: Object) -> str:
    """For a failed comparison: both as JSON, where they are not the same."""
    lines = []
    for member in sorted({*expected, *actual}):
        want, got = expected.get(member), actual.get(member)
        if want != got:
            lines += [f"{member}: expected {json.dumps(want)}", f"{member}: got {json.dumps(got)}"]
    return "\n".join(lines)
