# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from msgspec.structs import replace

from tests.fleets import endpoint, function
from vfiocompat import codes
from vfiocompat.addresses import FunctionAddress, MdevAddress
from vfiocompat.decision.decisions import Decision, beside, whole
from vfiocompat.diagnostics import both_ends, diagnostic
from vfiocompat.endpoints import Endpoint, Flag, MigrationInterface, Recorded
from vfiocompat.pairs import Pair
from vfiocompat.vm import blockers as blockers_
from vfiocompat.vm.blockers import across_drivers, config_space
from vfiocompat.vm.interfaces import device_interface
from vfiocompat.vm.migration import VmDemand
from vfiocompat.vm.model import OnOffAuto, Vm, VmDevice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.diagnostics import Diagnostic

UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804"
MDEV = VmDevice(address=MdevAddress(UUID), name="hostdev0")
FUNCTION = VmDevice(address=FunctionAddress("0000:65:00.1"), name="hostdev1")
NAMELESS = VmDevice(address=FunctionAddress("0000:65:00.2"))
GONE = VmDevice(address=FunctionAddress("0000:65:00.3"), name="net0", unplugged=True)

UNKNOWN = endpoint("p/t", None, stated={"dirty_tracking": "yes"})
"""What is not known of it is whether it supports P2P."""


def with_flags(*flags: Flag, path: str = "p/t") -> Endpoint:
    return endpoint(path, None, migration=MigrationInterface("v2", flags))


P2P = with_flags("STOP_COPY", "P2P", "DIRTY_TRACKING")
ALONE = with_flags("STOP_COPY", "PRE_COPY", "DIRTY_TRACKING")


def blocking(vm: Vm, sources: Sequence[Endpoint]) -> tuple[Diagnostic, ...]:
    """Tell what is demanded of a VM, of whose drivers no table knows anything."""
    known = [device_interface(each, ()) for each in sources]
    return blockers_.blocking(vm, sources, known)


def codes_of(found: Sequence[Diagnostic]) -> list[str]:
    return [finding.code for finding in found]


def told(*devices: VmDevice, blockers: Sequence[str] = ()) -> list[str]:
    """Give the codes of what is demanded of a VM whose devices' flags are unknown."""
    vm = Vm(name="web", devices=devices, blockers=tuple(blockers))
    return codes_of(blocking(vm, [UNKNOWN] * len(vm.moved)))


# ---- what QEMU says --------------------------------------------------------------

NO_MULTIPLE = "Migration is currently not supported with multiple VFIO devices"
ONLY_IF_P2P = (
    "Multiple VFIO devices migration is supported only if all of them support P2P "
    "migration"
)
NO_IOMMU = "Migration is currently not supported with vIOMMU enabled"
NOT_INITIALIZED = (
    "Migration couldn't be initialized for VFIO device, err: -22 (Invalid argument)"
)
TEXTS = [
    # QEMU 7.2
    ("VFIO device doesn't support migration", "VFC537"),
    # 8.0
    (NO_MULTIPLE, "VFC531"),
    (NO_IOMMU, "VFC540"),
    # 8.1 and newer
    (f"{UUID}: VFIO migration is not supported in kernel", "VFC537"),
    ("0000:65:00.1: VFIO migration is not supported in kernel", "VFC537"),
    (f"{UUID}: Migration is disabled for VFIO device", "VFC533"),
    (f"{UUID}: {NOT_INITIALIZED}", "VFC538"),
    (f"{UUID}: VFIO device doesn't support device dirty tracking", "VFC539"),
    (f"0000:65:00.1: {NO_IOMMU}", "VFC540"),
    # 8.2 and newer
    (ONLY_IF_P2P, "VFC531"),
    # 9.1 and newer
    (f"{UUID}: VFIO device doesn't support device and IOMMU dirty tracking", "VFC539"),
    # of devices that QEMU cannot save (migration/savevm.c)
    ("non-migratable device: 0000:00:05.0/vfio-ap", "VFC542"),
    ("non-migratable device: vfio-ccw", "VFC542"),
    # of other parts of QEMU
    ("The vvfat (rw) format used by node '#block057' does not support live", "VFC541"),
    (f"{UUID}: VFIO migration is not supported with postcopy migration", "VFC541"),
    *(
        (text, "VFC541")
        for text in ("State blocked by something new", "", "\x1b[31m\n")
    ),
    ("vfio device doesn't support migration", "VFC541"),
]


@pytest.mark.parametrize(("text", "code"), TEXTS)
def test_a_blocker_is_told_by_its_text_and_forbids_the_migration(
    text: str, code: str
) -> None:
    vm = Vm(name="web", devices=(MDEV,), blockers=(text,))
    [finding] = blocking(vm, [UNKNOWN])
    assert finding == diagnostic(codes.code_of(code), detail=text)
    assert finding.severity == "error"


