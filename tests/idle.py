# SPDX-License-Identifier: Apache-2.0
"""A host whose devices are asked by their streams, as values: nothing is opened.

Its drivers look at every byte of a head, as mtty's does, unless told otherwise.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import TypeAddress, address_text
from vfiocompat.decision.streams import Asked, Offer, Reply, is_refused
from vfiocompat.endpoints import Attribute, Endpoint, Flag, Head, MigrationInterface
from vfiocompat.errors import DeviceError, NoSuchEndpoint, error_of
from vfiocompat.host.opening import Opened
from vfiocompat.host.sysfs import Looked, Survey
from vfiocompat.host.sysfs.asking import HeadAsked
from vfiocompat.host.sysfs.located import Located
from vfiocompat.inventory import Identity
from vfiocompat.tables.heads import offered, spoiled
from vfiocompat.times import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.host.stream import Errand

ONE, OTHER, THIRD, TWO_PORTS = (
    f"{number * 8}-1111-4111-8111-111111111111" for number in "1234"
)
"""Three devices of mtty's with one port, and one with two."""

ABSENT = Attribute(None, "absent", "ENOENT", "/sys/x", None, "VFC102")
MTTY = bytes.fromhex("4e2c3e8c89099d7e 01000000 00000000 01000000 00000000")
MTTY_2 = MTTY[:16] + b"\x02" + MTTY[17:]
STRING = "4348-3253-mtty:type=mtty-1:magic=7e9d09898c3e2c4e:major=1:minor=0:flags=0"
"""What the table of mtty makes of its head."""

BUSY = DeviceError(
    "process 7 has it open", hint="ask its user", code=codes.DEVICE_IN_USE
).record
REFUSAL = Reply("write", errno.EFAULT)


class Answer(NamedTuple):
    """What an idle device does: its head, and what it says to bytes; or an error."""

    head: bytes | None = MTTY
    takes: Callable[[bytes], Reply] | None = None
    error: ErrorRecord | None = None

    def to(self, data: bytes) -> Reply:
        """Answer to bytes that are offered."""
        if self.takes is not None:
            return self.takes(data)
        return Reply("write", count=len(data)) if data == self.head else REFUSAL


IN_USE = Answer(head=None, error=BUSY)


class Idle(Protocol):
    """Makes a host of idle devices; `answers` are by their addresses."""

    def __call__(
        self, answers: dict[str, Answer] = ..., *endpoints: Endpoint
    ) -> IdleHost: ...


def mtty(address: str, type_id: str | None = "mtty-1", **more: object) -> Endpoint:
    """Make an mdev of mtty's that nobody uses."""
    fields: dict[str, object] = {
        "kind": "mdev",
        "address": address,
        "uuid": address,
        "parent": "mtty",
        "type_id": type_id,
        "driver": "mtty",
        "device_api": "vfio-pci",
        "attribute": ABSENT,
        "in_use": False,
        "facts": {"type_id": type_id},
    }
    return Endpoint(**{**fields, **more})  # type: ignore[arg-type]


class IdleHost:
    """A host with endpoints, each of which answers in its way when it is asked.

    `asked` are the errands so far.
    """

    left = ()
    problems = ()
    nvml = None
    machine_id = "a" * 32
    boot_id: str | None = "b"
    build_id: str | None = "b1"

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        self.endpoints = list(endpoints)
        self.answers = {each.address: Answer() for each in endpoints} | dict(
            answers or {}
        )
        self.asked: list[Errand] = []

    @property
    def opened(self) -> list[str]:
        """The devices that were opened, in this order."""
        return [str(address_text(each.address)) for each in self.asked]

    def name(self) -> str:
        return "here"

    def identity(self) -> Identity:
        return Identity("here", self.machine_id, "6.12.1", self.boot_id)

    def located(self, addresses: Sequence[LiveAddress]) -> list[Located]:
        return [
            Located("/sys/x", "1", None, self.build_id, "6.12.1", self.boot_id)
            for _ in addresses
        ]

    def survey(self) -> Survey:
        return Survey(list(self.endpoints), [])

    def read(self, addresses: Sequence[LiveAddress], *, ask: str) -> list[Looked]:  # noqa: ARG002 - there is nothing to ask
        known = {each.address: each for each in self.endpoints}
        found = []
        for address in addresses:
            text = str(address_text(address))
            if text in known:
                found.append(Looked(endpoint=known[text]))
            elif isinstance(address, TypeAddress):
                kind = mtty(text, address.type_id, kind="type", uuid=None)
                found.append(Looked(endpoint=kind))
            else:
                found.append(Looked(error=NoSuchEndpoint(f"no {text}").record))
        return found

    def open_device(self, address: LiveAddress, *, copying: bool = False) -> Opened:
        device = self.answers[str(address_text(address))]
        if device.head is None:
            assert device.error is not None
            raise error_of(device.error)
        flags: tuple[Flag, ...] = ("STOP_COPY", "P2P", "PRE_COPY")
        interface = MigrationInterface("v2", flags, "open")
        initial = len(device.head) if copying else None
        return Opened(interface, "RUNNING", 60, initial)

    def ask_streams(self, errands: Sequence[Errand], now: float) -> list[HeadAsked]:
        self.asked += errands
        return [self._asked(errand, now) for errand in errands]

    def _asked(self, errand: Errand, now: float) -> HeadAsked:
        device = self.answers[str(address_text(errand.address))]
        if device.head is None:
            return HeadAsked(Asked(error=device.error, done=True), None)
        offers = []
        for head in errand.heads:
            data, made = offered(
                errand.stream, device.head, head.data, recorded=head.recorded
            )
            offer = Offer(data, made)
            if data is not None:
                control = device.to(spoiled(errand.stream, data))
                reply = device.to(data) if is_refused(control) else None
                offer = msgspec.structs.replace(offer, control=control, reply=reply)
            offers.append(offer)
        own = Head(
            data=device.head.hex(),
            driver=errand.driver,
            srcversion=None,
            build_id=self.build_id,
            kernel="6.12.1",
            boot_id=self.boot_id,
            taken_at=moment(now),
        )
        return HeadAsked(Asked(device.head, tuple(offers), device.error, True), own)  # noqa: FBT003
