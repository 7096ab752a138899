# SPDX-License-Identifier: Apache-2.0
"""Endpoints of every kind, at random: whatever a host, a file or a person may give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import strategies as st

from tests.fleets import (
    QAT_1,
    QAT_2,
    TAKEN,
    answer,
    answer_of_gpu,
    answer_to_head,
    head,
)
from tests.nvidia.made import gpu_metadata, vgpu_metadata
from vfiocompat.codes import NVML_NOT_ANSWERED, NVML_NOT_PERMITTED
from vfiocompat.endpoints import (
    Attribute,
    Endpoint,
    MigrationInterface,
    Recorded,
    literal,
)
from vfiocompat.errors import VfiocompatError
from vfiocompat.nvidia.compatibility import Compared, Compatibility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from vfiocompat.endpoints import Head, RecordedAnswer

STRINGS = [
    QAT_1,
    QAT_2,
    "19e5-hisi:device=a251:rev=30:qp=16:iso=0:magic=v2:major=1",
    "19e5-hisi:device=a251:rev=30:qp=?:iso=0:magic=v2:major=1",
    "19e5-other",
    "8086-193b-i915-GVTg_V5_4",
    "00028086-193b-i915-GVTg_V5_8",
    "0x8086-x",
    "80008086-x",
    "10de-x",
    "opaque",
    "4348-mtty-2",
]
STATED = {"queue_pairs": "16", "isolation": "0", "magic": "v2", "major": "1"}
NVIDIA = {
    "vgpu_type_name": "NVIDIA A40-8Q",
    "device_id": "0x2235",
    "subsystem_device_id": "0x145a",
    "gpu_name": "NVIDIA A40",
    "manager": "580.65.06",
    "ecc": "on",
    "range": "3..7",
    "guest": "5",
    "platform": "rhel-9.4",
}
FACTS: list[dict[str, str]] = [
    {},
    {"device_id": "0xa251", "revision": "0x30"},
    {"device_id": "0xa250"},
    {"device_id": "0x56c0", "revision": "0x08"},
    {"device_id": "0x56c0", "revision": "0x04", "numa_node": "1"},
    {"vgpu_type_name": "GRID A40-8Q", "module_version": "570.86.10"},
    {"vgpu_type_name": "GRID A40-8Q", "module_version": "550.54.10"},
    NVIDIA,
    NVIDIA | {"ecc": "off", "manager": "580.82.02"},
    NVIDIA | {"vgpu_type_name": "NVIDIA A40-16Q"},
]
DRIVERS = [
    None,
    "hisi_acc_vfio_pci",
    "i915",
    "mtty",
    "vfio-pci",
    "xe-vfio-pci",
    "nvidia",
    "qat_vfio_pci",
]
ATTRIBUTES = [
    None,
    Attribute(None, "absent", "ENOENT", "/sys/a", None, "VFC102"),
    Attribute("version", "present", path="/sys/a/version", node="type"),
    Attribute("version", "present", path="/sys/b/version", node="device"),
    Attribute("migration_version", "present", node="type"),
    Attribute("migration_version", "present", node="device"),
    Attribute("migration_version", "present"),
    Attribute("version", "unreadable", "EIO", None, "type", "VFC106"),
    Attribute("version", "unreadable", "EACCES", None, "type", "VFC103"),
    Attribute("version", "unreadable", "ENODEV", None, "type", "VFC105"),
    Attribute("version", "unreadable", "ENODEV", None, "type", "VFC104", "open"),
    Attribute("version", "unreadable", None, None, "type", "VFC112"),
    Attribute("version", "unreadable", None, None, "type", "VFC301"),
    Attribute("version", "unreadable", "EIO", None, "type", "VFC107"),
    Attribute("version", "unreadable", None, None, "type", "VFC106"),
]
INTERFACES = [
    None,
    MigrationInterface("none"),
    MigrationInterface("v1"),
    MigrationInterface("v2"),
    MigrationInterface("v2", ("STOP_COPY",)),
    MigrationInterface("v2", ("STOP_COPY", "PRE_COPY")),
]

HEADS = [
    "4e2c3e8c89099d7e010000000000000001000000" + "00000000",
    "4e2c3e8c89099d7e010000000000000002000000" + "00000000",
    "4e2c3e8c89099d7e010000000000000001000000" + "01000000",
    "dedecadeedfeccaa1000000051a20000000000004000000001000000" + "01000000" + "00" * 8,
    "ccaaedfecdcdcdcd1000000051a20000000000004000000001000000" + "00000000" + "00" * 8,
    "dedecadeedfeccaa0800000051a20000000000004000000001000000" + "01000000" + "00" * 8,
    "dedecadeedfeccaa0800000051a20000000000004000000001000000" + "01000000" + "00" * 7,
    "00",
]
"""Heads of mtty, with one port, two, and a flag; of HiSilicon's; and what is none."""

