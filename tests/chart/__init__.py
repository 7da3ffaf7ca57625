# SPDX-License-Identifier: Apache-2.0
"""The chart as helm renders it. What an API server makes of it is tested under tests/cluster."""
