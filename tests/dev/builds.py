# SPDX-License-Identifier: Apache-2.0
"""The build directories, their options, and bringing one up to date.

All lie in the checkout and are ignored by git. Each of the sanitizer builds treats warnings as
errors; the release build does not, because a newer compiler than ours must not stop a user.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.dev.console import LOGS, ROOT, elapsed, run, say, show_end

SUPPRESSIONS = Path(__file__).parent


@dataclass(frozen=True)
class Build:
    name: str
    folder: str
    options: tuple[str, ...] = ()
    compiler: str | None = None
    # Of every program of this build: unit tests, Keyturn itself.
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def program(self) -> Path:
        return self.path / "webhook" / "keyturn"


BUILDS = {
    build.name: build
    for build in (
        Build("release", "build", ("-Dwerror=true",) if os.environ.get("CI") else ()),
        Build(
            "asan",
            "build-asan",
            ("-Db_sanitize=address,undefined", "-Dwerror=true"),
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
            ("-Db_sanitize=thread", "-Db_lundef=false", "-Dwerror=true"),
            compiler="clang",
            environment={
                "TSAN_OPTIONS": f"suppressions={SUPPRESSIONS / 'tsan.supp'}:halt_on_error=1:"
                "second_deadlock_stack=1",
            },
        ),
        Build(
            "fuzz",
            "build-fuzz",
            ("-Dfuzz=true", "-Dtests=false", "-Db_lundef=false", "-Dwerror=true"),
            compiler="clang",
        ),
        # clang's warnings, and the compile commands that clang-tidy reads.
        Build("clang", "build-clang", ("-Dwerror=true",), compiler="clang"),
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
    env = {"CC": chosen.compiler} if chosen.compiler else {}
    if run(f"configure {name}", command, log, env=env) != 0:
        say(f"configure {name} failed")
        show_end(log)
        return False
    recipe_file.write_text(recipe)
    return True


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "release"
    if name not in BUILDS:
        print(f"no build is called {name}; there are {', '.join(BUILDS)}", file=sys.stderr)
        return 2
    if not build(name):
        return 1
    if name != "fuzz" and BUILDS[name].program.exists():
        say(str(BUILDS[name].program.relative_to(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
