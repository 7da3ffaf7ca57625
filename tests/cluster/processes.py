# SPDX-License-Identifier: Apache-2.0
"""Processes that never outlive this one, and ports that no other run takes.

Each process is ended by its pid, and in any case by the kernel as soon as this one is gone: setpriv
sets PR_SET_PDEATHSIG and then becomes the program, so that even SIGKILL of a test run leaves
nothing behind.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import queue
import random
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

# Below the range that the kernel takes for outgoing connections (32768 upwards): a port from there
# could be gone between our choosing it and the server's binding it.
PORT_RANGE = range(20000, 30000)


class ProcessError(Exception):
    """A process ended or never became ready. The message has the end of its log."""


class Process:
    """A program in a process group of its own, its output appended to a log file."""

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = Path(argv[0]).name
        self.log = log
        # What a restarted program's predecessor left in the log.
        self.log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._child = _launch(argv, output, env, cwd)
        _running.add(self)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        return self._child.poll()

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def send_signal(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """The exit status (negative: the signal). subprocess.TimeoutExpired when it still runs."""
        status = self._child.wait(timeout)
        _running.discard(self)
        return status

    def stop(self, timeout: float = 10.0) -> int:
        """SIGTERM, and SIGKILL when that was not enough."""
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.send_signal(signal.SIGKILL)
        return self.wait(30)

    def text(self) -> str:
        """What this process (not an earlier one with the same log) has written."""
        with self.log.open("rb") as stream:
            stream.seek(self.log_start)
            return stream.read().decode(errors="replace")

    def check_running(self) -> None:
        if not self.running:
            tail = "\n".join(self.text().splitlines()[-20:])
            raise ProcessError(
                f"{self.name} ended with status {self.returncode}; the end of {self.log}:\n{tail}"
            )


_running: set[Process] = set()


@atexit.register
def _kill_all() -> None:
    for process in list(_running):
        process.kill()


class _Launcher(threading.Thread):
    """PR_SET_PDEATHSIG fires when the *thread* ends that started the process. Tests may start
    processes in threads of their own, so one thread that lives as long as this process starts all;
    on the cores of the thread that asks for it."""

    def __init__(self) -> None:
        super().__init__(name="launcher", daemon=True)
        self.requests: queue.SimpleQueue[
            tuple[Future[subprocess.Popen[bytes]], set[int], tuple, dict]
        ]
        self.requests = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            future, cores, args, kwargs = self.requests.get()
            try:
                os.sched_setaffinity(0, cores)
                future.set_result(subprocess.Popen(*args, **kwargs))
            except BaseException as error:  # the caller's to handle, whatever it is
                future.set_exception(error)


_launcher: _Launcher | None = None
_launcher_lock = threading.Lock()


def _launch(
    argv: Sequence[str], output: IO[bytes], env: Mapping[str, str] | None, cwd: Path | None
) -> subprocess.Popen[bytes]:
    global _launcher
    with _launcher_lock:
        if _launcher is None:
            _launcher = _Launcher()
            _launcher.start()
    future: Future[subprocess.Popen[bytes]] = Future()
    command = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
    options = {
        "stdin": subprocess.DEVNULL,
        "stdout": output,
        "stderr": subprocess.STDOUT,
        "env": dict(env) if env is not None else None,
        "cwd": cwd,
        # An interrupt from the terminal is for us; we then stop the programs in order.
        "process_group": 0,
    }
    _launcher.requests.put((future, os.sched_getaffinity(0), (command,), options))
    return future.result()


class Ports:
    """Loopback ports for one owner. A file lock per port keeps other runs off it for as long as
    this object is open, also while nobody listens: a server may be stopped and started again.
    """

    def __init__(self) -> None:
        self._locks: dict[int, IO[str]] = {}

    def take(self) -> int:
        folder = Path(tempfile.gettempdir()) / f"keyturn-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        for port in random.sample(PORT_RANGE, len(PORT_RANGE)):
            if port not in self._locks and self._try(port, folder / str(port)):
                return port
        raise ProcessError(f"no free port in {PORT_RANGE}")

    def _try(self, port: int, path: Path) -> bool:
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                # As servers do: connections in TIME_WAIT do not matter, a listener does.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            return False
        self._locks[port] = lock
        return True

    def close(self) -> None:
        for lock in self._locks.values():
            lock.close()
        self._locks.clear()
