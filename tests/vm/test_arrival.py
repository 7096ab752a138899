# SPDX-License-Identifier: Apache-2.0
"""What a host makes of a VM: each device's verdict, room for all, and a plan.

Hosts are inventories, and asked as a user asks: `vm domain:FILE FLEET --format json`.
"""

from __future__ import annotations

import shlex
import uuid
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest
from msgspec.structs import replace

from tests.fleets import HISI_1, HISI_2, answer, endpoint, function, inventory, write
from tests.machines import VM_UUID, domain_file, mdev, uuids, vgpu
from vfiocompat import cli
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.output.machines import VmDocument
from vfiocompat.vm.hosts import HostResult, rank
from vfiocompat.vm.instances import seat_of
from vfiocompat.vm.room import Placement, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.conftest import Run
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.verdicts import Verdict

A = "1ac1-a"
B = "1ac1-b"
TAKES_A = (answer(A, accepted=True),)
REFUSES_A = (answer(A, accepted=False),)
UNSURE_A = (answer(A, accepted=None),)
TAKES_B = (answer(B, accepted=True),)
ONLY_B = (*REFUSES_A, *TAKES_B)
ONE, TWO, THREE, FOUR = uuids(4)
NEW = uuids(4, group=2)
CREATE = "/sys/class/mdev_bus/p/mdev_supported_types/t/create"


class Ask(Protocol):
    def __call__(
        self,
        sources: Sequence[Endpoint],
        *hosts: Sequence[Endpoint],
        options: str = "",
        **more: str,
    ) -> VmDocument: ...


@pytest.fixture
def ask(capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Ask:
    """Ask where a VM can go whose devices are `sources`, of the hosts h0, h1 and on.

    The exit code is that of the best host, whatever options say.
    """
    turns = iter(range(1000))

    def asking(
        sources: Sequence[Endpoint],
        *hosts: Sequence[Endpoint],
        options: str = "",
        **more: str,
    ) -> VmDocument:
        place = tmp_path / str(next(turns))
        place.mkdir()
        named = {f"h{at}": ends for at, ends in enumerate(hosts)}
        folder = write(
            place / "fleet",
            [
                inventory(name, *ends)
                for name, ends in {"home": sources, **named}.items()
            ],
        )
        there = domain_file(place, *(each.address for each in sources), **more)
        line = f"vm {there} {folder} --from {folder}/home.json --format json {options}"
        capsysbinary.readouterr()
        code = cli.run(shlex.split(line))
        said = capsysbinary.readouterr()
        assert code in {0, 1, 3}, said.out.decode()
        found = msgspec.json.decode(said.out, type=VmDocument)
        assert (
            code
            == {"allowed": 0, "not_allowed": 1, "undetermined": 3}[
                outlook(found, found.host or "")
            ]
        )
        return found

    return asking


def outlook(found: VmDocument, host: str = "h0") -> str:
    """Say in which of the three lists a host is, which is one of them."""
    [name] = [
        name
        for name in ("allowed", "undetermined", "not_allowed")
        if host in getattr(found, name)
    ]
    return name


def placed(found: VmDocument) -> list[str]:
    return [each.endpoint for each in found.assignment]


def ends(found: VmDocument) -> list[str]:
    return [each.destination.address for each in found.devices]


def findings(found: VmDocument) -> list[str]:
    return [each.code for each in found.diagnostics]


def codes(found: VmDocument, device: int = 0) -> list[str]:
    """Name what stands in the way of a device."""
    return [
        each.code
        for each in found.devices[device].diagnostics
        if each.severity != "info"
    ]


# ---- verdicts --------------------------------------------------------------------


def test_hosts_that_take_it_come_first_and_then_those_that_lack_least() -> None:
    rooms = (True, None, None, False, False, None)
    verdicts: tuple[Verdict, ...] = (
        *("compatible", "compatible", "undetermined"),
        *("compatible", "undetermined", "incompatible"),
    )
    results = [
        HostResult(
            host=None,
            verdict=verdict,
            codes=(),
            bases=(),
            ends=(),
            placement=Placement(room, {}),
        )
        for verdict, room in zip(verdicts, rooms, strict=True)
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
    assert (found.verdict, found.room, outlook(found)) == (
        "compatible",
        True,
        "allowed",
    )
    assert ends(found) == placed(found) == ["p/yes"]
    assert findings(found) == []


def test_a_vm_has_the_worst_verdict_of_its_devices(ask: Ask) -> None:
    unsure = (*REFUSES_A, answer(B, accepted=None))
    there = [endpoint("p/a", A, answers=TAKES_A), endpoint("q/b", B, answers=unsure)]
    found = ask([mdev(ONE, A), mdev(TWO, B)], there)

    assert found.verdict == "undetermined"
    assert [each.verdict for each in found.devices] == ["compatible", "undetermined"]
    found = ask([mdev(ONE, A), mdev(TWO, "8086-x")], there)
    assert found.verdict == "incompatible"
    assert [each.verdict for each in found.devices] == ["compatible", "incompatible"]


def test_room_is_not_known_where_a_device_can_go_nowhere(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, "8086-x")], [endpoint("p/a", A, answers=TAKES_A)]
    )
    assert (found.room, found.assignment) == (None, [])
    assert outlook(found) == "not_allowed"


