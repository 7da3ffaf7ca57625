# SPDX-License-Identifier: Apache-2.0
"""Scenarios 76 and 79: how much memory lists take, and what stays in it.

Of the release build: the sanitizers bring an allocator of their own, which neither wipes nor
returns what is freed.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.cluster.rollouts import uses_each
from tests.integration.builds import SANITIZED, SLOWER
from tests.integration.planted import Planted, assert_nothing_left
from tests.integration.serving import (
    NAMESPACE,
    OWN,
    Serving,
    held,
    namespaced,
    put_running_deployment,
    secret,
    watcher,
)
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object
from tests.support.memory_scan import Marker, scan

MIB = 1024 * 1024

release_only = pytest.mark.skipif(SANITIZED, reason="measures the release build's allocator")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="reads the memory of another process")


@release_only
def test_s76_500_secrets_of_1_mib_are_listed_in_little_memory(tmp_path: Path) -> None:
    count = 500
    data = base64.b64encode(os.urandom(MIB * 3 // 4)).decode()

    def make(index: int) -> Object:
        values = {"key": base64.b64encode(b"%d" % index).decode(), "large": data}
        return {**secret(f"db-{index}"), "data": values}

    with ApiServer() as api:
        api.add_virtual("secrets", NAMESPACE, count, make)
        with Serving(api, tmp_path) as serving:
            serving.wait_log("watch", 60, resource="secrets", state="synced")
            serving.wait_synced()
            peak = serving.process.peak_rss_bytes()
            received = serving.metrics().value("keyturn_watch_bytes_total", resource="secrets")
            assert received >= count * MIB
            # In one answer, but for what does not fit into a page, and all of it is known.
            assert api.count("list", "secrets") == 2
            stamps = {serving.stamp(uses_each(f"db-{index}")) for index in (0, 250, count - 1)}
            assert None not in stamps and len(stamps) == 3
            assert api.count("get", "secrets", namespace=NAMESPACE) == 0
    assert peak < 64 * MIB, f"{peak / MIB:.1f} MiB"


# 79: what is left in memory.


USERS = uses_each("users")
REMOTE = "/prod/db"


@dataclass
class Scene:
    api: ApiServer
    aws: AwsStandIn
    serving: Serving
    planted: Planted

    def rotate(self, name: str) -> None:
        """In AWS; returns when the new value has been written."""
        value = self.planted.new(name)
        encoded = base64.b64encode(value.encode()).decode()
        self.aws.rotate(REMOTE, value)
        self.api.wait_object(
            "secrets",
            NAMESPACE,
            "db",
            lambda found: found is not None and found["data"]["password"] == encoded,
            timeout=20 * SLOWER,
        )


def change_by_hand(scene: Scene) -> None:
    """Told by the watch, then read live, because it is rolled."""
    before = scene.serving.wait_stamp(USERS)
    put_running_deployment(scene.api, "web", "users", before)
    scene.api.put(secret("users", key=scene.planted.new("watched")))
    scene.serving.wait_log("roll", workload="web")
    scene.serving.wait_stamp(USERS, than=before)


def look_behind_a_stalled_watch(scene: Scene) -> None:
    stalled = watcher(scene.api)
    stalled.stall()
    scene.api.put(secret("late", key=scene.planted.new("looked at")))
    assert not held(scene.serving.pod(**uses_each("late")))
    stalled.resume()


def break_answers_of_aws(scene: Scene) -> None:
    """Within the value; it is asked for once more. And one that comes in drops."""
    for kind in ("half_body", "reset_after_headers", "content_length"):
        scene.aws.fail(kind, secret=REMOTE, times=1)
        scene.rotate(f"of AWS with {kind}")
    scene.aws.fail("drip", secret=REMOTE, times=1, chunk=8, interval_ms=2)
    scene.rotate("of AWS in drops")


def break_writes(scene: Scene) -> None:
    for code in (500, 409):
        scene.api.fail("status", verb="update", resource="secrets", code=code, times=1)
        scene.rotate(f"written against {code}")


def break_watch_and_list(scene: Scene) -> None:
    """Within the value, too."""
    value = base64.b64encode(scene.planted.new("in half an event").encode())
    broken = watcher(scene.api)
    broken.cut(b'{"type":"MODIFIED","object":{"kind":"Secret","data":{"key":"' + value)
    broken.wait_ended()
    # The first of the list, and its value is the first of it.
    manifest = secret("a", key=scene.planted.new("in half a list"))
    scene.api.put({"data": manifest.pop("data"), **manifest})
    cut = scene.api.fail("cut", verb="list", resource="secrets", times=1, bytes=100)
    watcher(scene.api).gone()
    cut.wait_hits(timeout=10 * SLOWER)
    scene.serving.wait_stamp(uses_each("a"))


def end_with_a_failure(scene: Scene) -> None:
    """After which nothing is under way any more."""
    scene.aws.fail("half_body", secret=REMOTE)
    scene.aws.rotate(REMOTE, scene.planted.new("never received whole"))
    entry = scene.serving.wait_log("externalsecret", outcome="failed", error_kind="UNAVAILABLE")
    assert "did not answer" not in entry["error"]
    scene.api.delete("externalsecrets", NAMESPACE, "db")


@release_only
@root_only
def test_s79_no_value_is_left_in_memory(tmp_path: Path) -> None:
    """Values of AWS and of Secrets, read by lists, watches and live looks, written, rotated,
    received in halves and asked for again; with every handle and every watch still open."""
    planted = Planted()
    with ApiServer() as api, AwsStandIn(tls=True) as aws:
        aws.add_principal()
        aws.put(REMOTE, planted.new("first of AWS"))
        api.put(secret("users", key=planted.new("listed")))
        api.put(namespaced(objects.secret_store()))
        api.put(namespaced(objects.external_secret("db", REMOTE, "1s")))
        environment = aws.environment()
        options = {"external_secrets_controller": "keyturn", "debounce": "0s"}
        with Serving(api, tmp_path, environment, **options) as serving:
            serving.wait_synced()
            scene = Scene(api, aws, serving, planted)
            api.wait_object("secrets", NAMESPACE, "db")
            scene.rotate("second of AWS")
            change_by_hand(scene)
            look_behind_a_stalled_watch(scene)
            break_answers_of_aws(scene)
            break_writes(scene)
            break_watch_and_list(scene)
            end_with_a_failure(scene)
            assert_nothing_left(serving, planted)


@release_only
@root_only
def test_s79_keys_are_left_only_where_they_are_in_use(tmp_path: Path) -> None:
    """The raw installation key and the CA's key are read, used once and gone. That the scan finds
    what is there is shown by a name, which is no secret."""
    planted = Planted()
    raw = os.urandom(32)
    planted.add("installation key", raw)
    name = "a-name-long-enough-to-be-looked-for-in-memory"
    with ApiServer() as api:
        own = secret("keyturn-installation-key", OWN)
        own["data"]["key"] = base64.b64encode(raw).decode()
        api.put(own)
        api.put(secret(name, key="x"))
        with Serving(api, tmp_path) as serving:
            serving.wait_synced()
            assert serving.wait_stamp(uses_each(name))
            made = api.get("secrets", OWN, "keyturn-certificate")
            assert made is not None
            pem = base64.b64decode(made["data"]["ca.key"])
            der = base64.b64decode(re.sub(rb"-----.*?-----|\s", b"", pem))
            # SEC 1: the private key is an OCTET STRING of 32 bytes, or of 33 with a zero in front.
            # The rest is public.
            match = re.search(rb"\x02\x01\x01\x04(?:\x20|\x21\0)(.{32})", der, re.S)
            assert match is not None
            planted.add("CA key", match[1])
            assert_nothing_left(serving, planted)
            assert scan(serving.process.pid, [Marker("name", name.encode())]).parts() > 0