def test_blockers_are_told_in_the_order_of_qemu_and_each_of_them() -> None:
    texts = [text for text, _ in TEXTS]

    assert told(MDEV, blockers=[*texts, *texts]) == [code for _, code in TEXTS] * 2


def test_a_vm_without_vfio_devices_is_no_mistake_but_may_be_blocked() -> None:
    assert told(blockers=["x"]) == ["VFC530", "VFC541"]
    [finding] = blocking(Vm(name="web"), [])
    assert (finding.code, finding.severity) == ("VFC530", "info")


@pytest.mark.parametrize("blockers", [None, ()])
@pytest.mark.parametrize("device", [MDEV, FUNCTION, NAMELESS])
def test_nothing_is_said_of_a_vm_that_nothing_forbids(
    device: VmDevice, blockers: tuple[str, ...] | None
) -> None:
    vm = Vm(name="web", devices=(device,), blockers=blockers, postcopy=False)
    assert blocking(vm, [UNKNOWN]) == ()


# ---- post-copy -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("devices", "postcopy", "expected"),
    [
        ((MDEV,), True, ["VFC532"]),
        ((MDEV, FUNCTION), True, ["VFC532"]),
        ((MDEV,), False, []),
        ((MDEV,), None, []),
        ((), True, ["VFC530"]),
        ((GONE,), True, ["VFC536"]),
        ((GONE, MDEV), True, ["VFC532", "VFC536"]),
    ],
)
def test_postcopy_is_refused_where_a_device_is_moved(
    devices: tuple[VmDevice, ...], expected: list[str], *, postcopy: bool | None
) -> None:
    vm = Vm(name="web", devices=devices, postcopy=postcopy)

    assert codes_of(blocking(vm, [P2P] * len(vm.moved))) == expected


@pytest.mark.parametrize(
    ("devices", "snapshot", "expected"),
    [
        ((MDEV,), True, ["VFC541"]),
        ((MDEV,), False, []),
        ((MDEV,), None, []),
        ((), True, ["VFC530"]),
        ((GONE,), True, ["VFC536"]),
    ],
)
@pytest.mark.parametrize("blockers", [None, ()])
def test_a_background_snapshot_is_refused_where_a_device_is_moved(
    devices: tuple[VmDevice, ...],
    expected: list[str],
    blockers: tuple[str, ...] | None,
    *,
    snapshot: bool | None,
) -> None:
    vm = Vm(name="web", devices=devices, snapshot=snapshot, blockers=blockers)
    found = blocking(vm, [P2P] * len(vm.moved))
    assert codes_of(found) == expected
    assert whole([], found) == (
        "incompatible" if "VFC541" in expected else "compatible"
    )


# ---- the kernel's migration interface --------------------------------------------


@pytest.mark.parametrize(
    ("interface", "qemu", "machine", "severity"),
    [
        ("v1", None, "pc-q35-8.0", "error"),
        ("v1", None, "pc-i440fx-10.0+pve1", "error"),
        ("v1", None, "pc-q35-7.2", "warning"),
        ("v1", None, "pc-q35-rhel9.6.0", "warning"),
        ("v1", None, None, "warning"),
        ("v2", None, "pc-q35-9.1", None),
        # A new QEMU runs it too.
        ("v2", None, "pc-q35-6.2", None),
        ("v2", None, None, None),
        (None, None, "pc-q35-9.1", None),
        (None, None, None, None),
        ("none", None, "pc-q35-9.1", None),
        ("v1", (5, 2), "pc-q35-5.2", None),
        ("v2", (5, 2), "pc-q35-5.2", "error"),
        (None, (5, 2), "pc-q35-5.2", "warning"),
        *((each, (5, 1), None, "error") for each in ("v1", "v2", None)),
    ],
)
def test_qemu_speaks_one_migration_interface(
    interface: Literal["none", "v1", "v2"] | None,
    qemu: tuple[int, int] | None,
    machine: str | None,
    severity: str | None,
) -> None:
    told_interface = None if interface is None else MigrationInterface(interface)
    stated = {"dirty_tracking": "yes"}
    source = endpoint("p/t", None, migration=told_interface, stated=stated)
    device = replace(MDEV, migration="on")
    vm = Vm(name="web", devices=(device,), machine=machine, qemu=qemu)

    found = [each for each in blocking(vm, [source]) if each.code == "VFC537"]
    assert [each.severity for each in found] == ([severity] if severity else [])
    yes = {"error": "incompatible", "warning": "undetermined", None: "compatible"}
    assert whole([], found) == yes[severity]


