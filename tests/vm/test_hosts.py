# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a VM: each device's verdict, and which hosts come first."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.fleets import QAT_1, QAT_2, answer, endpoint, function, qat
from tests.machines import mdev, told_to_migrate, uuids, vgpu
from tests.vm.conftest import outlook
from vfiocompat.endpoints import Attribute, MigrationInterface
from vfiocompat.vm.hosts import HostResult, rank
from vfiocompat.vm.room import Placement

if TYPE_CHECKING:
    from tests.vm.conftest import Ask
    from vfiocompat.endpoints import Endpoint, Flag, RecordedAnswer
    from vfiocompat.output.vm import VmDocument
    from vfiocompat.verdicts import Verdict

A, B, C = "1ac1-a", "1ac1-b", "1ac1-c"
TAKES_A = (answer(A, accepted=True),)
REFUSES_A = (answer(A, accepted=False),)
UNSURE_A = (answer(A, accepted=None),)
ONLY_B = (*REFUSES_A, answer(B, accepted=True))
ONE, TWO, THREE, FOUR = uuids(4)
NEW = uuids(4, group=2)
OLD = "--max-age 1h"

TAKES = endpoint("p/t", A, answers=TAKES_A)


def placed(found: VmDocument) -> list[str]:
    return [each.endpoint for each in found.assignment]


def ends(found: VmDocument) -> list[str]:
    return [each.destination.address for each in found.devices]


def verdicts(found: VmDocument) -> list[str]:
    return [each.verdict for each in found.devices]


def codes(found: VmDocument, device: int = 0) -> list[str]:
    """Name what stands in the way of a device."""
    told = found.devices[device].diagnostics
    return [each.code for each in told if each.severity != "info"]


# ---- verdicts --------------------------------------------------------------------


def test_hosts_that_take_it_come_first_and_then_those_that_lack_least() -> None:
    order: list[tuple[Verdict, bool | None]] = [
        ("compatible", True),
        ("compatible", None),
        ("undetermined", None),
        ("compatible", False),
        ("undetermined", False),
        ("incompatible", None),
    ]
    results = [
        HostResult(None, verdict, (), (), (), Placement(room, {}))
        for verdict, room in order
    ]
    shuffled = [results[at] for at in (5, 2, 0, 4, 1, 3)]
    assert sorted(shuffled, key=rank) == results


def test_a_device_has_the_best_verdict_that_some_endpoint_has(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        [
            endpoint("p/no", B, answers=REFUSES_A),
            endpoint("p/unknown", B),
            endpoint("p/yes", B, answers=TAKES_A),
        ],
    )
    assert (found.verdict, found.room) == ("compatible", True)
    assert found.allowed == ["h0"]
    assert ends(found) == placed(found) == ["p/yes"]
    assert found.diagnostics == ()


def test_a_vm_has_the_worst_verdict_of_its_devices(ask: Ask) -> None:
    unsure = (*REFUSES_A, answer(B, accepted=None))
    there = [TAKES, endpoint("q/b", B, answers=unsure)]
    found = ask([mdev(ONE, A), mdev(TWO, B)], there)
    assert found.verdict == "undetermined"
    assert verdicts(found) == ["compatible", "undetermined"]

    found = ask([mdev(ONE, A), mdev(TWO, "8086-x")], there)
    assert found.verdict == "incompatible"
    assert verdicts(found) == ["compatible", "incompatible"]
    assert (found.room, found.assignment) == (None, []), "where one can go nowhere"


def test_what_is_demanded_of_the_vm_decides_too(ask: Ask) -> None:
    """QEMU was told not to migrate the device: that is of the VM, wherever it goes."""
    override = (
        "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:device alias='ua-0'><qemu:frontend><qemu:property "
        "name='enable-migration' type='bool' value='false'/></qemu:frontend>"
        "</qemu:device></qemu:override>"
    )
    found = ask([mdev(ONE, A)], [TAKES], after=override)
    assert (found.verdict, found.room) == ("incompatible", True)
    assert found.not_allowed == {"h0": ("VFC533",)}
    assert verdicts(found) == ["compatible"]


@pytest.mark.parametrize(
    ("basis", "verdict"),
    [("table", "compatible"), ("recorded", "compatible"), ("driver", "undetermined")],
)
def test_a_yes_rests_on_what_is_required(ask: Ask, basis: str, verdict: str) -> None:
    found = ask([mdev(ONE, A)], [TAKES], options=f"--require {basis}")
    assert found.verdict == verdict
    assert found.undetermined == ({"h0": ("VFC410",)} if basis == "driver" else {})


