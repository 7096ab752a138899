# SPDX-License-Identifier: Apache-2.0
"""What the files of endpoints say: nodes in, endpoints and problems out.

Every file of every node is read in one batch, so that hung drivers wait together.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.decision.errnos import NOT_OPENED, Answer, read_code
from vfiocompat.endpoints import (
    NVIDIA_VENDOR,
    Attribute,
    Endpoint,
    Problem,
    attribute_names,
)
from vfiocompat.errors import InvalidVersion, errno_name
from vfiocompat.host.sysfs.debugfs import migration_interfaces
from vfiocompat.host.sysfs.modules import NO_MODULE, modules_of
from vfiocompat.host.sysfs.nodes import (
    CURRENT,
    NVIDIA_DRIVER,
    is_vfio_driver,
    name_of,
    vgpu_operations,
    vgpu_types,
)
from vfiocompat.host.sysfs.records import FoundEndpoints, Own
from vfiocompat.host.sysfs.siblings import PHYSICAL, sibling_facts
from vfiocompat.host.sysfs.tree import problem, text
from vfiocompat.nvidia.vgpus import framework
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import EndpointKind, Facts
    from vfiocompat.host.batch import Failure, Operation, Reply
    from vfiocompat.host.sysfs.modules import Module
    from vfiocompat.host.sysfs.nodes import Node
    from vfiocompat.host.sysfs.tree import Tree

__all__ = ["KERNEL", "Ask", "Replies", "as_answer", "read_nodes", "version_of"]

_VERSION = "(version attribute)"  # no sysfs name has a blank, so the key is its own

_DEVICE_FILES = {
    "vendor": "vendor_id",
    "device": "device_id",
    "subsystem_vendor": "subsystem_vendor_id",
    "subsystem_device": "subsystem_device_id",
    "revision": "revision",
    "numa_node": "numa_node",
}

KERNEL = "/proc/sys/kernel"

_TYPE_FILES = ("name", "device_api")
_ASKS_DRIVER = ("available_instances", "description")


class _Device(msgspec.Struct, frozen=True):
    """What a parent or a function says of itself, once for all its endpoints."""

    driver: str | None
    facts: dict[str, str]
    build: str | None = None


class _Type(msgspec.Struct, frozen=True):
    """What an mdev type says of itself, once for it and all its mdevs."""

    device_api: str | None
    available_instances: int | None
    facts: dict[str, str]


_NO_TYPE = _Type(None, None, {})
Replies = dict[tuple[str, str], "Reply"]
Ask = Literal["all", "vgpu-types", "nothing"]
"""What to ask drivers for; they may hang, which the kernel's own answers do not.

