# SPDX-License-Identifier: Apache-2.0
"""The counting of ./dev test, on reports that the genuine tools write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dev.results import Results, read_junit, read_meson_log

CHECK_PROGRAM = """
#include <check.h>
#include <stdlib.h>
START_TEST(one) {} END_TEST
START_TEST(two) { ck_assert_msg(%(two)s, "two is wrong"); } END_TEST
START_TEST(three) {} END_TEST
int main(void)
{
    Suite *s = suite_create("s");
    TCase *t = tcase_create("t");
    tcase_add_test(t, one);
    tcase_add_test(t, two);
    tcase_add_test(t, three);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    %(end)s
    return failed != 0;
}
"""
PLAIN = "int main(void) { return %d; }\n"
PROJECT = """
project('p', 'c')
check = dependency('check')
foreach name : [%s]
  test(name, executable(name, name + '.c', dependencies: check))
endforeach
"""


def meson_results(folder: Path, programs: dict[str, str]) -> Results:
    for name, text in programs.items():
        (folder / f"{name}.c").write_text(text)
    names = ", ".join(f"'{name}'" for name in programs)
    (folder / "meson.build").write_text(PROJECT % names)
    build = folder / "build"
    subprocess.run(["meson", "setup", build, folder], check=True, capture_output=True)
    status = subprocess.run(["meson", "test", "-C", build], capture_output=True).returncode
    return read_meson_log(build / "meson-logs" / "testlog.json", status)


def test_counts_the_cases_of_check_programs(tmp_path: Path) -> None:
    programs = {
        "good": CHECK_PROGRAM % {"two": 1, "end": ""},
        "bad": CHECK_PROGRAM % {"two": 0, "end": ""},
        # As a sanitizer that finds a leak when the program ends.
        "late": CHECK_PROGRAM % {"two": 1, "end": "exit(23);"},
        "early": "#include <stdlib.h>\nint main(void) { abort(); }\n",
        "plain": PLAIN % 0,
        "skipped": PLAIN % 77,
    }
    results = meson_results(tmp_path, programs)
    assert (results.passed, results.failed, results.skipped) == (3 + 2 + 3 + 1, 1 + 1 + 1, 1)
    assert any("bad" in line and "two is wrong" in line for line in results.failures)
    assert any("late" in line and "23" in line for line in results.failures)
    assert len(results.failures) == 3
    assert results.summary() == "9 passed, 3 failed, 1 skipped"


def test_program_that_does_not_compile_is_a_failure(tmp_path: Path) -> None:
    results = meson_results(tmp_path, {"broken": "int main(void) { return x; }\n"})
    assert (results.passed, results.failed) == (0, 1)


def test_check_program_without_a_case_is_a_failure(tmp_path: Path) -> None:
    log = tmp_path / "testlog.json"
    log.write_text('{"name": "p:x", "result": "OK", "stdout": '
                   '"100%: Checks: 0, Failures: 0, Errors: 0\\n"}\n')
    assert read_meson_log(log, 0).failed == 1


def junit_results(folder: Path, text: str) -> Results:
    (folder / "test_sample.py").write_text(text)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(folder)]
    status = subprocess.run(command, cwd=folder, capture_output=True).returncode
    return read_junit(report, status)


def test_counts_the_cases_of_pytest(tmp_path: Path) -> None:
    results = junit_results(
        tmp_path,
        "import pytest\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError('no such thing')\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_good(n): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "def test_no_fixture(broken): pass\n"
        "def test_skipped(): pytest.skip('because')\n",
    )
    assert (results.passed, results.failed, results.skipped) == (2, 2, 1)
    assert any("test_bad" in line and "assert 1 == 2" in line for line in results.failures)


@pytest.mark.parametrize("text", ["", "import no_such_module\n", "import os\nos._exit(0)\n"])
def test_pytest_without_a_result_is_a_failure(tmp_path: Path, text: str) -> None:
    results = junit_results(tmp_path, text)
    assert (results.passed, results.failed) == (0, 1)


@pytest.mark.parametrize("read", [read_junit, read_meson_log])
def test_report_that_cannot_be_read_is_a_failure(tmp_path: Path, read) -> None:
    (tmp_path / "report").write_text("{ <nonsense>")
    assert read(tmp_path / "report", 0).failed == 1
    assert read(tmp_path / "absent", 0).failed == 1
