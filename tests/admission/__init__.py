# SPDX-License-Identifier: Apache-2.0
"""Keyturn's answers to reviews, applied by an independent implementation of RFC 6902."""
