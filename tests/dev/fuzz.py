# SPDX-License-Identifier: Apache-2.0
"""./dev fuzz: libFuzzer on each parser, for a minute.

A target is tests/fuzz/fuzz_<name>.c. Its seeds are the files below tests/fuzz/corpus/<name>, and
what tests/fuzz/corpora names for it, one line per target: `<name> <folder below tests/data>...`.
tests/fuzz/<name>.dict, where there is one, is its dictionary. Unit tests replay these corpora.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.cluster.go_module import cache_dir
from tests.dev.builds import BUILDS, build
from tests.dev.console import LOGS, ROOT, run, say, show_end

SOURCES = ROOT / "tests" / "fuzz"
FINDINGS = BUILDS["fuzz"].path / "findings"
OPTIONS = ("-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1")
# The first finding ends the run; leaks count.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1"}


def targets() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in SOURCES.glob("fuzz_*.c"))


def seeds(target: str) -> list[Path]:
    folders = [SOURCES / "corpus" / target]
    corpora = SOURCES / "corpora"
    for line in corpora.read_text().splitlines() if corpora.exists() else []:
        words = line.split("#")[0].split()
        if words and words[0] == target:
            folders += [ROOT / "tests" / "data" / word for word in words[1:]]
    return [folder for folder in folders if folder.is_dir()]


def program(target: str) -> Path:
    return BUILDS["fuzz"].path / "tests" / "fuzz" / f"fuzz_{target}"


def fuzz(target: str, seconds: int) -> bool:
    learnt = cache_dir() / "fuzz" / target
    findings = FINDINGS / target
    for folder in (learnt, findings):
        folder.mkdir(parents=True, exist_ok=True)
    command = [str(program(target)), *OPTIONS, f"-max_total_time={seconds}"]
    command += [f"-artifact_prefix={findings}/"]
    dictionary = SOURCES / f"{target}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    # New inputs go into the first folder; the others are only read.
    command += [str(learnt), *map(str, seeds(target))]
    log = LOGS / f"fuzz-{target}.log"
    status = run(f"fuzz {target}", command, log, env=ENVIRONMENT, timeout=seconds + 300)
    text = log.read_text(errors="replace")
    runs = re.findall(r"^stat::number_of_executed_units: (\d+)", text, re.M)
    coverage = re.findall(r"\bcov: (\d+)", text)
    figures = f"{runs[-1] if runs else 0} runs, {coverage[-1] if coverage else 0} edges"
    say(f"fuzz {target}: {figures}, {'no finding' if status == 0 else 'FAILED'}")
    if status != 0:
        show_end(log)
        say(f"  inputs that fail are in {findings.relative_to(ROOT)}")
    return status == 0


def main(names: list[str]) -> int:
    known = targets()
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        print(
            f"no fuzz target {', '.join(unknown)}; there are: {', '.join(known) or 'none'}",
            file=sys.stderr,
        )
        return 2
    if not build("fuzz"):
        return 1
    seconds = int(os.environ.get("KEYTURN_FUZZ_SECONDS", "60"))
    chosen = names or known
    failed = [name for name in chosen if not fuzz(name, seconds)]
    say(f"{len(chosen) - len(failed)} without a finding, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
