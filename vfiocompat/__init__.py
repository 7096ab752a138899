# SPDX-License-Identifier: Apache-2.0
"""Compatibility of VFIO devices for live migration, told before it starts."""

__version__ = "0.1.0"
