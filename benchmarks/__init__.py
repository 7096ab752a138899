# SPDX-License-Identifier: Apache-2.0
"""Scripts that print a ratio against a peer; run by hand, never by the tests."""
