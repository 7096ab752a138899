# SPDX-License-Identifier: Apache-2.0
"""What a VM's devices are: here, in inventories, or as the manifest in its XML says."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.hosts import UUID
from tests.fleets import QAT_1, answer, endpoint, inventory, qat, write
from tests.machines import (
    addresses_in,
    domain_file,
    mdev,
    told_to_migrate,
    uuids,
    with_processes,
)
from tests.simulated import serving
from tests.vm.acme import ALPHA, kind, made, named
from vfiocompat.output.vm import VmDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Host, Run
    from tests.vm.virsh import Virsh

A, B, C = "1ac1-a", "1ac1-b", "1ac1-c"
TAKES = endpoint("p/t", B, answers=(answer(A, accepted=True),))
ONE, TWO, THREE = uuids(3)
GONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1999"


def told(run: Run, line: str, *, exit_code: int = 0) -> VmDocument:
    return run(f"vm {line} --format json", exit_code=exit_code).document(VmDocument)


def error(run: Run, line: str) -> str:
    """Give what is said where nothing tells what the devices are."""
    result = run(f"vm {line}", exit_code=4)
    assert result.stdout == ""
    return result.stderr.removeprefix("vfiocompat: ")


# ---- in inventories --------------------------------------------------------------


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give inventories of a host that has ONE and TWO, and of one that takes them."""
    home = inventory("home", mdev(ONE, A), mdev(TWO, A))
    return write(tmp_path / "fleet", [home, inventory("yes", TAKES)])


def test_the_host_that_has_all_devices_is_the_vms(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    found = told(run, f"{domain_file(tmp_path, ONE, TWO)} {fleet} --from {fleet}")
    assert {each.source.host for each in found.devices} == {"home"}
    assert found.allowed == ["yes"]
    assert [each.address for each in found.assignment] == [ONE, TWO]


def test_no_host_has_all_devices(run: Run, fleet: Path, tmp_path: Path) -> None:
    there = domain_file(tmp_path, ONE, GONE)
    own = f"--from {fleet}/home.json --from {fleet}/yes.json"
    assert error(run, f"{there} {fleet} {own}") == (
        "error[VFC555]: no host of --from has all of the VM's devices\n"
        f"   |  home has no {GONE}\n"
        f"   |  yes has no {ONE}, {GONE}\n"
        "   = help: scan the host that the VM runs on again\n"
    )


def test_several_hosts_have_all_devices(run: Run, tmp_path: Path) -> None:
    alike = [inventory(name, qat("0000:03:00.1", QAT_1)) for name in "bac"]
    folder = write(tmp_path / "f", alike)
    there = domain_file(tmp_path, "0000:03:00.1", after=told_to_migrate())
    assert error(run, f"{there} {folder} --from {folder}") == (
        "error[VFC556]: 3 hosts have all of the VM's devices: a, b, c\n"
        "   = help: name the inventory of the host that it runs on with --from\n"
    )
    found = told(run, f"{there} {folder} --from {folder}/b.json", exit_code=3)
    assert set(found.undetermined) == {"a", "c"}


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("qemu+ssh://root@b/system", "b"),
        ("qemu+ssh://B.example.org:22/system", "b"),
        ("qemu+tls://c/system", "c"),
        # They tell no name.
        ("qemu+ssh://192.0.2.7/system", None),
        ("qemu+ssh://[2001:db8::7]/system", None),
    ],
)
def test_a_vm_of_another_hosts_libvirt_is_on_that_host(
    run: Run, virsh: Virsh, tmp_path: Path, uri: str, host: str | None
) -> None:
    alike = [inventory(name, qat("0000:03:00.1", QAT_1)) for name in "bac"]
    folder = write(tmp_path / "f", alike)
    file = domain_file(tmp_path, "0000:03:00.1", after=told_to_migrate())
    virsh.gives(Path(file.removeprefix("domain:")).read_bytes())
    line = f"libvirt:web@{uri} {folder} --from {folder}"
    if host is None:
        assert error(run, line).startswith("error[VFC556]: 3 hosts have all")
        return
    found = told(run, line, exit_code=3)
    assert [each.source.host for each in found.devices] == [host]


@pytest.mark.parametrize("own", ["a.json", "bb.json"])
def test_a_vm_of_another_hosts_libvirt_needs_the_inventory_of_that_host(
    run: Run, virsh: Virsh, tmp_path: Path, own: str
) -> None:
    """Hosts that are equally made have the same addresses."""
    alike = [inventory(name, qat("0000:03:00.1", QAT_1)) for name in ("a", "bb")]
    folder = write(tmp_path / "f", alike)
    virsh.gives(
        Path(domain_file(tmp_path, "0000:03:00.1").removeprefix("domain:")).read_bytes()
    )
    line = f"libvirt:web@qemu+ssh://b/system {folder} --from {folder}/{own}"
    assert error(run, line).startswith(
        "error[VFC555]: the XML of web comes from host b, which no inventory of --from "
        "is of\n"
    )


