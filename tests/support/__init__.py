# SPDX-License-Identifier: Apache-2.0
"""Stand-ins and helpers that the integration, cluster and demo runs share.

Standard library only, so that the demo needs nothing but Python.
"""