def test_where_the_best_endpoints_do_not_suffice_it_is_not_known(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [
            endpoint("p/yes", A, answers=TAKES_A, available_instances=1),
            endpoint("q/unknown", A, available_instances=1),
        ],
    )
    assert found.room is None
    assert sorted(placed(found)) == ["p/yes", "q/unknown"]
    assert outlook(found) == "undetermined"
    assert findings(found) == ["VFC544", "VFC546"]


def test_what_is_demanded_of_the_vm_decides_too(ask: Ask) -> None:
    """QEMU was told not to migrate the device: that is of the VM, wherever it goes."""
    override = (
        "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:device alias='ua-0'><qemu:frontend><qemu:property "
        "name='enable-migration' type='bool' value='false'/></qemu:frontend>"
        "</qemu:device></qemu:override>"
    )
    found = ask([mdev(ONE, A)], [endpoint("p/a", A, answers=TAKES_A)], after=override)

    assert (found.verdict, found.room) == ("incompatible", True)
    assert findings(found) == ["VFC533"]
    assert found.not_allowed == {"h0": ("VFC533",)}
    assert [each.verdict for each in found.devices] == ["compatible"]


@pytest.mark.parametrize(
    ("basis", "verdict"),
    [("table", "compatible"), ("recorded", "compatible"), ("driver", "undetermined")],
)
def test_a_yes_rests_on_what_is_required(ask: Ask, basis: str, verdict: str) -> None:
    found = ask(
        [mdev(ONE, A)],
        [endpoint("p/a", A, answers=TAKES_A)],
        options=f"--require {basis}",
    )
    assert found.verdict == verdict
    assert ("VFC410" in codes(found)) == (verdict == "undetermined")


def test_a_vm_without_devices_needs_nothing(ask: Ask) -> None:
    found = ask([], [endpoint("p/t", A, available_instances=0)], [])

    assert found.allowed == ["h0", "h1", "home"]
    assert (found.verdict, found.room, found.devices) == ("compatible", True, [])
    assert findings(found) == ["VFC530"]


def test_each_pair_has_its_own_source(ask: Ask) -> None:
    """Devices that are alike are decided once."""
    found = ask([mdev(ONE, A), mdev(TWO, A)], [endpoint("p/a", A, answers=TAKES_A)])
    assert [each.source.address for each in found.devices] == [ONE, TWO]
    assert {each.source.host for each in found.devices} == {"home"}


def test_devices_that_are_not_alike_are_decided_apart(ask: Ask) -> None:
    there = [endpoint("p/a", A, answers=TAKES_A), endpoint("q/b", B, answers=ONLY_B)]
    found = ask([mdev(ONE, A), mdev(TWO, B), mdev(THREE, A)], there)
    assert placed(found) == ["p/a", "q/b", "p/a"]
    assert found.room is True


def test_a_device_api_is_a_part_of_what_is_alike(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A, device_api="vfio-ap")],
        [endpoint("p/a", A, answers=TAKES_A)],
    )
    assert [each.verdict for each in found.devices] == ["compatible", "incompatible"]
    assert "VFC120" in codes(found, 1)


# ---- the closest endpoint --------------------------------------------------------


def test_the_closest_has_the_best_verdict(ask: Ask) -> None:
    no = endpoint("p/t", B, answers=REFUSES_A)
    unsure = endpoint("p/unsure", B, answers=UNSURE_A)
    for there in ([no, unsure], [unsure, no]):
        found = ask([mdev(ONE, A), mdev(TWO, "8086-x")], there)
        assert ends(found)[0] == "p/unsure"


