# SPDX-License-Identifier: Apache-2.0
"""The table language: what a compatibility table says, and what follows for a pair."""
