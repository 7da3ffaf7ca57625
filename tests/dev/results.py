# SPDX-License-Identifier: Apache-2.0
"""What test programs report, counted in cases.

A report that is missing or cannot be read counts as a failure: no result is no success.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

# The summary of a Check program, and a line of it about a case that did not pass.
CHECK_SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
CHECK_FAILURE = re.compile(r"^.*:[FE]:.*$", re.M)


@dataclass
class Results:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # A line for each failure.
    failures: list[str] = field(default_factory=list)

    def add(self, other: Results) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def summary(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


def failure(reason: str) -> Results:
    return Results(failed=1, failures=[reason])


def read_meson_log(path: Path, status: int) -> Results:
    """meson-logs/testlog.json: a JSON object per program, with what it printed. `status` is the
    exit status of `meson test`."""
    results = Results()
    try:
        for line in path.read_text().splitlines():
            results.add(_program_results(json.loads(line)))
    except FileNotFoundError:
        results.add(failure(f"meson test: exit status {status} and no report"))
    except (OSError, ValueError, KeyError) as error:
        results.add(failure(f"{path.name} cannot be read: {error}"))
    return _reconcile(results, status, "meson test")


def _program_results(entry: dict) -> Results:
    name = entry["name"].split(":", 1)[-1]
    if entry["result"] == "SKIP":
        return Results(skipped=1)
    passed_as_a_whole = entry["result"] in ("OK", "EXPECTEDFAIL")
    stdout = entry.get("stdout", "")
    summaries = CHECK_SUMMARY.findall(stdout)
    if not summaries:  # not a Check program, or it did not get that far
        return Results(passed=1) if passed_as_a_whole else failure(f"{name}: {entry['result']}")
    cases, failures, errors = (sum(map(int, column)) for column in zip(*summaries))
    results = Results(cases - failures - errors, failures + errors)
    results.failures = [f"{name}: {line}" for line in CHECK_FAILURE.findall(stdout)]
    if cases == 0:
        results.add(failure(f"{name}: no case ran"))
    elif not passed_as_a_whole and results.failed == 0:
        # All cases passed and the program failed all the same: a leak found at the end.
        results.add(failure(f"{name}: {entry['result']} (exit status {entry.get('returncode')})"))
    return results


def read_junit(path: Path, status: int) -> Results:
    """What pytest --junitxml wrote. `status` is the exit status of pytest."""
    results = Results()
    try:
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            if bad is not None:
                message = (bad.get("message") or "").splitlines()
                results.add(failure(f"{name}: {message[0][:200] if message else ''}"))
            elif case.find("skipped") is not None:
                results.skipped += 1
            else:
                results.passed += 1
    except FileNotFoundError:
        results.add(failure(f"pytest: exit status {status} and no report"))
    except (OSError, ElementTree.ParseError) as error:
        results.add(failure(f"{path.name} cannot be read: {error}"))
    return _reconcile(results, status, "pytest")


def _reconcile(results: Results, status: int, program: str) -> Results:
    if status != 0 and results.failed == 0:
        results.add(failure(f"{program}: exit status {status}, though no test failed"))
    elif results.passed + results.failed + results.skipped == 0:
        results.add(failure(f"{program}: ran nothing"))
    return results