def test_of_several_that_cannot_the_closest_is_of_its_type(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A, type_id="t2")],
        [endpoint(f"p/t{at}", B, answers=REFUSES_A) for at in (1, 2, 3)],
    )
    assert ends(found) == ["p/t2"]
    assert found.not_allowed == {"h0": ("VFC133", "VFC547")}
    assert found.devices[0].diagnostics[-1].summary == (
        "none of the 3 endpoints on h0 can load its state; this is the closest"
    )


def test_of_several_that_cannot_the_closest_is_of_its_driver(ask: Ask) -> None:
    found = ask(
        [function("0000:03:00.1", HISI_2)],
        [
            endpoint("p/t", B),
            function("0000:03:00.2", HISI_1),
            function("0000:03:00.3", "8086-x", driver="other"),
        ],
    )
    assert ends(found) == ["0000:03:00.2"]
    assert outlook(found) == "not_allowed"


def test_the_only_endpoint_is_not_called_the_closest(ask: Ask) -> None:
    found = ask([mdev(ONE, A)], [endpoint("p/t", B, answers=REFUSES_A)])

    assert found.not_allowed == {"h0": tuple(codes(found))}
    assert codes(found) == ["VFC133", "VFC547"]
    assert found.devices[0].diagnostics[-1].summary == (
        "the only endpoint on h0 cannot load its state"
    )


def test_a_host_without_endpoints_can_load_nothing(ask: Ask) -> None:
    found = ask([mdev(ONE, A), mdev(TWO, A)], [])

    assert (found.verdict, found.room) == ("incompatible", None)
    assert found.not_allowed == {"h0": ("VFC547",)}
    assert ends(found) == ["(none)", "(none)"]
    for device in found.devices:
        [finding] = device.diagnostics
        assert finding.summary.startswith("there is no VFIO endpoint o")
        assert finding.summary.endswith(" h0")


# ---- room ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_use", "room"), [(False, True), (True, False), (None, None)]
)
def test_an_mdev_takes_a_device_if_nobody_has_it(
    ask: Ask, *, in_use: bool | None, room: bool | None
) -> None:
    found = ask([mdev(ONE, A)], [mdev(TWO, A, answers=TAKES_A, in_use=in_use)])

    assert (found.verdict, found.room) == ("compatible", room)
    assert findings(found) == {True: [], False: ["VFC545"], None: ["VFC546"]}[room]
    assert placed(found) == ([] if room is False else [TWO])


@pytest.mark.parametrize(
    ("in_use", "room"), [(False, True), (True, False), (None, None)]
)
def test_a_function_takes_a_device_if_nobody_has_it(
    ask: Ask, *, in_use: bool | None, room: bool | None
) -> None:
    found = ask(
        [function("0000:03:00.1", HISI_1)],
        [function("0000:03:00.2", HISI_1, in_use=in_use)],
    )
    assert (found.verdict, found.room) == ("compatible", room)


@pytest.mark.parametrize(
    "in_use",
    [
        False,
        pytest.param(None),
    ],
)
@pytest.mark.parametrize("make", [mdev, function])
def test_a_device_of_the_host_is_given_to_one(
    ask: Ask, make: Callable[..., Endpoint], *, in_use: bool | None
) -> None:
    """It may be free, and is one all the same."""
    address = FOUR if make is mdev else "0000:03:00.1"
    takes = make(address, A, answers=TAKES_A, in_use=in_use)
    takes = replace(takes, driver="acme", vendor_id="0x1ac1")
    found = ask([mdev(TWO, A), mdev(THREE, A)], [takes])

    assert (found.verdict, found.room) == ("compatible", False)
    assert found.assignment == []


def test_mdevs_that_may_be_free_are_given_to_one_each(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [mdev(each, A, answers=TAKES_A, in_use=False) for each in NEW[:2]],
    )
    assert found.room is True
    assert sorted(placed(found)) == NEW[:2]


@pytest.mark.parametrize(("in_use", "free"), [(True, None), (None, None), (False, 1)])
def test_a_vgpu_type_that_is_set_does_not_tell_that_a_vm_has_it(
    *, in_use: bool | None, free: int | None
) -> None:
    set_ = replace(vgpu("0000:c1:00.4", "7", current=True), in_use=in_use)
    assert seat_of(set_) == Seat(free, "0000:c1:00.4")


