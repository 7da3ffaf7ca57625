# SPDX-License-Identifier: Apache-2.0
"""A genuine Kubernetes control plane on loopback, and Keyturn running under it.

Standard library and the openssl program only, so that the demo needs nothing but Python.
"""