def test_a_table_is_less_than_a_recorded_answer(ask: Ask) -> None:
    one = qat("0000:03:00.1", QAT_1)
    other = qat("0000:03:00.2", QAT_2, in_use=False)
    found = ask([one], [other])
    assert (found.devices[0].basis, found.devices[0].table) == (
        "table",
        "intel-qat-gen4",
    )
    found = ask([one], [other], options="--require recorded")
    assert found.undetermined["h0"][0] == "VFC410"
    assert ask([other], [replace(one, in_use=False)]).allowed == []


@pytest.mark.parametrize("options", ["", OLD])
def test_a_vm_without_devices_needs_nothing(ask: Ask, options: str) -> None:
    found = ask([], [endpoint("p/t", A, available_instances=0)], [], options=options)
    assert found.allowed == ["h0", "h1", "home"]
    assert (found.verdict, found.room, found.devices) == ("compatible", True, [])
    assert [each.code for each in found.diagnostics] == ["VFC530"]


def test_devices_that_are_alike_are_decided_once(ask: Ask) -> None:
    there = [TAKES, endpoint("q/b", B, answers=ONLY_B)]
    found = ask([mdev(ONE, A), mdev(TWO, B), mdev(THREE, A)], there)
    assert (found.room, placed(found)) == (True, ["p/t", "q/b", "p/t"])
    assert [each.source.address for each in found.devices] == [ONE, TWO, THREE]
    assert {each.source.host for each in found.devices} == {"home"}

    found = ask([mdev(ONE, A), mdev(TWO, A, device_api="vfio-ap")], [TAKES])
    assert verdicts(found) == ["compatible", "incompatible"]
    assert "VFC120" in codes(found, 1)


def p2p(*flags: Flag) -> Endpoint:
    told = MigrationInterface("v2", flags) if flags else None
    return replace(TAKES, migration=told)


@pytest.mark.parametrize(
    ("there", "devices", "on", "verdict"),
    [
        (p2p("STOP_COPY"), 2, 2, "incompatible"),
        (p2p("STOP_COPY", "P2P"), 2, 2, "compatible"),
        (p2p(), 2, 2, "undetermined"),
        (p2p(), 2, 1, "compatible"),
        (p2p("STOP_COPY"), 2, 1, "compatible"),
        (p2p("STOP_COPY"), 2, 0, "compatible"),
        (p2p("STOP_COPY"), 1, 1, "compatible"),
    ],
)
def test_qemu_starts_no_devices_without_p2p_that_are_to_migrate(
    ask: Ask, there: Endpoint, devices: int, on: int, verdict: str
) -> None:
    sources = [mdev(each, A) for each in (ONE, TWO)[:devices]]
    more = {"after": told_to_migrate(on)} if on else {}
    found = ask(sources, [there], **more)
    assert found.verdict == verdict
    no = "VFC531" in codes(found, 0) and "VFC531" in found.not_allowed["h0"]
    assert no is (verdict == "incompatible")


def test_what_an_operator_states_of_a_destination_counts_too(ask: Ask) -> None:
    """Of hosts of one class otherwise, so that they are told apart."""

    def of(flags: str) -> Endpoint:
        return replace(TAKES, stated={"migration_flags": flags})

    there = [of("STOP_COPY,P2P")], [of("STOP_COPY")], [of("STOP_COPY,P2P,PRE_COPY")]
    sources = [mdev(each, A) for each in (ONE, TWO)]
    found = ask(sources, *there, after=told_to_migrate(2))
    assert found.allowed == ["h0", "h2"]
    assert found.not_allowed == {"h1": ("VFC531", "VFC547")}
    assert ask(sources, *there).allowed == ["h0", "h1", "h2"]


def test_of_two_endpoints_the_one_with_p2p_is_given(ask: Ask) -> None:
    other = replace(p2p("STOP_COPY", "P2P"), address="q/t", parent="q")
    more = {"after": told_to_migrate(2)}
    found = ask([mdev(ONE, A), mdev(TWO, A)], [p2p("STOP_COPY"), other], **more)
    assert (found.verdict, placed(found)) == ("compatible", ["q/t", "q/t"])


# ---- the closest endpoint --------------------------------------------------------