def test_types_share_their_parents_capacity() -> None:
    seats = [
        seat_of(end)
        for end in (endpoint("p/t", A), endpoint("p/u", A), endpoint("q/t", A))
    ]
    of_p, of_q = (Seat(2, shares=parent, made=True) for parent in "pq")
    assert seats == [of_p, of_p, of_q]


def test_functions_share_a_gpu_that_nobody_names() -> None:
    seats = [seat_of(vgpu(name, "7")) for name in ("0000:c1:00.4", "0000:c1:00.5")]
    assert [(seat.free, seat.made) for seat in seats] == [(1, True)] * 2
    assert seats[0].shares == seats[1].shares is not None


def test_too_few_instances_are_named_with_who_wants_them(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A), mdev(THREE, A), mdev(FOUR, B)],
        [
            endpoint("p/t", A, answers=TAKES_A, available_instances=1),
            endpoint("p/u", A, answers=TAKES_A, available_instances=0),
            mdev(NEW[0], A, answers=TAKES_A, in_use=True),
            mdev(NEW[1], A, answers=TAKES_A, in_use=False),
            endpoint("q/t", B, answers=ONLY_B),
        ],
    )
    assert (found.verdict, found.room) == ("compatible", False)
    assert found.not_allowed == {"h0": ("VFC545",)}
    assert found.assignment == []
    [_, finding] = found.diagnostics
    assert (finding.code, finding.severity) == ("VFC545", "error")
    assert finding.summary == "3 devices compete for 2 instances"
    detail = (finding.detail or "").splitlines()
    assert detail[0] == f"devices  {ONE}, {TWO}, {THREE}"
    assert sorted(detail[1:]) == sorted(
        [
            "p/t: 1 free",
            "p/u: 0 free",
            f"{NEW[0]}: 0 free",
            f"{NEW[1]}: 1 free",
        ]
    )


def test_a_few_of_many_endpoints_are_named(ask: Ask) -> None:
    full = [
        endpoint(f"p{at}/t", A, answers=TAKES_A, available_instances=0)
        for at in range(30)
    ]
    [finding] = ask([mdev(ONE, A)], full).diagnostics

    detail = (finding.detail or "").splitlines()
    assert len(detail) == 12
    assert detail[-1] == "and 20 more"


@pytest.mark.parametrize("sources", [[], [mdev(ONE, A)]])
def test_what_is_not_allowed_or_not_known_has_a_code(
    ask: Ask, sources: list[Endpoint]
) -> None:
    """An old inventory says nothing; a VM without devices needs to know nothing."""
    found = ask(sources, [endpoint("p/t", A, answers=TAKES_A)], options="--max-age 1s")
    if sources:
        assert found.undetermined["h0"]
    else:
        assert (found.allowed, found.room) == (["h0", "home"], True)


def test_one_device_without_a_free_instance_is_named(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)], [endpoint("p/t", A, answers=TAKES_A, available_instances=0)]
    )
    [finding] = found.diagnostics
    assert finding.summary == f"there is no free instance for {ONE}"
    assert finding.detail == f"devices  {ONE}\np/t: 0 free"


def test_one_instance_is_one(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [endpoint("p/t", A, answers=TAKES_A, available_instances=1)],
    )
    assert found.diagnostics[1].summary == "2 devices compete for 1 instance"


def test_what_is_not_known_of_room_is_told(ask: Ask) -> None:
    third = (*REFUSES_A, answer(B, accepted=False), answer("1ac1-c", accepted=True))
    found = ask(
        [mdev(ONE, A), mdev(TWO, B), mdev(THREE, "1ac1-c")],
        [
            endpoint("p/t", A, answers=(*TAKES_A, answer("1ac1-c", accepted=False))),
            endpoint("p/u", B, answers=(*ONLY_B, answer("1ac1-c", accepted=False))),
            mdev(FOUR, "1ac1-c", answers=third),
        ],
    )
    assert found.room is None
    [_, finding] = found.diagnostics
    assert finding.code == "VFC546"
    assert finding.detail == (
        f"not told whether {FOUR} is free\nthese share one parent's capacity: p/t, p/u"
    )