@pytest.mark.parametrize("device", [replace(MDEV, migration="off"), GONE])
def test_of_what_does_not_go_no_interface_is_spoken(device: VmDevice) -> None:
    vm = Vm(name="web", devices=(device,), machine="pc-q35-9.1")
    v1 = endpoint("p/t", None, migration=MigrationInterface("v1"))
    assert "VFC537" not in codes_of(blocking(vm, [v1] * len(vm.moved)))


def test_a_qemu_that_tells_what_blocks_a_migration_speaks_for_itself() -> None:
    v1 = endpoint("p/t", None, migration=MigrationInterface("v1"))
    vm = Vm(name="web", devices=(MDEV,), blockers=(), machine="pc-q35-9.1")
    assert codes_of(blocking(vm, [v1])) == []


@pytest.mark.parametrize(
    ("interface", "machine", "verdict"),
    [
        ("v1", "pc-q35-9.1", "incompatible"),
        ("v1", "pc-q35-8.0", "incompatible"),
        ("v1", "pc-q35-7.2", "undetermined"),
        ("v1", "pc-q35-rhel9.6.0", "undetermined"),
        ("v1", None, "undetermined"),
        ("v2", "pc-q35-9.1", "compatible"),
        ("v2", "pc-q35-7.2", "compatible"),
        (None, "pc-q35-9.1", "compatible"),
    ],
)
@pytest.mark.parametrize("blockers", [None, ()])
def test_qemu_speaks_the_migration_interface_of_the_destination_too(
    interface: Literal["v1", "v2"] | None,
    machine: str | None,
    verdict: str,
    blockers: tuple[str, ...] | None,
) -> None:
    interface_there = MigrationInterface(interface) if interface else None
    there = endpoint("q/t", None, migration=interface_there)
    vm = Vm(name="web", devices=(MDEV,), machine=machine, blockers=blockers)
    yes = Decision(verdict="compatible", basis="driver", diagnostics=())
    pair = Pair(endpoint("p/t", None), there, yes)

    found = VmDemand(vm, MDEV, "none").of(pair)
    assert found.verdict == verdict
    told = [] if verdict == "compatible" else ["VFC537"]
    assert codes_of(found.diagnostics) == told


@pytest.mark.parametrize(
    ("ack", "verdict"), [(True, "incompatible"), (False, "compatible")]
)
def test_a_switchover_that_is_never_acknowledged_is_none(
    ack: bool,  # noqa: FBT001
    verdict: str,
) -> None:
    before, there = (
        endpoint("p/t", None, migration=MigrationInterface("v2", flags))
        for flags in (("STOP_COPY", "PRE_COPY"), ("STOP_COPY",))
    )
    vm = Vm(name="web", devices=(MDEV,), blockers=(), switchover_ack=ack)
    yes = Decision(verdict="compatible", basis="driver", diagnostics=())

    found = VmDemand(vm, MDEV, "none").of(Pair(before, there, yes))
    assert found.verdict == verdict
    assert codes_of(found.diagnostics) == (["VFC577"] if ack else [])


# ---- enable-migration ------------------------------------------------------------


def switched(device: VmDevice, migration: OnOffAuto | None) -> VmDevice:
    return replace(device, migration=migration)


@pytest.mark.parametrize("migration", ["on", "auto", None])
def test_migration_that_is_not_switched_off(migration: OnOffAuto | None) -> None:
    assert told(switched(MDEV, migration)) == []


def test_each_device_is_told_whose_migration_is_switched_off() -> None:
    off = [switched(each, "off") for each in (MDEV, FUNCTION, NAMELESS)]
    vm = Vm(name="web", devices=(off[0], MDEV, *off[1:]))
    named = (f"{UUID} (hostdev0)", "0000:65:00.1 (hostdev1)", "0000:65:00.2")
    assert blocking(vm, [P2P] * 4) == tuple(
        diagnostic(codes.MIGRATION_OFF, f"migration is switched off for {each}")
        for each in named
    )


def test_what_is_switched_off_is_not_told_twice() -> None:
    text = f"{UUID}: Migration is disabled for VFIO device"
    assert told(switched(MDEV, "off"), blockers=[text]) == ["VFC533"]


def test_another_blocker_does_not_hide_what_is_switched_off() -> None:
    """QEMU 7.2 says the same of every device, and there off is the default."""
    text = "VFIO device doesn't support migration"

    assert told(switched(MDEV, "off"), blockers=[text]) == ["VFC537", "VFC533"]


def test_each_device_that_is_unplugged_is_told_and_needs_no_migration() -> None:
    assert told(switched(GONE, "off")) == ["VFC536"]
    found = blocking(Vm(name="web", devices=(GONE, MDEV, GONE)), [UNKNOWN])
    summary = "0000:65:00.3 (net0) is unplugged before the migration"
    assert found == (diagnostic(codes.UNPLUGGED, summary),) * 2
    assert found[0].severity == "info"


