# SPDX-License-Identifier: Apache-2.0
"""Measures against the budgets and prints a line for each: `P1 1.83 of at most 2.50 ok`.

    tests/bench/run.sh [NAME...]        names: p1 p2 p10 p18 (without one), b1 ... b7, aws (all b),
                                        e1 e2 e3, externalsecret (all e)

Times depend on the machine, so costs are ratios: all servers are up at once and are driven in turn,
round by round, and the median of the rounds' ratios counts.

P1   CPU of a full mutation / of the same server's no-op: 10 KB Pod, 5 Secrets, 8 connections
P2   CPU of a full mutation / of the same in Go with its standard library (tests/bench/baseline)
P10  CPU that 60 stalled peers hold, as a part of one core; all are cut by their deadline + 1 s
P18  requests that fail over 30 certificate swaps and a rolling restart under load
B1 to B7, what AWS costs: tests/bench/aws.py
E1 to E3, what ExternalSecrets cost: tests/bench/externalsecret.py
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import aws, externalsecret, fixture
from tests.bench.programs import (
    BENCH,
    BUILD,
    CONNECTIONS,
    Server,
    build,
    build_baseline,
    cpu_ns,
    say,
    started,
)
from tests.bench.result import Result

# For tests.integration, which starts the server probe.
os.environ["KEYTURN_BINARY"] = str(BUILD / "webhook" / "keyturn")
os.environ["KEYTURN_BUILD"] = "release"

from tests.integration.probe import JSON, Probe, eventually  # noqa: E402
from tests.support.process import Process  # noqa: E402
from tests.support.tls_client import TlsConnection, half_handshake  # noqa: E402

# Many short ones: what else the machine does drifts, and hits the servers of one round alike.
ROUNDS = 21
ROUND_SECONDS = 0.5

STALLED = 20  # of each of three sorts
STALL_MS = 4000
SWAPS = 30


@contextlib.contextmanager
def baseline(folder: Path, secrets: Path) -> Iterator[Server]:
    ca_file, port_file = folder / "go.pem", folder / "go.port"
    words = ["-ca", str(ca_file), "-secrets", str(secrets)]
    env = {"GOMAXPROCS": str(os.cpu_count())}
    with Process.start(build_baseline(), words, env) as process:
        eventually(lambda: process.stdout().endswith(b"\n"), "the baseline's port")
        port_file.write_text(str(json.loads(process.stdout())["port"]))
        yield Server(process, port_file, ca_file)


@contextlib.contextmanager
def servers(folder: Path, names: list[str]) -> Iterator[dict[str, Server]]:
    """noop, full, go: all up at once."""
    secrets = folder / "secrets.json"
    secrets.write_bytes(fixture.secret_list())
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(
                baseline(folder, secrets)
                if name == "go"
                else started(folder, name, "bench_server", name, "--secrets", secrets)
            )
            for name in names
        }


# -- budgets --------------------------------------------------------------------------------------


def check_same_work(found: dict[str, Server], body: bytes) -> None:
    """Each of the full ones really stamps the Pod; what would not is not worth measuring."""
    for name, server in found.items():
        with TlsConnection(server.port) as connection:
            answer = connection.post_review("/mutate", body)
        paths = [op["path"] for op in answer.patch or []]
        wanted = [] if name == "noop" else ["/metadata/annotations/keyturn.io~1secrets-hash"]
        if paths != wanted:
            raise SystemExit(f"{name} patches {paths}, not {wanted}")


def costs(wanted: list[str]) -> list[Result]:
    names = ["full"] + (["noop"] if "p1" in wanted else []) + (["go"] if "p2" in wanted else [])
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        folder = Path(name)
        body = folder / "review.json"
        body.write_bytes(fixture.review())
        with servers(folder, names) as found:
            check_same_work(found, body.read_bytes())
            for server in found.values():
                server.load(1, body)  # warm
            rounds = []
            for i in range(ROUNDS):
                rounds.append(
                    {
                        each: server.cpu_per_request_us(ROUND_SECONDS, body)
                        for each, server in found.items()
                    }
                )
                figures = ", ".join(f"{each} {us:.1f} us" for each, us in rounds[-1].items())
                say(f"round {i + 1:2} of {ROUNDS}: CPU per request: {figures}")

    def ratio(result: str, other: str, limit: float) -> Result:
        ratios = [each["full"] / each[other] for each in rounds]
        medians = [statistics.median(each[which] for each in rounds) for which in ("full", other)]
        note = f"{medians[0]:.1f} us / {medians[1]:.1f} us, rounds {min(ratios):.2f}"
        return Result(
            result, statistics.median(ratios), limit, note=f"{note} to {max(ratios):.2f}"
        )

    results = []
    if "p1" in wanted:
        results.append(ratio("P1", "noop", 2.50))
    if "p2" in wanted:
        results.append(ratio("P2", "go", 0.30))
    return results


def stalled_peers() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        options = {"handshake_ms": STALL_MS, "header_ms": STALL_MS, "body_ms": STALL_MS}
        with Probe(Path(name), **options) as probe, contextlib.ExitStack() as stack:
            started = time.monotonic()
            for _ in range(STALLED):
                stack.enter_context(contextlib.closing(half_handshake(probe.port)))
                header = stack.enter_context(probe.connect())
                header.send(b"POST /mutate/now HTTP/1.1\r\nHost: local")
                body = stack.enter_context(probe.connect())
                body.send(body.encode("POST", "/mutate/now", b"{}" * 50, JSON)[:-60])
            wall, before = time.monotonic(), cpu_ns(probe.process.pid)
            while time.monotonic() < started + STALL_MS / 1000 - 0.3:
                time.sleep(0.05)
            held = (cpu_ns(probe.process.pid) - before) / 1e9 / (time.monotonic() - wall)
            counters = probe.counters()
            if counters["connections"] < 3 * STALLED:
                raise SystemExit(f"the peers were gone before they were measured: {counters}")

            def cut() -> int:
                now = probe.counters()
                return now["cut_handshake"] + now["cut_header"] + now["cut_body"]

            eventually(lambda: cut() == 3 * STALLED, "all stalled peers are cut", 6)
            late = time.monotonic() - started - STALL_MS / 1000
    return [
        Result("P10", held, 0.01, 4, f"of a core; {3 * STALLED} of {3 * STALLED} cut"),
        Result("P10", late, 1.0, 2, "seconds after the deadline until the last was cut"),
    ]


def failures() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        folder = Path(name)
        body = folder / "review.json"
        body.write_bytes(fixture.review())
        port_file = folder / "port"
        both = folder / "both.pem"
        with Probe(folder, "first", drain_ms=1000) as first, Probe(folder, "second") as second:
            both.write_text(first.ca_pem + second.ca_pem)
            write_port(port_file, first.port)
            with running_load(port_file, both, body) as stop:
                for _ in range(SWAPS):
                    time.sleep(0.05)
                    first.command("swap")
                swapped = first.counters()["requests"]
                first.process.signal(signal.SIGTERM)
                eventually(lambda: readiness(first) == 503, "readiness gone")
                write_port(port_file, second.port)
                if first.process.wait(20) != 0:
                    raise SystemExit("the first replica did not stop cleanly")
                before = second.counters()["requests"]
                eventually(lambda: second.counters()["requests"] > before + 1000, "moved load")
                report = stop()
    note = f"{report['requests']} requests, {report['dials']} connections, {SWAPS} certificates"
    if report["failed"]:
        note += f"; {report['reason']}"
    if swapped < 1000:
        raise SystemExit(f"only {swapped} requests while certificates were replaced")
    return [Result("P18", report["failed"], 0, 0, note)]


def readiness(probe: Probe) -> int:
    with probe.connect() as connection:
        return connection.request("GET", "/readyz").status


def write_port(path: Path, port: int) -> None:
    """At once, for whoever reads meanwhile."""
    other = path.with_suffix(".new")
    other.write_text(str(port))
    other.rename(path)


@contextlib.contextmanager
def running_load(port_file: Path, ca_file: Path, body: Path) -> Iterator[Callable[[], dict]]:
    """The load of eight connections, each replaced after 20 requests; the value ends it and answers
    its report."""
    command = [str(BENCH / "load"), "--port-file", str(port_file), "--ca", str(ca_file)]
    command += ["--path", "/mutate/now", "--body", str(body), "--ms", "120000"]
    command += ["--connections", str(CONNECTIONS), "--per-connection", "20"]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop() -> dict:
        load.terminate()
        output, _ = load.communicate(timeout=20)
        return json.loads(output)

    try:
        yield stop
    finally:
        if load.poll() is None:
            load.kill()
            load.communicate()


BUDGETS: dict[str, Callable[[list[str]], list[Result]]] = {
    "p1": costs,
    "p2": costs,
    "p10": lambda _: stalled_peers(),
    "p18": lambda _: failures(),
    **aws.BUDGETS,
    **externalsecret.BUDGETS,
}
GROUPS = {
    "": ["p1", "p2", "p10", "p18"],
    "aws": list(aws.BUDGETS),
    "externalsecret": list(externalsecret.BUDGETS),
}


def main(arguments: list[str]) -> int:
    named = [each.lower() for each in arguments] or [""]
    wanted = [name for each in named for name in GROUPS.get(each, [each])]
    unknown = [each for each in wanted if each not in BUDGETS]
    if unknown:
        say(f"no budget {', '.join(unknown)}; there are {', '.join(BUDGETS)}, and aws for all b")
        return 2
    build()
    results: list[Result] = []
    # P1 and P2 come from one interleaved run, and so do some of the others.
    for measure in dict.fromkeys(BUDGETS[each] for each in wanted):
        results += measure(wanted)
    for result in results:
        print(result.line())
    over = sum(not result.ok for result in results)
    print(f"{len(results) - over} of {len(results)} within budget")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
