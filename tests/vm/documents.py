# SPDX-License-Identifier: Apache-2.0
"""Domain XML for tests, and what is read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleets import endpoint, inventory
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.domain import Domain
from vfiocompat.vm.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.vm.model import DeviceAddress, Vm, VmDevice

UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
OTHER = "11111111-2222-3333-4444-555555555555"
QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"

MDEV_XML = f"""\
<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='off'>
  <source><address uuid='{UUID}'/></source>
  <alias name='hostdev0'/>
  <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
</hostdev>"""
PCI_XML = """\
<hostdev mode='subsystem' type='pci' managed='yes'>
  <driver name='vfio'/>
  <source><address domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>
  <alias name='hostdev1'/>
  <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
</hostdev>"""
INTERFACE_XML = """\
<interface type='hostdev' managed='yes'>
  <mac address='52:54:00:6d:90:02'/>
  <source>
    <address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x2'/>
  </source>
  <alias name='net0'/>
</interface>"""
WHOLE = f"""\
<!-- before -->
<domain type='kvm' id='3' {QEMU}>
  <!-- é &amp; -->
  <name>web</name>
  <description><![CDATA[a < b]]> &amp; c</description>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name nova:x="y">x &lt; y</nova:name>
    </nova:instance>
  </metadata>
  <devices>
    <?pi x?>
    {MDEV_XML}
    {PCI_XML}
    {INTERFACE_XML}
  </devices>
  <qemu:commandline>
    <qemu:arg value='-device'/>
    <qemu:arg value='vfio-pci,host=65:00.1,id=a,,b,romfile=/x,,y'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{{"driver":"vfio-pci","host":"66:00.1","rombar":1,"x":null}}'/>
  </qemu:commandline>
</domain>
<!-- after -->
"""
"""A domain with five devices, and much else."""

NASTY = {"a": "\x00\x1b[31m\x7f\x9b é \U0001d11e \u2028 ]]> <&>", "b": "\r\n\t"}
MANIFEST = Manifest(
    "node-b",
    {OTHER: UUID, "0000:65:00.1": "0000:3b:02.1"},
    inventory("node-a", endpoint("p/t", "8086-x", facts=NASTY)),
)


def domain(devices: str, more: str = "") -> bytes:
    """Make a domain with these devices; they begin in its third line."""
    return f"""\
<domain type='kvm' {QEMU}>
<devices>
{devices}
</devices>
{more}
</domain>
""".encode()


def parsed(data: str | bytes) -> Domain:
    return Domain(data.encode() if isinstance(data, str) else data, "vm.xml")


def vm_of(data: str | bytes) -> Vm:
    return parsed(data).vm


def devices_of(data: str | bytes) -> tuple[VmDevice, ...]:
    return parsed(data).vm.devices


def mistake_in(data: str | bytes) -> ErrorRecord:
    with pytest.raises(DomainError) as caught:
        parsed(data)
    return caught.value.record


def again(
    data: str | bytes,
    addresses: Sequence[DeviceAddress | None] | None = None,
    manifest: Manifest | None = None,
) -> str:
    """Write a domain again; without addresses its devices keep their own."""
    found = parsed(data)
    kept = [None] * len(found.vm.devices) if addresses is None else addresses
    return found.rewritten(kept, manifest).decode()
