# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured and those that measure: built, started, asked what they used."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import Process
from tests.support.tls_client import TlsConnection

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-bench"
BENCH = BUILD / "tests" / "bench"

CONNECTIONS = 8
PROGRAMS = [
    "aws_calls",
    "aws_refreshes",
    "bench_server",
    "create_secrets",
    "externalsecret_render",
    "far_aws",
    "load",
    "waiting_server",
]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def build() -> None:
    if not (BUILD / "build.ninja").exists():
        # Built as the image is (Dockerfile).
        options = ["--buildtype=release", "-Dbench=true"]
        quietly(["meson", "setup", str(BUILD), str(ROOT), *options])
    targets = [f"tests/bench/{name}" for name in PROGRAMS] + ["tests/tools/server_probe"]
    quietly(["ninja", "-C", str(BUILD), "webhook/keyturn", *targets])


def build_baseline() -> Path:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        raise SystemExit("P2 compares with Go, and no go is in PATH: apt-get install golang-go")
    program = BUILD / "baseline"
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath"}
    source = Path(__file__).parent / "baseline"
    quietly([go, "build", "-o", str(program), "."], cwd=source, env=env)
    return program


def quietly(
    command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    say(" ".join(Path(word).name if word.startswith("/") else word for word in command))
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}{done.stderr}\n{command[0]} failed")


def figures(name: str, *words: str | int | Path) -> dict:
    """What one of our programs prints: one JSON line."""
    command = [str(BENCH / name), *map(str, words)]
    # No variables: a proxy that is set for this shell is not meant for loopback.
    done = subprocess.run(command, env={}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{done.stderr}{name} failed")
    return json.loads(done.stdout)


def checked_load(words: list[str | int | Path]) -> dict:
    report = figures("load", *words)
    if report["failed"] or not report["requests"]:
        raise SystemExit(f"the load failed: {report}")
    return report


def cpu_ns(pid: int) -> int:
    """By the clock of another process's CPU time (clock_getcpuclockid)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


@dataclass
class Server:
    process: Process
    port_file: Path
    ca_file: Path

    @property
    def port(self) -> int:
        return int(self.port_file.read_text())

    def where(self) -> list[str | int | Path]:
        """For the load generator."""
        return ["--port-file", self.port_file, "--ca", self.ca_file]

    def load(self, seconds: float, body: Path) -> dict:
        words = ["--path", "/mutate", "--body", body, "--ms", int(seconds * 1000)]
        return checked_load([*self.where(), *words, "--connections", CONNECTIONS])

    def cpu_per_request_us(self, seconds: float, body: Path) -> float:
        before = cpu_ns(self.process.pid)
        report = self.load(seconds, body)
        return (cpu_ns(self.process.pid) - before) / report["requests"] / 1000

    def get(self, path: str) -> dict:
        with TlsConnection(self.port) as connection:
            return connection.request("GET", path).json()


@contextlib.contextmanager
def started(folder: Path, name: str, program: str, *words: str | int | Path) -> Iterator[Server]:
    """One of our servers: it logs its port, and writes its authority to a file."""
    ca_file = folder / f"{name}.pem"
    arguments = [*map(str, words), "--ca", str(ca_file)]
    with Process.start(BENCH / program, arguments, {}) as process:
        port_file = folder / f"{name}.port"
        port_file.write_text(str(process.wait_log("started")["port"]))
        yield Server(process, port_file, ca_file)
