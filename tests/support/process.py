# SPDX-License-Identifier: Apache-2.0
"""Runs the keyturn binary under test and looks at it from outside.

    with Process.start(binary, ["serve", ...], env) as keyturn:
        started = keyturn.wait_log("started")
        keyturn.wait_ready(port)
        ...
        assert keyturn.stop() == 0

Only processes started here are ever signalled, and they die with the test run.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

from tests.support.forwarder import https_ready

POLL_SECONDS = 0.02

# Runs before the binary in the child, so that Python code never runs between fork and exec of a
# process with threads: asks for SIGKILL at the parent's death, gives up rights where asked to,
# and becomes the binary.
_LAUNCHER = """
import ctypes, os, sys
parent, user, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if user:
    os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
if ctypes.CDLL(None, use_errno=True).prctl(1, 9) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG): " + os.strerror(ctypes.get_errno()))
if os.getppid() != parent:
    sys.exit("the parent is gone")
os.execve(path, sys.argv[3:], os.environ)
"""

# The parent-death signal follows the thread that forked, so all are started by one that lives on;
# on the cores of the thread that asks for it.
_starter = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="process-starter")


class ProcessEnded(Exception):
    """The process ended while something of it was awaited."""


@dataclass(frozen=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


class Metrics:
    """A scrape in the Prometheus text format."""

    _LINE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?")
    _LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str):
        self.text = text
        self.samples: list[Sample] = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = self._LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"not a line of the Prometheus text format: {line!r}")
            labels = self._labels(match[2] or "", line)
            self.samples.append(Sample(match[1], labels, float(match[3])))

    @classmethod
    def _labels(cls, text: str, line: str) -> dict[str, str]:
        labels = {}
        at = 0
        while at < len(text):
            match = cls._LABEL.match(text, at)
            if match is None:
                raise ValueError(f"labels of {line!r}")
            labels[match[1]] = re.sub(
                r"\\(.)", lambda each: {"n": "\n"}.get(each[1], each[1]), match[2]
            )
            at = match.end() + (text[match.end() : match.end() + 1] == ",")
        return labels

    def series(self, name: str, **labels: str) -> list[Sample]:
        return [
            each
            for each in self.samples
            if each.name == name and labels.items() <= each.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum of all matching series; 0 when there is none yet."""
        return sum(each.value for each in self.series(name, **labels))


