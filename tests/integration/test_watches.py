# SPDX-License-Identifier: Apache-2.0
"""Watches that break, stall or expire: what is known is right again afterwards, and nobody is
misled meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonpatch
import pytest

from tests.cluster import objects
from tests.cluster.rollouts import uses_each
from tests.cluster.scenario import is_hash, marker
from tests.integration.builds import SLOWER
from tests.integration.probe import eventually
from tests.integration.serving import (
    NAMESPACE,
    Serving,
    held,
    namespaced,
    put_running_deployment,
    secret,
    watcher,
)
from tests.support.api_server import ApiServer

DB = uses_each("db")


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(secret("db", key="x"))
        server.put(secret("gone", key="x"))
        yield server


@pytest.fixture
def serving(api: ApiServer, tmp_path: Path) -> Iterator[Serving]:
    with Serving(api, tmp_path, debounce="0s") as running:
        running.wait_synced()
        yield running


def restarts(serving: Serving, resource: str = "secrets") -> float:
    return serving.metrics().value("keyturn_watch_restarts_total", resource=resource)


def watched_bytes(serving: Serving, resource: str) -> float:
    return serving.metrics().value("keyturn_watch_bytes_total", resource=resource)


# 410.


def gone_as_event(api: ApiServer) -> None:
    """Told within the watch, as by a cache that has moved on."""
    stalled = watcher(api)
    stalled.stall()
    change_what_is_watched(api)
    stalled.gone()
    stalled.wait_ended()


def gone_as_status(api: ApiServer) -> None:
    """Told when the watch is resumed, as after a compaction of etcd."""
    hold = api.fail("hold", verb="watch", resource="secrets", times=1)
    watcher(api).end()
    hold.wait_held(timeout=10 * SLOWER)
    change_what_is_watched(api)
    api.compact("secrets")
    hold.release()


def change_what_is_watched(api: ApiServer) -> None:
    api.put(secret("db", key="y"))
    api.delete("secrets", NAMESPACE, "gone")
    api.put(secret("new", key="x"))


@pytest.mark.parametrize("happens", [gone_as_event, gone_as_status])
def test_s47_a_version_that_is_gone_costs_a_list(
    api: ApiServer, serving: Serving, happens: Callable[[ApiServer], None]
) -> None:
    before = serving.wait_stamp(DB)
    put_running_deployment(api, "uses-gone", "gone", serving.wait_stamp(uses_each("gone")))
    serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/uses-gone", result="fresh")
    lists = api.count("list", "secrets")
    happens(api)
    after = serving.wait_stamp(DB, than=before)
    assert is_hash(after)
    # That one is missing is known from the list: no watch has said so.
    serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/uses-gone", result="missing")
    assert is_hash(serving.stamp(uses_each("new")))
    assert api.count("list", "secrets") == lists + 1
    assert restarts(serving) >= 1
    # And the watch that follows works.
    api.put(secret("db", key="x"))
    assert serving.wait_stamp(DB, than=after) == before
    assert api.count("list", "secrets") == lists + 1


# What breaks off.


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_watch_cut_within_an_object_is_resumed(
    api: ApiServer, serving: Serving, reset: bool
) -> None:
    before = serving.wait_stamp(DB)
    lists = api.count("list", "secrets")
    version = int(api.put(secret("other", key="x"))["metadata"]["resourceVersion"])
    serving.wait_stamp(uses_each("other"))
    cut = watcher(api)
    cut.cut(b'{"type":"MODIFIED","object":{"kind":"Secret","data":{"key":"eA', reset=reset)
    cut.wait_ended()
    api.put(secret("db", key="y"))
    serving.wait_stamp(DB, than=before)
    assert api.count("list", "secrets") == lists
    # From where it had come to, not from the beginning.
    assert int(watcher(api).start_version) >= version
    assert restarts(serving) == 1
    assert serving.synced("secrets")


@pytest.mark.parametrize("after", [0, 2], ids=["first", "third"])
def test_a_list_cut_within_an_object_is_no_list(tmp_path: Path, after: int) -> None:
    """What it had told so far is not taken for everything."""
    with ApiServer() as api:
        for number in range(4):
            api.put(secret(f"db-{number}", key="x"))
        api.fail("cut", verb="list", resource="secrets", times=1, after=after)
        # The list after it. Nor is a live look there to help.
        again = api.fail("hold", verb="list", resource="secrets")
        api.fail("status", verb="get", resource="secrets", namespace=NAMESPACE)
        with Serving(api, tmp_path) as serving:
            serving.wait_log("published")
            again.wait_held(timeout=10 * SLOWER)
            assert not serving.synced("secrets")
            for name in ("absent", "db-0"):
                assert serving.pod(**uses_each(name)).patch is None
            again.release()
            serving.wait_synced()
            for number in range(4):
                assert is_hash(serving.stamp(uses_each(f"db-{number}")))


def test_a_malformed_event_ends_the_watch_only(api: ApiServer, serving: Serving) -> None:
    before = serving.wait_stamp(DB)
    watcher(api).send_raw(b'{"type":"MODIFIED","object":]}\n')
    eventually(lambda: restarts(serving) == 1, "the watch to be given up")
    api.put(secret("db", key="y"))
    serving.wait_stamp(DB, than=before)
    assert serving.synced("secrets")


def test_a_restarted_api_server_is_followed(api: ApiServer, serving: Serving) -> None:
    """All watches at once, and the kept connections with them."""
    before = serving.wait_stamp(DB)
    api.close_connections()
    api.put(secret("db", key="y"))
    serving.wait_stamp(DB, than=before)
    for resource in ("pods", "deployments", "externalsecrets"):
        assert serving.synced(resource)
    lists = {"list secrets", "list pods", "list deployments"}
    assert {each: api.counts()[each] for each in lists} == {each: 1 for each in lists}


# What stalls.


def test_e8_a_watch_that_lags_misleads_nobody(api: ApiServer, serving: Serving) -> None:
    stalled = watcher(api)
    stalled.stall()
    api.put(secret("late", key="x"))
    late = uses_each("late")
    # Neither the author nor the Pod is told that it is missing: somebody looks.
    manifest = objects.deployment("web", **late)
    workload = serving.review(manifest)
    assert workload.warnings == []
    assert is_hash(marker(jsonpatch.apply_patch(manifest, workload.patch)))
    pod = serving.pod(**late)
    assert (pod.warnings, held(pod)) == ([], False)
    stamp = serving.stamp(late)
    assert is_hash(stamp)
    # Other watches do not wait for this one.
    put_running_deployment(api, "uses-db", "db", serving.wait_stamp(DB))
    serving.wait_log("evaluated", workload=f"Deployment/{NAMESPACE}/uses-db")
    stalled.resume()
    api.put(secret("late", key="y"))
    serving.wait_stamp(late, than=stamp)
    assert restarts(serving) == 0


def warned_of(api: ApiServer, serving: Serving, name: str) -> list[str]:
    """A Pod that comes ahead of the ExternalSecret that describes its Secret: while it waits, the
    watch tells of it."""
    look = api.fail("hold", verb="get", resource="secrets", name=name, times=1)
    before = watched_bytes(serving, "externalsecrets")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(serving.pod, **uses_each(name))
        look.wait_held(timeout=10 * SLOWER)
        api.put(namespaced(objects.external_secret(name, "/prod/late")))
        eventually(lambda: watched_bytes(serving, "externalsecrets") > before, "the event")
        look.release()
        return asked.result().warnings


def test_a_pod_ahead_of_its_external_secret_is_told_how_long_it_waits(
    api: ApiServer, serving: Serving
) -> None:
    names = (f"late-{number}" for number in itertools.count())

    def is_told() -> bool:
        """Unless its time has passed before the watch told, on a machine that stalls."""
        (warning,) = warned_of(api, serving, next(names))
        assert "Pod waits up to" in warning
        return warning.endswith("Pod waits up to 5m")

    eventually(is_told, "a Pod that is told of 5m")
