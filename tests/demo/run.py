# SPDX-License-Identifier: Apache-2.0
"""The command line of the demo, and its end, whatever happens."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import threading
import time
from types import FrameType

from tests.demo.beside_eso import BesideEso
from tests.demo.screen import Screen
from tests.demo.stage import NAMESPACE, REMOTE_KEY, Stage
from tests.demo.steps import Demo
from tests.demo.walk import Step, Walk
from tests.support.aws_control import CONTROL_VARIABLE, ControlServer


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./dev demo",
        description="Shows what Keyturn does, on a genuine control plane on this machine.",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running until interrupted"
    )
    parser.add_argument(
        "--beside-eso",
        action="store_true",
        help="the same beside the real External Secrets Operator, which is behind with its work",
    )
    arguments = parser.parse_args(argv)
    # As an interrupt from the terminal: everything is stopped.
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen()
    walk = Walk(screen)
    demo = (BesideEso if arguments.beside_eso else Demo)(Stage(screen, walk))
    walk.check_alive = demo.stage.check_alive
    try:
        return play(demo, walk, arguments.keep)
    except KeyboardInterrupt:
        screen.line("interrupted: everything is being stopped")
        return 130
    finally:
        demo.stop_all()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def play(demo: Demo, walk: Walk, keep: bool) -> int:
    screen = demo.screen
    began = time.monotonic()
    steps = demo.steps()
    for number, step in enumerate(steps, start=1):
        walk.take(step, number)
    logs = None if walk.complete else demo.stage.keep_logs()
    kept_seconds = hold_open(demo) if keep else 0.0
    walk.take(Step("Everything is stopped", demo.stopped), len(steps) + 1)
    screen.line()
    if logs is not None:
        screen.line(f"logs are kept: {logs}")
    screen.line(f"{time.monotonic() - began - kept_seconds:.0f} s")
    screen.line(walk.last_line(), "ok" if walk.complete else "failed")
    return 0 if walk.complete else 1


def hold_open(demo: Demo) -> float:
    """Until an interrupt or SIGTERM. Returns how long that was, in seconds."""
    stage, screen = demo.stage, demo.screen
    began = time.monotonic()
    if not hasattr(stage, "keyturn"):
        screen.line("nothing is left running: Keyturn was not reached")
        return 0.0
    try:
        demo.restore()
        with ControlServer(stage.aws) as control:
            kubectl = shlex.quote(stage.cluster.programs["kubectl"])
            screen.line()
            screen.line("Everything is left running, the example is applied again.", "title")
            screen.line(f"export KUBECONFIG={stage.cluster.kubeconfig}", "command")
            screen.line(f"{kubectl} get pods -n {NAMESPACE}", "command")
            screen.line("A new value in AWS:")
            screen.line(
                f"{CONTROL_VARIABLE}={control.url} "
                f"python3 -m tests.support.aws_standin rotate {REMOTE_KEY}",
                "command",
            )
            metrics = stage.keyturn.replicas[0].metrics_port
            screen.line(f"Keyturn's metrics: http://127.0.0.1:{metrics}/metrics")
            screen.line(f"To stop: Ctrl-C here, or kill {os.getpid()}", "title")
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    return time.monotonic() - began
