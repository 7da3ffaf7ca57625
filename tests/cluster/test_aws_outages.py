# SPDX-License-Identifier: Apache-2.0
"""AWS silent, throttling, failing or answering nonsense, while 64 Pods are admitted: none fails,
all are held or let through in time, and every Secret arrives after the recovery without help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.keyturn import slower
from tests.cluster.scenario import GATE, Scenario, data_of, gates, uses
from tests.support.aws_standin import AwsStandIn

PODS = 64
# The API server's timeoutSeconds; a Pod that needed longer was admitted unchecked.
ADMISSION_SECONDS = 3

FAULTS = {
    "silent": ("hold", {}),
    "throttling": ("throttle", {}),
    "failing": ("unavailable", {}),
    "cut": ("reset_before_headers", {}),
    "nonsense": ("garbage", {}),
}


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    return {
        "options": {"debounce": "300ms", "max-wait": "5s"},
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


@pytest.fixture(autouse=True)
def no_faults_left(aws: AwsStandIn) -> Iterator[None]:
    yield
    aws.clear_faults()


@pytest.mark.parametrize("trouble", list(FAULTS))
def test_64_pods_are_admitted_and_get_their_secrets_after_the_recovery(
    scenario: Scenario, aws: AwsStandIn, trouble: str
) -> None:
    names = [f"s{i}" for i in range(PODS)]
    for name in names:
        aws.put(f"/prod/{scenario.namespace}/{name}", f"value of {name}")
    kind, parameters = FAULTS[trouble]
    aws.fail(kind, **parameters)
    scenario.create(objects.secret_store())
    for name in names:
        remote = f"/prod/{scenario.namespace}/{name}"
        scenario.create(objects.external_secret(name, remote))

    def admit(name: str) -> tuple[list[str], float]:
        started = time.monotonic()
        pod = scenario.create(objects.pod(f"pod-{name}", **uses(name, "password"))).object
        return gates(pod), time.monotonic() - started

    with ThreadPoolExecutor(16) as pool:
        admitted = list(pool.map(admit, names))
    assert [held for held, _ in admitted] == [[GATE]] * PODS
    assert max(took for _, took in admitted) < ADMISSION_SECONDS * slower()
    # A Pod that needs nothing from AWS is not held up.
    scenario.secret("plain", password="x")
    started = time.monotonic()
    plain = scenario.create(objects.pod("plain", **uses("plain", "password"))).object
    assert gates(plain) == [] and time.monotonic() - started < ADMISSION_SECONDS * slower()

    aws.clear_faults()

    def all_there() -> bool:
        found = scenario.api.list("Secret", scenario.namespace)
        values = {s["metadata"]["name"]: data_of(s).get("password") for s in found}
        return all(values.get(name) == f"value of {name}" for name in names)

    scenario.wait_for(all_there, "every Secret", 90)

    def none_held() -> bool:
        return not any(GATE in gates(p) for p in scenario.api.list("Pod", scenario.namespace))

    scenario.wait_for(none_held, "every Pod released", 30)
