# SPDX-License-Identifier: Apache-2.0
"""The one decision: whether a destination can load a source's state.

errnos         what a driver's errno means
streams        what a driver's answer to the head of a stream means
gpus           what NVIDIA's driver is asked of a vGPU and a GPU, and when not
preconditions  what forbids a pair before a driver is asked, and another vendor
notes          what is told beside, and changes nothing
strings        why an endpoint has no version string, as `get` says it
answers        what a driver may be asked, and what it said when it was asked earlier
decisions      what a decision is, and what becomes of it beside what else is found
said           what follows of what a driver said, now or earlier
byhead         what follows of its answer to the head of a stream
nvml           what NVIDIA's driver says of a vGPU and a GPU, and what that decides
decide         all of it together: it alone knows what wins
needs          what has to be learnt so that an undetermined pair is decided
reads          what of an endpoint the decision reads: so what is alike is decided once

Pure: what files, drivers and tables said comes in, a verdict with its reasons goes out.
A module imports only those that stand before it.
"""
