# SPDX-License-Identifier: Apache-2.0
"""The build directories, their options, and bringing one up to date.

All lie in the checkout and are ignored by git. Warnings are errors in the builds without sanitizers
as long as the compiler is the one of Debian 12: a newer one must not stop anybody, and what a
sanitizer adds to the code makes gcc see truncations and null pointers that are not there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.dev.console import LOGS, ROOT, elapsed, run, say, show_end

SUPPRESSIONS = Path(__file__).parent
# The target that is Keyturn itself, as ninja calls it.
PROGRAM = "webhook/keyturn"


@dataclass(frozen=True)
class Build:
    name: str
    folder: str
    options: tuple[str, ...] = ()
    compiler: str = "gcc"
    # Of every program of this build: unit tests, Keyturn itself.
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def program(self) -> Path:
        return self.path / PROGRAM


def werror(compiler: str, known: int) -> tuple[str, ...]:
    if shutil.which(compiler) is None:
        return ()
    reply = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True)
    return ("-Dwerror=true",) if reply.stdout.split(".")[0].strip() == str(known) else ()


BUILDS = {
    build.name: build
    for build in (
        Build("release", "build", werror("gcc", 12)),
        Build(
            "asan",
            "build-asan",
            ("-Db_sanitize=address,undefined",),
            environment={
                "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:strict_string_checks=1:"
                "detect_stack_use_after_return=1",
                "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS / 'lsan.supp'}:print_suppressions=0",
            },
        ),
        Build(
            "tsan",
            "build-tsan",
            # Shared libraries leave the sanitizer's own symbols to the program.
            ("-Db_sanitize=thread", "-Db_lundef=false"),
            compiler="clang",
            environment={
                "TSAN_OPTIONS": f"suppressions={SUPPRESSIONS / 'tsan.supp'}:halt_on_error=1:"
                "second_deadlock_stack=1",
            },
        ),
        Build(
            "fuzz",
            "build-fuzz",
            ("-Dfuzz=true", "-Dtests=false", "-Db_lundef=false"),
            compiler="clang",
        ),
        # clang's warnings, and the compile commands that clang-tidy reads.
        Build(
            "clang", "build-clang", ("-Dbench=true", *werror("clang", 14)), compiler="clang"
        ),
    )
}


def build(name: str, targets: tuple[str, ...] = ()) -> bool:
    """Configures where needed and compiles. On failure the compiler's words are shown."""
    chosen = BUILDS[name]
    started = time.monotonic()
    log = LOGS / f"build-{name}.log"
    if not configure(name):
        return False
    if run(f"build {name}", ["ninja", "-C", str(chosen.path), *targets], log) != 0:
        say(f"build {name} failed")
        show_end(log)
        return False
    say(f"build {name} ok ({elapsed(started)})")
    return True


def configure(name: str) -> bool:
    """meson setup, anew when the options or the compiler are not those of the last time."""
    chosen = BUILDS[name]
    recipe = json.dumps([chosen.options, chosen.compiler])
    recipe_file = chosen.path / "keyturn-recipe.json"
    if (chosen.path / "build.ninja").exists():
        # A directory that somebody set up by hand is used as it is.
        if not recipe_file.exists() or recipe_file.read_text() == recipe:
            return True
    shutil.rmtree(chosen.path, ignore_errors=True)
    log = LOGS / f"configure-{name}.log"
    command = ["meson", "setup", str(chosen.path), str(ROOT), *chosen.options]
    if run(f"configure {name}", command, log, env={"CC": compiler_command(chosen)}) != 0:
        say(f"configure {name} failed")
        show_end(log)
        return False
    recipe_file.write_text(recipe)
    return True


def compiler_command(chosen: Build) -> str:
    """Through ccache, where there is one: the builds differ, but each is often made anew."""
    return f"ccache {chosen.compiler}" if shutil.which("ccache") else chosen.compiler


def main() -> int:
    """The release build of the program, without its tests."""
    if not build("release", (PROGRAM,)):
        return 1
    say(str(BUILDS["release"].program.relative_to(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
