# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether a destination can load a source's state.

`decide` makes it. Pure: what files, drivers and tables said comes in, a verdict with
its reasons goes out.
"""
