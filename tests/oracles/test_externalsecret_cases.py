# SPDX-License-Identifier: Apache-2.0
"""The frozen answers of the real operator (tests/data/externalsecret), held against the engine
alone: no cluster, no AWS. What a case is made of is handed to
build/tests/tools/externalsecret_cases."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.externalsecret_cases import (
    Case,
    comparable,
    created_by,
    describe_secret,
    difference,
    load_cases,
    substitute,
)

Json = dict[str, Any]

TOOL = Path(__file__).parents[2] / "build" / "tests" / "tools" / "externalsecret_cases"
UID = "es-uid"
# What is not the engine's: credentials, what the API server refuses, and Secrets of an old target.
ELSEWHERE = {
    *("store-auth-secret-ref-wrong", "store-auth-secret-ref-missing"),
    "metadata-template-invalid-label",
    *("template-type-service-account-token", "template-type-tls-missing-key"),
    "adopt-orphan-of-old-target-deleted",
}


def go_json(tags: dict[str, str]) -> str:
    """As Go's encoding/json writes a map."""
    text = json.dumps(tags, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}.get(c, c) for c in text)


def content(value: Json) -> Json:
    return {name: value[name] for name in ("text", "binary") if name in value}


def aliases(service: str, value: Json) -> dict[str, Json]:
    """Every way to name a version, with what it holds."""
    names: dict[str, Json] = {}
    for index, version in enumerate(value.get("versions") or [value]):
        held = content(version)
        if service == "parameterStore":
            names.update({name: held for name in ("", str(index + 1), *version.get("labels", []))})
            continue
        stages = version.get("stages", ["AWSCURRENT"])
        if "AWSCURRENT" in stages and "AWSCURRENT" in names:
            names["AWSPREVIOUS"] = names["AWSCURRENT"]
        names.update({name: held for name in stages})
        names[f"uuid/{version.get('id', index)}"] = held
    return names if service == "parameterStore" else {**names, "": names["AWSCURRENT"]}


def remote_entries(case: Case) -> Iterator[Json]:
    for service, entries in case.document.get("remote", {}).items():
        for name, value in entries.items():
            described = {"text": value} if isinstance(value, str) else value
            tags = {str(k): str(v) for k, v in described.get("tags", {}).items()}
            if described.get("deleted"):
                continue
            for version, held in aliases(service, described).items():
                yield {
                    **{"service": service, "name": name, "version": version, **held},
                    **{"tags": go_json(tags), "tagList": tags},
                }


def fields(names: Any) -> Json:
    return {f"f:{name}": {} for name in names or {}}


def stored(case: Case, entry: Json, index: int) -> Json:
    """As the API server has it, with what its manager owns."""
    secret = substitute(
        entry["secret"], {"namespace": case.name, "uid": UID, "created-by": own_label(case)}
    )
    metadata = secret["metadata"]
    texts = secret.pop("stringData", {})
    data = {
        **secret.get("data", {}),
        **{key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }
    owned = {
        "f:data": {".": {}, **fields(data)},
        "f:type": {},
        "f:metadata": {
            "f:labels": fields(metadata.get("labels")),
            "f:annotations": fields(metadata.get("annotations")),
        },
    }
    managed = {
        "manager": entry.get("manager", "kubectl-create"),
        "operation": "Update",
        "fieldsV1": owned,
    }
    return {
        "type": "Opaque",
        **secret,
        **({"data": data} if data else {}),
        "metadata": {
            **metadata,
            **{"namespace": case.name, "uid": f"uid-{index}", "resourceVersion": "1"},
            "managedFields": [managed],
        },
    }


def own_label(case: Case) -> str:
    return created_by(case.name, case.external_secret)


def external_secret(case: Case) -> Json:
    manifest = substitute(case.manifest(), {"namespace": case.name})
    metadata = {
        **manifest["metadata"],
        **{"namespace": case.name, "uid": UID, "resourceVersion": "1", "generation": 1},
    }
    return {**manifest, "metadata": metadata}


def store(case: Case, declared: Json) -> Json:
    manifest = case.manifest_of_store(substitute(declared, {"namespace": case.name}))
    namespace = {} if declared["kind"] == "ClusterSecretStore" else {"namespace": case.name}
    metadata = {**manifest["metadata"], **namespace, "uid": "store-uid", "resourceVersion": "1"}
    return {**manifest, "metadata": metadata}


def carry_out(case: Case, secrets: dict[str, Json], folder: Path) -> Json:
    labels = {"kubernetes.io/metadata.name": case.name, **case.document.get("namespaceLabels", {})}
    question = {
        "externalSecret": external_secret(case),
        "stores": [store(case, each) for each in case.stores],
        "namespaceLabels": labels,
        "remote": list(remote_entries(case)),
        "objects": substitute(case.document.get("objects", []), {"namespace": case.name}),
        "secrets": {name: json.dumps(secret) for name, secret in secrets.items()},
    }
    path = folder / "case.json"
    path.write_text(json.dumps(question))
    answer = subprocess.run([TOOL, path], capture_output=True, text=True, check=True)
    answered: Json = json.loads(answer.stdout)
    return answered


def texts_in(value: Any) -> Iterator[str]:
    """Every key and every string of a JSON value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from texts_in(member)
    elif isinstance(value, list):
        for element in value:
            yield from texts_in(element)
    elif isinstance(value, str):
        yield value


def told_of_a_value(case: Case, message: str) -> list[str]:
    """What a message has out of remote values and not out of the ExternalSecret. Short texts stand
    in words as well."""
    own = json.dumps([external_secret(case), case.stores])
    told = set()
    for entry in remote_entries(case):
        text = entry.get("text", "")
        try:
            parts = [text, *texts_in(json.loads(text))]
        except ValueError:
            parts = [text]
        told.update(part for part in parts if len(part) >= 5 and part in message)
    return sorted(part for part in told if part not in own)


def after(secrets: dict[str, Json], written: dict[str, Json | None]) -> dict[str, Json]:
    left = {**secrets, **written}
    return {name: {"type": "Opaque", **each} for name, each in left.items() if each is not None}


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_engine_answers_as_the_operator(case: Case, tmp_path: Path) -> None:
    expected = comparable(case.keyturn_expected)
    if expected.get("rejected"):
        pytest.skip("the API server refuses it")
    if case.name in ELSEWHERE:
        pytest.skip("it is not the engine that decides")
    secrets = {
        each["secret"]["metadata"]["name"]: stored(case, each, index)
        for index, each in enumerate(case.document.get("existing", []))
    }
    answer = carry_out(case, secrets, tmp_path)
    assert not told_of_a_value(case, answer["message"]), answer["message"]
    unwritten = [name for name in secrets if name not in answer["secrets"]]
    described: Json = {
        **({"unwritten": unwritten} if unwritten else {}),
        "secrets": {
            name: describe_secret(case, secret, case.name)
            for name, secret in after(secrets, answer["secrets"]).items()
        },
        "binding": answer["binding"],
        "conditions": [{"type": "Ready", "status": answer["status"], "reason": answer["reason"]}],
    }
    if not case.handled:
        assert answer["outcome"] == "unsupported"
        described["binding"], described["conditions"] = "", []
    assert described == expected, difference(expected, described) + "\n" + answer["message"]