# ---- P2P -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "lacking"),
    [
        ([ALONE], []),
        ([P2P], []),
        ([UNKNOWN], []),
        ([P2P, P2P], []),
        ([UNKNOWN, UNKNOWN], []),
        ([P2P, UNKNOWN], []),
        ([ALONE, P2P], [0]),
        ([P2P, ALONE], [1]),
        ([ALONE, ALONE], [0, 1]),
        ([ALONE, UNKNOWN], [0]),
        ([P2P, ALONE, P2P], [1]),
        ([with_flags("DIRTY_TRACKING"), P2P], [0]),
        ([endpoint("p/t", None, migration=MigrationInterface("v2")), P2P], []),
        ([endpoint("p/t", None, migration=MigrationInterface("none")), P2P], []),
    ],
)
def test_several_devices_have_to_support_p2p(
    sources: list[Endpoint], lacking: list[int]
) -> None:
    devices = (MDEV, FUNCTION, NAMELESS)[: len(sources)]
    found = blocking(Vm(name="web", devices=devices), sources)

    found = tuple(each for each in found if each.severity == "error")
    assert codes_of(found) == ["VFC531"] * len(lacking)
    for finding, at in zip(found, lacking, strict=True):
        assert devices[at].text in finding.summary
        assert finding.path == sources[at].path


@pytest.mark.parametrize(
    ("sources", "detail"),
    [
        ([UNKNOWN], ()),
        ([P2P, P2P], ()),
        ([UNKNOWN, UNKNOWN], (None,)),
        ([P2P, UNKNOWN], (f"of {FUNCTION.text} (hostdev1)",)),
        ([UNKNOWN, P2P], (f"of {MDEV.text} (hostdev0)",)),
        ([ALONE, UNKNOWN], ()),  # which is a no already
    ],
)
def test_that_p2p_is_not_known_is_told(
    sources: list[Endpoint], detail: tuple[str | None, ...]
) -> None:
    devices = (MDEV, FUNCTION)[: len(sources)]
    vm = Vm(name="web", devices=devices)

    found = [each for each in blocking(vm, sources) if each.code == "VFC544"]
    assert tuple(each.detail for each in found) == detail
    asked = replace(vm, blockers=())
    assert "VFC544" not in codes_of(blocking(asked, sources)), "QEMU itself knows"


def test_what_is_not_known_of_devices_is_asked_by_their_names() -> None:
    first = replace(NOBODY, address="0000:65:00.1")
    spaced = replace(NOBODY, address="0000:41:00.0/a b")
    vm = Vm(name="web", devices=(FUNCTION, NAMELESS))

    hints = {each.code: each.hint for each in blocking(vm, [first, spaced])}

    for code, fact in (
        (codes.P2P_NOT_KNOWN, "migration_flags"),
        (codes.TRACKING_NOT_KNOWN, "dirty_tracking"),
    ):
        lines = (hints[code] or "").splitlines()
        said = f"state {fact} in facts.d; to learn it, while the VM does not run:"
        assert lines[0] == said
        assert lines[1:-1] == [
            "    vfiocompat device --open 0000:65:00.1",
            "    vfiocompat device --open '0000:41:00.0/a b'",
        ]
        assert "ADDRESS" not in str(hints[code])


def test_devices_of_another_host_are_asked_there() -> None:
    recorded = Recorded("node-a", "2026-01-01T00:00:00Z")
    there = replace(NOBODY, recorded=recorded)

    [finding] = blocking(Vm(name="web", devices=(FUNCTION,)), [there])

    assert "to learn it on node-a, while the VM does not run:" in str(finding.hint)


@pytest.mark.parametrize("blockers", [None, (), ("VFIO: non-migratable device",)])
def test_what_qemu_never_saves_is_a_no(blockers: tuple[str, ...] | None) -> None:
    device = replace(MDEV, saved=False)
    vm = Vm(name="web", devices=(device,), blockers=blockers)

    [finding] = blocking(vm, [UNKNOWN])
    assert (finding.code, finding.severity) == ("VFC542", "error")
    unplugged = replace(device, unplugged=True)
    vm = Vm(name="web", devices=(unplugged,))
    assert codes_of(blocking(vm, [])) == ["VFC536"]


def test_networks_that_may_be_pools_are_told() -> None:
    names = tuple(f"n{at}" for at in range(7))
    found = blocking(Vm(name="web", networks=names), [])

    assert codes_of(found) == ["VFC530", "VFC543"]
    assert found[1].severity == "info"
    assert found[1].detail == "networks: n0, n1, n2, n3, n4 and 2 more"


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        (ALONE, "it has STOP_COPY, PRE_COPY, DIRTY_TRACKING"),
        (with_flags("DIRTY_TRACKING"), "it has DIRTY_TRACKING"),
    ],
)
def test_what_a_device_has_in_place_of_p2p_is_told(
    source: Endpoint, detail: str
) -> None:
    vm = Vm(name="web", devices=(MDEV, FUNCTION))

    assert blocking(vm, [P2P, source]) == (
        diagnostic(
            codes.NO_P2P,
            "the VM has 2 VFIO devices, and 0000:65:00.1 (hostdev1) has no P2P",
            detail=detail,
            path=source.path,
        ),
    )


