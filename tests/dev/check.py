# SPDX-License-Identifier: Apache-2.0
"""./dev check: what a machine can see in the sources. A line per check, details where one fails."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.dev.builds import BUILDS, build, configure
from tests.dev.console import PROGRESS_SECONDS, ROOT, elapsed, say

JOBS = os.cpu_count() or 2
COLUMNS = 100
FILE_LINES = 700
LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0"

# A comment, a string or a character of C: what is inside is no code.
NO_CODE = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'", re.S
)

Findings = list[str]


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in sorted(output.split("\0")) if name and (ROOT / name).exists()]


def run(argv: Sequence[str], **more: object) -> tuple[int, str]:
    """Exit status and all output of a short command."""
    reply = subprocess.run(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more
    )
    return reply.returncode, reply.stdout


def for_each(title: str, action: Callable[[Path], Findings], paths: Iterable[Path]) -> Findings:
    """Runs `action` on each path, as many at once as there are processors; says how far it is."""
    paths = list(paths)
    started = said = time.monotonic()
    findings: Findings = []
    with ThreadPoolExecutor(JOBS) as pool:
        for done, found in enumerate(pool.map(action, paths), start=1):
            findings += found
            if time.monotonic() - said >= PROGRESS_SECONDS:
                said = time.monotonic()
                say(f"  {title} {elapsed(started)}  {done} of {len(paths)} files")
    return findings


def format() -> Findings:
    """clang-format finds nothing to change."""

    def one(path: Path) -> Findings:
        status, output = run(["clang-format", "--dry-run", "--Werror", str(path)])
        places = [line.split(": ")[0] for line in output.splitlines() if "error:" in line]
        return [f"{places[0]}: {len(places)} places for clang-format -i"] if places else []

    return for_each("format", one, tracked("*.c", "*.h"))


def tidy() -> Findings:
    """clang-tidy, on the code as clang compiles it."""
    if not configure("clang"):
        return ["build-clang cannot be configured"]
    folder = BUILDS["clang"].path
    commands = json.loads((folder / "compile_commands.json").read_text())
    by_file = {
        Path(os.path.normpath(Path(entry["directory"]) / entry["file"])): entry["command"]
        for entry in commands
    }
    # A file that was clean stays so until it, its command, a header or the configuration changes.
    common = hashlib.sha256()
    for path in [*tracked("*.h"), *tracked("*.clang-tidy")]:
        common.update(path.read_bytes())
    clean = folder / "tidy"
    clean.mkdir(exist_ok=True)

    def one(path: Path) -> Findings:
        key = common.copy()
        key.update(by_file[path].encode() + path.read_bytes())
        marker = clean / key.hexdigest()
        if marker.exists():
            return []
        status, output = run(["clang-tidy", "-p", str(folder), "--quiet", str(path)])
        found = [line for line in output.splitlines() if re.search(r"(error|warning): ", line)]
        if status == 0 and not found:
            marker.touch()
            return []
        return found or [f"{path}: clang-tidy failed: {output[-500:]}"]

    return for_each("tidy", one, [path for path in tracked("*.c") if path in by_file])


def cppcheck() -> Findings:
    """cppcheck on the whole program."""
    if not configure("clang"):
        return ["build-clang cannot be configured"]
    work = BUILDS["clang"].path / "cppcheck"
    work.mkdir(exist_ok=True)
    status, output = run(
        [
            *("cppcheck", "--quiet", "-j", str(JOBS), f"--cppcheck-build-dir={work}"),
            *("--error-exitcode=1", "--inline-suppr", "--std=c11", "--max-ctu-depth=4"),
            *("--enable=warning,performance,portability", "--suppress=*:*/usr/include/*"),
            f"--suppressions-list={ROOT / 'tests' / 'dev' / 'cppcheck.supp'}",
            f"--project={BUILDS['clang'].path / 'compile_commands.json'}",
            "--template={file}:{line}: {severity}: {message} [{id}]",
        ]
    )
    return output.splitlines() if status else []


def headers() -> Findings:
    """Every header compiles alone, and twice."""
    packages = "gnutls libmicrohttpd libcjson libcurl yaml-0.1 libpcre2-8 check".split()
    _, flags = run(["pkg-config", "--cflags", *packages])
    options = ["-std=gnu17", "-D_GNU_SOURCE", '-DKEYTURN_VERSION="0"', "-Wall", "-Wextra"]
    options += ["-Werror", "-Ilib", "-I.", "-Itests/unit", *flags.split()]

    def one(path: Path) -> Findings:
        text = f'#include "{path.relative_to(ROOT)}"\n' * 2 + "extern int not_empty;\n"
        command = ["gcc", "-fsyntax-only", *options, "-x", "c", "-"]
        status, output = run(command, input=text)
        lines = [line for line in output.splitlines() if "error" in line]
        return (lines or [f"{path}: does not compile alone"])[:5] if status else []

    return for_each("headers", one, tracked("lib/*.h", "webhook/*.h", "tests/*.h"))


def warnings() -> Findings:
    """No warning from gcc and from clang, in the program and in the tests."""
    targets = ("all", "meson-test-prereq")
    return [f"{name}: see above" for name in ("release", "clang") if not build(name, targets)]


def law() -> Findings:
    """Each directory of lib uses only what the table of lib/meson.build allows: the shared
    libraries law_* prove it for calls, when they link; the include lines prove it for the rest."""
    findings = [] if build("release", ("all",)) else ["the law libraries do not link: see above"]
    text = (ROOT / "lib" / "meson.build").read_text()
    table = {
        name: {name, *re.findall(r"'(\w+)'", uses)}
        for name, uses in re.findall(r"^\s*\['(\w+)', \[([^\]]*)\],", text, re.M)
    }
    if not table:
        return [*findings, "lib/meson.build: no table of uses found"]
    for path in tracked("lib/*.c", "lib/*.h", "tests/unit/*.c"):
        parts = path.relative_to(ROOT).parts
        own = parts[1] if parts[0] == "lib" else parts[2]
        if own not in table:
            if parts[0] == "lib":
                findings.append(f"{path.relative_to(ROOT)}: {own} is not in the table of uses")
            continue
        for line, included in includes(path):
            used = included.split("/")[0]
            if "/" in included and (used in table or used == "webhook") and used not in table[own]:
                findings.append(
                    f"{path.relative_to(ROOT)}:{line}: {own} may not use {used} ({included})"
                )
    return findings


def includes(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text().splitlines()
    found = [(number, re.match(r'\s*#\s*include\s+"([^"]+)"', line)) for number, line in
             enumerate(lines, start=1)]
    return [(number, match[1]) for number, match in found if match]


def banned() -> Findings:
    """No function that lib/base/banned.h names, also where that header is not included."""
    text = (ROOT / "lib" / "base" / "banned.h").read_text()
    names = [name for line in re.findall(r"^#pragma GCC poison (.*)$", text, re.M)
             for name in line.split()]
    if not names:
        return ["lib/base/banned.h poisons nothing"]
    pattern = re.compile(rf"\b({'|'.join(names)})\b")
    findings = []
    for path in tracked("lib/*.c", "lib/*.h", "webhook/*.c", "webhook/*.h"):
        if path.name == "banned.h":
            continue
        code = NO_CODE.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
        for number, line in enumerate(code.splitlines(), start=1):
            for match in pattern.finditer(line):
                findings.append(f"{path.relative_to(ROOT)}:{number}: {match[1]} is banned")
    return findings


def scripts() -> Findings:
    """Shell and Python parse; shellcheck has nothing to say, where it is installed."""
    findings = []
    shell = [path for path in tracked() if is_shell(path)]
    for path in shell:
        first = path.read_text().splitlines()[0]
        status, output = run(["bash" if "bash" in first else "sh", "-n", str(path)])
        findings += output.splitlines() if status else []
    if shell and shutil.which("shellcheck"):
        status, output = run(["shellcheck", "-x", "-f", "gcc", *map(str, shell)])
        findings += output.splitlines() if status else []
    for path in tracked("*.py"):
        try:
            ast.parse(path.read_text(), str(path))
        except SyntaxError as error:
            findings.append(f"{path.relative_to(ROOT)}:{error.lineno}: {error.msg}")
    return findings


def is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as stream:
        return re.match(rb"#!\s*/\S*(/| )(ba|da)?sh\b", stream.readline(100)) is not None


def tree() -> Findings:
    """License lines, lengths, and no path or host of somebody's machine."""
    findings = []
    # Where this checkout and this user happen to be, and the usual places of both.
    places = {str(ROOT), str(Path.home()), "/root", "/work", "/home/[a-z]+"} - {"/"}
    machine = re.compile(rf"(?<![\w./-])({'|'.join(sorted(places))})/")
    for path in tracked():
        name = path.relative_to(ROOT)
        if path.is_symlink() or not path.is_file() or name.name in ("go.sum", "LICENSE"):
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue  # test data
        in_data = name.parts[:2] == ("tests", "data")
        if path.suffix in (".c", ".h", ".py", ".sh", ".go") or is_shell(path):
            if not any(LICENSE_LINE in line for line in lines[:2]):
                findings.append(f"{name}:1: no line `{LICENSE_LINE}`")
        if path.suffix in (".c", ".h") and len(lines) >= FILE_LINES:
            findings.append(f"{name}: {len(lines)} lines; below {FILE_LINES} is the rule")
        for number, line in enumerate(lines, start=1):
            if len(line) > COLUMNS and path.suffix in (".c", ".h", ".py", ".sh"):
                findings.append(f"{name}:{number}: {len(line)} columns")
            if not in_data and name != Path("tests/dev/check.py") and machine.search(line):
                findings.append(f"{name}:{number}: a path of this machine: {line.strip()[:80]}")
    return findings


def relative(finding: str) -> str:
    """Paths as from the root of the checkout, however a tool wrote them."""
    return re.sub(rf"^({re.escape(str(ROOT))}/)?(build-\w+/)?(\.\./)?", "", finding)


CHECKS: dict[str, Callable[[], Findings]] = {
    check.__name__: check
    for check in (tree, format, scripts, banned, headers, law, warnings, cppcheck, tidy)
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check {', '.join(unknown)}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names or CHECKS:
        started = time.monotonic()
        findings = CHECKS[name]()
        findings = list(dict.fromkeys(map(relative, findings)))
        for line in findings:
            say(f"  {line}")
        failed += bool(findings)
        verdict = f"FAILED, {len(findings)} findings" if findings else "ok"
        say(f"{name:10}{verdict} ({elapsed(started)})")
    say(f"{len(names or CHECKS) - failed} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
