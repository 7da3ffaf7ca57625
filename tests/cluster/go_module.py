# SPDX-License-Identifier: Apache-2.0
"""Builds a Go module of the test tree once, into a cache outside the checkout.

An entry of the cache stands under a key of everything that decides the result, and is reused by
every run and every checkout with the same key:

    ${KEYTURN_CACHE:-${XDG_CACHE_HOME:-~/.cache}/keyturn}/<name>/<key>/...
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The first Go that can fetch, by itself, the newer one that go.mod asks for (GOTOOLCHAIN=auto).
OLDEST_GO = (1, 21)
# Where go.dev's archive is unpacked to, often without being on PATH.
USUAL_GO = "/usr/local/go/bin/go"
PROGRESS_SECONDS = 10
# In a build command, the folder for programs.
BIN = "bin/"


class ProgramsError(Exception):
    """The programs can be neither found nor built. The message says what to do."""


@dataclass(frozen=True)
class GoModule:
    """folder: with go.mod and go.sum.
    name: of its folder in the cache.
    title, minutes: what is built and how long that takes on two cores, for the one who waits.
    remedy: what else can be done where there is no Go.
    """

    folder: Path
    name: str
    title: str
    minutes: int
    remedy: str = ""

    def pinned_version(self, module: str) -> str:
        match = re.search(
            rf"^\s*(?:require\s+)?{re.escape(module)} (v\S+)",
            (self.folder / "go.mod").read_text(),
            re.M,
        )
        if match is None:
            raise ProgramsError(f"{self.folder / 'go.mod'} does not require {module}")
        return match[1]

    def key(self, recipe: Sequence[object]) -> str:
        """Of the module's sources and of `recipe`, which is whatever else decides the result."""
        digest = hashlib.sha256()
        sources = (*self.folder.rglob("*.go"), self.folder / "go.mod", self.folder / "go.sum")
        for source in sorted(sources):
            digest.update(source.read_bytes())
        digest.update(json.dumps(recipe).encode())
        digest.update(f"{platform.system()} {platform.machine()}".encode())
        return digest.hexdigest()[:16]

    def entry(self, key: str) -> Path:
        return cache_dir() / self.name / key

    def locate(
        self,
        key: str,
        command: Sequence[str],
        finish: Callable[[str, Path], None],
        quiet: bool = False,
    ) -> Path:
        """The entry of the cache, built if it is not there. `command` begins with "go" and has BIN
        where its output goes; `finish` (go, entry) adds what else belongs to the entry."""
        entry = self.entry(key)
        if not (entry / "complete").exists():
            with _build_lock(entry):
                # Whoever held the lock before may have built it.
                if not (entry / "complete").exists():
                    self._build(entry, command, finish, quiet)
        return entry

    def source_folder(self, go: str, module: str) -> Path:
        """Where the module cache has this module. It may be emptied later, and is read-only."""
        reply = subprocess.run(
            [go, "list", "-m", "-f", "{{.Dir}}", module],
            cwd=self.folder,
            env={**os.environ, "GOFLAGS": "-mod=readonly"},
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(reply.stdout.strip())

    def _build(
        self,
        entry: Path,
        command: Sequence[str],
        finish: Callable[[str, Path], None],
        quiet: bool,
    ) -> None:
        go = find_go(self)
        for left_over in entry.parent.glob(f".{entry.name}-*"):  # of a build that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
        log = entry.parent / f"{entry.name}.log"
        output = str(work / "bin") + os.sep
        try:
            _say(
                quiet,
                f"building {self.title} with {go}; once, some {self.minutes} minutes ({log})",
            )
            argv = [go, *(output if word == BIN else word for word in command[1:])]
            _run_build(argv, self.folder, log, quiet)
            finish(go, work)
            (work / "complete").touch()
            shutil.rmtree(entry, ignore_errors=True)
            work.chmod(0o755)
            work.rename(entry)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def cache_dir() -> Path:
    explicit = os.environ.get("KEYTURN_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "keyturn"


def find_go(module: GoModule) -> str:
    remedy = (
        "The test programs are built from source and need Go 1.21 or later (it fetches by itself "
        f"the version that {module.folder / 'go.mod'} names). Debian 12's own golang-1.19 cannot "
        "do that: install golang-go from bookworm-backports, or unpack go.dev/dl to /usr/local/go "
        "and put /usr/local/go/bin on PATH."
    )
    found = []
    for go in (shutil.which("go"), USUAL_GO):
        if go is None or not os.access(go, os.X_OK):
            continue
        reply = subprocess.run(
            [go, "version"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
        match = re.search(r"\bgo(\d+)\.(\d+)", reply.stdout)
        if match and (int(match[1]), int(match[2])) >= OLDEST_GO:
            return go
        found.append(f"{go} is {match[0] if match else 'no Go'}")
    raise ProgramsError(
        f"{'; '.join(found) or 'There is no Go'}. {remedy} {module.remedy}".rstrip()
    )


def _run_build(argv: Sequence[str], folder: Path, log: Path, quiet: bool) -> None:
    started = time.monotonic()
    with log.open("wb") as stream:
        build = subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"), "GOFLAGS": ""},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    status = build.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    _say(quiet, f"  {_elapsed(started)} {_last_line(log)}".rstrip())
        except BaseException:
            build.kill()
            build.wait()
            raise
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ProgramsError(f"go build failed ({status}); the end of {log}:\n{tail}")
    _say(quiet, f"  {_elapsed(started)} built")


@contextmanager
def _build_lock(entry: Path) -> Iterator[None]:
    """One build at a time; the kernel drops the lock with its holder, whatever ends that one."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (entry.parent / "build.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if int(time.monotonic() - started) % PROGRESS_SECONDS == 0:
                    _say(False, f"  {_elapsed(started)} waiting: another run builds the programs")
                time.sleep(1)
        yield


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "compiling"


def _elapsed(started: float) -> str:
    seconds = int(time.monotonic() - started)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)
