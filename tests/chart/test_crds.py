# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.chart.conftest import Helm, Json, Manifests

CRD = "CustomResourceDefinition"


@pytest.fixture(scope="module")
def installed(helm: Helm) -> Manifests:
    return helm.render({"crds": {"install": True}})


def test_only_on_request(default: Manifests) -> None:
    assert default.kind(CRD) == []


def test_kinds(installed: Manifests) -> None:
    assert {
        (item["metadata"]["name"], item["spec"]["names"]["kind"], item["spec"]["scope"])
        for item in installed.kind(CRD)
    } == {
        ("externalsecrets.external-secrets.io", "ExternalSecret", "Namespaced"),
        ("secretstores.external-secrets.io", "SecretStore", "Namespaced"),
        ("clustersecretstores.external-secrets.io", "ClusterSecretStore", "Cluster"),
    }


def test_they_outlive_the_release(installed: Manifests) -> None:
    for item in installed.kind(CRD):
        assert item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_versions(installed: Manifests) -> None:
    for item in installed.kind(CRD):
        versions = item["spec"]["versions"]
        assert [(each["name"], each["served"], each["storage"]) for each in versions] == [
            ("v1", True, True),
            ("v1beta1", True, False),
        ]
        for each in versions:
            assert each["subresources"] == {"status": {}}
            properties = each["schema"]["openAPIV3Schema"]["properties"]
            for part in ("spec", "status"):
                assert properties[part]["x-kubernetes-preserve-unknown-fields"] is True


def test_the_older_version_need_not_be_served(helm: Helm) -> None:
    manifests = helm.render({"crds": {"install": True, "serveV1beta1": False}})
    for item in manifests.kind(CRD):
        served = {each["name"]: each["served"] for each in item["spec"]["versions"]}
        assert served == {"v1": True, "v1beta1": False}


def schema_of(manifests: Manifests, kind: str, version: str) -> Json:
    (found,) = (
        each["schema"]["openAPIV3Schema"]
        for item in manifests.kind(CRD)
        if item["spec"]["names"]["kind"] == kind
        for each in item["spec"]["versions"]
        if each["name"] == version
    )
    return found


def at(schema: Json, path: str) -> Json:
    for name in path.split("."):
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


@pytest.mark.parametrize(
    ("path", "v1", "v1beta1"),
    [
        ("spec.data.[].remoteRef.decodingStrategy", None, "None"),
        ("spec.dataFrom.[].extract.conversionStrategy", None, "Default"),
        ("spec.refreshInterval", "1h0m0s", "1h0m0s"),
        ("spec.target.template.engineVersion", "v2", "v2"),
        ("spec.target.template.templateFrom.[].target", "Data", "Data"),
        ("spec.target.creationPolicy", "Owner", "Owner"),
        ("spec.target", *2 * [{"creationPolicy": "Owner", "deletionPolicy": "Retain"}]),
    ],
)
def test_defaults_are_those_of_the_operator(
    installed: Manifests, path: str, v1: Json | None, v1beta1: Json | None
) -> None:
    for version, expected in (("v1", v1), ("v1beta1", v1beta1)):
        found = at(schema_of(installed, "ExternalSecret", version), path)
        assert found.get("default") == expected, version


@pytest.mark.parametrize(
    ("path", "only_in_v1"),
    [
        ("spec.data.[].remoteRef", "nullBytePolicy"),
        ("spec.dataFrom.[].rewrite.[]", "merge"),
        ("spec.target.template.metadata", "finalizers"),
        ("spec.target.template.templateFrom.[]", "valuesDecodingStrategy"),
    ],
)
def test_what_the_older_version_lacks(installed: Manifests, path: str, only_in_v1: str) -> None:
    newer, older = (
        at(schema_of(installed, "ExternalSecret", version), path)["properties"]
        for version in ("v1", "v1beta1")
    )
    assert set(newer) - set(older) == {only_in_v1}


def test_what_is_not_supported_is_in_no_schema(installed: Manifests) -> None:
    spec = at(schema_of(installed, "ExternalSecret", "v1"), "spec")
    assert "syncWindows" not in spec["properties"]
    assert "manifest" not in at(spec, "target")["properties"]
    assert set(at(spec, "dataFrom.[].sourceRef")["properties"]) == {"storeRef"}
    provider = at(schema_of(installed, "SecretStore", "v1"), "spec.provider")
    assert set(provider["properties"]) == {"aws", "fake"}


def test_columns(installed: Manifests) -> None:
    """Those that users of the External Secrets Operator look for."""
    (item,) = (
        each
        for each in installed.kind(CRD)
        if each["spec"]["names"]["kind"] == "ExternalSecret"
    )
    for version in item["spec"]["versions"]:
        names = [column["name"] for column in version["additionalPrinterColumns"]]
        assert {"Store", "Refresh Interval", "Status", "Ready"} <= set(names)
