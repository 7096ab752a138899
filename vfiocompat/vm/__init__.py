# SPDX-License-Identifier: Apache-2.0
"""A whole VM: what its devices are, and which hosts take all of them.

`model` is a VM as a value. It is read from wherever a person says it is (`read`): from
domain XML (`domain`, with `qemuargs` and `manifest` in it) by itself or by `libvirt`,
or from a running QEMU (`qmp`). `sources` finds what its devices are, and `blockers`
what QEMU demands of it.

What a host makes of it goes one way. `migration` is the question. `instances` is what a
host has for devices, and `room` gives each one. `hosts` makes one record of that, by
which hosts are ranked; `report` writes it out, with the `plan` of what is given and the
VM's XML there. `destinations` reads this host and fleets for it.
"""