def test_the_closest_has_the_best_verdict(ask: Ask) -> None:
    no = endpoint("p/t", B, answers=REFUSES_A)
    unsure = endpoint("p/unsure", B, answers=UNSURE_A)
    for there in ([no, unsure], [unsure, no]):
        found = ask([mdev(ONE, A), mdev(TWO, "8086-x")], there)
        assert ends(found)[0] == "p/unsure"


def test_of_several_that_cannot_the_closest_is_of_its_type(ask: Ask) -> None:
    there = [endpoint(f"p/t{at}", B, answers=REFUSES_A) for at in (1, 2, 3)]
    found = ask([mdev(ONE, A, type_id="t2")], there)
    assert ends(found) == ["p/t2"]
    assert found.not_allowed == {"h0": ("VFC133", "VFC547")}


def test_of_several_that_cannot_the_closest_is_of_its_driver(ask: Ask) -> None:
    found = ask(
        [qat("0000:03:00.1", QAT_2)],
        [
            endpoint("p/t", B),
            qat("0000:03:00.2", QAT_1),
            function("0000:03:00.3", "19e5-x", driver="other"),
        ],
    )
    assert ends(found) == ["0000:03:00.2"]


def test_a_host_without_endpoints_can_load_nothing(ask: Ask) -> None:
    found = ask([mdev(ONE, A), mdev(TWO, A)], [])
    assert (found.verdict, found.room) == ("incompatible", None)
    assert found.not_allowed == {"h0": ("VFC547",)}
    assert ends(found) == ["(none)", "(none)"]


# ---- room ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_use", "room"), [(False, True), (True, False), (None, None)]
)
def test_a_device_that_is_there_is_given_if_nobody_has_it(
    ask: Ask, *, in_use: bool | None, room: bool | None
) -> None:
    one, free = mdev(ONE, A), mdev(TWO, A, answers=TAKES_A, in_use=in_use)
    for options in ("", "--as-is"):
        address = ONE if options else TWO
        free = replace(free, address=address, uuid=address)
        found = ask([one], [free], options=options)
        assert (found.verdict, found.room) == ("compatible", room)
        assert placed(found) == ([] if room is False else [free.address])
        told = [each.code for each in found.diagnostics]
        assert told == {True: [], False: ["VFC545"], None: ["VFC546"]}[room]
    there = qat("0000:03:00.2", QAT_1, in_use=in_use)
    assert ask([qat("0000:03:00.1", QAT_1)], [there]).room is room


@pytest.mark.parametrize("in_use", [False, None])
@pytest.mark.parametrize("address", [FOUR, "0000:03:00.1"])
def test_a_device_that_may_be_free_is_given_to_one(
    ask: Ask, address: str, *, in_use: bool | None
) -> None:
    make = mdev if address == FOUR else function
    acme = {"driver": "acme", "vendor_id": "0x1ac1"}
    takes = make(address, A, answers=TAKES_A, in_use=in_use, **acme)
    found = ask([mdev(TWO, A), mdev(THREE, A)], [takes])
    assert (found.verdict, found.room) == ("compatible", False)
    more = [mdev(each, A, answers=TAKES_A, in_use=False) for each in NEW[:2]]
    found = ask([mdev(ONE, A), mdev(TWO, A)], more)
    assert (found.room, sorted(placed(found))) == (True, NEW[:2])


def test_where_the_best_endpoints_do_not_suffice_it_is_not_known(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [
            endpoint("p/yes", A, answers=TAKES_A, available_instances=1),
            endpoint("q/unknown", A, available_instances=1),
        ],
    )
    assert (found.verdict, found.room) == ("compatible", None)
    assert sorted(placed(found)) == sorted(ends(found)) == ["p/yes", "q/unknown"]
    assert found.undetermined == {"h0": ("VFC546",)}


def test_another_parent_spares_two_types_of_one(ask: Ask) -> None:
    full = endpoint("p/u", B, answers=ONLY_B, available_instances=1)
    other = endpoint("q/u", B, answers=ONLY_B, available_instances=1)
    sources = [mdev(ONE, A), mdev(TWO, B)]
    found = ask(sources, [TAKES, full, other])
    assert (found.room, placed(found)) == (True, ["p/t", "q/u"])
    assert ask(sources, [TAKES, full]).room is None