def test_that_room_rests_on_an_undetermined_endpoint_is_told(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, A)],
        [
            endpoint("p/yes", A, answers=TAKES_A, available_instances=1),
            endpoint("q/unsure", A, answers=UNSURE_A, available_instances=1),
        ],
    )
    [_, finding] = found.diagnostics
    assert finding.code == "VFC546"
    assert "q/unsure" in (finding.detail or "")


def test_a_type_that_is_needed_twice_tells_by_itself(ask: Ask) -> None:
    found = ask([mdev(ONE, A), mdev(TWO, A)], [endpoint("p/t", A, answers=TAKES_A)])
    assert (found.room, placed(found)) == (True, ["p/t", "p/t"])


def test_another_parent_spares_two_types_of_one(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, B)],
        [
            endpoint("p/t", A, answers=TAKES_A, available_instances=1),
            endpoint("p/u", B, answers=ONLY_B, available_instances=1),
            endpoint("q/u", B, answers=ONLY_B, available_instances=1),
        ],
    )
    assert (found.room, placed(found)) == (True, ["p/t", "q/u"])


def vgpus(*types: str) -> list[Endpoint]:
    """Give functions that are what a VM has, each of a type."""
    return [
        vgpu(f"0000:c1:00.{at}", each, current=True) for at, each in enumerate(types, 1)
    ]


def test_two_vgpus_on_a_host_may_share_a_gpu(ask: Ask) -> None:
    found = ask(vgpus("7", "7"), [vgpu("0000:d1:00.1", "7"), vgpu("0000:d1:00.2", "7")])
    assert found.room is None
    assert sorted(placed(found)) == ["0000:d1:00.1/7", "0000:d1:00.2/7"]


def test_a_function_of_a_gpu_takes_one_device(ask: Ask) -> None:
    found = ask(vgpus("7", "8"), [vgpu("0000:d1:00.1", "7"), vgpu("0000:d1:00.1", "8")])
    assert (found.room, found.assignment) == (False, [])


def test_of_endpoints_that_are_as_good_that_of_the_devices_type_is_given(
    ask: Ask,
) -> None:
    for types in (("7", "8"), ("8", "7")):
        found = ask(vgpus("7"), [vgpu("0000:d1:00.1", each) for each in types])
        assert placed(found) == ["0000:d1:00.1/7"]


# ---- what each device is given ---------------------------------------------------


def test_what_is_there_needs_no_command(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        [
            endpoint("p/t", A, answers=TAKES_A),
            mdev(TWO, A, answers=TAKES_A, in_use=False),
        ],
    )
    [given] = found.assignment
    assert (given.device, given.endpoint, given.address, given.first) == (
        ONE,
        TWO,
        TWO,
        None,
    )


def test_an_mdev_is_created_under_its_own_uuid(ask: Ask) -> None:
    found = ask([mdev(ONE, A)], [endpoint("p/t", A, answers=TAKES_A)])
    [given] = found.assignment
    assert (given.device, given.endpoint, given.address, given.first) == (
        ONE,
        "p/t",
        ONE,
        f"echo {ONE} > {CREATE}",
    )


def test_a_uuid_that_the_host_has_is_not_given_again(ask: Ask) -> None:
    there = [endpoint("p/t", A, answers=TAKES_A), mdev(ONE, B, in_use=True)]
    sources = [mdev(ONE, A), mdev(THREE, A)]
    first, again = ask(sources, there), ask(sources, there)

    other = uuid.uuid5(uuid.NAMESPACE_URL, f"vfiocompat:{VM_UUID}:web:{ONE}:0")
    assert [each.address for each in first.assignment] == [str(other), THREE]
    assert first.assignment == again.assignment
    assert first.assignment[0].first == f"echo {other} > {CREATE}"


def test_a_uuid_that_was_made_before_is_not_made_again(ask: Ask) -> None:
    """As where a plan was followed, and the mdev then given to something else."""
    other = str(uuid.uuid5(uuid.NAMESPACE_URL, f"vfiocompat:{VM_UUID}:web:{ONE}:0"))
    found = ask(
        [mdev(ONE, A)],
        [
            endpoint("p/t", A, answers=TAKES_A),
            mdev(ONE, B, in_use=True),
            mdev(other, B, in_use=True),
        ],
    )
    [given] = found.assignment
    assert given.address not in {ONE, other}


