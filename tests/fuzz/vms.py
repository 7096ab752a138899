# SPDX-License-Identifier: Apache-2.0
"""What describes VMs, and where they can go."""

from __future__ import annotations

import re
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fuzz.holding import (
    LIBRARY,
    NOW,
    ROOT,
    Subject,
    demand_document,
    demand_harmless,
    demand_harmless_findings,
    demand_harmless_rows,
    expected,
)
from tests.machines import domain, hostdev, told_to_migrate, uuids
from tests.qmpserver import GREETING, vm_answers
from tests.vm.documents import WHOLE
from vfiocompat.addresses import is_uuid
from vfiocompat.endpoints import Endpoint
from vfiocompat.inventory import recorded
from vfiocompat.output.vm import report_lines, result_rows, vm_document
from vfiocompat.pairs import Pair, decide_pair
from vfiocompat.tables.stated import Stated
from vfiocompat.vm import destinations, qmp
from vfiocompat.vm.blockers import blocking
from vfiocompat.vm.domain import Domain
from vfiocompat.vm.instances import in_order
from vfiocompat.vm.interfaces import DeviceInterface
from vfiocompat.vm.migration import Migration
from vfiocompat.vm.model import DeviceAddress, Vm, device_address
from vfiocompat.vm.qemuargs import CommandLine, device_argument
from vfiocompat.vm.report import report
from vfiocompat.vm.sources import Site

if TYPE_CHECKING:
    from tests.fuzz.chance import Chance
    from vfiocompat.inventory import Inventory

__all__ = ["SUBJECTS"]

UUIDS = uuids(4)
FUNCTIONS = [f"0000:3b:02.{at}" for at in range(4)]


# ---- VMs -------------------------------------------------------------------------


@cache
def domains() -> tuple[str, ...]:
    override = told_to_migrate(2)
    return (
        WHOLE,
        (ROOT / "examples/web.xml").read_text(),
        domain(UUIDS[0], FUNCTIONS[0], after=override, also="ramfb='on'"),
        domain(more=hostdev(FUNCTIONS[1], "net", "interface"), managed="yes"),
        domain(*UUIDS, more="<iommu model='intel'/>"),
    )


_VALUES = [
    *("pci", "mdev", "usb", "vfio-pci", "vfio-ap", "on", "off", "auto", "yes", "x"),
    *("0x3b", "037", "256", "-1", "hostdev0", "ua-0", "transient", "subsystem"),
    *("-device", "-set", "-global", "-machine", "vfio-pci.enable-migration=off"),
    *("device.ua-0.enable-migration=off", "vfio-pci,host=3b:02.0,id=a", *UUIDS),
]


def draw_domain(chance: Chance) -> tuple[bytes, list[DeviceAddress | None]]:
    text = chance.choice(domains())
    for _ in range(chance.randint(0, 3)):
        parts = re.split("('[^']*'|<[^>]*>)", text)
        at = chance.randrange(len(parts))
        match chance.randrange(4):
            case 0:
                parts[at] = ""
            case 1:
                parts[at] *= 2
            case 2:
                parts[at] = chance.text([parts[at]])
            case _:
                at = min(at | 1, len(parts) - 2)
                parts[at] = re.sub(
                    "'[^']*'", lambda _: repr(chance.choice(_VALUES)), parts[at]
                )
        text = "".join(parts)
    there = [device_address(each) for each in (*UUIDS, *FUNCTIONS)]
    chance.shuffle(there)
    data = text.encode("utf-8", "surrogatepass")
    return data, [None if chance.is_rare(3) else each for each in there]


def look_at_domain(drawn: tuple[bytes, list[DeviceAddress | None]], _: str) -> None:
    data, there = drawn
    found = Domain(data, "vm.xml")
    found.manifest()
    number = len(found.vm.devices)
    addresses = [*there, *[None] * number][:number]
    text = found.rewritten(addresses, None)
    assert all(char.isprintable() or char in "\n\t" for char in text.decode())
    again = Domain(text, "vm.xml").vm
    for new, old, wanted in zip(
        again.devices, found.vm.devices, addresses, strict=True
    ):
        assert new.address == (wanted or old.address)
    known = [DeviceInterface(None, None)] * len(found.vm.moved)
    ends = [Endpoint(kind="mdev", address=each.text) for each in found.vm.moved]
    demand_harmless_findings(blocking(found.vm, ends, known))


