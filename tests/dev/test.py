# SPDX-License-Identifier: Apache-2.0
"""./dev test: runs the suites one after another and counts over all of them."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.eso import locate_eso
from tests.cluster.go_module import ProgramsError
from tests.cluster.programs import locate_programs
from tests.dev.builds import BUILDS, PROGRAM, build
from tests.dev.console import LOGS, ROOT, elapsed, printable, run, say, show_end
from tests.dev.results import Results, failure, read_junit, read_meson_log

# What is built by default (the law libraries among it), and the test programs.
ALL = ("all", "meson-test-prereq")
# How much slower a program may be with sanitizers than without.
SLOWER = {"release": 1, "asan": 4, "tsan": 10}
# Side by side, a file in one process: most of the time is waiting for what programs do. A cluster
# suite has a control plane in each.
TOGETHER = ("-n", "2", "--dist", "loadfile")
FAILURES_SHOWN = 30


def support() -> Results:
    return pytest("support", "tests/dev", "tests/support", *TOGETHER)


def unit() -> Results:
    return with_build("release", ALL, lambda: unit_tests("release"))


def admission() -> Results:
    return with_build("release", ALL, lambda: pytest("admission", "tests/admission"))


def integration() -> Results:
    return with_build(
        "release",
        (PROGRAM, "tests/tools/server_probe"),
        lambda: pytest("integration", "tests/integration", *TOGETHER),
    )


def oracles() -> Results:
    return with_build("release", ALL, lambda: pytest("oracles", "tests/oracles"))


def chart() -> Results:
    return with_cluster_programs(lambda: pytest("chart", "tests/chart", "tests/demo"))


def cluster() -> Results:
    return with_build(
        "release",
        (PROGRAM,),
        lambda: with_cluster_programs(
            lambda: pytest("cluster", "tests/cluster", *TOGETHER), locate_eso
        ),
    )


def asan() -> Results:
    return with_build("asan", ALL, lambda: sanitized("asan"))


def tsan() -> Results:
    return with_build("tsan", ALL, lambda: sanitized("tsan"))


SUITES: dict[str, Callable[[], Results]] = {
    suite.__name__: suite
    for suite in (support, unit, admission, integration, oracles, chart, cluster, asan, tsan)
}


def sanitized(name: str) -> Results:
    results = unit_tests(name)
    results.add(pytest(f"{name}-admission", "tests/admission", build_name=name))
    results.add(pytest(f"{name}-integration", "tests/integration", *TOGETHER, build_name=name))
    results.add(pytest(f"{name}-oracles", "tests/oracles", "-m", "sanitizers", build_name=name))
    results.add(
        with_cluster_programs(
            lambda: pytest(
                f"{name}-cluster", "tests/cluster", "-m", "sanitizers", *TOGETHER, build_name=name
            ),
            locate_eso,
        )
    )
    return results


def unit_tests(name: str) -> Results:
    """With the corpora of the fuzz targets, which are replayed among them."""
    chosen = BUILDS[name]
    title = "unit" if name == "release" else f"{name}-unit"
    command = ["meson", "test", "-C", str(chosen.path), "--no-rebuild", "--print-errorlogs"]
    command += ["--timeout-multiplier", str(SLOWER[name])]
    env = {**chosen.environment, "CK_TIMEOUT_MULTIPLIER": str(SLOWER[name])}
    report = chosen.path / "meson-logs" / "testlog.json"
    report.unlink(missing_ok=True)
    log = LOGS / f"{title}.log"
    results = read_meson_log(report, run(title, command, log, env=env))
    if results.failed:
        show_end(log)
    return results


def with_build(name: str, targets: tuple[str, ...], then: Callable[[], Results]) -> Results:
    return then() if build(name, targets) else failure(f"build {name}: does not build")


def with_cluster_programs(
    then: Callable[[], Results], *locate_more: Callable[[], object]
) -> Results:
    try:
        for locate in (locate_programs, *locate_more):
            locate()
    except ProgramsError as error:
        say(str(error))
        return failure("the programs of the control plane are missing")
    return then()


def pytest(title: str, *arguments: str, build_name: str = "release") -> Results:
    report = LOGS / f"{title}.xml"
    report.unlink(missing_ok=True)
    more = shlex.split(os.environ.get("KEYTURN_PYTEST_ARGS", ""))
    command = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir=.", "-v"]
    command += ["--color=no", f"--junitxml={report}", *arguments, *more]
    chosen = BUILDS[build_name]
    # Which Keyturn the tests start, and how patient they are with it.
    env = {**chosen.environment, "KEYTURN_BUILD": build_name, "KEYTURN_BINARY": str(chosen.program)}
    env["KEYTURN_SLOWER"] = str(SLOWER[build_name])
    log = LOGS / f"{title}.log"
    results = read_junit(report, run(title, command, log, env=env))
    if results.failed:
        show_failures(log)
    return results


def show_failures(log: Path) -> None:
    """From pytest's own headline on, up to a page or three."""
    lines = log.read_text(errors="replace").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("=") and "FAILURES" in line]
    starts += [i for i, line in enumerate(lines) if line.startswith("=") and "ERRORS" in line]
    if starts:
        for line in lines[min(starts) :][:150]:
            say(f"    {printable(line)}")
        say(f"  log: {log.relative_to(ROOT)}")
    else:
        show_end(log)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        print(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}", file=sys.stderr)
        return 2
    LOGS.mkdir(exist_ok=True)
    total = Results()
    started = time.monotonic()
    for name in names or SUITES:
        say(f"== {name}")
        suite_started = time.monotonic()
        results = SUITES[name]()
        say(f"== {name}: {results.summary()} ({elapsed(suite_started)})")
        for line in results.failures[:FAILURES_SHOWN]:
            say(f"  failed: {printable(line)}")
        if len(results.failures) > FAILURES_SHOWN:
            say(f"  and {len(results.failures) - FAILURES_SHOWN} more")
        total.add(results)
    say(f"== all suites took {elapsed(started)}")
    say(total.summary())
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
