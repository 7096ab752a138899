# SPDX-License-Identifier: Apache-2.0
"""A whole VM: what its devices are, and which hosts take all of them.

`model` is a VM as a value. `domain`, `qemuargs` and `manifest` read it from domain XML,
`qmp` from a running QEMU, and `read` from wherever a person says it is. `blockers` is
what QEMU demands of it, `sources` what its devices are, `room` whether there is an
instance for each.
"""