`all` is version strings, free instances and descriptions. Without it an attribute that
exists counts as present with no string yet.
"""


def read_nodes(tree: Tree, nodes: Sequence[Node], *, ask: Ask) -> FoundEndpoints:
    """Read the files of nodes, and make endpoints of them.

    An endpoint whose directory has gone has an attribute with the code VFC113.
    """
    asked = ask == "all"
    devices = dict.fromkeys(node.device for node in nodes)
    types = dict.fromkeys(node.type_path for node in nodes if node.type_path)
    vgpu: dict[tuple[str, str], Operation] = {}
    for node in nodes:
        if node.nvidia and node.vgpu is None and ask != "nothing":
            vgpu |= vgpu_operations(tree, node.path)
    replies = tree.run(
        vgpu
        | {
            (path, file): tree.read(path, file)
            for path in devices
            for file in _DEVICE_FILES
        }
        | {(path, "driver"): tree.link(path, "driver") for path in devices}
        | {
            (node.path, PHYSICAL): tree.link(node.path, PHYSICAL)
            for node in nodes
            if node.kind == "function"
        }
        | {(KERNEL, "osrelease"): tree.read(KERNEL, "osrelease")}
        | {
            (path, file): tree.read(path, file)
            for path in types
            for file in (_TYPE_FILES + _ASKS_DRIVER if asked else _TYPE_FILES)
        }
        | {(path, _VERSION): _version(tree, path, "type", ask=asked) for path in types}
        | {
            (node.path, _VERSION): _version(tree, node.path, node.kind, node, ask=asked)
            for node in nodes
            if node.kind != "type" or node.attribute
        }
    )
    problems = [
        problem(f"{path}/{file}", reply.failure)
        for (path, file), reply in replies.items()
        if file != _VERSION and reply.failure and not _is_optional(reply.failure)
    ]
    links = [replies[path, "driver"] for path in devices]
    modules = modules_of(tree, set(filter(None, map(_linked, links))))
    device_of = {path: _device(path, replies, modules) for path in devices}
    type_of = {path: _type(path, replies) for path in types}
    drivers = _mdev_drivers(tree, nodes, device_of)
    interfaces = migration_interfaces(tree, nodes)
    nodes = [_with_vgpu(node, replies) for node in nodes]
    parents = {
        node.path: replies[node.path, PHYSICAL]
        for node in nodes
        if node.kind == "function"
    }
    told: dict[tuple[str, str | None], Facts] = {}
    if ask != "nothing":
        bound = {path: device.driver for path, device in device_of.items()}
        told = sibling_facts(tree, nodes, bound, parents)
    shared: list[Endpoint] = []
    kin: dict[tuple[str | None, ...], int] = {}
    owns = []
    for node in nodes:
        attribute, version = _attribute(node, replies, asked=asked)
        if (
            attribute.state == "unreadable"
            and attribute.code != codes.NO_MIGRATION_SUPPORT
        ):
            problems.append(_problem(attribute, node))
        key = node.kind, node.device, node.type_path, node.type_id
        if key not in kin:
            kin[key] = len(shared)
            shared.append(
                _shared(
                    node,
                    device_of[node.device],
                    type_of.get(node.type_path or "", _NO_TYPE),
                    drivers.get(node.device) if node.kind == "mdev" else None,
                    _linked(parents.get(node.path)),
                    told=told.get((node.path, node.type_id), {}),
                )
            )
        owns.append(
            Own(
                kin[key],
                node.address,
                node.uuid,
                attribute,
                interfaces.get(node.path),
                version.text if version else None,
                version.original.endswith("\n") if version else None,
            )
        )
    return FoundEndpoints(shared, owns, problems)


def version_of(reply: Reply, path: str) -> tuple[VersionString | None, str, int]:
    """Give a reply's version string; or None, the code that says why, and the errno."""
    if reply.failure is not None:
        answer = as_answer(reply, path)
        return None, read_code(answer), answer.errno
    try:
        return VersionString.parse(reply.data), "", 0
    except InvalidVersion as error:
        return None, error.code, 0


def as_answer(reply: Reply, path: str) -> Answer:
    """Say in the decision's terms how far a call on an attribute came."""
    failure = reply.failure
    if failure is None:
        return Answer(stage="done", path=path, count=reply.count)
    return Answer(
        stage=failure.stage,
        path=path,
        errno=failure.errno,
        gone=failure.gone,
        code=failure.code,
    )


def _version(
    tree: Tree, path: str, kind: EndpointKind, node: Node | None = None, *, ask: bool
) -> Operation:
    names = (node.attribute,) if node and node.attribute else attribute_names(kind)
    return tree.read(path, *names) if ask else tree.find(path, *names)


def _is_optional(failure: Failure) -> bool:
    """Whether a missing file is nothing to report: all of these may be absent."""
    return failure.errno in {errno.ENOENT, errno.ENOTDIR}


def _attribute(
    node: Node, replies: Replies, *, asked: bool
) -> tuple[Attribute, VersionString | None]:
    """Choose a node's attribute: its own, else that of its type."""
    own: Literal["type", "device"] = "type" if node.kind == "type" else "device"
    attribute, version = _attribute_at(
        node.path, own, replies[node.path, _VERSION], asked=asked
    )
    if attribute.state == "absent" and node.type_path and not node.attribute:
        at_type = replies[node.type_path, _VERSION]
        if at_type.failure is None or not _is_optional(at_type.failure):
            return _attribute_at(node.type_path, "type", at_type, asked=asked)
    return attribute, version


def _attribute_at(
    path: str, node: Literal["type", "device"], reply: Reply, *, asked: bool
) -> tuple[Attribute, VersionString | None]:
    name = reply.name or (reply.failure.name if reply.failure else "")
    where = f"{path}/{name}" if name else path
    if reply.failure is None and not asked:
        return Attribute(name, "present", path=where, node=node), None
    version, code, number = version_of(reply, where)
    if version is not None:
        return Attribute(name, "present", path=where, node=node), version
    if code == codes.NO_ATTRIBUTE:
        return Attribute(None, "absent", errno_name(number), path, None, code), None
    errno_text = errno_name(number) if number else None
    attribute = Attribute(name or None, "unreadable", errno_text, where, node, code)
    if code in NOT_OPENED:
        attribute = msgspec.structs.replace(attribute, stage="open")
    return attribute, None