def vgpus(*types: str) -> list[Endpoint]:
    """Give functions that are what a VM has, each of a type."""
    return [
        vgpu(f"0000:c1:00.{at}", each, current=True) for at, each in enumerate(types, 1)
    ]


def test_two_vgpus_on_a_host_may_share_a_gpu(ask: Ask) -> None:
    found = ask(vgpus("7", "7"), [vgpu("0000:d1:00.1", "7"), vgpu("0000:d1:00.2", "7")])
    assert found.room is None
    assert sorted(placed(found)) == ["0000:d1:00.1/7", "0000:d1:00.2/7"]
    found = ask(vgpus("7", "8"), [vgpu("0000:d1:00.1", "7"), vgpu("0000:d1:00.1", "8")])
    assert found.room is False, "a function takes one"


def test_of_endpoints_that_are_as_good_that_of_the_devices_type_is_given(
    ask: Ask,
) -> None:
    for types in (("7", "8"), ("8", "7")):
        found = ask(vgpus("7"), [vgpu("0000:d1:00.1", each) for each in types])
        assert placed(found) == ["0000:d1:00.1/7"]


def test_types_on_functions_of_one_gpu_share_it(ask: Ask) -> None:
    """With SR-IOV each is a parent of its own, and says 1 until one is used."""

    def on_gpu(*functions: str) -> list[Endpoint]:
        names = [f"{each}/nvidia-558" for each in functions]
        one = {"answers": TAKES_A, "available_instances": 1, "vendor_id": "0x10de"}
        return [endpoint(each, A, **one) for each in names]

    sources = [mdev(ONE, A), mdev(TWO, A)]
    assert ask(sources, on_gpu("0000:41:00.4", "0000:41:00.5")).room is None
    assert ask(sources, on_gpu("0000:41:00.0", "0000:42:00.0")).room is True


@pytest.mark.parametrize("parent", [None, "p"])
def test_what_shares_is_told_by_addresses(ask: Ask, parent: str | None) -> None:
    one = {"answers": TAKES_A, "available_instances": 1}
    types = [
        endpoint("p/t", A, **one, parent=parent),
        endpoint("p/u", A, **one, parent="p"),
    ]
    assert ask([mdev(ONE, A), mdev(TWO, A)], types).room is None


@pytest.mark.parametrize(
    "address",
    [
        *("p/t\u202e", "p/\x1b[1mt", "p/", "../t", "p/a/b", "/etc", "nonsense"),
        "version:x",
    ],
)
def test_an_address_that_no_host_has_is_given_to_nobody(ask: Ask, address: str) -> None:
    found = ask([mdev(ONE, A)], [endpoint(address, A, answers=TAKES_A)])
    assert (found.verdict, found.room) == ("compatible", False)
    assert found.not_allowed == {"h0": ("VFC545",)}


# ---- several hosts ---------------------------------------------------------------


def test_hosts_that_offer_the_same_have_their_own_addresses(ask: Ask) -> None:
    sources = [mdev(ONE, A), mdev(THREE, A)]
    own = {"h0": ("p", NEW[0]), "h1": ("q", ONE), "h2": ("r", NEW[2])}
    hosts = [
        [
            endpoint(f"{parent}/t", A, answers=TAKES_A, available_instances=1),
            mdev(there, A, answers=TAKES_A, in_use=False),
        ]
        for parent, there in own.values()
    ]
    assert ask(sources, *hosts).allowed == list(own)
    for host, (parent, there) in own.items():
        found = ask(sources, *hosts, options=f"--host {host}")
        expected = sorted([f"{parent}/t", there])
        assert sorted(placed(found)) == sorted(ends(found)) == expected
        assert {each.destination.host for each in found.devices} == {host}
        addresses = {each.address for each in found.assignment}
        assert len(addresses) == 2
        assert there in addresses


def test_hosts_that_offer_almost_the_same_are_told_apart(ask: Ask) -> None:
    """Of parents that are not alike, or one of which is full."""
    there = {"answers": TAKES_A, "available_instances": 1}
    other = {"answers": ONLY_B, "available_instances": 1}
    found = ask(
        [mdev(ONE, A), mdev(TWO, B)],
        [endpoint("p/t", A, **there), endpoint("p/u", B, **other)],
        [endpoint("p/t", A, **there), endpoint("q/u", B, **other)],
    )
    assert (found.host, found.allowed) == ("h1", ["h1"])
    assert found.undetermined == {"h0": ("VFC546",)}
    several = [[replace(TAKES, available_instances=free)] for free in (0, 1, 0, 2)]
    found = ask([mdev(ONE, A)], *several)
    assert found.allowed == ["h1", "h3"]
    assert set(found.not_allowed) == {"h0", "h2"}


