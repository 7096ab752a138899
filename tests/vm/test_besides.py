# SPDX-License-Identifier: Apache-2.0
"""What a VM has beside VFIO devices, and whether QEMU or libvirt migrates that."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.fleets import answer
from tests.machines import mdev, uuids
from tests.vm.documents import MDEV_XML, QEMU, domain, mistake_in, vm_of
from vfiocompat.vm.qemuargs import CommandLine, device_argument, is_joined

if TYPE_CHECKING:
    from tests.vm.conftest import Ask

[ONE] = uuids(1)
SOURCE = mdev(ONE, "1ac1-a")
LAYER = "<backingStore type='file'><format type='vpc'/></backingStore>"


def besides(devices: str = "", more: str = "") -> tuple[str, ...]:
    return vm_of(domain(MDEV_XML + devices, more)).besides


@pytest.mark.parametrize(
    ("devices", "word"),
    [
        (
            "<crypto model='virtio' type='qemu'><backend model='builtin'/></crypto>",
            "crypto",
        ),
        ("<controller type='nvme' index='0'/>", "NVMe"),
        ("<sound model='usb'/>", "USB sound"),
        ("<sound model='virtio'/>", "virtio sound"),
        ("<serial type='pty'><target type='usb-serial' port='0'/></serial>", "serial"),
        ("<hostdev mode='subsystem' type='scsi_host' managed='no'/>", "vhost-scsi"),
        (
            "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>",
            "vDPA",
        ),
        ("<filesystem type='mount'><driver type='virtiofs'/></filesystem>", "virtiofs"),
        ("<filesystem type='mount'><source dir='/x'/></filesystem>", "9p"),
        ("<filesystem type='mount'><driver type='path'/></filesystem>", "9p"),
        ("<filesystem type='mount'><driver type='mtp'/></filesystem>", "MTP"),
        ("<interface type='bridge'><model type='usb-net'/></interface>", "USB network"),
        (
            "<input type='passthrough' bus='virtio'><source evdev='/e'/></input>",
            "input",
        ),
        ("<video><driver name='vhostuser'/><model type='virtio'/></video>", "(gpu)"),
        ("<tpm model='tpm-crb'><backend type='passthrough'/></tpm>", "TPM"),
        ("<shmem name='s'><model type='ivshmem-plain'/></shmem>", "shared memory (s)"),
        ("<shmem name='s' role='peer'/>", "shared memory (s)"),
        (
            "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>",
            "virgl",
        ),
        ("<disk type='file'><driver name='qemu' type='vmdk'/></disk>", "vmdk"),
        ("<disk type='file'><driver type='qcow2'/><transient/></disk>", "transient"),
        ("<disk type='file'><driver type='qcow2'/><mirror job='copy'/></disk>", "job"),
        (f"<disk type='file'><driver type='qcow2'/>{LAYER}</disk>", "vpc"),
    ],
)
def test_what_may_not_be_migrated_is_named(devices: str, word: str) -> None:
    [found] = besides(devices)
    assert word in found


@pytest.mark.parametrize(
    "devices",
    [
        "<controller type='scsi' model='virtio-scsi'/>",
        "<sound model='ich9'/>",
        "<serial type='pty'><target type='isa-serial' port='0'/></serial>",
        "<hostdev mode='subsystem' type='usb'/>",
        "<hostdev mode='subsystem' type='scsi'/>",
        "<interface type='vhostuser'/>",
        "<tpm model='tpm-crb'><backend type='emulator'/></tpm>",
        "<shmem name='s' role='master'><model type='ivshmem-plain'/></shmem>",
        "<video><model type='virtio'><acceleration accel3d='no'/></model></video>",
        "<video><model type='qxl'/></video>",
        "<disk type='file'><driver name='qemu' type='qcow2'/></disk>",
        "<disk type='file'><driver name='qemu' type='raw'/></disk>",
        "<vsock model='virtio'/>",
        "<rng model='virtio'/>",
        "<memballoon model='virtio'/>",
        "<panic model='isa'/>",
    ],
)
def test_what_is_migrated_is_not(devices: str) -> None:
    assert besides(devices) == ()


INVARIANT = "<cpu><feature policy='require' name='invtsc'/></cpu>"
FREQUENCY = "<clock offset='utc'><timer name='tsc' frequency='3000000000'/></clock>"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ("<cpu><feature policy='require' name='invtsc'/></cpu>", "TSC"),
        ("<cpu><feature name='invtsc'/></cpu>", "TSC"),
        ("<cpu><feature policy='optional' name='invtsc'/></cpu>", "TSC"),
        ("<cpu><feature policy='disable' name='invtsc'/></cpu>", None),
        ("<cpu><feature policy='forbid' name='invtsc'/></cpu>", None),
        (f"{INVARIANT}<clock><timer name='tsc' frequency='0'/></clock>", "TSC"),
        (f"{INVARIANT}<clock><timer name='tsc'/></clock>", "TSC"),
        ("<cpu><feature policy='require' name='vmx'/></cpu>", None),
        (f"<cpu><feature policy='require' name='invtsc'/></cpu>{FREQUENCY}", None),
        ("<cpu mode='host-passthrough' migratable='off'/>", "cannot be migrated"),
        ("<cpu mode='host-passthrough' migratable='on'/>", None),
        ("<cpu mode='host-passthrough'/>", None),
        ("<features><hyperv mode='passthrough'/></features>", "hv-passthrough"),
        ("<features><hyperv mode='custom'/></features>", None),
    ],
)
def test_a_cpu_may_keep_a_vm_where_it_is(more: str, word: str | None) -> None:
    found = besides(more=more)
    assert [(word or "nothing") in each for each in found] == [True] * (
        word is not None
    )


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("-device nvme,drive=d", "NVMe"),
        ('-device \'{"driver":"nvme","drive":"d"}\'', "NVMe"),
        ("-device virtio-crypto-pci,cryptodev=c", "crypto"),
        ("-device virtio-sound-pci", "virtio sound"),
        ("-device usb-audio", "USB sound"),
        ("-device usb-mtp,rootdir=/x", "MTP"),
        ("-device usb-serial,chardev=n", "serial"),
        ("-device ivshmem-plain,memdev=m", "shared memory"),
        ("-device ivshmem-doorbell,chardev=m,master=off", "shared memory"),
        ("-device vhost-scsi-pci,wwpn=naa.1", "vhost-scsi"),
        ("-device virtio-gpu-gl-pci", "virgl"),
        ("-device virtio-vga-gl", "virgl"),
        ("-device vhost-vdpa-device-pci", "vDPA"),
        ("-device vhost-user-i2c-pci,chardev=c", "vhost-user"),
        ("-device virtio-9p-pci,fsdev=f,mount_tag=x", "9p"),
        ("-device x-pci-proxy-dev,id=a,fd=3", "another process"),
        ("-drive file=/x,format=vmdk", "vmdk"),
        ("-blockdev driver=vdi,node-name=a", "vdi"),
        ('-blockdev \'{"driver":"vhdx","node-name":"a"}\'', "vhdx"),
        ("-drive driver=qcow2,backing.driver=qcow", "qcow"),
        ("-cpu host,+invtsc", "TSC"),
        ("-cpu host,invtsc=on", "TSC"),
        ("-cpu host,migratable=no", "cannot be migrated"),
        ("-cpu qemu64,hv_passthrough", "hv-passthrough"),
        ("-cpu qemu64,hv-passthrough=on", "hv-passthrough"),
        ("-cpu host,-migratable", "cannot be migrated"),
        ("-global host-x86_64-cpu.migratable=off", "cannot be migrated"),
        ("-cpu host -global driver=cpu,property=invtsc,value=on", "TSC"),
        ("-device virtio-input-host-pci,evdev=/e", "input device"),
        ("-device vhost-user-input-pci,chardev=c", "(input)"),
        ("-device vhost-user-rng,chardev=c", "(rng)"),
        ("-device vhost-user-test-device-pci,chardev=c", "(test-device)"),
        ("-device vhost-user-vga,chardev=c", "(vga)"),
        ("-device virtio-vga-rutabaga", "rutabaga"),
        ("-device usb-uas,id=u", "UAS"),
        ("-device usb-net,netdev=n", "USB network card"),
        ("-device usb-wacom-tablet", "Wacom"),
        ("-device vhost-user-vsock-pci,chardev=c", "(vsock)"),
        ("-device hv-syndbg", "Hyper-V"),
        ("-virtfs local,path=/x,mount_tag=x,security_model=none", "9p"),
        ("-tpmdev passthrough,id=t", "TPM"),
        ("-tpmdev type=passthrough,id=t", "TPM"),
        ("-tpmdev id=t,type=passthrough", "TPM"),
        ("-netdev vhost-vdpa,id=n,vhostdev=/dev/vhost-vdpa-0", "vDPA"),
        ('-netdev \'{"type":"vhost-vdpa","id":"n"}\'', "vDPA"),
        ("-nic vhost-vdpa,vhostdev=/dev/vhost-vdpa-0", "vDPA"),
        ("-audio pa,model=virtio", "virtio sound"),
        ("-audio driver=pa,model=usb-audio", "USB sound"),
        ("-usbdevice braille", "serial"),
        ("-hda /x.vmdk", "vmdk"),
        ("-drive file=/x.VHD,if=virtio", "vpc"),
        ("/x.vdi", "vdi"),
        ("-drive file=fat:rw:/x", "vvfat"),
        ("-drive file=fat:floppy:rw:/x", "vvfat"),
        ('-blockdev \'{"driver":"vvfat","dir":"/x","rw":true}\'', "vvfat"),
        ("-drive driver=vvfat,dir=/x,rw", "vvfat"),
        ("-drive file=/x,format=qcow2,snapshot=on", "temporary file"),
        ("-snapshot", "temporary files"),
        ("-snapshot -nodefaults", "temporary files"),
    ],
)
def test_arguments_name_the_same(line: str, word: str) -> None:
    [found] = read(line)
    assert word in found


@pytest.mark.parametrize(
    "line",
    [
        "-device ivshmem-plain,memdev=m,master=on",
        "-device ivshmem-plain,memdev=m -global ivshmem-plain.master=on",
        "-device vhost-scsi-pci,wwpn=naa.1,migratable=true",
        "-device virtio-net-pci",
        "-device vhost-user-blk-pci,chardev=c",
        "-device vhost-vsock-pci,guest-cid=3",
        "-device nvme-subsys",
        "-drive file=/x,format=qcow2",
        "-cpu host,+invtsc,tsc-frequency=3000000000",
        "-cpu host,-invtsc",
        "-cpu host,invtsc=off",
        "-cpu host,migratable=on",
        "-cpu host,hv-passthrough=off",
        "-cpu host,migratable=on -global host-x86_64-cpu.migratable=off",
        "-global host-x86_64-cpu.pmu=off",
        "-device vhost-user-scsi-pci,chardev=c",
        "-device usb-tablet",
        "-device virtio-gpu-pci",
        "-device virtio-keyboard-pci",
        "-tpmdev emulator,id=passthrough,chardev=c",
        "-netdev tap,id=vhost-vdpa",
        "-nic user,model=virtio-net-pci",
        "-audio pa,model=hda",
        "-drive file=/x.vmdk,format=raw",
        "-drive file=fat:/x,readonly=on",
        "-drive file=/fat:rw/x,format=raw",
        "-blockdev driver=vvfat,dir=/x,node-name=a,rw=off",
        "-drive file=/x,format=raw,snapshot=off",
        "-name web.vmdk",
        "-chardev file,id=a,path=/x.vdi",
        "-cpu host",
        "-name nvme",
    ],
)
def test_arguments_of_what_is_migrated(line: str) -> None:
    assert read(line) == []


def read(line: str) -> list[str]:
    arguments = shlex.split(line)
    found = CommandLine(arguments)
    for at in found.devices:
        found.read_device(device_argument(arguments[at]))
    return found.besides


def test_a_yes_is_undetermined_beside_it_and_no_vm_without_devices_is(ask: Ask) -> None:
    takes = (answer("1ac1-a", accepted=True),)
    there = [mdev(uuids(1, 2)[0], "1ac1-a", answers=takes, in_use=False)]
    sound = "<sound model='usb'/>"
    assert ask([SOURCE], there).verdict == "compatible"
    found = ask([SOURCE], there, more=sound)
    assert (found.verdict, found.room) == ("undetermined", True)
    assert found.undetermined["h0"] == ("VFC562",)
    assert "a USB sound card" in (found.diagnostics[0].detail or "")
    none = ask([SOURCE], there, attached=(), more=sound)
    assert none.verdict == "compatible"


def test_what_stands_in_both_ways_is_named_once() -> None:
    arg = "<qemu:arg value='{}'/>"
    line = "".join(map(arg.format, ("-device", "nvme,drive=d", "-device", "nvme")))
    more = f"<qemu:commandline {QEMU}>{line}</qemu:commandline>"
    assert besides("<controller type='nvme'/>", more) == ("an NVMe controller",)


@pytest.mark.parametrize(
    ("argument", "joined"),
    [
        ("-device=vfio-pci,host=65:00.1", True),
        ("--device=vfio-pci,host=65:00.1", True),
        ("-device vfio-pci,host=65:00.1", True),
        ("-readconfig=/etc/x", True),
        ("-set device.a.enable-migration=off", True),
        ("-device", False),
        ("-devices", False),
        ("vfio-pci,host=65:00.1", False),
        ("-nodefaults", False),
        ("-snapshot", False),
    ],
)
def test_an_option_that_holds_its_value_is_no_option_of_qemus(
    argument: str, *, joined: bool
) -> None:
    """It would not start with it, and what it was meant to say is not passed over."""
    text = domain(MDEV_XML, f"<qemu:commandline>{arg(argument)}</qemu:commandline>")
    assert is_joined(argument) is joined
    if joined:
        assert "one argument" in mistake_in(text).summary
    else:
        assert vm_of(text).devices


def arg(value: str) -> str:
    return f"<qemu:arg value='{value}'/>"


TEAMED = "<teaming type='persistent'/><alias name='ua-net0'/>"


@pytest.mark.parametrize(
    ("model", "takes_over"),
    [("", True), ("<model type='virtio'/>", True), ("<model type='e1000'/>", False)],
)
def test_only_a_virtio_card_takes_over(model: str, *, takes_over: bool) -> None:
    [device] = vm_of(domain(pair(1) + card(model))).devices
    assert (device.unplugged, device.saved) == (takes_over, False)


def test_a_card_takes_over_from_one_device_only() -> None:
    """QEMU has one primary device of each (hw/net/virtio-net.c)."""
    devices = vm_of(domain(pair(1) + pair(2) + card(""))).devices
    assert [each.unplugged for each in devices] == [True, False]
    line = ["-device", "virtio-net-pci,id=n1,failover=on"]
    for function in (1, 2):
        line += ["-device", f"vfio-pci,host=65:00.{function},failover_pair_id=n1"]
    more = f"<qemu:commandline>{''.join(map(arg, line))}</qemu:commandline>"
    assert [each.unplugged for each in vm_of(domain("", more)).devices] == [True, False]


def pair(function: int) -> str:
    return (
        "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0x65' "
        f"slot='0' function='{function}'/></source>"
        "<teaming type='transient' persistent='ua-net0'/></hostdev>"
    )


def card(model: str) -> str:
    return f"<interface type='bridge'><source bridge='b'/>{model}{TEAMED}</interface>"
