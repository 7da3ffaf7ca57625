# SPDX-License-Identifier: Apache-2.0
"""What the program does with an API server that is old, or not there."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.rollouts import uses_each
from tests.integration.builds import SLOWER
from tests.integration.serving import Serving, held, secret, watcher
from tests.support.api_server import ApiServer
from tests.support.forwarder import Forwarder, https_ready

def test_s21_s51_below_1_30_a_warning_takes_the_place_of_the_gate(tmp_path: Path) -> None:
    answers = {}
    for version in ("v1.29.14", "v1.30.0"):
        folder = tmp_path / version
        folder.mkdir()
        with ApiServer(version=version) as api, Serving(api, folder) as serving:
            api.put(secret("db", key="x"))
            serving.wait_synced()
            assert serving.wait_log("api server")["gates"] is (version == "v1.30.0")
            answers[version] = serving.pod(**uses_each("absent"))
            # Hashing needs no gates.
            assert serving.wait_stamp(uses_each("db"))
    old, new = answers["v1.29.14"], answers["v1.30.0"]
    assert old.allowed and new.allowed
    assert not held(old) and held(new)
    assert old.patch is None
    (warning,) = old.warnings
    where = "container app, key key"
    assert warning == f'KT103 Secret "absent" not found ({where}): kubelet waits for it'


def test_an_api_server_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    with ApiServer() as api, Forwarder(ready=lambda *_: True) as forwarder:
        kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
        text = kubeconfig.read_text().replace(f":{api.port}", f":{forwarder.port}")
        kubeconfig.write_text(text)
        with Serving(api, tmp_path, kubeconfig=kubeconfig) as serving:
            serving.wait_log("not started yet", count=2)
            # Without a certificate it cannot be ready, but it lives and can be looked at.
            assert not https_ready("127.0.0.1", serving.port)
            assert serving.metrics().value("keyturn_leader") == 0
            forwarder.add_backend(("127.0.0.1", api.port))
            serving.wait_synced()
        # And gone again: what is known goes on being used.
        with Serving(api, tmp_path, kubeconfig=kubeconfig) as serving:
            api.put(secret("db", key="x"))
            serving.wait_synced()
            stamp = serving.wait_stamp(uses_each("db"))
            watcher(api)
            forwarder.remove_backend(("127.0.0.1", api.port))
            api.close_connections()
            serving.process.wait_metric(
                serving.metrics_port,
                "keyturn_watch_restarts_total",
                lambda value: value >= 1,
                10 * SLOWER,
                resource="secrets",
            )
            assert serving.stamp(uses_each("db")) == stamp
            assert serving.status("/readyz") == 200