class Process:
    """Made by `start`. Log lines are those of standard error that hold a JSON object."""

    def __init__(self, popen: "subprocess.Popen[bytes]"):
        self._popen = popen
        self._changed = threading.Condition()
        self._logs: list[dict[str, Any]] = []
        self._lines: list[str] = []
        self._unread = bytearray()
        self._output = bytearray()
        self._streams_open = 2
        self._readers = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_output, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @classmethod
    def start(
        cls,
        binary: os.PathLike[str] | str,
        arguments: Sequence[str] = (),
        env: Optional[Mapping[str, str]] = None,
        *,
        cwd: Optional[Path] = None,
        user: int = 0,
    ) -> "Process":
        """Starts the binary with exactly `env` as its environment. `user` is a numeric uid and gid
        to run as (0: the test's own)."""
        # Not resolved: the interpreter of a virtual environment is a link that must stay one.
        path = os.path.abspath(binary)
        if not os.access(path, os.X_OK):
            raise FileNotFoundError(f"no program at {path}")
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(user)]
        cores = os.sched_getaffinity(0)

        def launch() -> "subprocess.Popen[bytes]":
            os.sched_setaffinity(0, cores)
            return subprocess.Popen(
                [*command, path, *arguments],
                env=dict(env or {}),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

        return cls(_starter.submit(launch).result())

    @property
    def pid(self) -> int:
        return self._popen.pid

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: Any) -> None:
        self.kill()

    # -- its end --------------------------------------------------------------------------------

    def returncode(self) -> Optional[int]:
        """None while it runs; negative when a signal ended it."""
        return self._popen.poll()

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, timeout: float = 20.0) -> int:
        """Its return code; what it wrote is complete afterwards."""
        returncode = self._popen.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return returncode

    def stop(self, timeout: float = 20.0) -> int:
        """SIGTERM, and its return code. Killed, and TimeoutExpired, when it does not end."""
        self._popen.terminate()
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self.wait()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    # -- what it writes -------------------------------------------------------------------------

    def _read_log(self) -> None:
        """Only takes it off the pipe: whoever measures a program shares its processors with us."""
        assert self._popen.stderr is not None
        while data := os.read(self._popen.stderr.fileno(), 65536):
            with self._changed:
                self._unread += data
                self._changed.notify_all()
        with self._changed:
            self._unread += b"\n" if self._unread and not self._unread.endswith(b"\n") else b""
        self._stream_ended()

    def _take_up_lines(self) -> None:
        """With the lock."""
        *lines, self._unread = self._unread.split(b"\n")
        for line in (raw.decode("utf-8", "replace") for raw in lines):
            self._lines.append(line)
            try:
                entry = json.loads(line) if line.startswith("{") else None
            except ValueError:
                entry = None
            if isinstance(entry, dict):
                self._logs.append(entry)

    def _read_output(self) -> None:
        assert self._popen.stdout is not None
        while data := os.read(self._popen.stdout.fileno(), 65536):
            with self._changed:
                self._output += data
        self._stream_ended()

    def _stream_ended(self) -> None:
        with self._changed:
            self._streams_open -= 1
            self._changed.notify_all()

    def stderr_lines(self) -> list[str]:
        """Everything on standard error, sanitizer reports included."""
        with self._changed:
            self._take_up_lines()
            return list(self._lines)

    def stdout(self) -> bytes:
        with self._changed:
            return bytes(self._output)

    def logs(self, msg: Optional[str] = None, since: int = 0, **fields: Any) -> list[dict]:
        """Log entries with this `msg` and these fields, from position `since` on."""
        with self._changed:
            self._take_up_lines()
            return [
                each
                for each in self._logs[since:]
                if (msg is None or each.get("msg") == msg)
                and all(each.get(name) == value for name, value in fields.items())
            ]

    def mark(self) -> int:
        """The position after the last log entry, for `since`."""
        with self._changed:
            self._take_up_lines()
            return len(self._logs)

    def wait_log(
        self,
        msg: str,
        timeout: float = 10.0,
        *,
        count: int = 1,
        since: int = 0,
        where: Callable[[dict[str, Any]], bool] = lambda _: True,
        **fields: Any,
    ) -> dict[str, Any]:
        """The `count`-th matching log entry, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.logs(msg, since, **fields) if where(each)]

        with self._changed:
            self._changed.wait_for(
                lambda: len(found()) >= count or self._streams_open == 0, timeout
            )
            entries, ended = found(), self._streams_open == 0
        if len(entries) >= count:
            return entries[count - 1]
        tail = "\n".join(self.stderr_lines()[-15:])
        if ended:
            code = self._popen.wait(5)
            raise ProcessEnded(f"ended with {code} before logging {msg!r} {fields}\n{tail}")
        raise TimeoutError(f"no {msg!r} {fields} within {timeout} s; last lines:\n{tail}")

    # -- what it answers ------------------------------------------------------------------------

    def wait_ready(self, port: int, ready: bool = True, timeout: float = 20.0) -> None:
        """Until /readyz over HTTPS says so (without verification)."""
        self._poll(
            lambda: https_ready("127.0.0.1", port) == ready,
            timeout,
            f"readiness {ready} on port {port}",
        )

    def metrics(self, port: int) -> Metrics:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/metrics", headers={"Connection": "close"})
            response = connection.getresponse()
            if response.status != 200:
                raise AssertionError(f"/metrics answered {response.status}")
            return Metrics(response.read().decode("utf-8"))
        finally:
            connection.close()

    def wait_metric(
        self,
        port: int,
        name: str,
        predicate: Callable[[float], bool],
        timeout: float = 10.0,
        **labels: str,
    ) -> float:
        """The metric's value once the predicate holds for it."""
        seen: list[float] = []

        def holds() -> bool:
            seen.append(self.metrics(port).value(name, **labels))
            return predicate(seen[-1])

        try:
            self._poll(holds, timeout, f"{name} {labels} as expected")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; last value {seen[-1] if seen else None}") from None
        return seen[-1]

    def _poll(self, predicate: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not predicate():
            if self._popen.poll() is not None:
                tail = "\n".join(self.stderr_lines()[-15:])
                raise ProcessEnded(f"ended with {self._popen.returncode} before {what}\n{tail}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} within {timeout} s")
            time.sleep(POLL_SECONDS)

    # -- what it uses ---------------------------------------------------------------------------

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0])
        raise KeyError(name)

    def rss_bytes(self) -> int:
        return self._status("VmRSS") * 1024

    def peak_rss_bytes(self) -> int:
        """Since its start, or since `reset_peak_rss`."""
        return self._status("VmHWM") * 1024

    def reset_peak_rss(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def thread_count(self) -> int:
        return self._status("Threads")

    def fd_count(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, ended ones included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pid_exists(pid: int) -> bool:
    """Whether such a process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
