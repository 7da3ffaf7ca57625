# SPDX-License-Identifier: Apache-2.0
"""Keys of ExternalSecrets within Secrets that are somebody else's, and what a genuine API server
does not accept in them. Which keys are whose is in the managedFields."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.scenario import QUICK, Scenario, data_of
from tests.support.aws_standin import AwsStandIn


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "options": QUICK,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


def remote_name(scenario: Scenario) -> str:
    return f"/prod/{scenario.namespace}/password"


def wait_data(scenario: Scenario, **wanted: str) -> Object:
    def there() -> Object | None:
        found = scenario.api.find("Secret", "db", scenario.namespace)
        return found if found and data_of(found) == wanted else None

    return scenario.wait_for(there, f"Secret db with {sorted(wanted)}")


def test_what_was_merged_goes_and_what_was_there_stays(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), "one")
    scenario.secret("db", own="theirs")
    scenario.create(objects.secret_store())
    manifest = objects.external_secret("db", remote_name(scenario), "1s")
    manifest["spec"]["target"] |= {"creationPolicy": "Merge", "deletionPolicy": "Merge"}
    scenario.create(manifest)
    merged = wait_data(scenario, own="theirs", password="one")
    assert "ownerReferences" not in merged["metadata"]
    aws.rotate(remote_name(scenario), "two")
    wait_data(scenario, own="theirs", password="two")
    aws.delete(remote_name(scenario), force=True)
    wait_data(scenario, own="theirs")
    # Nor does it take the Secret along.
    scenario.api.delete("ExternalSecret", "db", scenario.namespace)
    aws.put(remote_name(scenario), "three")
    assert data_of(scenario.get("Secret", "db")) == {"own": "theirs"}


def test_a_label_that_is_refused_is_not_quoted(scenario: Scenario, aws: AwsStandIn) -> None:
    """The API server says what it does not accept, and that is a value here."""
    value = f"-{secrets.token_hex(20)}-"
    aws.put(remote_name(scenario), value)
    scenario.create(objects.secret_store())
    manifest = objects.external_secret("db", remote_name(scenario))
    template = {"metadata": {"labels": {"password": "{{ .password }}"}}}
    manifest["spec"]["target"]["template"] = template
    scenario.create(manifest)
    event = scenario.wait_event("db", "UpdateFailed")
    described = scenario.get("ExternalSecret", "db")
    logs = [str(entry) for entry in scenario.keyturn.logs("externalsecret", name="db")]
    for said in (str(event), str(described), *logs):
        assert value.strip("-") not in said
    assert any("Invalid" in entry for entry in logs), logs
    assert scenario.api.find("Secret", "db", scenario.namespace) is None