def _problem(attribute: Attribute, node: Node) -> Problem:
    return Problem(
        attribute.path or node.path, "read", attribute.errno, attribute.code or ""
    )


def _device(path: str, replies: Replies, modules: dict[str, Module]) -> _Device:
    driver = _linked(replies[path, "driver"])
    module = modules.get(driver or "", NO_MODULE)
    read = {fact: text(replies[path, file]) for file, fact in _DEVICE_FILES.items()}
    read["driver"] = driver
    read["module_version"] = module.version
    read["kernel"] = text(replies[KERNEL, "osrelease"])
    facts = {name: value for name, value in read.items() if value}
    return _Device(driver, facts, module.build)


def _linked(link: Reply | None) -> str | None:
    """Give the name that a link leads to; None if there is none."""
    return None if link is None or link.failure else name_of(link.text)


def _type(path: str, replies: Replies) -> _Type:
    def said(file: str) -> str | None:
        reply = replies.get((path, file))
        return None if reply is None else text(reply)

    free = said("available_instances") or ""
    named = {"type_name": said("name"), "type_description": said("description")}
    facts = {"type_id": name_of(path)}
    facts |= {fact: value for fact, value in named.items() if value is not None}
    return _Type(said("device_api"), int(free) if _is_u32(free) else None, facts)


def _is_u32(number: str) -> bool:
    """Whether a text can be what sysfs prints for an unsigned int."""
    if not (number.isascii() and number.isdigit()) or len(number) > len(str(1 << 32)):
        return False
    return int(number) < 1 << 32


def _with_vgpu(node: Node, replies: Replies) -> Node:
    """Give an NVIDIA function the vGPU types that were read, and its own one."""
    if not node.nvidia or (f"{node.path}/{NVIDIA_DRIVER}", CURRENT) not in replies:
        return node
    vgpu = vgpu_types(node.path, replies)
    type_id = node.type_id or vgpu.current
    return msgspec.structs.replace(node, vgpu=vgpu, type_id=type_id)


def _mdev_drivers(
    tree: Tree, nodes: Sequence[Node], device_of: dict[str, _Device]
) -> dict[str, str]:
    """Read which driver a driverless parent's mdevs have: one mdev speaks for all.

    The mdev core matches mdevs to the driver that their parent was registered with
    (drivers/vfio/mdev/mdev_driver.c, mdev_match).
    """
    speakers = {
        node.device: node.path
        for node in nodes
        if node.kind == "mdev" and device_of[node.device].driver is None
    }
    links = tree.run({at: tree.link(path, "driver") for at, path in speakers.items()})
    return {
        device: name_of(link.text)
        for device, link in links.items()
        if link.failure is None
    }


def _shared(
    node: Node,
    device: _Device,
    type_: _Type,
    driver: str | None,
    parent: str | None,
    *,
    told: Facts,
) -> Endpoint:
    """Make what all of one device and type share; `driver` is that of an mdev.

    The `parent` of a virtual function is the physical one; `told` is what siblings
    tell.
    """
    facts = device.facts | type_.facts | told
    if node.type_id is not None and device.facts.get("vendor_id") == NVIDIA_VENDOR:
        facts["framework"] = framework(node.kind)
    device_api = type_.device_api
    free = type_.available_instances if node.kind == "type" else None
    driver = device.driver or driver
    vfio = True
    in_use = None
    if node.kind == "function":
        vfio = is_vfio_driver(driver) or node.nvidia
        device_api = "vfio-pci" if vfio else None
        if node.type_id is not None and node.vgpu is not None:
            creatable = node.vgpu.creatable
            free = None if creatable is None else int(node.type_id in creatable)
            in_use = node.type_id == node.vgpu.current
            facts["vgpu_type"] = node.type_id
    return Endpoint(
        kind=node.kind,
        address="",
        parent=node.parent or parent,
        type_id=node.type_id,
        driver=driver,
        vendor_id=device.facts.get("vendor_id"),
        device_id=device.facts.get("device_id"),
        device_api=device_api,
        available_instances=free,
        in_use=in_use,
        facts=facts,
        vfio=vfio,
        build=device.build or msgspec.UNSET,
    )