def test_a_broken_inventory_among_those_of_from_is_told(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    there = domain_file(tmp_path, THREE)
    (fleet / "x.json").write_text("{}")
    assert "x.json" in error(run, f"{there} {fleet} --from {fleet}")


# ---- here ------------------------------------------------------------------------


def test_devices_of_this_host_are_read_here(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    found = told(run, f"{domain_file(tmp_path, UUID)} {fleet}")
    assert found.devices[0].source.host is None
    assert found.devices[0].source.version == A


def test_the_inventory_that_has_the_devices_of_a_vm_elsewhere_is_named(
    run: Run, fleet: Path, tmp_path: Path, plain_sysroot: Path
) -> None:
    there = f"{domain_file(tmp_path, ONE, TWO)} --sysroot {plain_sysroot}"
    said = error(run, f"{there} {fleet}")
    assert said.startswith("error[VFC555]")
    assert f"if it runs on home, add --from {fleet}/home.json" in said
    twin = fleet / "twin.json"
    twin.write_text((fleet / "home.json").read_text().replace('"home"', '"twin"'))
    assert "name its host's inventory with --from" in error(run, f"{there} {fleet}")


def test_a_device_that_is_not_here_is_told(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(ALPHA)
    assert error(run, f"{domain_file(tmp_path, UUID, GONE)} here") == (
        f"error[VFC555]: the VM's device {GONE} is not on this host\n"
        f"   |  there is no {GONE} on this host\n"
        "   = help: of a VM that runs elsewhere name its host's inventory with --from\n"
    )


# ---- as XML that was made for a host says ----------------------------------------


@pytest.fixture(scope="module")
def hosts(_processes: None) -> Iterator[dict[str, Path]]:
    """Serve two hosts: beta takes what alpha has, and not the reverse."""
    specs = {
        "alpha": [kind("acme-a", A, f'["{A}"]', "instances = 4"), made(UUID, "acme-a")],
        "beta": [
            kind("acme-b", B, f'["{A}", "{B}"]', "instances = 4"),
            made(ONE, "acme-b"),
        ],
    }
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(serving(named(name, *parts)))
            for name, parts in specs.items()
        }


@pytest.fixture
def scanned(hosts: dict[str, Path], run: Run, tmp_path: Path) -> Path:
    """Give inventories of both hosts, with what each says of the other's strings."""
    for _ in range(2):
        for name in ("alpha", "beta"):
            fleet = f"--ask {tmp_path}" if list(tmp_path.glob("*.json")) else ""
            run(f"scan --sysroot {hosts[name]} -o {tmp_path}/{name}.json {fleet}")
    return tmp_path


@pytest.fixture
def arrived(hosts: dict[str, Path], run: Run, scanned: Path) -> Iterator[Path]:
    """Make XML for beta on alpha, and for a while on beta what the plan says."""
    line = f"vm {domain_file(scanned, UUID)} {scanned}/beta.json"
    line = f"{line} --sysroot {hosts['alpha']}"
    _, _, address, first, host = run(f"{line} --plan").stdout.strip().split("\t")
    xml = scanned / "dest.xml"
    made_there = run(f"{line} --xml")
    assert made_there.stderr.startswith(
        "vfiocompat: compatible: web -> beta   (1 VFIO device, room for all)\n"
    )
    xml.write_text(made_there.stdout)
    assert addresses_in(made_there.stdout) == [address] == [UUID]
    assert host == "beta"
    echo, uuid, to, create = first.split(" ")
    assert (echo, uuid, to) == ("echo", address, ">")
    (hosts["beta"] / create.removeprefix("/")).write_text(uuid)
    yield xml
    (hosts["beta"] / f"sys/bus/mdev/devices/{uuid}/remove").write_text("1")


def test_the_destinations_driver_is_asked_with_the_sources_string(
    hosts: dict[str, Path], run: Run, arrived: Path, tmp_path: Path
) -> None:
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    found = told(run, line, exit_code=3)
    [device] = found.devices
    source, destination = device.source, device.destination
    assert (source.address, source.host, source.version) == (UUID, "alpha", A)
    assert (destination.address, destination.host) == (UUID, None)
    assert (device.verdict, device.basis) == ("compatible", "driver")
    assert found.undetermined == {"here": ("VFC546",)}
    # That nobody uses the device is told by the processes that there are.
    root = with_processes(hosts["beta"], tmp_path / "root")
    assert told(run, line.replace(str(hosts["beta"]), str(root))).room is True


def test_the_other_way_its_driver_refuses(
    hosts: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    """XML for alpha, of a device of beta, as somebody may have written it."""
    run(f"scan --sysroot {hosts['beta']} -o {tmp_path}/beta.json")
    there = domain_file(tmp_path, UUID)
    text = json.dumps(json.loads((tmp_path / "beta.json").read_bytes()))
    ours = (
        f"<metadata><v:vm xmlns:v='urn:vfiocompat:vm:1' host='alpha'>"
        f"<v:device is='{UUID}' was='{ONE}'/><v:inventory>"
        f"{text.replace('&', '&amp;').replace('<', '&lt;')}"
        "</v:inventory></v:vm></metadata></domain>"
    )
    file = tmp_path / "web.xml"
    file.write_text(file.read_text().replace("</domain>", ours))
    line = f"{there} here --as-is --sysroot {hosts['alpha']}"
    [device] = told(run, line, exit_code=1).devices
    source = device.source
    assert (source.address, source.host, source.version) == (ONE, "beta", B)
    assert (device.verdict, device.basis) == ("incompatible", "driver")
    assert device.diagnostics[0].code == "VFC101"


def test_what_qemu_demands_counts_for_every_host_but_the_one_it_arrives_at(
    hosts: dict[str, Path], run: Run, arrived: Path, tmp_path: Path
) -> None:
    iommu = "</devices><devices><iommu model='intel'/></devices>"
    arrived.write_text(arrived.read_text().replace("</devices>", iommu, 1))
    third = write(
        tmp_path / "third",
        [inventory("third", mdev(UUID, B, in_use=False, answers=TAKES.answers))],
    )
    line = f"domain:{arrived} {third} --as-is --sysroot {hosts['beta']}"
    alone = told(run, f"{line} --from {arrived.parent}/alpha.json", exit_code=3)
    assert alone.undetermined == {"third": ("VFC540",)}
    both = told(run, f"{line} here", exit_code=3)
    assert both.undetermined == {"here": ("VFC546",), "third": ("VFC540",)}


def test_xml_for_another_host_is_none_for_this(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    line = f"domain:{arrived} here --as-is --sysroot {hosts['alpha']}"
    assert error(run, line) == (
        f"error[VFC558]: {arrived} was made for host beta, not for this one\n"
        "   = help: make it again, or name the inventory of the VM's host with --from\n"
    )


def test_a_manifest_of_an_earlier_migration_does_not_count(
    hosts: dict[str, Path], run: Run, arrived: Path, tmp_path: Path
) -> None:
    """The VM came from alpha once, and comes from gamma now, with other state."""
    gamma = inventory("gamma", mdev(UUID, B))
    fleet = write(tmp_path / "f", [gamma, inventory("alpha", endpoint("p/t", A))])
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']} --from {fleet}"
    assert error(run, line).startswith(
        "error[VFC558]: the manifest in the XML says that the VM comes from alpha, and "
        "gamma has its devices\n"
    )


def test_without_a_manifest_an_inventory_tells(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    there = domain_file(arrived.parent, UUID)
    line = f"{there} here --as-is --sysroot {hosts['beta']}"
    found = told(run, f"{line} --from {arrived.parent}", exit_code=3)
    assert found.devices[0].source.host == "alpha"
    assert (found.verdict, found.room) == ("compatible", None)
    assert error(run, line) == (
        "error[VFC559]: nothing tells what the VM's devices were before they came "
        "here\n"
        "   = help: make its XML with 'vfiocompat vm --xml' where it runs, or name the "
        "inventory of that host with --from\n"
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((f'is="{UUID}"', f'is="{GONE}"'), "VFC559"),
        ((f'was="{UUID}"', f'was="{GONE}"'), "VFC559"),
        (('"vfiocompat.inventory/1"', '"vfiocompat.inventory/9"'), "VFC550"),
        ((">{", ">[{"), "VFC550"),
        ((f'"{A}"', '"\\u001b[31m"'), "VFC550"),
        (('host="beta"', 'host=""'), "VFC558"),
        (('host="beta"', ""), "VFC558"),
        (("vfiocompat:inventory", "vfiocompat:nothing"), "VFC550"),
    ],
)
def test_a_manifest_that_was_changed_does_not_count(
    hosts: dict[str, Path], run: Run, arrived: Path, change: tuple[str, str], code: str
) -> None:
    assert change[0] in arrived.read_text()
    arrived.write_text(arrived.read_text().replace(*change))
    said = error(run, f"domain:{arrived} here --as-is --sysroot {hosts['beta']}")
    assert said.startswith(f"error[{code}]: ")
    assert "\x1b" not in said


def test_another_string_in_a_manifest_is_another_question(
    hosts: dict[str, Path], run: Run, arrived: Path
) -> None:
    arrived.write_text(arrived.read_text().replace(f'"{A}"', f'"{C}"'))
    line = f"domain:{arrived} here --as-is --sysroot {hosts['beta']}"
    assert told(run, line, exit_code=1).devices[0].source.version == C