def test_hosts_that_are_alike_are_told_the_same(ask: Ask) -> None:
    """In whatever order they have their endpoints, and whichever is the best."""
    no, full = (*REFUSES_A, answer(B, accepted=None)), {"available_instances": 0}
    there = [
        [endpoint(f"{p}/t", C, answers=no, **full), endpoint(f"{q}/u", C, **full)]
        for p, q in ("ab", "ba", "cd", "dc")
    ]
    found = ask([mdev(ONE, A), mdev(TWO, B)], *there)
    of_each = [*found.not_allowed.values(), *found.undetermined.values()]
    assert len(of_each) == 4
    assert len(set(of_each)) == 1
    # NVIDIA's type that cannot be created now is told of both hosts, or of none.
    type_ = replace(vgpu("0000:d1:00.1", "7"), available_instances=0)
    found = ask(vgpus("7"), [type_], [type_])
    of_each = [*found.not_allowed.values(), *found.undetermined.values()]
    assert of_each[0] == of_each[1]


# ---- as it is --------------------------------------------------------------------


def test_as_is_a_device_has_its_address_there(ask: Ask) -> None:
    free = {"answers": TAKES_A, "in_use": False}
    other, same = mdev(TWO, A, **free), mdev(ONE, A, **free)
    found = ask([mdev(ONE, A)], [other], [TAKES, other, same], options="--as-is")
    assert found.allowed == ["h1"]
    assert ends(found) == placed(found) == [ONE]
    assert found.assignment[0].first is None
    assert found.undetermined == {"h0": ("VFC548",)}


def test_as_is_no_other_endpoint_is_counted(ask: Ask) -> None:
    refuses = mdev(ONE, A, answers=REFUSES_A, in_use=False)
    found = ask([mdev(ONE, A)], [TAKES, refuses], options="--as-is")
    assert found.not_allowed == {"h0": ("VFC133",)}
    assert codes(found) == ["VFC133"]


def test_as_is_two_devices_are_each_looked_for(ask: Ask) -> None:
    there = [
        mdev(TWO, B, answers=ONLY_B, in_use=False),
        mdev(ONE, A, answers=TAKES_A, in_use=False),
    ]
    found = ask([mdev(ONE, A), mdev(TWO, B)], there, options="--as-is")
    assert (found.room, placed(found)) == (True, [ONE, TWO])


# ---- what is too old -------------------------------------------------------------


@pytest.mark.parametrize("free", [0, 2, None])
@pytest.mark.parametrize("as_is", ["", " --as-is"])
def test_an_old_inventory_tells_nothing(ask: Ask, free: int | None, as_is: str) -> None:
    """Neither that there is room, or none, nor that a device or endpoint is missing."""
    there = [] if free is None else [replace(TAKES, available_instances=free)]
    found = ask([mdev(ONE, A)], there, options=OLD + as_is)
    assert found.undetermined == {"h0": ("VFC402",)}
    assert found.room is None


def with_flags(name: str) -> Endpoint:
    return qat(name, QAT_1, migration=MigrationInterface("v2", ("STOP_COPY",)))


@pytest.mark.parametrize(
    "ends",
    [vgpus("7"), [with_flags("0000:c1:00.4"), with_flags("0000:c1:00.5")]],
    ids=["drivers", "P2P"],
)
def test_an_old_inventory_says_no_definite_no(ask: Ask, ends: list[Endpoint]) -> None:
    there = [replace(each, facts=each.facts | {"module_version": "1"}) for each in ends]
    found = ask(ends, there, options="--max-age 1d", machine="pc-q35-8.2")
    assert found.verdict == "undetermined"
    assert found.undetermined == {"h0": ("VFC402",)}


# ---- what QEMU compares ----------------------------------------------------------


