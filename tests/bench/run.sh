#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures against the budgets: tests/bench/run.sh [NAME...], see ./dev help bench.
set -eu
cd -- "$(dirname -- "$0")/../.."
exec "${PYTHON:-python3}" -m tests.bench.run "$@"