@pytest.mark.parametrize("devices", [(MDEV, GONE), (GONE, MDEV), (GONE, MDEV, GONE)])
def test_a_device_that_is_unplugged_needs_no_p2p(
    devices: tuple[VmDevice, ...],
) -> None:
    found = blocking(Vm(name="web", devices=devices), [ALONE])
    assert set(codes_of(found)) == {"VFC536"}


@pytest.mark.parametrize("text", [NO_MULTIPLE, ONLY_IF_P2P])
def test_missing_p2p_is_not_told_twice(text: str) -> None:
    vm = Vm(name="web", devices=(MDEV, FUNCTION), blockers=(text,))
    assert blocking(vm, [ALONE, ALONE]) == (diagnostic(codes.NO_P2P, detail=text),)


# ---- NVIDIA's host drivers -------------------------------------------------------


def vgpu(version: str | None, **more: object) -> Endpoint:
    """Make a vGPU of a host with a version of NVIDIA's driver."""
    facts = {} if version is None else {"module_version": version}
    fields = {"vendor_id": "0x10de", "driver": "nvidia-vgpu-vfio", "facts": facts}
    return endpoint("0000:65:00.4/nvidia-471", None, **(fields | more))


OLD, NEW = vgpu("550.54.10"), vgpu("570.86.10")


def across(
    machine: str | None,
    skips: bool | None = None,  # noqa: FBT001 - it is a value and not a switch
    ends: tuple[Endpoint, Endpoint] = (OLD, NEW),
) -> Diagnostic | None:
    device = VmDevice(address=MdevAddress(UUID), skip_vsc_check=skips)
    vm = Vm(name="web", machine=machine, devices=(device,))
    return across_drivers(vm, device, *ends)


LET_IT_DIFFER = (
    *("pc-q35-9.1", "pc-q35-9.2", "pc-q35-9.10", "pc-q35-10.0", "pc-q35-11.0"),
    *("pc-i440fx-9.1", "pc-i440fx-10.0", "virt-9.1", "virt-10.2"),
)
DO_NOT = ("pc-q35-9.0", "pc-q35-8.2", "pc-q35-2.12", "pc-i440fx-8.2", "virt-9.0")
DO_NOT_TELL = (
    *("pc-q35-rhel9.6.0", "pc-q35-rhel9.4.0", "pc-i440fx-rhel7.6.0"),
    *("virt-rhel9.2.0", "pc-q35-noble", "pc-q35-noble-v2", "q35", "pc", "virt"),
    *("microvm", "pc-q35-9.1.2", "pc-q35-9", "pc-q35-9.1\n", "xpc-q35-9.1", "", None),
    *("pc-q35-\u0669.1", "pc-q35-" + "9" * 5000 + ".1"),
)


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        *((machine, None) for machine in LET_IT_DIFFER),
        *((machine, "VFC534") for machine in DO_NOT),
        *((machine, "VFC535") for machine in DO_NOT_TELL),
    ],
)
def test_machine_types_from_9_1_on_let_nvidias_drivers_differ(
    machine: str | None, code: str | None
) -> None:
    expected = code and diagnostic(
        codes.code_of(code),
        detail=f"machine type {machine or 'not known'}",
        spans=both_ends("550.54.10", "570.86.10"),
    )

    assert across(machine) == expected
    assert {"VFC534": "error", "VFC535": "warning", None: None}[code] == (
        expected and expected.severity
    )


@pytest.mark.parametrize(
    "machine", ["pc-q35-9.1", "pc-q35-9.0", "pc-q35-rhel9.4.0", "q35", None]
)
def test_what_qemu_was_told_of_the_device_wins_over_the_machine_type(
    machine: str | None,
) -> None:
    refused = across(machine, skips=False)

    assert across(machine, skips=True) is None
    assert refused is not None
    assert refused.code == "VFC534"