_ARGUMENTS = [
    *("-device", "--device", "-set", "-global", "-readconfig", "-machine", "-M"),
    "vfio-pci,host=3b:02.0,id=a,,b,x-enable-migration=on,noiommufd",
    f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUIDS[0]},id=b,",
    "{'driver':'vfio-pci','host':'3b:02.1','id':'c','x':[1,2.5e3,null]}",
    '{"driver":"vfio-ap","sysfsdev":"/x","a":{"b":true}}',
    *("device.a.enable-migration=off", "vfio-pci.x-enable-migration=off"),
    *("driver=vfio-pci,property=host,value=1", "virt,iommu=smmuv3", "type=q35"),
    *("intel-iommu", "arm-smmuv3,id=x", "driver", "=", ",", "{}", "vm.cfg"),
]


def draw_arguments(chance: Chance) -> list[str]:
    return [
        chance.text(_ARGUMENTS, 2) if chance.is_rare(2) else chance.choice(_ARGUMENTS)
        for _ in range(chance.randint(0, 8))
    ]


def look_at_arguments(arguments: list[str], _: str) -> None:
    line = CommandLine(arguments)
    places = {"host", "sysfsdev"}
    for at in line.devices:
        found = expected(ValueError, device_argument, arguments[at])
        if isinstance(found, ValueError):
            assert arguments[at].startswith("{"), "what is no JSON is refused as such"
            continue
        told = line.properties.told(line.read_device(found), ["a"], found.properties)
        assert found.properties.keys() <= {*told, *(f"x-{name}" for name in told)}
        new = found.replace(("sysfsdev", "host"), "host", "0000:01:02.3")
        again = device_argument(new).properties
        assert again["host"] == "0000:01:02.3"
        kept = {
            key: each for key, each in found.properties.items() if key not in places
        }
        assert {key: each for key, each in again.items() if key not in places} == kept


_QEMU = vm_answers(
    {
        "a": {
            "sysfsdev": f"/sys/bus/mdev/devices/{UUIDS[0]}",
            "enable-migration": "on",
        },
        "b": {"host": FUNCTIONS[0], "x-enable-migration": True, "skip-vsc-check": True},
    },
    anonymous={"c": {"host": FUNCTIONS[1], "failover_pair_id": "net0"}},
    query_migrate={"blocked-reasons": ["VFIO migration is not supported in kernel"]},
)


class _QmpError(Exception):
    """An error of the library that asks QEMU."""

    error_class = "CommandNotFound"


class _Client:
    """A client of QEMU's monitor, which has the answers already."""

    def __init__(self, greeting: object, answers: dict[str, Any]) -> None:
        self.greeting = SimpleNamespace(QMP=SimpleNamespace(version=greeting))
        self._answers = answers

    async def connect(self, _: str) -> None:
        """Connect to nobody."""

    async def disconnect(self) -> None:
        """End what has not begun."""

    async def execute(self, command: str, given: dict[str, str] | None) -> object:
        asked = " ".join([command, *(given or {}).values()])
        if asked not in self._answers:
            raise _QmpError
        return self._answers[asked]


def draw_answers(chance: Chance) -> tuple[Any, dict[str, Any]]:
    changed = {
        asked: chance.like(_QEMU[asked]) for asked in chance.sample([*_QEMU], k=3)
    }
    return chance.like(GREETING["QMP"]["version"], 1), _QEMU | changed


def look_at_answers(drawn: tuple[Any, dict[str, Any]], _: str) -> None:
    library = SimpleNamespace(
        QMPClient=lambda _: _Client(*drawn),
        ConnectError=_QmpError,
        ExecuteError=_QmpError,
        QMPError=_QmpError,
    )
    asking = qmp._Monitor(library, "/run/vm").vm()  # noqa: SLF001 - without a socket
    try:
        asking.send(None)
    except StopIteration as said:
        vm: Vm = said.value
    else:
        raise AssertionError("somebody waits for what is there already")
    known = [DeviceInterface(None, None)] * len(vm.moved)
    ends = [Endpoint(kind="mdev", address=each.text) for each in vm.moved]
    demand_harmless_findings(blocking(vm, ends, known))


