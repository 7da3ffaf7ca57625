# SPDX-License-Identifier: Apache-2.0
"""An installation key that is no use: hashes are unknown, and everything else goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.rollouts import uses_each
from tests.cluster.scenario import gates, stamp
from tests.integration.serving import NAMESPACE, OWN, Serving, put_held_pod, secret
from tests.support.api_server import ApiServer

KEY = "keyturn-installation-key"


@pytest.mark.parametrize("case", ["too short", "may not be made"])
def test_held_pods_are_released_without_a_key(tmp_path: Path, case: str) -> None:
    with ApiServer() as api:
        if case == "too short":
            api.put(secret(KEY, OWN, key="short"))
        else:
            api.forbid("secrets", ["create"])
        api.put(secret("db", key="x"))
        put_held_pod(api, "web", "db")
        with Serving(api, tmp_path) as serving:
            serving.wait_log("installation key")
            serving.wait_log("released", pod="web", reason="present")
            pod = api.get("pods", NAMESPACE, "web")
            assert pod is not None and gates(pod) == []
            assert stamp(pod) is None


def test_a_key_that_comes_later_is_taken_up(tmp_path: Path) -> None:
    with ApiServer() as api:
        api.put(secret(KEY, OWN, key="short"))
        api.put(secret("db", key="x"))
        with Serving(api, tmp_path) as serving:
            serving.wait_synced()
            assert serving.stamp(uses_each("db")) is None
            api.put(secret(KEY, OWN, key="k" * 32))
            assert serving.wait_stamp(uses_each("db"))