@pytest.mark.parametrize(
    "ends",
    [
        (OLD, OLD),
        (NEW, vgpu("570.86.10")),
        (OLD, vgpu("570", vendor_id="0x8086")),
        (vgpu("550", vendor_id="0x8086"), NEW),
        (vgpu("550", vendor_id="0x8086"), vgpu("570", vendor_id="0x8086")),
        (vgpu("550", vendor_id=None), vgpu("570", vendor_id=None)),
        (vgpu("550", type_id=None), NEW),
        (OLD, vgpu("570", type_id=None)),
        (vgpu("550", type_id=None), vgpu("570", type_id=None)),
        (
            function("0000:01:00.1", None, facts={"module_version": "1"}),
            function("0000:01:00.2", None, facts={"module_version": "2"}),
        ),
    ],
)
@pytest.mark.parametrize("machine", ["pc-q35-8.2", "q35", None])
def test_nothing_is_said_where_the_drivers_do_not_differ(
    machine: str | None, ends: tuple[Endpoint, Endpoint]
) -> None:
    assert across(machine, ends=ends) is None
    assert across(machine, skips=False, ends=ends) is None


@pytest.mark.parametrize(
    "ends", [(vgpu(None), NEW), (OLD, vgpu(None)), (vgpu(None), vgpu(None))]
)
@pytest.mark.parametrize(
    ("machine", "skips", "code"),
    [
        ("pc-q35-9.1", None, None),
        ("pc-q35-9.0", True, None),
        ("pc-q35-9.1", False, "VFC535"),
        ("pc-q35-9.0", None, "VFC535"),
        ("q35", None, "VFC535"),
        (None, None, "VFC535"),
    ],
)
def test_drivers_of_which_one_is_not_known_may_differ(
    machine: str | None,
    ends: tuple[Endpoint, Endpoint],
    skips: bool | None,  # noqa: FBT001 - it is a value and not a switch
    code: str | None,
) -> None:
    found = across(machine, skips, ends)
    assert (found and found.code) == code
    assert found is None or "is not known" in found.summary


@pytest.mark.parametrize(("one", "other"), [(OLD, NEW), (NEW, OLD)])
def test_it_does_not_matter_which_driver_is_newer(
    one: Endpoint, other: Endpoint
) -> None:
    found = across("pc-q35-9.0", ends=(one, other))

    assert found is not None
    assert found.detail == "machine type pc-q35-9.0"
    versions = [each.facts["module_version"] for each in (one, other)]
    assert found.spans == both_ends(*versions)


def test_a_vgpu_is_of_nvidia_and_has_a_type() -> None:
    assert OLD.is_vgpu
    assert vgpu(None).is_vgpu
    assert vgpu(None, kind="function").is_vgpu
    assert not vgpu("1", type_id=None).is_vgpu
    assert not vgpu("1", vendor_id="0x10df").is_vgpu
    assert not UNKNOWN.is_vgpu


# ---- what becomes of a pair's decision -------------------------------------------

NOTE = diagnostic(codes.MIGRATION_INTERFACE_NOT_TOLD)
COMPATIBLE = Decision(
    verdict="compatible", basis="driver", table="t", diagnostics=(NOTE,)
)
UNDETERMINED = Decision(
    verdict="undetermined", basis="none", diagnostics=(NOTE,), failed=True
)
INCOMPATIBLE = Decision(
    verdict="incompatible", basis="table", table="t", diagnostics=(NOTE,)
)
ERROR, WARNING = diagnostic(codes.DRIVERS_DIFFER), diagnostic(codes.DRIVERS_MAY_DIFFER)


@pytest.mark.parametrize("doubt", [False, True])
@pytest.mark.parametrize("decision", [COMPATIBLE, UNDETERMINED])
def test_an_error_beside_a_decision_overrules_it(
    decision: Decision, *, doubt: bool
) -> None:
    assert beside(decision, ERROR, doubt=doubt) == Decision(
        verdict="incompatible", basis="none", diagnostics=(ERROR, NOTE)
    )


def test_a_doubt_leaves_a_yes_undetermined() -> None:
    assert beside(COMPATIBLE, WARNING, doubt=True) == Decision(
        verdict="undetermined", basis="none", diagnostics=(WARNING, NOTE)
    )


@pytest.mark.parametrize(
    ("decision", "finding", "doubt"),
    [
        (COMPATIBLE, WARNING, False),
        *((UNDETERMINED, WARNING, doubt) for doubt in (False, True)),
        *((INCOMPATIBLE, WARNING, doubt) for doubt in (False, True)),
        *((INCOMPATIBLE, ERROR, doubt) for doubt in (False, True)),
    ],
)
def test_anything_else_beside_a_decision_is_only_told(
    decision: Decision, finding: Diagnostic, *, doubt: bool
) -> None:
    """What is a doubt stands first all the same."""
    told = (finding, NOTE) if doubt else (NOTE, finding)
    assert beside(decision, finding, doubt=doubt) == replace(decision, diagnostics=told)


# ---- what is tracked -------------------------------------------------------------

TRACKS = with_flags("STOP_COPY", "P2P", "DIRTY_TRACKING")
NOT = with_flags("STOP_COPY", "P2P")
NOBODY = endpoint("p/t", None)


