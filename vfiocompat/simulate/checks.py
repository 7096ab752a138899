# SPDX-License-Identifier: Apache-2.0
"""What the types of a specification cannot say: every mistake, with its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vfiocompat.addresses import is_function, is_uuid
from vfiocompat.simulate.capacity import Capacity
from vfiocompat.simulate.errnos import NAMES
from vfiocompat.simulate.gpuchecks import gpu_mistakes
from vfiocompat.versions import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfiocompat.simulate.spec import DriverAnswers, Fault, Function, Parent, Spec

__all__ = ["mistakes"]

_FILE_NAME = re.compile(r"(?!\.)[^/\x00-\x20\x7f]{1,255}")
_PRINTABLE = re.compile(r"[ -~]+")


def mistakes(spec: Spec) -> list[str]:
    """Every mistake as `key: what is wrong`, in the order of the file."""
    return [
        *_devices(spec),
        *gpu_mistakes(spec),
        *_modules(spec),
        *_faults(spec),
    ]


def _devices(spec: Spec) -> Iterator[str]:
    devices: set[str] = set()
    uuids: set[str] = set()
    for number, parent in enumerate(spec.parent):
        key = f"parent[{number}]"
        yield from _unique(f"{key}.name", parent.name, devices)
        yield from _parent(key, parent)
        for position, mdev in enumerate(parent.mdev):
            where = f"{key}.mdev[{position}].uuid"
            yield from _unique(where, mdev.uuid, uuids)
            if not is_uuid(mdev.uuid):
                yield f"{where}: {mdev.uuid!r} is not a UUID in lower case"
    for number, function in enumerate(spec.function):
        key = f"function[{number}]"
        yield from _unique(f"{key}.address", function.address, devices)
        yield from _function(key, function)


def _parent(key: str, parent: Parent) -> Iterator[str]:
    pci = is_function(parent.name)
    if ":" in parent.name and not pci:
        yield f"{key}.name: {parent.name!r} is not a PCI address (0000:3b:00.0)"
    else:
        yield from _file_name(f"{key}.name", parent.name)
    if parent.pci and not pci:
        yield f"{key}.pci: {parent.name!r} is not a PCI device"
    if parent.class_ is not None and pci:
        yield f"{key}.class: only a virtual device lives under its class"
    for name in ("class_", "driver", "mdev_driver"):
        yield from _file_name(f"{key}.{name.rstrip('_')}", getattr(parent, name))
    types: set[str] = set()
    for position, kind in enumerate(parent.type):
        where = f"{key}.type[{position}]"
        yield from _unique(f"{where}.id", kind.id, types)
        yield from _file_name(f"{where}.id", kind.id)
        yield from _migration(where, kind)
    yield from _room(key, parent)


def _room(key: str, parent: Parent) -> Iterator[str]:
    types = {kind.id: kind for kind in parent.type}
    capacity = Capacity(parent)
    for position, mdev in enumerate(parent.mdev):
        where = f"{key}.mdev[{position}].type"
        if mdev.type not in types:
            yield f"{where}: {parent.name} has no type {mdev.type!r}"
            continue
        try:
            capacity.take(types[mdev.type])
        except OSError:
            yield f"{where}: {parent.name} has no room for another {mdev.type}"


def _function(key: str, function: Function) -> Iterator[str]:
    if not is_function(function.address):
        yield (
            f"{key}.address: {function.address!r} is not a PCI address (0000:3b:00.0)"
        )
    yield from _file_name(f"{key}.driver", function.driver)
    yield from _migration(key, function)
    nvidia = function.nvidia
    if nvidia and nvidia.current not in {0, *(kind.id for kind in nvidia.creatable)}:
        yield f"{key}.nvidia.current: {nvidia.current} is not among the creatable ones"


def _migration(key: str, answers: DriverAnswers) -> Iterator[str]:
    version = answers.version
    if version is not None:
        if not _PRINTABLE.fullmatch(version):
            yield (
                f"{key}.version: not printable ASCII"
                " (a [[fault]] with `text` or `hex` serves any bytes)"
            )
        if len(version) > MAX_BYTES:
            yield f"{key}.version: longer than {MAX_BYTES} bytes"
    elif answers.accepts is not None:
        yield f"{key}.accepts: without a version nothing is accepted"
    yield from _errno(f"{key}.refuses", answers.refuses)


def _modules(spec: Spec) -> Iterator[str]:
    for name in spec.modules:
        yield from _file_name(f"modules.{name}", name)


def _faults(spec: Spec) -> Iterator[str]:
    parents = {parent.name for parent in spec.parent}
    owners = {
        *parents,
        *(f"{parent.name}/{kind.id}" for parent in spec.parent for kind in parent.type),
        *(mdev.uuid for parent in spec.parent for mdev in parent.mdev),
        *(function.address for function in spec.function),
    }
    for number, fault in enumerate(spec.fault):
        key = f"fault[{number}]"
        # A device that a test creates later has faults too.
        if fault.at not in owners and not is_uuid(fault.at):
            yield f"{key}.at: nothing is at {fault.at!r}"
        if fault.at in parents and fault.attribute is None:
            yield f"{key}.attribute: a parent has no version attribute: name one"
        if fault.at in parents and fault.vanish:
            yield f"{key}.vanish: only a type, an mdev or a function can vanish"
        yield from _effect(key, fault)


def _effect(key: str, fault: Fault) -> Iterator[str]:
    effects = [
        name
        for name in ("errno", "hang", "vanish", "text", "hex")
        if getattr(fault, name) not in {None, False}
    ]
    if len(effects) > 1:
        yield f"{key}: {' and '.join(effects)} exclude each other"
    if not effects and not fault.delay:
        yield f"{key}: nothing goes wrong: errno, delay, hang, vanish, text or hex?"
    if {"text", "hex"} & set(effects) and fault.on not in {None, "read"}:
        yield f"{key}.on: only a read gets a text"
    if fault.hex is not None:
        try:
            bytes.fromhex(fault.hex)
        except ValueError:
            yield f"{key}.hex: not pairs of hexadecimal digits"
    if fault.errno is not None:
        yield from _errno(f"{key}.errno", fault.errno)
        if fault.errno == "ENOSYS" and fault.on == "open":
            yield f"{key}.errno: FUSE takes ENOSYS at open for a success"


def _unique(key: str, value: str, seen: set[str]) -> Iterator[str]:
    if value in seen:
        yield f"{key}: {value!r} is there already"
    seen.add(value)


def _file_name(key: str, value: str | None) -> Iterator[str]:
    if value is not None and not _FILE_NAME.fullmatch(value):
        yield f"{key}: {value!r} cannot be the name of a file in sysfs"


def _errno(key: str, name: str) -> Iterator[str]:
    if name not in NAMES:
        yield f"{key}: {name!r} is not the name of an errno that FUSE can pass on"
