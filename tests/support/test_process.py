# SPDX-License-Identifier: Apache-2.0
"""The runner of the binary under test, on small programs that stand for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Callable

import pytest

from tests.support.certificates import Authority
from tests.support.http_wire import Connection, Request, Response, WireServer
from tests.support.process import Metrics, Process, ProcessEnded, pid_exists

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """\
import json, os, signal, sys, time
def log(msg, **fields):
    print(json.dumps({"msg": msg, **fields}), file=sys.stderr, flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def write(source: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable} -IS\n{PREAMBLE}{textwrap.dedent(source)}")
        path.chmod(0o755)
        return path

    return write


STOPPABLE = """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    log("started", listen="127.0.0.1:1", arguments=sys.argv[1:], env=dict(os.environ))
    signal.sigwait({signal.SIGTERM})
    log("stopped")
    sys.exit(3)
"""


def test_runs_with_exactly_the_given_environment(program: Callable[[str], Path]) -> None:
    with Process.start(program(STOPPABLE), ["serve", "--x"], {"KEYTURN_A": "1"}) as process:
        started = process.wait_log("started")
        assert started["arguments"] == ["serve", "--x"]
        assert {k: v for k, v in started["env"].items() if k != "LC_CTYPE"} == {"KEYTURN_A": "1"}
        assert process.returncode() is None and pid_exists(process.pid)
        assert process.stop() == 3
        assert process.logs("stopped")
    assert not pid_exists(process.pid)


def test_waits_for_logs_by_fields_count_and_position(program: Callable[[str], Path]) -> None:
    source = """
        print("not JSON", file=sys.stderr)
        for number in range(3):
            log("decision", number=number, even=number % 2 == 0)
            time.sleep(0.05)
        print("out", flush=True)
        sys.stdin.read()
        time.sleep(60)
    """
    with Process.start(program(source)) as process:
        assert process.wait_log("decision", even=True, count=2)["number"] == 2
        assert process.wait_log("decision", where=lambda e: e["number"] > 0)["number"] == 1
        assert process.logs(since=process.mark()) == []
        assert len(process.logs("decision")) == 3
        assert process.stderr_lines()[0] == "not JSON"
        with pytest.raises(TimeoutError, match="no 'decision'"):
            process.wait_log("decision", timeout=0.1, number=9)


def test_end_of_the_process_ends_a_wait(program: Callable[[str], Path]) -> None:
    with Process.start(program('log("failed"); print("out"); sys.exit(7)')) as process:
        started = time.monotonic()
        with pytest.raises(ProcessEnded, match="ended with 7"):
            process.wait_log("started", timeout=30)
        assert time.monotonic() - started < 10
        assert process.wait() == 7 and process.stdout() == b"out\n"
        with pytest.raises(ProcessEnded):
            process.wait_ready(1, timeout=30)


def test_process_that_ignores_sigterm_is_killed(program: Callable[[str], Path]) -> None:
    source = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        log("started")
        while True:
            signal.pause()
    """
    with Process.start(program(source)) as process:
        process.wait_log("started")
        with pytest.raises(subprocess.TimeoutExpired):
            process.stop(timeout=0.2)
        assert process.returncode() == -9


def test_measures_memory_cpu_threads_and_descriptors(program: Callable[[str], Path]) -> None:
    source = """
        import threading
        log("started", descriptors=len(os.listdir("/proc/self/fd")) - 1)
        big = bytearray(64 * 1024 * 1024)
        files = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        log("full")
        del big
        signal.signal(signal.SIGUSR1, lambda *_: log("freed"))
        while True:
            signal.pause()
    """
    with Process.start(program(source)) as process:
        descriptors = process.wait_log("started")["descriptors"]
        process.wait_log("full")
        assert 0.25 <= process.cpu_seconds() < 10
        assert process.fd_count() >= descriptors + 9
        assert process.thread_count() == 2
        assert process.peak_rss_bytes() > 64 * 1024 * 1024
        deadline = time.monotonic() + 10
        while process.rss_bytes() > 64 * 1024 * 1024 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.reset_peak_rss()
        assert process.peak_rss_bytes() < 64 * 1024 * 1024


def test_readiness_and_metrics(program: Callable[[str], Path]) -> None:
    ready = False

    def health(connection: Connection, _: Request) -> None:
        connection.answer(Response(200 if ready else 503))

    scrapes = 0

    def metrics(connection: Connection, _: Request) -> None:
        nonlocal scrapes
        scrapes += 1
        body = f'keyturn_decisions_total{{kind="Pod",decision="allow"}} {scrapes}\n'
        connection.answer(Response(200, [], body.encode()))

    https = WireServer(health, tls=Authority().issue().server_context()).start()
    plain = WireServer(metrics).start()
    with Process.start(program(STOPPABLE)) as process:
        process.wait_ready(https.port, ready=False)
        ready = True
        process.wait_ready(https.port)
        value = process.wait_metric(
            plain.port, "keyturn_decisions_total", lambda each: each >= 4, kind="Pod"
        )
        assert value == 4
        with pytest.raises(TimeoutError, match="last value"):
            process.wait_metric(plain.port, "absent", lambda each: each > 0, timeout=0.1)
    https.stop()
    plain.stop()


def test_metrics_are_parsed() -> None:
    text = (
        "# HELP a help\n# TYPE a counter\n"
        'a{kind="Pod",path="/x\\"y\\\\z\\n",le="+Inf"} 3\n'
        'a{kind="Job",} 4.5\n'
        "plain 1e3\n\n"
        "when 2 1700000000000\n"
    )
    parsed = Metrics(text)
    assert parsed.series("a", kind="Pod")[0].labels["path"] == '/x"y\\z\n'
    assert parsed.value("a") == 7.5 and parsed.value("a", kind="Job") == 4.5
    assert parsed.value("plain") == 1000 and parsed.value("when") == 2
    assert parsed.value("none") == 0 and parsed.series("none") == []
    for broken in ("a{kind=Pod} 1", "a", "a 1 2 3", 'a{k="v} 1'):
        with pytest.raises(ValueError):
            Metrics(broken)


def test_dies_with_the_test_run(program: Callable[[str], Path]) -> None:
    runner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from tests.support.process import Process\n"
            "process = Process.start(sys.argv[1])\n"
            "process.wait_log('started')\n"
            "print(process.pid, flush=True)\n"
            "time.sleep(60)\n",
            str(program(STOPPABLE)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    assert pid_exists(pid)
    runner.kill()
    runner.wait()
    runner.stdout.close()
    deadline = time.monotonic() + 10
    while pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not pid_exists(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its user")
def test_runs_as_another_user() -> None:
    source = (
        "import json, os, sys; print(json.dumps({'msg': 'who', 'ids': [os.getuid(), os.getgid(),"
        " os.getgroups()]}), file=sys.stderr)"
    )
    interpreter = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    with Process.start(interpreter, ["-c", source], user=65534) as process:
        assert process.wait_log("who")["ids"] == [65534, 65534, []]


def test_has_the_cores_of_the_thread_that_asks(program: Callable[[str], Path]) -> None:
    source = """
        log("started", cores=sorted(os.sched_getaffinity(0)))
        time.sleep(60)
    """
    mine = os.sched_getaffinity(0)
    for cores in ({min(mine)}, {max(mine)}, mine):
        os.sched_setaffinity(0, cores)
        try:
            with Process.start(program(source)) as process:
                assert process.wait_log("started")["cores"] == sorted(cores)
        finally:
            os.sched_setaffinity(0, mine)


def test_missing_binary_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Process.start(tmp_path / "absent")


def test_log_lines_survive_without_json(program: Callable[[str], Path]) -> None:
    with Process.start(program("sys.stderr.write('{broken\\n[1]\\n'); log('end')")) as process:
        process.wait_log("end")
        assert process.wait() == 0
        assert process.stderr_lines() == ["{broken", "[1]", json.dumps({"msg": "end"})]
