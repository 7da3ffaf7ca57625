# SPDX-License-Identifier: Apache-2.0
"""./dev demo: what a user of Keyturn sees, step by step, on a genuine control plane.

    python3 -m tests.demo [--keep]

steps.py is the story, read it first; stage.py is what it happens on; walk.py runs the steps and
counts; screen.py prints; leaks.py looks for secret values where none may be.
"""
