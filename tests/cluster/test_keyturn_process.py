# SPDX-License-Identifier: Apache-2.0
"""What keyturn.py does around the program, shown with a program that is not Keyturn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import Keyturn, default_binary, merge

ROOT = Path(__file__).parents[2]


def script(folder: Path, text: str) -> Path:
    path = folder / "keyturn"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "report",
    [
        "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010",
        "==7==ERROR: LeakSanitizer: detected memory leaks",
        "WARNING: ThreadSanitizer: data race (pid=7)",
        "lib/base/buf.c:7:5: runtime error: signed integer overflow",
    ],
)
def test_a_sanitizer_report_fails_the_test(
    control_plane: ControlPlane, tmp_path: Path, report: str
) -> None:
    binary = script(tmp_path, f"echo '{report}' >&2; echo detail >&2; exec sleep 60")
    (replica,) = Keyturn(control_plane, binary=binary).replicas
    replica.start()
    control_plane.wait_for(lambda: "detail" in replica.stderr())
    with pytest.raises(AssertionError) as failed:
        replica.stop()
    assert report in str(failed.value)
    assert "detail" in str(failed.value)


def test_options_and_environment_reach_the_program(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the developer")
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=1")
    binary = script(tmp_path, 'echo "$*" >&2; env | sort >&2')
    keyturn = Keyturn(
        control_plane,
        replicas=2,
        binary=binary,
        values={"externalSecrets": {"controller": "keyturn"}},
        options={"debounce": "1s"},
        env={"AWS_REGION": "eu-west-1"},
    )
    assert len({replica.port for replica in keyturn.replicas} | {keyturn.service_port}) == 3
    for replica in keyturn.replicas:
        replica.start({"debounce": "2s"} if replica.identity == "keyturn-1" else None)
        assert replica.process.wait(10) == 0
        arguments, *environment = replica.stderr().splitlines()
        for option in (
            f"--listen 127.0.0.1:{replica.port}",
            f"--service-address 127.0.0.1:{keyturn.service_port}",
            f"--identity {replica.identity}",
            "--external-secrets-controller keyturn",
            f"--debounce {2 if replica.identity == 'keyturn-1' else 1}s",
        ):
            assert f"{option} " in f"{arguments} "
        assert "AWS_REGION=eu-west-1" in environment
        assert "ASAN_OPTIONS=detect_leaks=1" in environment
        assert not any("of the developer" in line for line in environment)


def test_which_program_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEYTURN_BINARY", raising=False)
    monkeypatch.delenv("KEYTURN_BUILD", raising=False)
    assert default_binary() == ROOT / "build" / "webhook" / "keyturn"
    monkeypatch.setenv("KEYTURN_BUILD", "tsan")
    assert default_binary() == ROOT / "build-tsan" / "webhook" / "keyturn"
    monkeypatch.setenv("KEYTURN_BINARY", "/elsewhere/keyturn")
    assert default_binary() == Path("/elsewhere/keyturn")


def test_values_merge_as_helm_merges_them() -> None:
    base = {"service": {"externalName": "localhost", "port": 7}, "env": [1, 2]}
    over = {"service": {"port": 8}, "env": [3], "hold": {"described": "1s"}}
    assert merge(base, over) == {
        "service": {"externalName": "localhost", "port": 8},
        "env": [3],
        "hold": {"described": "1s"},
    }
    assert base["service"]["port"] == 7