def tracked(
    source: Endpoint,
    machine: str | None = "pc-q35-9.1",
    **more: Any,  # noqa: ANN401
) -> list[tuple[str, str]]:
    """Give the codes, with their severities, of what is told of a VM's one device."""
    device = replace(FUNCTION, **more)
    vm = Vm(name="web", machine=machine, devices=(device,))
    return [(each.code, each.severity) for each in blocking(vm, [source])]


@pytest.mark.parametrize(
    ("source", "device", "expected"),
    [
        (TRACKS, {}, []),
        (NOT, {}, [("VFC539", "error")]),
        (NOT, {"migration": "auto"}, [("VFC539", "error")]),
        (NOT, {"migration": "on"}, [("VFC539", "warning")]),
        (NOT, {"migration": "off"}, [("VFC533", "error")]),
        (NOT, {"iommufd": True}, [("VFC549", "warning")]),
        (NOT, {"iommufd": True, "migration": "on"}, [("VFC539", "warning")]),
        (NOBODY, {}, [("VFC549", "warning")]),
        (NOBODY, {"iommufd": True}, [("VFC549", "warning")]),
        (NOBODY, {"migration": "on"}, []),
        (NOBODY, {"saved": False}, [("VFC542", "error")]),
        (NOBODY, {"unplugged": True}, [("VFC536", "info")]),
    ],
)
def test_what_a_device_writes_has_to_be_tracked(
    source: Endpoint, device: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    if device.get("unplugged"):
        vm = Vm(name="web", devices=(replace(MDEV, **device),))
        assert [(each.code, each.severity) for each in blocking(vm, [])] == expected
        return
    assert tracked(source, **device) == expected


@pytest.mark.parametrize(
    ("iommu", "machine", "expected"),
    [
        ("yes", "pc-q35-9.1", []),
        ("yes", "virt-10.0", []),
        ("yes", "pc-q35-9.0", [("VFC549", "warning")]),
        ("yes", "pc-q35-rhel9.6.0", [("VFC549", "warning")]),
        ("yes", None, [("VFC549", "warning")]),
        ("no", "pc-q35-9.1", [("VFC539", "error")]),
    ],
)
def test_the_iommu_of_a_host_may_track_it(
    iommu: str, machine: str | None, expected: list[tuple[str, str]]
) -> None:
    source = replace(NOT, stated={"iommu_dirty_tracking": iommu})

    assert tracked(source, machine, iommufd=True) == expected
    without = [("VFC539", "error")]
    assert tracked(source, machine, iommufd=False) == without, "only with iommufd"
    mdev = {"address": MDEV.address, "iommufd": True}
    assert tracked(source, machine, **mdev) == without, "no IOMMU is before an mdev"


@pytest.mark.parametrize(
    ("source", "device", "expected"),
    [
        (TRACKS, {}, [("VFC539", "error")]),
        (NOBODY, {}, [("VFC539", "error")]),
        (TRACKS, {"migration": "on"}, [("VFC539", "warning")]),
        (TRACKS, {"iommufd": True}, [("VFC549", "warning")]),
    ],
)
def test_a_driver_that_is_not_to_track_tracks_nothing(
    source: Endpoint, device: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert tracked(source, untracked=True, **device) == expected


@pytest.mark.parametrize(
    "api",
    [
        *("vfio-ap", "vfio-ccw", "vfio-platform", "vfio-amba", "vfio-fsl-mc"),
        *("vfio-cdx", "vfio-user"),
    ],
)
def test_what_qemu_never_migrates_is_told_by_its_interface_too(api: str) -> None:
    assert tracked(replace(TRACKS, device_api=api)) == [("VFC542", "error")]
    for known in ("vfio-pci", None, ""):
        assert tracked(replace(TRACKS, device_api=known)) == []


def end_of(**more: str | None) -> Endpoint:
    """Make a function, with what QEMU compares of it."""
    facts = {"revision": more.pop("revision", "0x30")}
    known = {"vendor_id": "0x19e5", "device_id": "0xa251"} | more
    kept = {name: value for name, value in facts.items() if value is not None}
    return function("0000:75:00.1", None, facts=kept, **known)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"revision": "0x50"}, "revision"),
        ({"device_id": "0xa256"}, "device id"),
        ({"vendor_id": "0x8086"}, "vendor id"),
        ({"revision": None}, None),
        ({"device_id": None}, None),
        ({}, None),
    ],
)
def test_qemu_compares_what_two_functions_are(
    change: dict[str, str | None], what: str | None
) -> None:
    for ends in ((end_of(), end_of(**change)), (end_of(**change), end_of())):
        found = config_space(*ends)
        assert (found and found.code) == (what and "VFC576")
        assert found is None or f"the {what} of a function" in found.summary


