# SPDX-License-Identifier: Apache-2.0
"""./dev cluster up|down|kubectl: a control plane in the background, to play with; with --eso also
the real External Secrets Operator and an AWS stand-in for it.

One per cache folder. The process that owns it holds a lock as long as it lives; cluster.json beside
the lock says where it is.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.cluster.api import wait_for
from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import ProcessError
from tests.cluster.eso import Eso, locate_eso
from tests.cluster.go_module import ProgramsError, cache_dir
from tests.cluster.programs import locate_programs
from tests.support.aws_control import CONTROL_VARIABLE, ControlServer
from tests.support.aws_standin import AwsStandIn

ROOT = Path(__file__).parents[2]
START_SECONDS = 90


def state_file() -> Path:
    return cache_dir() / "cluster.json"


def lock_file() -> Path:
    return cache_dir() / "cluster.lock"


def owner_lives() -> bool:
    lock_file().parent.mkdir(parents=True, exist_ok=True)
    with lock_file().open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def state() -> dict[str, Any] | None:
    """Of a control plane that is up."""
    return json.loads(state_file().read_text()) if owner_lives() and state_file().exists() else None


def up(nodes: int, eso: bool) -> int:
    if not owner_lives():
        locate_programs()  # here, where the progress of a first build is seen
        if eso:
            locate_eso()
        state_file().unlink(missing_ok=True)
        log = cache_dir() / "cluster.log"
        with log.open("wb") as output:
            owner = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.cli", "own", "--nodes", str(nodes)]
                + ["--eso"] * eso,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = time.monotonic()
        wait_for(
            lambda: state_file().exists() or owner.poll() is not None, START_SECONDS, "start"
        )
        if owner.poll() is not None:
            print(f"the control plane did not start:\n{log.read_text()}", file=sys.stderr)
            return 1
        print(f"up in {time.monotonic() - started:.1f} s", file=sys.stderr)
    found = wait_for(state, START_SECONDS, "start")
    if eso and "aws" not in found:
        print("the control plane that is up has no ESO: ./dev cluster down", file=sys.stderr)
        return 1
    print(f"export KUBECONFIG={found['kubeconfig']}")
    for name, value in found.get("aws", {}).items():
        print(f"export {name}={value}")
    print(f"logs: {found['logs']}", file=sys.stderr)
    return 0


def own(nodes: int, eso: bool) -> int:
    """The background process: starts, tells where, waits for SIGTERM, stops."""
    with lock_file().open("a") as lock, contextlib.ExitStack() as running:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        cluster = ControlPlane(nodes=nodes)
        try:
            cluster.start()
            found = {
                "pid": os.getpid(),
                "kubeconfig": str(cluster.kubeconfig),
                "logs": str(cluster.log_folder),
            }
            if eso:
                found["aws"] = start_eso(cluster, running)
            written = state_file().with_suffix(".new")
            written.write_text(json.dumps(found))
            written.rename(state_file())
            while True:
                signal.pause()
        finally:
            state_file().unlink(missing_ok=True)
            cluster.stop()


def start_eso(cluster: ControlPlane, running: contextlib.ExitStack) -> dict[str, str]:
    """What AWS clients and `python3 -m tests.support.aws_standin put NAME` need to know."""
    aws = running.enter_context(AwsStandIn())
    aws.add_principal()
    control = running.enter_context(ControlServer(aws))
    running.enter_context(Eso(cluster, aws))
    return {**aws.environment(), CONTROL_VARIABLE: control.url}


def down() -> int:
    found = state()
    if found is None:
        print("no control plane is up", file=sys.stderr)
        return 0
    os.kill(int(found["pid"]), signal.SIGTERM)
    wait_for(lambda: not owner_lives(), 30, "stop")
    return 0


def kubectl(arguments: list[str]) -> int:
    found = state()
    if found is None:
        print("no control plane is up: ./dev cluster up", file=sys.stderr)
        return 1
    program = locate_programs()["kubectl"]
    os.execve(
        program, ["kubectl", *arguments], {**os.environ, "KUBECONFIG": str(found["kubeconfig"])}
    )


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["kubectl"]:  # whatever follows is kubectl's
        return kubectl(arguments[1:])
    parser = argparse.ArgumentParser(prog="./dev cluster")
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|kubectl")
    for name in ("up", "own"):
        command = commands.add_parser(name)
        command.add_argument("--nodes", type=int, default=3, help="how many Nodes (3)")
        command.add_argument("--eso", action="store_true", help="with ESO and an AWS stand-in")
    commands.add_parser("down")
    options = parser.parse_args(arguments)
    try:
        if options.command == "down":
            return down()
        return {"up": up, "own": own}[options.command](options.nodes, options.eso)
    except (ProgramsError, ProcessError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