@pytest.mark.parametrize("name", ["device_id", "revision"])
def test_what_qemu_compares_of_functions_decides_beside_the_driver(
    ask: Ask, name: str
) -> None:
    """Of hosts of one class otherwise, so that they are told apart."""

    def of(value: str) -> Endpoint:
        facts = {"revision": value if name == "revision" else "0x1"}
        known = {"device_id": value} if name == "device_id" else {}
        end = function("0000:c1:00.4", A, facts=facts, in_use=False, **known)
        return replace(end, answers=TAKES_A)

    found = ask([of("0x1")], [of("0x1")], [of("0x2")], [of("0x1")])
    assert found.allowed == ["h0", "h2"]
    assert found.not_allowed == {"h1": ("VFC576", "VFC547")}
    found = ask([of("0x1"), replace(of("0x2"), address="0000:c1:00.5")], [of("0x1")])
    assert verdicts(found) == ["compatible", "incompatible"]


def test_what_qemu_compares_may_be_told_by_facts_alone(ask: Ask) -> None:
    def of(device_id: str) -> Endpoint:
        facts = {"device_id": device_id, "revision": "0x1"}
        end = function("0000:c1:00.4", A, facts=facts, in_use=False, device_id=None)
        return replace(end, answers=TAKES_A)

    found = ask([of("0x1")], [of("0x1")], [of("0x2")], [of("0001")])
    assert found.allowed == ["h0", "h2"]
    assert found.not_allowed == {"h1": ("VFC576", "VFC547")}


# ---- NVIDIA's drivers ------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "verdict", "first"),
    [
        ("pc-q35-9.1", "undetermined", "VFC220"),
        ("pc-q35-9.0", "incompatible", "VFC534"),
        ("pc-q35-rhel9.4.0", "undetermined", "VFC535"),
    ],
)
def test_drivers_of_nvidia_that_differ_need_a_machine_type(
    ask: Ask, machine: str, verdict: str, first: str
) -> None:
    """A table would have left each of the pairs open."""

    def of_driver(version: str) -> Endpoint:
        named = {"vgpu_type": "7", "vgpu_type_name": "NVIDIA H200X-1-18C"}
        known = {"vendor_id": "0x10de", "module_version": version, **named}
        return replace(vgpus("7")[0], facts=known, in_use=False)

    found = ask([of_driver("550.90")], [of_driver("580.10")], machine=machine)
    assert found.verdict == verdict
    told = (found.undetermined | found.not_allowed)["h0"]
    assert told[0] == first
    assert verdict == "undetermined" or told == ("VFC534", "VFC547")


@pytest.mark.parametrize("written", ["0x10de", "10de", "0x10DE", "0X000010de"])
def test_nvidias_id_may_be_written_otherwise(ask: Ask, written: str) -> None:
    def of_driver(version: str) -> Endpoint:
        facts = {"vendor_id": written, "module_version": version}
        end = replace(vgpus("7")[0], version=A, origin="attribute", newline=True)
        there = Attribute("migration_version", "present", node="device")
        end = replace(end, attribute=there, vendor_id=written, facts=facts)
        return replace(end, answers=TAKES_A, in_use=False)

    found = ask([of_driver("1")], [of_driver("2")], machine="pc-q35-9.0")
    assert found.not_allowed == {"h0": ("VFC534", "VFC547")}


def test_a_doubt_of_qemus_is_no_yes(ask: Ask) -> None:
    """Of a machine type that does not tell QEMU's version, across NVIDIA's drivers."""
    attribute = Attribute("migration_version", "present", node="device")
    old = replace(vgpus("7")[0], version=A, origin="attribute", attribute=attribute)
    there = replace(old, facts={"module_version": "1"}, in_use=False, answers=TAKES_A)
    found = ask([old], [there], machine="pc-q35-noble")
    assert (found.verdict, found.devices[0].basis) == ("undetermined", "none")
    assert found.undetermined == {"h0": ("VFC535",)}
    assert ask([old], [there], machine="pc-q35-9.2+pve1").verdict == "compatible"
    assert ask([old], [there], machine="pc-q35-9.0+pve0").verdict == "incompatible"