@pytest.mark.parametrize(
    "end",
    [endpoint("p/t", None, device_id="0x1"), vgpu("1", kind="function")],
)
def test_what_a_vgpu_or_an_mdev_shows_its_vm_is_not_what_its_parent_is(
    end: Endpoint,
) -> None:
    other = replace(end, device_id="0x2", facts={"revision": "0x1"})
    assert config_space(end, other) is None
    assert config_space(end, end_of()) is None


@pytest.mark.parametrize(
    ("stated", "differs"),
    [("0x30", False), ("30", False), ("0x21", True), ("?", False)],
)
def test_a_revision_that_is_stated_is_one(stated: str, *, differs: bool) -> None:
    known = end_of(revision="0x30")
    told = replace(end_of(revision=None), stated={"revision": stated})
    for ends in ((known, told), (told, known)):
        assert (config_space(*ends) is not None) is differs


def test_a_qemu_that_was_asked_has_looked_itself() -> None:
    vm = Vm(name="web", devices=(MDEV, FUNCTION), blockers=(), iommus=("intel",))

    assert blocking(vm, [NOT, NOBODY]) == ()


@pytest.mark.parametrize(
    ("fields", "code", "verdict"),
    [
        ({"iommus": ("intel",)}, "VFC540", "undetermined"),
        ({"config_files": ("/etc/a.cfg",)}, "VFC560", "undetermined"),
        ({"others": ("vfio-platform x",)}, "VFC542", "incompatible"),
    ],
)
def test_what_else_leaves_no_yes(
    fields: dict[str, tuple[str, ...]], code: str, verdict: str
) -> None:
    for devices in ((), (MDEV,)):
        vm = Vm(name="web", devices=devices, **fields)  # type: ignore[arg-type]
        found = blocking(vm, [TRACKS] * len(devices))
        if code == "VFC540" and not devices:
            assert codes_of(found) == ["VFC530"], "it is in nobody's way"
            continue
        assert codes_of(found) == [code]
        assert whole(["compatible"] * len(devices), found) == verdict
        assert whole(["incompatible"], found) == "incompatible"


def test_what_is_only_told_leaves_a_yes() -> None:
    forced = Vm(name="web", devices=(replace(MDEV, migration="on"),))
    for found in (blocking(forced, [NOT]), blocking(Vm(name="web"), [])):
        assert found
        assert whole(["compatible"], found) == "compatible"


@pytest.mark.parametrize("machine", ["pseries-9.1", "s390-ccw-virtio-9.1"])
def test_some_machines_always_have_a_virtual_iommu(machine: str) -> None:
    assert tracked(TRACKS, machine) == [("VFC540", "warning")]


# ---- what QEMU is, and what else stays on the host -------------------------------


@pytest.mark.parametrize(
    ("machine", "is_told"),
    [
        *((f"pc-q35-{version}", True) for version in ("7.2", "8.0", "6.2+pve1")),
        *((f"pc-i440fx-{version}", False) for version in ("8.1", "9.0", "10.0")),
        *((name, False) for name in ("pc-q35-rhel9.4.0", "q35", None)),
    ],
)
@pytest.mark.parametrize("migration", [None, "auto", "on"])
def test_a_machine_type_that_an_old_qemu_runs_is_told_and_decides_nothing(
    machine: str | None, migration: OnOffAuto | None, *, is_told: bool
) -> None:
    vm = Vm(name="web", machine=machine, devices=(replace(MDEV, migration=migration),))
    found = blocking(vm, [P2P])
    assert codes_of(found) == (["VFC573"] if is_told and migration is None else [])
    assert whole(["compatible"], found) == "compatible"


def test_a_qemu_that_is_asked_tells_by_itself_what_it_migrates() -> None:
    vm = Vm(name="web", machine="pc-q35-7.2", devices=(MDEV,), blockers=())
    assert codes_of(blocking(vm, [P2P])) == []


@pytest.mark.parametrize("devices", [(), (MDEV,)])
@pytest.mark.parametrize("blockers", [None, ()])
def test_a_disk_that_qemu_drives_leaves_no_yes(
    devices: tuple[VmDevice, ...], blockers: tuple[str, ...] | None
) -> None:
    vm = Vm(name="web", devices=devices, disks=("vda",), blockers=blockers)
    found = blocking(vm, [P2P] * len(devices))
    assert codes_of(found) == ["VFC574"]
    assert whole(["compatible"] * len(devices), found) == "undetermined"


def test_protected_memory_leaves_no_yes_unless_qemu_itself_says_that_it_goes() -> None:
    vm = Vm(name="web", devices=(MDEV,), protection="sev")
    found = blocking(vm, [P2P])
    assert codes_of(found) == ["VFC575"]
    assert whole(["compatible"], found) == "undetermined"
    assert codes_of(blocking(replace(vm, blockers=()), [P2P])) == []
    assert codes_of(blocking(replace(vm, devices=()), [])) == ["VFC530"]