def test_a_function_becomes_an_mdev_of_its_vm(ask: Ask) -> None:
    """The name is made of the VM and the device, so no other VM has it."""
    source = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")
    addresses = [
        ask([source], [endpoint("p/t", A, answers=TAKES_A)], uuid=each)
        .assignment[0]
        .address
        for each in (VM_UUID, ONE, VM_UUID)
    ]
    assert addresses[0] == addresses[2] != addresses[1]
    assert all(str(uuid.UUID(each)) == each for each in addresses)


def test_vms_without_a_uuid_do_not_give_one_mdev_twice(ask: Ask) -> None:
    source = function("0000:03:00.1", A, driver="acme", vendor_id="0x1ac1")
    addresses = {
        ask([source], [endpoint("p/t", A, answers=TAKES_A)], uuid="", name=name)
        .assignment[0]
        .address
        for name in ("web", "db")
    }
    assert len(addresses) == 2


def test_a_vgpu_type_is_set_on_its_function(ask: Ask) -> None:
    found = ask(vgpus("7"), [vgpu("0000:d1:00.1", "7")])
    [given] = found.assignment
    assert (given.endpoint, given.address, given.first) == (
        "0000:d1:00.1/7",
        "0000:d1:00.1",
        "echo 7 > /sys/bus/pci/devices/0000:d1:00.1/nvidia/current_vgpu_type",
    )


def test_a_vgpu_type_that_is_set_needs_no_command(ask: Ask) -> None:
    found = ask(vgpus("7"), [vgpu("0000:d1:00.1", "7", current=True)])
    assert found.room is None
    [given] = found.assignment
    assert (given.address, given.first) == ("0000:d1:00.1", None)


def test_what_an_inventory_says_is_quoted_for_the_shell(ask: Ask) -> None:
    found = ask([mdev(ONE, A)], [endpoint("p/t;reboot #", A, answers=TAKES_A)])
    words = shlex.split(found.assignment[0].first or "", comments=True)
    assert words[-1].endswith("/t;reboot #/create")


@pytest.mark.parametrize("address", ["p/\x1b[1mt", "/etc", "nonsense", "version:x"])
def test_an_address_that_no_host_has_is_given_to_nobody(ask: Ask, address: str) -> None:
    found = ask([mdev(ONE, A)], [endpoint(address, A, answers=TAKES_A)])
    assert outlook(found) != "allowed"


# ---- several hosts ---------------------------------------------------------------


def test_hosts_that_offer_the_same_have_their_own_addresses(ask: Ask) -> None:
    sources = [mdev(ONE, A), mdev(THREE, A)]
    hosts = [
        [
            endpoint(f"{parent}/t", A, answers=TAKES_A, available_instances=1),
            mdev(there, A, answers=TAKES_A, in_use=False),
        ]
        for parent, there in (("p", NEW[0]), ("q", ONE), ("r", NEW[2]))
    ]
    assert ask(sources, *hosts).allowed == ["h0", "h1", "h2"]
    for at, (parent, there) in enumerate((("p", NEW[0]), ("q", ONE), ("r", NEW[2]))):
        found = ask(sources, *hosts, options=f"--host h{at}")

        assert sorted(placed(found)) == sorted([f"{parent}/t", there])
        assert sorted(ends(found)) == sorted([f"{parent}/t", there])
        assert {each.destination.host for each in found.devices} == {f"h{at}"}
        addresses = [each.address for each in found.assignment]
        assert len(set(addresses)) == 2
        assert there in addresses


def test_hosts_of_which_one_parent_has_more_are_told_apart(ask: Ask) -> None:
    """They offer the same types and numbers, and not of parents that are alike."""
    there = {"answers": TAKES_A, "available_instances": 1}
    other = {"answers": ONLY_B, "available_instances": 1}
    found = ask(
        [mdev(ONE, A), mdev(TWO, B)],
        [endpoint("p/t", A, **there), endpoint("p/u", B, **other)],
        [endpoint("p/t", A, **there), endpoint("q/u", B, **other)],
    )
    assert (found.host, found.allowed) == ("h1", ["h1"])
    assert found.undetermined == {"h0": ("VFC546",)}


def test_hosts_of_which_one_is_full_are_told_apart(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        *(
            [endpoint("p/t", A, answers=TAKES_A, available_instances=free)]
            for free in (0, 1, 0, 2)
        ),
    )
    assert found.allowed == ["h1", "h3"]
    assert set(found.not_allowed) == {"h0", "h2"}


