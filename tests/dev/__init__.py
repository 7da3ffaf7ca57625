# SPDX-License-Identifier: Apache-2.0
"""What ./dev runs. Standard library only, but for the tests of these scripts."""