VGPUS = [
    vgpu_metadata(),
    vgpu_metadata(opaque=b"other"),
    vgpu_metadata(state=0, guest=0),
    vgpu_metadata(caps=0),
    vgpu_metadata(version=2),
]
GPUS = [
    gpu_metadata(),
    gpu_metadata(opaque=b"other"),
    gpu_metadata(caps=0),
    gpu_metadata(version=2),
]
"""Metadata: of some nothing is asked, and of some nothing is read."""

_YES = Compared(Compatibility(is_live=True))
_NO = Compared(Compatibility(is_live=False, limits=("gpu",), left=("cold",)))
_NEITHER = Compared(error=VfiocompatError("it hangs", code=NVML_NOT_ANSWERED).record)
_DENIED = Compared(error=VfiocompatError("no", code=NVML_NOT_PERMITTED).record)
COMPARED: dict[tuple[str, str], Compared] = {
    (VGPUS[0], GPUS[0]): _YES,
    (VGPUS[0], GPUS[1]): _NO,
    (VGPUS[1], GPUS[0]): _NEITHER,
    (VGPUS[4], GPUS[0]): _DENIED,
    (VGPUS[4], GPUS[3]): _YES,
}
"""What NVIDIA's driver says of some of them, where it is asked."""

_MTTY: dict[str, object] = {"kind": "mdev", "driver": "mtty", "vendor_id": None}
_HISI: dict[str, object] = {
    "driver": "hisi_acc_vfio_pci",
    "vendor_id": "0x19e5",
    "facts": FACTS[1],
}
_NVIDIA: dict[str, object] = {
    "kind": "mdev",
    "driver": "nvidia",
    "vendor_id": "0x10de",
    "type_id": "7",
}
FAMILIES: list[dict[str, object]] = [
    *(
        {**_MTTY, "type_id": name, "facts": {"type_id": name}, "head": data}
        for name, data in (("mtty-1", HEADS[0]), ("mtty-2", HEADS[1]))
    ),
    *({**_HISI, "head": data} for data in HEADS[3:6]),
    {**_HISI},
    {"driver": "hisi_acc_vfio_pci", "vendor_id": "0x19e5", "stated": STATED},
    {"driver": "xe-vfio-pci", "vendor_id": "0x8086", "facts": FACTS[3]},
    {"driver": "xe-vfio-pci", "vendor_id": "0x8086", "facts": FACTS[4]},
    {"driver": "nvidia", "vendor_id": "0x10de", "facts": FACTS[5]},
    {"driver": "nvidia", "vendor_id": "0x10de", "facts": FACTS[6]},
    *(
        {**_NVIDIA, "facts": facts, "vgpu_metadata": vgpu, "gpu_metadata": gpu}
        for facts, vgpu, gpu in (
            (FACTS[7], VGPUS[0], GPUS[0]),
            (FACTS[7], VGPUS[1], msgspec.UNSET),
            (FACTS[7], msgspec.UNSET, GPUS[1]),
            (FACTS[8], VGPUS[0], GPUS[0]),
            (FACTS[9], msgspec.UNSET, GPUS[0]),
            (FACTS[5], VGPUS[0], GPUS[0]),
        )
    ),
]
"""Endpoints whose parts go together, so that a table has something to say."""

