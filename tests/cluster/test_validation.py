# SPDX-License-Identifier: Apache-2.0
"""ExternalSecrets are checked at their own admission, over the path of the chart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError
from tests.cluster.scenario import QUICK, Scenario
from tests.support.aws_standin import AwsStandIn


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "options": QUICK,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


def test_a_template_that_does_not_parse_is_refused_at_apply(scenario: Scenario) -> None:
    api, namespace = scenario.api, scenario.namespace
    api.create(objects.secret_store(), namespace)
    manifest = objects.external_secret("db", "/prod/db")
    manifest["spec"]["target"]["template"] = {"data": {"url": "{{ .password "}}
    with pytest.raises(ApiError) as denied:
        api.create(manifest, namespace)
    assert "externalsecrets.keyturn.io" in str(denied.value)
    assert "KT209 spec.target.template.data[url]: line 1, column " in str(denied.value)
    del manifest["spec"]["target"]["template"]
    created = api.create(manifest, namespace)
    assert created.object["spec"]["target"]["name"] == "db"


def test_a_remote_secret_that_is_missing_is_a_warning_at_apply(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    api, namespace = scenario.api, scenario.namespace
    here = f"/{namespace}"
    aws.put(f"{here}/there", "{}")
    api.create(objects.secret_store(), namespace)
    scenario.keyturn.wait_log("store", namespace=namespace, valid=True)
    # As it is applied, by either version of its API.
    for version in ("v1", "v1beta1"):
        manifest = objects.external_secret(
            f"db-{version}", f"{here}/gone", api_version=f"external-secrets.io/{version}"
        )
        created = api.create(manifest, namespace)
        (warning,) = created.warnings
        assert f"db-{version}: spec.data[0]: no secret" in warning
        assert warning.startswith("KT224 ")
    present = api.create(objects.external_secret("present", f"{here}/there"), namespace)
    assert present.warnings == []
