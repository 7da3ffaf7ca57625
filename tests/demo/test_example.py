# SPDX-License-Identifier: Apache-2.0
"""charts/examples/my-app as the genuine kustomize builds it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.programs import locate_programs
from tests.demo.stage import EXAMPLE, KEY, NAMESPACE, REMOTE_KEY, SECRET

WAVE = "argocd.argoproj.io/sync-wave"


def build(overlay: Path) -> dict[str, dict[str, Any]]:
    """By kind, in the order of the output."""
    command = [locate_programs()["kustomize"], "build", str(overlay)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {each["kind"]: each for each in yaml.safe_load_all(output)}


@pytest.fixture(scope="module")
def built() -> dict[str, dict[str, Any]]:
    return build(EXAMPLE / "overlays" / "prod")


def test_deployment_comes_before_external_secret(built: dict[str, Any]) -> None:
    # What makes holding necessary: were it otherwise, the README would be wrong.
    assert list(built) == ["Service", "Deployment", "ExternalSecret", "SecretStore"]


def test_everything_is_in_the_namespace_of_the_application(built: dict[str, Any]) -> None:
    assert {each["metadata"]["namespace"] for each in built.values()} == {NAMESPACE}


def test_references_meet(built: dict[str, Any]) -> None:
    external_secret, store = built["ExternalSecret"], built["SecretStore"]
    assert external_secret["apiVersion"] == store["apiVersion"] == "external-secrets.io/v1"
    assert external_secret["spec"] == {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": store["metadata"]["name"], "kind": "SecretStore"},
        "target": {"name": SECRET, "creationPolicy": "Owner"},
        "data": [{"secretKey": KEY, "remoteRef": {"key": REMOTE_KEY}}],
    }
    (container,) = built["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": KEY, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": KEY}}}
    ]
    selector = built["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector == built["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert selector == built["Service"]["spec"]["selector"]


def test_base_alone_says_nothing_of_aws() -> None:
    assert list(build(EXAMPLE / "base")) == ["Service", "Deployment"]


def test_waves_put_the_store_first_and_the_rest_last(tmp_path: Path) -> None:
    copy = tmp_path / "my-app"
    shutil.copytree(EXAMPLE, copy)
    overlay = copy / "overlays" / "prod"
    with (overlay / "kustomization.yaml").open("a") as stream:
        stream.write("components:\n  - ../../components/argocd-waves\n")
    annotations = {
        kind: each["metadata"].get("annotations") for kind, each in build(overlay).items()
    }
    assert annotations == {
        "Service": None,
        "Deployment": None,
        "ExternalSecret": {WAVE: "-2"},
        "SecretStore": {WAVE: "-3"},
    }
