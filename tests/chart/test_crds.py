# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.chart.conftest import Helm, Manifests

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
