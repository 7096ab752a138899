# SPDX-License-Identifier: Apache-2.0
"""A whole VM: what its devices are, and which hosts take all of them.

model         a VM and its VFIO devices, and how a person names a VM
besides       what a VM has beside VFIO devices that may not be migrated
qemuargs      QEMU's arguments: its devices, and what sets their properties
aliases       what libvirt calls host devices
attachments   what attaches VFIO devices in domain XML
manifest      what a VM's devices stand for at its destination, within its XML
domain        libvirt's domain XML: the VM that it describes, and the same VM elsewhere
releases      which QEMU runs a VM, and which migration interface that one speaks
refusals      what QEMU would refuse now, and what it would keep back
qmp           a running QEMU, asked over its monitor
libvirt       libvirt, asked by virsh
read          a VM from wherever a person says it is
interfaces    what the drivers of its devices can do for a migration
learning      what to type so that it is known what their drivers can do
blockers      what QEMU demands of a VM before it migrates it
messages      what QEMU says where a migration is refused, or has failed
kinds         what a device can be at its destination: an mdev, or a PCI function
sources       what a VM's devices are, before it goes
seats         what a VM's devices want, and what a host has for them
matching      devices and seats matched: the only module that uses networkx
room          whether there is an instance for each device
instances     what a host has for devices, and what it can create
migration     the question: a VM, its sources, and what a destination has to meet
hosts         what a host makes of it: one record, by which hosts are ranked
plan          what each device is given, and the VM's XML there
report        that record written out: each device's pair, and why
wanting       what has to be learnt so that what a host makes of it is known
destinations  this host and fleets, read for all of that

A module imports only those that stand before it.
"""
