# SPDX-License-Identifier: Apache-2.0
"""The executable itself: what its dynamic table shows, what it does to its process, its usage."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.builds import BINARY, SANITIZED, SLOWER, TOOLS, program_environment
from tests.support.process import Process

release_only = pytest.mark.skipif(SANITIZED, reason="sanitizer builds bring their own allocator")

NOBODY = 65534
# By webhook/wipe.c and webhook/tls_groups.c.
REPLACED = ("free", "realloc", "calloc", "gnutls_init", "gnutls_priority_set_direct")


def programs() -> list[Path]:
    """What is linked as the program is."""
    return [each for each in (BINARY, TOOLS / "server_probe") if each.exists()]


def readelf(*arguments: str) -> str:
    return subprocess.run(
        ["readelf", "-W", *arguments], check=True, capture_output=True, text=True
    ).stdout


@release_only
@pytest.mark.parametrize("program", programs(), ids=lambda each: each.name)
def test_only_what_replaces_the_libraries_own_is_exported(program: Path) -> None:
    """Anything else of ours there could take the place of a library's own function; and with free
    hidden, no library would use it, with nothing to be seen."""
    defined = {}
    for line in readelf("--dyn-syms", str(program)).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0].rstrip(":").isdigit() and fields[6] != "UND":
            defined[fields[7]] = (fields[3], fields[5])
    # glibc's own variables, copied into the executable: stdout, stderr.
    ours = {name: how for name, how in defined.items() if "@GLIBC" not in name}
    assert ours == {name: ("FUNC", "DEFAULT") for name in REPLACED}


@pytest.mark.parametrize("program", programs(), ids=lambda each: each.name)
def test_every_symbol_is_bound_at_start(program: Path) -> None:
    """Lazy resolution saves vector registers, and with them bytes of secrets, on the stack."""
    dynamic = readelf("--dynamic", str(program))
    assert re.search(r"\(FLAGS(_1)?\).*NOW", dynamic)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert re.search(r"Type:\s+DYN", readelf("--file-header", str(program)))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that another user may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="keyturn-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@release_only
@pytest.mark.skipif(os.geteuid() != 0, reason="gives up rights")
def test_s79_the_process_cannot_be_dumped_or_gain_rights(open_folder: Path) -> None:
    program = open_folder / "server_probe"
    shutil.copy(TOOLS / "server_probe", program)
    program.chmod(0o755)
    arguments = ["--ca", str(open_folder / "ca.pem")]
    with Process.start(program, arguments, program_environment(), user=NOBODY) as process:
        process.wait_log("started", 10 * SLOWER)
        proc = Path(f"/proc/{process.pid}")
        assert re.search(r"^NoNewPrivs:\s+1$", (proc / "status").read_text(), re.M)
        assert re.search(r"^Uid:\s+65534", (proc / "status").read_text(), re.M)
        assert re.search(r"^Max core file size\s+0\s+0", (proc / "limits").read_text(), re.M)
        # The files of a process that is not dumpable belong to root: nobody of its own user may
        # read its memory.
        assert (proc / "mem").stat().st_uid == 0
        assert process.stop() == 0


@pytest.mark.skipif(not BINARY.exists(), reason="the program is not built")
class TestUsage:
    @staticmethod
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(BINARY), *arguments],
            env=program_environment(),
            capture_output=True,
            text=True,
            timeout=30 * SLOWER,
        )

    @pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
    def test_help_names_the_commands(self, arguments: list[str]) -> None:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        for command in ("serve", "release", "version"):
            assert re.search(rf"^  {command} ", done.stdout, re.M)

    @pytest.mark.parametrize("command", ["serve", "release"])
    def test_each_command_explains_its_options(self, command: str) -> None:
        for arguments in ([command, "--help"], [command, "-h"], ["help", command]):
            done = self.run(*arguments)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith(f"keyturn {command}:")
            assert "--kubeconfig FILE" in done.stdout

    def test_version(self) -> None:
        done = self.run("version")
        assert done.returncode == 0
        assert re.fullmatch(
            r"keyturn \d+\.\d+\.\d+\nlibmicrohttpd [\d.]+, GnuTLS [\d.]+, libcurl \S+, "
            r"cJSON [\d.]+\n",
            done.stdout,
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["sreve"], ['"sreve"', "keyturn help"]),
            (["serve", "--debounce", "5"], ["--debounce", "5s"]),
            (["serve", "--namespace", "x", "--external-secrets-controller", "flux"], ["flux"]),
            (["release", "--al"], ["--al", "keyturn release --help"]),
        ],
    )
    def test_a_mistake_is_one_line_and_status_2(
        self, arguments: list[str], words: list[str]
    ) -> None:
        done = self.run(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        for word in words:
            assert word in done.stderr
