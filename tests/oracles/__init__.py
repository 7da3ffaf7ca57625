# SPDX-License-Identifier: Apache-2.0
"""Keyturn's AWS client and the AWS stand-in against programs that nobody here wrote."""