class DrawnVm(NamedTuple):
    """A VM of a host, and hosts that it may go to."""

    xml: str
    home: Inventory
    fleet: list[Inventory]
    as_is: bool


def draw_vm(chance: Chance) -> DrawnVm:
    home = chance.inventory("home")
    able = [each for each in home.endpoints if each.kind != "type"]
    devices = [each.address for each in able if "/" not in each.address]
    devices = devices[: chance.randint(0, 3)]
    mdevs = any(map(is_uuid, devices))
    xml = domain(
        *devices,
        machine=chance.text(["pc-q35-9.1", "pc-q35-9.0", "virt-8.2"], 1)
        .encode("ascii", "replace")
        .decode()
        .translate(_PLAIN),
        managed=chance.choice(["no", "yes", *["interface"] * (not mdevs)]),
        also=chance.choice(["", "ramfb='on'"]),
        after=chance.choice(["", told_to_migrate(3)]),
    )
    fleet = [chance.inventory(name, like=home.endpoints) for name in ("b", "c")]
    return DrawnVm(xml, home, fleet, as_is=chance.is_rare(4))


_PLAIN = dict.fromkeys(map(ord, "<>&'\"\0\x1b\t\n\r\x7f"), "x")


class _Reading(NamedTuple):
    """Inventories that were read already."""

    known: list[Inventory]
    errors: dict[str, Any]

    def __iter__(self) -> Any:  # noqa: ANN401 - not as a tuple's
        return iter([(f"{each.host}.json", each) for each in self.known])


def look_at_vm(drawn: DrawnVm, _: str) -> None:
    """See that a host takes a VM only if it loads each device's state, and has room."""
    vm = Domain(drawn.xml.encode(), "vm.xml").vm
    known = {each.address: each for each in drawn.home.endpoints}
    sources = tuple(recorded(known[each.text], drawn.home, NOW) for each in vm.moved)
    migration = Migration.of(vm, sources, LIBRARY, "none", as_is=drawn.as_is)
    site = Site(None, LIBRARY, Stated(), NOW)  # type: ignore[arg-type] # no host is asked
    reading: Any = _Reading(drawn.fleet, {})
    found = destinations._of_part(reading, migration, site, None)  # noqa: SLF001 - as it is read already
    results = [each.result for each in found.results]
    demand_harmless_rows(result_rows(results))
    for inventory, result in zip(drawn.fleet, results, strict=True):
        ends = in_order(inventory.endpoints)
        there = [recorded(each, inventory, NOW) for each in ends]
        pairs = [
            [decide_pair(source, end, LIBRARY) for end in there] for source in sources
        ]

        def pair_of(device: int, at: int, pairs: list[list[Pair]] = pairs) -> Pair:
            return migration.demanded(device, pairs[device][at])

        full = report(
            migration,
            result,
            ends,
            pair_of,
            taken=[each.address for each in ends],
            outdated=NOW.rejects(inventory.taken_at),
        )
        demand_harmless(report_lines(vm, full, verbose=True))
        demand_document(vm_document(vm, full, results, {}, None))
        if result.verdict == "compatible":
            bests = [
                any(pair.decision.verdict == "compatible" for pair in row)
                for row in pairs
            ]
            assert all(bests), "a yes, and a device that no endpoint loads"
        if result.outlook == "allowed":
            assert all(each.decision.verdict == "compatible" for each in full.pairs), (
                "allowed, and a device is given what does not load it"
            )
            assert len({each.text for each in full.given}) == len(sources)
        if result.outlook == "not_allowed":
            assert result.codes


SUBJECTS = [
    Subject("arguments", 12, draw_arguments, look_at_arguments),
    Subject("answers", 5, draw_answers, look_at_answers),
    Subject("domain", 3, draw_domain, look_at_domain),
    Subject("vm", 1, draw_vm, look_at_vm),
]
