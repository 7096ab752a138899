# SPDX-License-Identifier: Apache-2.0
"""The endpoint at an address, or what there is instead."""

from __future__ import annotations

import errno
import posixpath
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import (
    FunctionAddress,
    MdevAddress,
    MdevPrefix,
    PathAddress,
    TypeAddress,
    is_function,
    is_uuid,
)
from vfiocompat.diagnostics import first_of
from vfiocompat.endpoints import attribute_names, read_name
from vfiocompat.errors import NoSuchEndpoint, SysfsError, nearest, there_are
from vfiocompat.host.sysfs.nodes import (
    CREATABLE,
    FUNCTIONS,
    MDEVS,
    NVIDIA_DRIVER,
    PARENTS,
    TYPES,
    Node,
    linked_path,
    mdev_node,
    type_node,
)
from vfiocompat.host.sysfs.tree import DEVICES, Tree, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.host.batch import Failure, Operation, Reply

__all__ = ["find"]


def find(tree: Tree, address: LiveAddress) -> Node:
    """Find the endpoint at an address of this host.

    Raises:
        NoSuchEndpoint: there is none; the hint names what is close.
        SysfsError: sysfs could not be read.

    """
    match address:
        case MdevAddress(uuid):
            link = _only(tree, MDEVS, uuid)
            path = linked_path(MDEVS, link)
            return mdev_node(uuid, path, _one(tree, tree.link(path, "mdev_type")))
        case MdevPrefix(prefix):
            return find(tree, MdevAddress(_whole(tree, prefix)))
        case FunctionAddress(name):
            path = linked_path(FUNCTIONS, _only(tree, FUNCTIONS, name))
            return _function(tree, path)
        case TypeAddress(parent, type_id):
            return _find_type(tree, parent, type_id)
        case PathAddress(path):
            return _find_path(tree, path)


def _whole(tree: Tree, prefix: str) -> str:
    """Give the UUID of the one mdev whose UUID begins so."""
    names = sorted(_names(tree, MDEVS))
    found = [name for name in names if name.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _no_such(f"no mdev of this host begins with {prefix}", prefix, names)
    raise NoSuchEndpoint(
        f"{prefix} is the beginning of {len(found)} mdevs",
        hint=f"there are {first_of(found, 5)}",
    )


def _find_type(tree: Tree, parent: str, type_id: str) -> Node:
    link = _one(tree, tree.link(PARENTS, parent))
    if link.failure is None:
        path = linked_path(PARENTS, link)
        types = _names(tree, f"{path}/{TYPES}")
        if type_id not in types:
            raise _no_such(f"{parent} has no mdev type {type_id!r}", type_id, types)
        return type_node(path, parent, type_id)
    if is_function(parent):
        function = _one(tree, tree.link(FUNCTIONS, parent))
        if function.failure is None:
            node = _function(tree, linked_path(FUNCTIONS, function))
            if node.nvidia:
                return msgspec.structs.replace(node, type_id=type_id)
            raise _no_such(f"{parent} has neither mdev types nor vGPU types", "", ())
    parents = _names(tree, PARENTS)
    raise _no_such(f"there is no parent device {parent!r}", parent, parents)


def _find_path(tree: Tree, given: str) -> Node:
    """Find whose directory, or whose attribute, a path is."""
    path = posixpath.normpath(given)
    if ".." in given.split("/") or not f"{path}/".startswith("/sys/"):
        raise NoSuchEndpoint(
            f"{given} leaves /sys",
            hint="name an endpoint's directory or its version attribute, without '..'",
            code=codes.PATH_LEAVES_ENDPOINT,
        )
    directory, _, name = path.rpartition("/")
    reply = _one(tree, tree.resolve(path))
    if reply.failure is not None:
        close = _names(tree, directory)
        raise _missing(f"there is no {given}", path, reply.failure, name, close)
    if reply.name == "link" and read_name(name) is not None:
        raise NoSuchEndpoint(
            f"{given} is a symbolic link, not an attribute",
            code=codes.PATH_LEAVES_ENDPOINT,
        )
    is_file = reply.name == "file"
    real = tree.inside(reply.text if is_file else reply.names[0])
    if not f"{real}/".startswith(f"{DEVICES}/"):
        raise NoSuchEndpoint(
            f"{given} leads to {real}, which is not below {DEVICES}",
            code=codes.PATH_LEAVES_ENDPOINT,
        )
    node = _node_at(tree, real)
    attribute = read_name(name) if is_file else None
    if node is None or (is_file and attribute not in attribute_names(node.kind)):
        raise NoSuchEndpoint(
            f"{given} is neither an endpoint's directory nor a version attribute",
            hint="endpoints are mdev types, mdev devices and PCI functions",
            code=codes.NOT_AN_ATTRIBUTE,
        )
    return msgspec.structs.replace(node, attribute=attribute)


def _function(tree: Tree, path: str) -> Node:
    nvidia = _one(tree, tree.find(f"{path}/{NVIDIA_DRIVER}", CREATABLE)).failure is None
    return Node(kind="function", path=path, device=path, nvidia=nvidia)


def _node_at(tree: Tree, path: str) -> Node | None:
    """Make the node of a directory, if a bus or class says that it is an endpoint.

    A name alone says too little: devices of other buses have UUIDs for names too.
    """
    head, _, name = path.rpartition("/")
    if posixpath.basename(head) == TYPES:
        parent_path, parent = posixpath.dirname(head), head.split("/")[-2]
        if _is_listed(tree, PARENTS, parent, parent_path):
            return type_node(parent_path, parent, name)
    elif is_uuid(name) and _is_listed(tree, MDEVS, name, path):
        return mdev_node(name, path, _one(tree, tree.link(path, "mdev_type")))
    elif is_function(name) and _is_listed(tree, FUNCTIONS, name, path):
        return _function(tree, path)
    return None


def _is_listed(tree: Tree, place: str, name: str, path: str) -> bool:
    link = _one(tree, tree.link(place, name))
    return link.failure is None and linked_path(place, link) == path


def _one(tree: Tree, operation: Operation) -> Reply:
    return tree.run({0: operation})[0]


def _names(tree: Tree, path: str) -> tuple[str, ...]:
    return _one(tree, tree.list(path)).names


def _only(tree: Tree, place: str, name: str) -> Reply:
    """Read the link of a device on a bus, or tell what is there instead."""
    link = _one(tree, tree.link(place, name))
    if link.failure is not None:
        path, names = f"{place}/{name}", _names(tree, place)
        raise _missing(
            f"there is no {name} on this host", path, link.failure, name, names
        )
    return link


def _missing(
    summary: str, path: str, failure: Failure, name: str, existing: Iterable[str]
) -> NoSuchEndpoint | SysfsError:
    if failure.errno in {errno.ENOENT, errno.ENOTDIR}:
        return _no_such(summary, name, existing)
    found = problem(path, failure)
    why = found.errno or "no answer in time"
    return SysfsError(f"cannot read {path}: {why}", code=codes.code_of(found.code))


def _no_such(summary: str, name: str, existing: Iterable[str]) -> NoSuchEndpoint:
    """Say that something is missing, and what exists that is close to its name."""
    known = sorted(existing)
    close = nearest(name, known) or known[:3]
    return NoSuchEndpoint(
        summary, hint=there_are(close) or "'vfiocompat list' shows all"
    )