VALUES: dict[str, Sequence[object]] = {
    "kind": ["type", "mdev", "function"],
    "address": ["0000:03:00.4", "a/b"],
    "parent": [None, "0000:03:00.0"],
    "uuid": [None, "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"],
    "type_id": [None, "t", "7"],
    "driver": DRIVERS,
    "vendor_id": [None, "0x19e5", "0x8086", "0x10de"],
    "device_id": [None, "0xa251"],
    "device_api": [None, "vfio-pci", "vfio-ap"],
    "available_instances": [None, 0, 1, 2],
    "in_use": [None, False, True],
    "facts": FACTS,
    "stated": [{}, STATED, {**STATED, "magic": "v1"}],
    "attribute": ATTRIBUTES,
    "migration": [*[None] * 4, *INTERFACES],
    "vfio": [True, True, True, False],
    "newline": [True, False],
    "version": STRINGS,
    "head": [None, None, *HEADS],
    "vgpu_metadata": [msgspec.UNSET, *VGPUS],
    "gpu_metadata": [msgspec.UNSET, *GPUS],
}
"""What each field of an endpoint may be."""


TIMES = [TAKEN, TAKEN, "2026-10-01T00:00:00Z", TAKEN[:-1], "2999-01-01T00:00:00Z", ""]
"""When answers were given: some are not relied on."""


@st.composite
def answers(draw: st.DrawFn, about: Sequence[str] = STRINGS) -> dict[str, object]:
    """Draw what is recorded of an endpoint: which answers count, and which do not.

    Those that count are `about` some strings, or about any heads.
    """
    said = st.sampled_from([True, False, None])
    told = draw(st.dictionaries(st.sampled_from(about), said, max_size=4))
    heads = draw(st.dictionaries(st.sampled_from(HEADS[:6]), said, max_size=4))
    given = [answer(text, accepted=yes) for text, yes in told.items()]
    given += [
        answer_to_head(head(data, None), accepted=yes) for data, yes in heads.items()
    ]
    gpus = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(VGPUS[:2]), st.sampled_from(GPUS[:2])), said
        )
    )
    limits = st.sampled_from([("gpu",), ("host-driver", "other"), ("nonsense",)])
    given += [
        answer_of_gpu(*ends, accepted=yes, limits=draw(limits) if yes is False else ())
        for ends, yes in gpus.items()
    ]
    things = sorted(each.about for each in given)
    old = draw(st.sets(st.sampled_from(things), max_size=2)) if things else set()
    too_old = st.sampled_from([None, None, None, "it is 9 days old"])
    recorded = Recorded(
        "a",
        "",
        draw(too_old),
        dict.fromkeys(old, "it is 9 days old"),
        dict.fromkeys(set(things) - old, "2 h old"),
        draw(st.sampled_from([(), (), ("the boot",), ("the boot", "the kernel")])),
    )
    return {"answers": tuple(given), "recorded": recorded}


@st.composite
def any_endpoints(draw: st.DrawFn, *, recorded: bool | None = None) -> Endpoint:
    """Draw an endpoint; only one of an inventory, or only another, where told."""
    if recorded is None:
        recorded = draw(st.booleans())
    if not recorded and draw(st.integers(0, 3)) == 0:
        text = draw(st.sampled_from(STRINGS))
        return literal(text, draw(st.sampled_from([None, "t", "7"])))
    fields = {name: draw(st.sampled_from(values)) for name, values in VALUES.items()}
    fields["head"] = None  # which few have
    if not draw(st.booleans()):
        fields |= dict.fromkeys(("vgpu_metadata", "gpu_metadata"), msgspec.UNSET)
    if draw(st.booleans()):
        fields |= draw(st.sampled_from(FAMILIES))
        fields |= {"vfio": True, "device_api": "vfio-pci", "attribute": ATTRIBUTES[1]}
    if recorded:
        fields |= draw(answers())
    data = fields.pop("head")
    return with_head(consistent(Endpoint(**fields)), data)  # type: ignore[arg-type]


def with_head(endpoint: Endpoint, data: object) -> Endpoint:
    """Give an endpoint a head that its driver has written."""
    written: Head | msgspec.UnsetType = msgspec.UNSET
    if isinstance(data, str):
        written = head(data, endpoint.driver)
    return msgspec.structs.replace(endpoint, head=written)


def consistent(endpoint: Endpoint) -> Endpoint:
    """Give an endpoint a string only where an attribute shows one."""
    if endpoint.kind == "literal" or endpoint.has_attribute:
        origin = "recorded" if endpoint.recorded else "attribute"
        if endpoint.kind == "literal":
            return endpoint
        return msgspec.structs.replace(endpoint, origin=origin)
    return msgspec.structs.replace(endpoint, version=None, newline=None, origin=None)


