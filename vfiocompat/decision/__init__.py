# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether a destination can load a source's state.

`errnos` knows what a driver's errno means, `preconditions` what forbids a pair before a
driver is asked, `notes` what is told beside, `strings` why an endpoint has no version
string, and `answers` what a driver may be asked and has said before. `decide` puts all
of it together, and alone knows what wins. `reads` says what of an endpoint it reads.

Pure: what files, drivers and tables said comes in, a verdict with its reasons goes out.
"""
