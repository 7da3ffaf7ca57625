# SPDX-License-Identifier: Apache-2.0
"""Scenarios 10, 16 and 54: on an otherwise unchanged template the old marker is carried forward,
whatever was sent and whatever has become of the Secret.

Keyturn itself does not roll here before an hour has passed, so that a marker that has changed was
changed at admission; the last test starts it with a short debounce.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import Object, Response
from tests.cluster.scenario import MARKER, QUICK, Scenario, is_hash, marker, stamp, uses

KEYTURN = {"options": {**QUICK, "debounce": "1h", "max-wait": "1h"}}

FOREIGN = f"v1-000000-{'0' * 32}"


def deployment() -> Object:
    return objects.deployment("web", **uses("db", "password"))


def hash_now(scenario: Scenario) -> str:
    response = scenario.create(objects.pod("probe", **uses("db", "password")), dryRun="All")
    return stamp(response.object) or ""


def start(scenario: Scenario) -> Object:
    """A Deployment whose Secret has changed since it was applied, and Keyturn knows."""
    scenario.secret("db", password="x")
    created = scenario.cluster.apply(deployment(), scenario.namespace)
    assert created.warnings == []
    running = scenario.wait_rolled_out("Deployment", "web")
    assert is_hash(marker(running)) and hash_now(scenario) == marker(running)
    scenario.change_secret("db", password="y")
    scenario.wait_for(lambda: hash_now(scenario) != marker(running), "the change to be known")
    return running


def annotate(value: str | None) -> Callable[[Scenario], Response]:
    patch = {"spec": {"template": {"metadata": {"annotations": {MARKER: value}}}}}
    return lambda scenario: scenario.api.patch("Deployment", "web", patch, scenario.namespace)


def patch(body: Object) -> Callable[[Scenario], Response]:
    return lambda scenario: scenario.api.patch("Deployment", "web", body, scenario.namespace)


def replace(scenario: Scenario) -> Any:
    """kubectl replace of the manifest, which knows nothing of the marker."""
    return scenario.cluster.kubectl(
        *("replace", "-n", scenario.namespace, "-f", "-"), input=json.dumps(deployment())
    )


# What leaves the template as it is, and whether the API server counts it as another generation: it
# does so for annotations of a Deployment.
UNCHANGED: dict[str, tuple[Callable[[Scenario], Any], int]] = {
    "apply": (lambda scenario: scenario.cluster.apply(deployment(), scenario.namespace), 0),
    "server-side-apply": (lambda s: s.api.apply(deployment(), s.namespace), 0),
    "label": (patch({"metadata": {"labels": {"a": "b"}}}), 0),
    "annotation": (patch({"metadata": {"annotations": {"example.com/a": "b"}}}), 1),
    "scale": (patch({"spec": {"replicas": 2}}), 1),
    "marker-dropped": (annotate(None), 0),
    "marker-altered": (annotate(FOREIGN), 0),
    "replace": (replace, 1),
}


@pytest.mark.sanitizers
@pytest.mark.parametrize("case", UNCHANGED)
def test_s54_an_unchanged_template_keeps_its_old_marker(scenario: Scenario, case: str) -> None:
    act, generations = UNCHANGED[case]
    before = start(scenario)
    act(scenario)
    after = scenario.wait_rolled_out("Deployment", "web")
    assert marker(after) == marker(before)
    assert after["spec"]["template"] == before["spec"]["template"]
    grown = after["metadata"]["generation"] - before["metadata"]["generation"]
    assert grown == generations
    assert len(scenario.replica_sets("web")) == 1


def test_s16_kubectl_replace_gets_the_old_marker_back(scenario: Scenario) -> None:
    before = start(scenario)
    sent = deployment()
    assert MARKER not in (sent["spec"]["template"]["metadata"].get("annotations") or {})
    said = replace(scenario).stdout
    assert said == "deployment.apps/web replaced\n"
    event = scenario.audited("update", "deployments", "web", user="admin")
    assert marker(event["responseObject"]) == marker(before)
    assert len(scenario.replica_sets("web")) == 1


def test_s10_a_changed_template_gets_the_present_hash(scenario: Scenario) -> None:
    before = start(scenario)
    response = scenario.annotate_template("Deployment", "web", reason="x")
    assert marker(response.object) == hash_now(scenario) != marker(before)
    scenario.wait_rolled_out("Deployment", "web")
    assert len(scenario.replica_sets("web")) == 2


def test_s10_a_changed_template_into_a_missing_secret_keeps_the_old_marker(
    scenario: Scenario,
) -> None:
    before = start(scenario)
    scenario.api.delete("Secret", "db", scenario.namespace)
    scenario.wait_for(lambda: not hash_now(scenario), "Keyturn to know that the Secret is gone")
    response = scenario.annotate_template("Deployment", "web", reason="x")
    assert marker(response.object) == marker(before)
    (warning,) = response.warnings
    assert warning.startswith('KT103 Secret "db" not found ')


def test_s54_a_foreign_marker_in_a_changed_template_is_overwritten(scenario: Scenario) -> None:
    start(scenario)
    manifest = copy.deepcopy(scenario.get("Deployment", "web"))
    del manifest["metadata"]["resourceVersion"]
    manifest["spec"]["template"]["metadata"]["annotations"] = {MARKER: FOREIGN, "a": "b"}
    response = scenario.api.replace(manifest, scenario.namespace)
    assert marker(response.object) == hash_now(scenario)


def test_s54_what_admission_carried_forward_keyturn_rolls_later(scenario: Scenario) -> None:
    """The last test of this module: it leaves Keyturn with another debounce."""
    before = start(scenario)
    scenario.cluster.apply(deployment(), scenario.namespace)
    assert scenario.marker("Deployment", "web") == marker(before)
    expected = hash_now(scenario)
    (replica,) = scenario.keyturn.replicas
    replica.stop()
    scenario.keyturn.options |= QUICK
    replica.start()
    rolled = scenario.wait_roll("web")
    assert (rolled["from"], rolled["to"]) == (marker(before), expected)
    after = scenario.wait_rolled_out("Deployment", "web")
    assert marker(after) == expected
    scenario.settle("Deployment", "web", "db")
    assert len(scenario.rolls("web")) == 1
    assert len(scenario.replica_sets("web")) == 2