@st.composite
def changed(draw: st.DrawFn, endpoint: Endpoint) -> Endpoint:
    """Draw an endpoint that differs in one thing, if at all."""
    names = sorted(VALUES)
    if endpoint.kind == "literal":
        names = ["type_id", "version"]
    elif endpoint.recorded:
        names.append("recorded")
    name = draw(st.sampled_from(names))
    if name == "recorded":
        return msgspec.structs.replace(endpoint, **draw(answers()))
    value = draw(st.sampled_from(VALUES[name]))
    if name == "head":
        return with_head(endpoint, value)
    other = consistent(msgspec.structs.replace(endpoint, **{name: value}))
    return with_head(other, other.head.data) if other.head else other


def placed(endpoint: Endpoint, at: int) -> Endpoint:
    """Give an endpoint an address of its own, as its kind has one."""
    uuid = f"83b8f4f2-509f-382f-3c1e-e6bfe0fa{at:04}"
    address = {
        "type": f"0000:03:00.0/t{at}",
        "mdev": uuid,
        "function": f"0000:03:01.{at}",
    }[endpoint.kind]
    if endpoint.kind == "function" and endpoint.type_id is not None:
        address += f"/{endpoint.type_id}"
    type_id = endpoint.type_id
    if endpoint.kind == "type":
        type_id = f"t{at}"
    attribute = endpoint.attribute
    if attribute is not None and attribute.state != "absent":
        name, node = attribute.name, attribute.node
        if endpoint.kind == "function":
            name, node = "migration_version", node and "device"
        elif endpoint.kind == "type":
            node = "type"
        attribute = msgspec.structs.replace(attribute, name=name, node=node, path=None)
    return msgspec.structs.replace(
        endpoint,
        address=address,
        type_id=type_id,
        attribute=attribute,
        device_id=endpoint.facts.get("device_id", endpoint.device_id),
        facts={
            name: type_id if name == "type_id" and type_id else text
            for name, text in endpoint.facts.items()
            if name != "type_id" or endpoint.kind != "function"
        },
        uuid=uuid if endpoint.kind == "mdev" else None,
        origin=None if endpoint.version is None else "attribute",
        recorded=msgspec.UNSET,
        head=msgspec.structs.replace(endpoint.head, driver=endpoint.driver)
        if endpoint.head and endpoint.driver and endpoint.kind != "type"
        else msgspec.UNSET,
    )


@st.composite
def hosts(draw: st.DrawFn, *like: Endpoint) -> list[Endpoint]:
    """Draw what a host's inventory has; some of that differs in one thing from `like`.

    Some of its answers are about their strings only.
    """
    any_ = any_endpoints(recorded=False).filter(lambda end: end.kind != "literal")
    drawn = st.lists(st.one_of(any_, *map(changed, like)), min_size=1, max_size=4)
    ends = [placed(end, at) for at, end in enumerate(draw(drawn))]
    texts = [end.version for end in like if end.version is not None]
    told = st.one_of(given_answers(), given_answers(texts or STRINGS))
    return [
        msgspec.structs.replace(
            end, answers=tuple(each for each in draw(told) if may_have(end, each))
        )
        for end in ends
    ]


def may_have(endpoint: Endpoint, given: RecordedAnswer) -> bool:
    """Whether a driver can have said this of an endpoint."""
    if given.is_of_head:
        return endpoint.kind != "type"
    if given.is_of_gpu:
        return True
    return not endpoint.lacks_attribute


@st.composite
def given_answers(
    draw: st.DrawFn, about: Sequence[str] = STRINGS
) -> tuple[RecordedAnswer, ...]:
    """Draw what a driver said, and when."""
    drawn = draw(answers(about))["answers"]
    assert isinstance(drawn, tuple)
    return tuple(
        msgspec.structs.replace(each, asked_at=draw(st.sampled_from(TIMES)))
        for each in drawn
    )


def with_another(here: list[Endpoint]) -> SearchStrategy[tuple[list[Endpoint], ...]]:
    """Draw another host beside one that has some endpoints."""
    return st.tuples(st.just(here), hosts(*here))