# ---- in short and in full --------------------------------------------------------


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_host_that_is_shown_in_full_is_as_in_the_list(
    ask: Ask, data: st.DataObject
) -> None:
    said = st.sampled_from([True, True, False, None])
    free = st.sampled_from([0, 1, 2, None])
    kinds = st.tuples(st.sampled_from("pq"), st.sampled_from("tu"), free)
    types = st.lists(kinds, unique_by=lambda each: each[:2], max_size=4)

    def answers() -> tuple[RecordedAnswer, ...]:
        return tuple(answer(each, accepted=data.draw(said)) for each in (A, B))

    hosts = [
        [
            *(
                endpoint(f"{p}/{t}", C, answers=answers(), available_instances=number)
                for p, t, number in data.draw(types)
            ),
            *(
                mdev(each, C, answers=answers(), in_use=data.draw(said))
                for each in data.draw(st.sampled_from([[], [THREE], [THREE, FOUR]]))
            ),
        ]
        for _ in range(3)
    ]
    sources = [mdev(ONE, A), mdev(TWO, data.draw(st.sampled_from([A, B])))]
    together = ask(sources, *hosts)
    for at in range(3):
        alone = ask(sources, *hosts, options=f"--host h{at}")
        for name in ("allowed", "undetermined", "not_allowed"):
            several, one = getattr(together, name), getattr(alone, name)
            assert (f"h{at}" in several) == (f"h{at}" in one)
            if one and name != "allowed":
                assert several[f"h{at}"] == one[f"h{at}"]
        assert (len(alone.assignment) == 2) == (
            alone.verdict != "incompatible" and alone.room is not False
        )


@pytest.mark.slow
def test_a_large_vm_has_the_same_room_in_short_and_in_full(ask: Ask) -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    strings = [f"1ac1-{at}" for at in range(4)]
    sources = [mdev(each, strings[at % 4]) for at, each in enumerate(uuids(16))]

    def answers(version: str) -> tuple[RecordedAnswer, ...]:
        return tuple(
            answer(each, accepted=each == version if chance.random() < 0.9 else None)
            for each in strings
            if chance.random() < 0.95
        )

    hosts = [
        [
            endpoint(
                f"{parent}/t{at}",
                version,
                answers=answers(version),
                available_instances=chance.randint(0, 6),
            )
            for parent in "pqrs"
            for at, version in enumerate(strings)
        ]
        for _ in range(60)
    ]
    together = ask(sources, *hosts)
    for at in range(0, 60, 7):
        alone = ask(sources, *hosts, options=f"--host h{at}")
        assert outlook(alone, f"h{at}") == outlook(together, f"h{at}")


# ---- mdevs and functions -----------------------------------------------------------

MLX = {"driver": "mlx5_vfio_pci", "vendor_id": "0x15b3", "device_id": "0x101e"}
SERIAL = endpoint("mtty/mtty-1", None, driver="mtty", vendor_id=None)


def mlx5(address: str, **more: object) -> Endpoint:
    return function(address, None, **(MLX | more))


NIC = mlx5("0000:5e:00.2")


@pytest.mark.parametrize("in_use", [False, None])
def test_a_network_interface_is_given_a_function(
    *, ask: Ask, in_use: bool | None
) -> None:
    there = [SERIAL, TAKES, mlx5("0000:ee:00.2", in_use=in_use)]
    found = ask([NIC], there, managed="interface")
    assert placed(found) == ends(found) == ["0000:ee:00.2"]
    assert found.room is (None if in_use is None else True)


def test_a_network_interface_is_never_given_an_mdev(ask: Ask) -> None:
    """What is said of it, and so the plan and the XML, agree."""
    found = ask([NIC], [SERIAL, TAKES], managed="interface")
    assert found.verdict == "incompatible"
    assert found.not_allowed["h0"] == ("VFC571", "VFC547")
    assert placed(found) == []
    takes = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")
    type_ = endpoint("p/t", A, answers=TAKES_A)
    assert placed(ask([takes], [type_])) == ["p/t"], "a <hostdev> may become one"
    found = ask([takes], [type_], managed="interface")
    assert (found.verdict, codes(found)) == ("incompatible", ["VFC571", "VFC547"])


def test_an_interface_beside_a_hostdev_of_the_same_kind(ask: Ask) -> None:
    """Devices that are alike but for how they are attached are decided apart."""
    one, other = (function(f"0000:03:00.{at}", A, driver="acme") for at in (1, 2))
    more = (
        "<interface type='hostdev'><source><address type='pci' domain='0x0000' "
        "bus='0x03' slot='0x00' function='0x2'/></source></interface>"
    )
    there = [TAKES, function("0000:04:00.1", B, answers=TAKES_A, in_use=False)]
    found = ask([one, other], there, more=more, attached=(one.address,))
    assert [(each.device, each.endpoint) for each in found.assignment] == [
        (one.address, "p/t"),
        (other.address, "0000:04:00.1"),
    ]


