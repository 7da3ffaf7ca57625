# SPDX-License-Identifier: Apache-2.0
"""What values are accepted, and what is said of the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.conftest import CHART, Helm, Json

SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text())
VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text())


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema of an object, wherever it stands."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects(value, f"{path}/{index}")


def test_schema_is_closed() -> None:
    found = dict(objects(SCHEMA))
    assert len(found) > 20
    # Affinities and Helm's `global` are passed on whole.
    open_ = {path for path, item in found.items() if item.get("additionalProperties") is True}
    assert open_ == {"/definitions/kubernetesObject"}
    for path, item in found.items():
        assert "additionalProperties" in item, path


def test_schema_and_values_name_the_same() -> None:
    def compare(schema: Json, values: Json, path: str) -> None:
        assert set(schema["properties"]) - {"global"} == set(values), path
        for key, value in values.items():
            if "properties" in (inner := schema["properties"][key]) and key not in LOOSE:
                compare(inner, value, f"{path}/{key}")

    compare(SCHEMA, VALUES, "")


# Objects of Kubernetes: not every field of theirs has a default.
LOOSE = ("affinity", "resources")


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"image": {"name": "x"}},
        {"webhook": {"timeout": 3}},
        {"networkPolicy": {"metricsFrom": {"labels": {}}}},
        {"tolerations": [{"name": "x"}]},
        {"env": [{"name": "X", "from": "y"}]},
        {"envFrom": [{"secret": {"name": "x"}}]},
        {"replicaCount": "2"},
        {"hold": {"described": "5 minutes"}},
        {"hold": {"described": 300}},
        {"image": {"digest": "sha256:short"}},
        {"externalSecrets": {"controller": "on"}},
        {"externalSecrets": {"controller": True}},
        {"externalSecrets": {"headStart": "a second"}},
        {"service": {"port": 0}},
    ],
    ids=json.dumps,
)
def test_refused_by_the_schema(helm: Helm, values: Json) -> None:
    assert "schema" in helm.refuse(values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"webhook": {"failurePolicy": "Fail"}}, "failurePolicy: Fail is not available"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name is needed"),
    ],
    ids=json.dumps,
)
def test_refused_with_a_reason(helm: Helm, values: Json, reason: str) -> None:
    assert reason in helm.refuse(values)


def test_off_without_quotes(helm: Helm) -> None:
    """YAML 1.1 reads it as false."""
    manifests = helm.render({"externalSecrets": {"controller": False}})
    (only,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--external-secrets-controller=off" in only["args"]


def test_beside_the_operator(helm: Helm) -> None:
    manifests = helm.render({"externalSecrets": {"controller": "eso", "headStart": "3s"}})
    (only,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"--external-secrets-controller=eso", "--head-start=3s"} <= set(only["args"])


def test_values_of_an_earlier_release(helm: Helm) -> None:
    """With --reuse-values the values that are new have no default."""
    manifests = helm.render(
        {
            "externalSecrets": {"controller": "eso", "headStart": None},
            "crds": {"install": True, "serveV1beta1": None},
        }
    )
    (only,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--head-start=1s" in only["args"]
    for item in manifests.kind("CustomResourceDefinition"):
        assert [version["served"] for version in item["spec"]["versions"]] == [True, True]


def test_service_account_of_somebody_else(helm: Helm) -> None:
    manifests = helm.render({"serviceAccount": {"create": False, "name": "account"}})
    assert manifests.kind("ServiceAccount") == []
    spec = manifests.one("Deployment")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "account"


@pytest.mark.parametrize(("version", "accepted"), [("1.28.0", True), ("1.27.9", False)])
def test_oldest_kubernetes(helm: Helm, version: str, accepted: bool) -> None:
    assert (helm.template(kube_version=version).returncode == 0) == accepted


def test_lint(helm: Helm) -> None:
    linted = helm.run("lint", "--strict", str(CHART))
    assert linted.returncode == 0, linted.stdout


def test_readme_describes_every_value() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", (CHART / "README.md").read_text(), re.M)
    described = {name for row in rows for name in re.findall(r"`([A-Za-z0-9.]+)`", row)}
    missing = {path for path in leaves(VALUES) if not covered(path, described)}
    assert missing == set()


def leaves(values: Any, path: str = "") -> Iterator[str]:
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}".lstrip("."))
    else:
        yield path


def covered(path: str, described: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:length]) in described for length in range(1, len(parts) + 1))