def test_as_is_hosts_that_offer_the_same_are_told_apart(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        [mdev(TWO, A, answers=TAKES_A, in_use=False)],
        [mdev(ONE, A, answers=TAKES_A, in_use=False)],
        options="--as-is",
    )
    assert found.allowed == ["h1"]
    assert ends(found) == [ONE]
    assert outlook(found, "h0") != "allowed"


# ---- as it is --------------------------------------------------------------------


def test_as_is_a_device_has_its_address_there(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        [
            endpoint("p/t", A, answers=TAKES_A),
            mdev(TWO, A, answers=TAKES_A, in_use=False),
            mdev(ONE, A, answers=TAKES_A, in_use=False),
        ],
        options="--as-is",
    )
    assert (outlook(found), placed(found)) == ("allowed", [ONE])
    assert found.assignment[0].first is None


def test_as_is_a_device_that_is_not_there_is_told(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)], [endpoint("p/t", A, answers=TAKES_A)], options="--as-is"
    )
    assert outlook(found) != "allowed"
    assert found.assignment == []
    assert ends(found) == [ONE]
    [finding] = found.devices[0].diagnostics
    assert finding.code == "VFC548"
    assert finding.summary.startswith(f"there is no {ONE} o")
    assert finding.summary.endswith(" h0")


@pytest.mark.parametrize(("in_use", "room"), [(True, False), (None, None)])
def test_as_is_a_device_may_be_anothers(
    ask: Ask, *, in_use: bool | None, room: bool | None
) -> None:
    found = ask(
        [mdev(ONE, A)],
        [mdev(ONE, A, answers=TAKES_A, in_use=in_use)],
        options="--as-is",
    )
    assert (found.verdict, found.room) == ("compatible", room)


def test_as_is_no_other_endpoint_is_counted(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A)],
        [
            endpoint("p/t", A, answers=TAKES_A),
            endpoint("p/u", A, answers=TAKES_A),
            mdev(ONE, A, answers=REFUSES_A, in_use=False),
        ],
        options="--as-is",
    )
    assert outlook(found) == "not_allowed"
    assert codes(found) == ["VFC133"]


def test_as_is_two_devices_are_each_looked_for(ask: Ask) -> None:
    found = ask(
        [mdev(ONE, A), mdev(TWO, B)],
        [
            mdev(TWO, B, answers=ONLY_B, in_use=False),
            mdev(ONE, A, answers=TAKES_A, in_use=False),
        ],
        options="--as-is",
    )
    assert (found.room, placed(found)) == (True, [ONE, TWO])


# ---- what is too old -------------------------------------------------------------

OLD = "--max-age 1h"


def test_a_host_without_endpoints_is_not_known_if_that_is_old(ask: Ask) -> None:
    found = ask([mdev(ONE, A)], [], options=OLD)

    assert found.undetermined == {"h0": ("VFC402",)}
    [finding] = found.devices[0].diagnostics
    assert finding.code == "VFC402"
    assert "more than 1 h old" in finding.summary


def test_an_old_inventory_does_not_tell_of_room(ask: Ask) -> None:
    for free in (0, 2):
        found = ask(
            [mdev(ONE, A)],
            [endpoint("p/t", A, answers=TAKES_A, available_instances=free)],
            options=OLD,
        )
        assert found.undetermined == {"h0": ("VFC402",)}
        assert found.room is None


def test_as_is_an_old_inventory_does_not_tell_that_a_device_is_missing(
    ask: Ask,
) -> None:
    found = ask([mdev(ONE, A)], [endpoint("p/t", A)], options=f"--as-is {OLD}")
    assert found.undetermined == {"h0": ("VFC402",)}