@pytest.mark.parametrize("in_use", [False, None])
@pytest.mark.parametrize(
    "other", [SERIAL, mlx5("0000:01:00.0", device_id="0x1021", in_use=False)]
)
def test_a_like_function_comes_before_another_device(
    *, ask: Ask, in_use: bool | None, other: Endpoint
) -> None:
    """Nothing is known of either; that one is surely free does not make it fit."""
    found = ask([NIC], [other, mlx5("0000:ee:00.2", in_use=in_use)])
    assert placed(found) == ends(found) == ["0000:ee:00.2"]
    assert found.room is (None if in_use is None else True)
    assert found.verdict == "undetermined"


def test_what_surely_loads_the_state_comes_before_a_like_function(ask: Ask) -> None:
    source = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")
    like = replace(source, address="0000:04:00.1", version=None, in_use=False)
    like = replace(like, attribute=NIC.attribute, origin=None)
    found = ask([source], [like, endpoint("p/t", B, answers=TAKES_A)])
    assert placed(found) == ["p/t"]
    assert found.allowed == ["h0"]


@pytest.mark.parametrize(
    ("managed", "verdict"), [("no", "incompatible"), ("yes", "undetermined")]
)
@pytest.mark.parametrize("bound", [0, 1])
def test_what_libvirt_binds_on_arrival_is_not_known(
    ask: Ask, managed: str, verdict: str, bound: int
) -> None:
    """What is bound there now says nothing of what is not, and is told beside."""
    there = [endpoint("p/t", A)] * (1 - bound)
    there += [function(f"0000:03:00.{at}", None) for at in range(bound)]
    found = ask([NIC], there, managed=managed)
    assert (found.verdict, found.room) == (verdict, None)
    if managed == "yes":
        assert found.undetermined == {"h0": ("VFC570", "VFC546")}
        assert "VFC304" in codes(found)
    nothing = ask([NIC], [], managed=managed)
    assert nothing.verdict == verdict
    assert ends(nothing) == ["(none)"]


def test_what_is_bound_already_decides_where_it_loads_the_state(ask: Ask) -> None:
    source = qat("0000:03:00.1", QAT_1)
    there = qat("0000:04:00.1", QAT_2, in_use=False)
    found = ask([source], [there], managed="yes")
    assert (found.verdict, found.room) == ("compatible", True)


def test_room_for_what_libvirt_binds_on_arrival_is_not_known(ask: Ask) -> None:
    """There is none for others whatever it binds."""
    two = [qat(f"0000:03:00.{at}", QAT_1) for at in (1, 2)]
    there = [qat("0000:04:00.1", QAT_2, in_use=False)]
    assert ask(two, there).room is False
    found = ask(two, there, managed="yes")
    assert (found.verdict, found.room) == ("compatible", None)
    assert found.undetermined == {"h0": ("VFC546",)}
    assert placed(found) == []
    full = [*there, replace(TAKES, available_instances=0)]
    found = ask([*two, mdev(ONE, A)], full, managed="yes")
    assert found.room is False
    [told] = [each for each in found.diagnostics if each.code == "VFC545"]
    assert ONE in told.summary


@pytest.mark.parametrize(("managed", "code"), [("no", "VFC548"), ("yes", "VFC570")])
def test_as_is_a_function_that_is_not_bound_may_come(
    ask: Ask, managed: str, code: str
) -> None:
    there = [mlx5("0000:5e:00.3", in_use=False)]
    found = ask([NIC], there, managed=managed, options="--as-is")
    assert found.undetermined == {"h0": (code,)}
    wrong = [function(NIC.address, None, in_use=False)]
    found = ask([NIC], wrong, managed=managed, options="--as-is")
    assert found.verdict == "incompatible", "it is bound, and stays so"


@pytest.mark.parametrize(
    ("also", "verdict"), [("", "compatible"), ("ramfb='on'", "undetermined")]
)
def test_what_ramfb_shows_is_lost_where_an_mdev_becomes_a_function(
    ask: Ask, also: str, verdict: str
) -> None:
    there = function("0000:04:00.1", B, answers=TAKES_A, in_use=False)
    found = ask([mdev(ONE, A)], [there], also=also)
    assert found.verdict == verdict
    assert codes(found) == (["VFC572"] if also else [])
    assert ask([mdev(ONE, A)], [TAKES], also=also).verdict == "compatible"
    both = ask([mdev(ONE, A)], [there, TAKES], also=also)
    assert placed(both) == ["p/t" if also else there.address]
