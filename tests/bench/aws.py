# SPDX-License-Identifier: Apache-2.0
"""What AWS costs, on loopback: the far end is ours and cheap (tests/bench/far_aws.c), and counts.

B1  CPU of one GetSecretValue over a kept connection / of our server's no-op (as P1 measures it)
B2  CPU of a call on a new connection, one certificate in the CA file, in ms; the far end presents
    itself as AWS does (far_certificate.h)
B3  calls for 1,000 values that nobody has
B4  64 admissions that wait for an AWS of 100 ms: answers a second / 640; batches allowed, denied
B5  p99 of /healthz meanwhile, on fresh and on kept connections, in ms
B6  what the idle reader adds to the latency of a lone call, in ms
B7  calls a month for 1,000 ExternalSecrets, refreshed each hour and each minute / of full batches
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench import fixture
from tests.bench.programs import Server, checked_load, figures, say, started
from tests.bench.result import Result

ROUNDS = 21
ROUND_MS = 500
FRESH_MS = 300

WAITERS = 64
DELAY_MS = 100
IDEAL = WAITERS * 1000 / DELAY_MS
WARM_MS = 3000
WAIT_MS = 10000
PROBE_EVERY_MS = 20  # a kubelet asks every few seconds: enough to measure, too little to disturb

MONTH_HOURS = 730


@dataclass(frozen=True)
class Month:
    refresh_s: int
    refreshes: int  # so many are simulated, from an installation on
    calls: int  # aws.md 7.4: 1,000 distinct secrets in batches of 20


# Refreshed each minute, a thousand take some minutes to spread so that the rate holds nobody up.
MONTHS = [Month(3600, 120, 36_500), Month(60, 300, 2_190_000)]


@contextlib.contextmanager
def far_end(*words: str | int) -> Iterator[tuple[Path, Server]]:
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as name:
        folder = Path(name)
        with started(folder, "far", "far_aws", *words) as far:
            yield folder, far


def ask(far: Server, program: str, *words: str | int) -> dict:
    return figures(program, *words, "--port", far.port, "--ca", far.ca_file)


def calls(far: Server) -> dict[str, int]:
    return far.get("/calls")


# -- what a call costs -----------------------------------------------------------------------------


def costs(wanted: list[str]) -> list[Result]:
    with far_end() as (folder, far):
        body, secrets = folder / "review.json", folder / "secrets.json"
        body.write_bytes(fixture.review())
        secrets.write_bytes(fixture.secret_list())
        with started(folder, "noop", "bench_server", "noop", "--secrets", secrets) as noop:
            noop.load(1, body)  # warm
            rounds = [cost_round(i, far, noop, body) for i in range(ROUNDS)]
    noop_us, warm_us, fresh_us = (list(each) for each in zip(*rounds))
    ratios = [warm / noop for warm, noop in zip(warm_us, noop_us)]
    fresh_ratios = [fresh / noop for fresh, noop in zip(fresh_us, noop_us)]
    note = (
        f"{statistics.median(warm_us):.1f} us / {statistics.median(noop_us):.1f} us, "
        f"rounds {min(ratios):.2f} to {max(ratios):.2f}"
    )
    fresh_ms = [each / 1000 for each in fresh_us]
    fresh_note = (
        f"ms; rounds {min(fresh_ms):.2f} to {max(fresh_ms):.2f}; "
        f"{statistics.median(fresh_ratios):.0f} no-ops"
    )
    results = {
        "b1": Result("B1", statistics.median(ratios), 4, note=note),
        "b2": Result("B2", statistics.median(fresh_ms), 2, note=fresh_note),
    }
    return [result for name, result in results.items() if name in wanted]


def cost_round(i: int, far: Server, noop: Server, body: Path) -> tuple[float, float, float]:
    noop_us = noop.cpu_per_request_us(ROUND_MS / 1000, body)
    warm_us = ask(far, "aws_calls", "warm", "--ms", ROUND_MS)["cpu_us"]
    fresh_us = ask(far, "aws_calls", "fresh", "--ms", FRESH_MS)["cpu_us"]
    say(
        f"round {i + 1:2} of {ROUNDS}: CPU: no-op {noop_us:.1f} us, "
        f"call {warm_us:.1f} us, on a new connection {fresh_us:.0f} us"
    )
    return noop_us, warm_us, fresh_us


# -- how many calls --------------------------------------------------------------------------------


def cold() -> list[Result]:
    with far_end() as (_, far):
        took = ask(far, "aws_calls", "cold")
        counted = calls(far)
    note = f"for {took['values']} values in {took['ms'] / 1000:.1f} s: {counts(counted)}"
    return [Result("B3", sum(counted.values()), 50, 0, note)]


def counts(counted: dict[str, int]) -> str:
    return f"{counted['batches']} batches, {counted['singles']} single calls"


def months() -> list[Result]:
    return [simulate(each) for each in MONTHS]


def simulate(month: Month) -> Result:
    every = f"refreshed every {month.refresh_s} s"
    say(f"1,000 ExternalSecrets, {month.refreshes} times {every}")
    with far_end() as (_, far):
        words = ["--refresh-s", month.refresh_s, "--refreshes", month.refreshes]
        told = ask(far, "aws_refreshes", *words)
        counted = calls(far)
    a_month = sum(counted.values()) / told["hours"] * MONTH_HOURS
    note = f"{every}: {a_month:,.0f} calls a month of {month.calls:,}; {counts(counted)}"
    return Result("B7", a_month / month.calls, 1.05, 3, f"{note} in {told['hours']:g} h")


# -- who waits -------------------------------------------------------------------------------------


def waiting(wanted: list[str]) -> list[Result]:
    results = wait_for_aws("batches allowed") + wait_for_aws("batches denied", "--deny-batches", 1)
    return [result for result in results if result.name.lower() in wanted]


def wait_for_aws(case: str, *words: str | int) -> list[Result]:
    say(f"{WAITERS} admissions wait for an AWS of {DELAY_MS} ms, {case}")
    with far_end("--delay-ms", DELAY_MS, *words) as (folder, far):
        body = folder / "body.json"
        body.write_text("{}")
        far_words = ["--far-port", far.port, "--far-ca", far.ca_file]
        with started(folder, "waiting", "waiting_server", *far_words) as server:
            reports = drive(server, body)
            counted = calls(far)
    load = reports["load"]
    note = f"{case}: {load['per_second']:.0f} of {IDEAL:.0f}/s, p50 {load['p50_us'] / 1000:.1f} ms"
    results = [
        Result(
            "B4",
            load["per_second"] / IDEAL,
            0.95,
            note=f"{note}; {counts(counted)}",
            at_least=True,
        )
    ]
    for sort in ("kept", "fresh"):
        probe = reports[sort]
        note = f"ms, {case}, {sort} connections: {probe['requests']} probes"
        note += f", p50 {probe['p50_us'] / 1000:.2f}"
        results.append(Result("B5", probe["p99_us"] / 1000, 10, note=note))
    return results


def drive(server: Server, body: Path) -> dict[str, dict]:
    """The load, and at the same time /healthz over both sorts of connections."""
    times = ["--warm-ms", WARM_MS, "--ms", WAIT_MS]
    load = ["--path", "/mutate", "--body", body, "--connections", WAITERS, *times]
    probe = ["--path", "/healthz", "--connections", 1, "--every-ms", PROBE_EVERY_MS, *times]
    with ThreadPoolExecutor(3) as pool:
        running = {
            "load": pool.submit(checked_load, [*server.where(), *load]),
            "kept": pool.submit(checked_load, [*server.where(), *probe]),
            "fresh": pool.submit(checked_load, [*server.where(), *probe, "--per-connection", 1]),
        }
        return {name: each.result() for name, each in running.items()}


def alone() -> list[Result]:
    with far_end() as (_, far):
        told = ask(far, "aws_calls", "lone", "--ms", 3000)
    note = (
        f"ms; medians of {told['calls']} calls each: bare {told['bare_us'] / 1000:.3f}, "
        f"through the reader {told['read_us'] / 1000:.3f}"
    )
    return [Result("B6", (told["read_us"] - told["bare_us"]) / 1000, 1, 3, note)]


BUDGETS: dict[str, Callable[[list[str]], list[Result]]] = {
    "b1": costs,
    "b2": costs,
    "b3": lambda _: cold(),
    "b4": waiting,
    "b5": waiting,
    "b6": lambda _: alone(),
    "b7": lambda _: months(),
}