@pytest.mark.parametrize(
    ("machine", "verdict", "first"),
    [
        ("pc-q35-9.1", "undetermined", "VFC220"),
        ("pc-q35-9.0", "incompatible", "VFC534"),
        ("pc-q35-rhel9.4.0", "undetermined", "VFC535"),
    ],
)
@pytest.mark.parametrize("hosts", ["f", "f/newer.json"])
def test_drivers_of_nvidia_that_differ_need_a_machine_type(
    *, run: Run, tmp_path: Path, machine: str, verdict: str, first: str, hosts: str
) -> None:
    """In short as in full; a table would have left each of the pairs open."""

    def of_driver(version: str) -> Endpoint:
        named = {"vgpu_type": "7", "vgpu_type_name": "NVIDIA H200X-1-18C"}
        known = {"vendor_id": "0x10de", "module_version": version, **named}
        end = vgpu("0000:c1:00.4", "7", current=True)
        return replace(end, facts=known, in_use=False)

    hosts_of = {"home": "550.90", "newer": "580.10"}
    folder = write(
        tmp_path / "f",
        [inventory(name, of_driver(version)) for name, version in hosts_of.items()],
    )
    there = domain_file(tmp_path, "0000:c1:00.4", machine=machine)
    line = f"vm {there} {tmp_path / hosts} --from {folder}/home.json --format json"
    code = {"undetermined": 3, "incompatible": 1}[verdict]
    found = run(line, exit_code=code).document(VmDocument)

    assert found.verdict == verdict
    [codes] = [*found.undetermined.values(), *found.not_allowed.values()]
    assert codes[0] == first
    if verdict == "incompatible":
        assert codes == ("VFC534", "VFC547")


def test_types_on_functions_of_one_gpu_share_it(ask: Ask) -> None:
    """With SR-IOV each is a parent of its own, and says 1 until one is used."""

    def on_gpu(*functions: str) -> list[Endpoint]:
        return [
            endpoint(f"{each}/nvidia-558", A, answers=TAKES_A, available_instances=1)
            for each in functions
        ]

    sources = [mdev(ONE, A), mdev(TWO, A)]
    assert ask(sources, on_gpu("0000:41:00.4", "0000:41:00.5")).room is None
    assert ask(sources, on_gpu("0000:41:00.0", "0000:42:00.0")).room is True


@pytest.mark.parametrize("parent", [None, "a"])
def test_what_shares_is_told_by_addresses(ask: Ask, parent: str | None) -> None:
    types = [
        endpoint("p/t", A, answers=TAKES_A, available_instances=1, parent=parent),
        endpoint("p/u", A, answers=TAKES_A, available_instances=1, parent="b"),
    ]
    assert ask([mdev(ONE, A), mdev(TWO, A)], types).room is None


def test_a_doubt_of_qemus_is_no_yes(ask: Ask) -> None:
    """Of a machine type that does not tell QEMU's version, across NVIDIA's drivers."""
    old = replace(
        vgpu("0000:c1:00.4", "7", current=True), version=A, origin="attribute"
    )
    there = replace(old, facts={"module_version": "1"}, in_use=False, answers=TAKES_A)
    found = ask([old], [there], machine="pc-q35-noble")
    assert (found.verdict, found.devices[0].basis) == ("undetermined", "none")
    assert found.undetermined == {"h0": ("VFC535",)}
    assert ask([old], [there], machine="pc-q35-9.2+pve1").verdict == "compatible"
    assert ask([old], [there], machine="pc-q35-9.0+pve0").verdict == "incompatible"


@pytest.mark.parametrize(
    "ends",
    [
        [vgpu("0000:c1:00.4", "7", current=True)],
        [
            function(
                "0000:c1:00.4",
                HISI_1,
                migration=MigrationInterface("v2", ("STOP_COPY",)),
            ),
            function(
                "0000:c1:00.5",
                HISI_1,
                migration=MigrationInterface("v2", ("STOP_COPY",)),
            ),
        ],
    ],
    ids=["drivers", "P2P"],
)
def test_an_old_inventory_says_no_definite_no(ask: Ask, ends: list[Endpoint]) -> None:
    there = [replace(each, facts=each.facts | {"module_version": "1"}) for each in ends]
    options = "--max-age 1d"
    found = ask(ends, there, options=options, machine="pc-q35-8.2")
    assert found.verdict == "undetermined"
    assert {code for codes in found.undetermined.values() for code in codes} == {
        "VFC402"
    }


@pytest.mark.parametrize("address", ["p/t\u202e", "p/", "../t", "p/a/b", "/etc"])
def test_in_short_as_in_full_nothing_is_made_of_a_name_that_none_has(
    ask: Ask, address: str
) -> None:
    found = ask([mdev(ONE, A)], [endpoint(address, A, answers=TAKES_A)])
    assert (found.verdict, found.room) == ("compatible", False)
    assert found.not_allowed == {"h0": ("VFC545",)}
