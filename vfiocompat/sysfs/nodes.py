# SPDX-License-Identifier: Apache-2.0
"""Where endpoints are: every one of a host, or the one at an address."""

from __future__ import annotations

import errno
import posixpath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.endpoints import (
    FunctionAddress,
    Kind,
    MdevAddress,
    PathAddress,
    Problem,
    TypeAddress,
    attribute_names,
    is_function,
    is_uuid,
    read_name,
)
from vfiocompat.errors import NoSuchEndpoint, SysfsError
from vfiocompat.sysfs.tree import DEVICES, Tree, problem, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vfiocompat.batch import Failure, Operation, Reply
    from vfiocompat.endpoints import LiveAddress

__all__ = ["Node", "Share", "find", "find_all", "is_vfio_driver"]

PARENTS = "/sys/class/mdev_bus"
MDEVS = "/sys/bus/mdev/devices"
FUNCTIONS = "/sys/bus/pci/devices"
TYPES = "mdev_supported_types"
NVIDIA = "nvidia"
CREATABLE = "creatable_vgpu_types"
CURRENT = "current_vgpu_type"


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint's place in sysfs, before its files are read.

    `path` is its real directory, `device` the directory that has the PCI ids (the
    parent's, or the function's own), `type_path` that of an mdev's type. `attribute`
    is the one file that a path address named; `type_id` of a function is an NVIDIA
    vGPU type, `creatable` the types it lists now, and `current` the one it has.
    """

    kind: Kind
    path: str
    device: str
    parent: str | None = None
    type_id: str | None = None
    type_path: str | None = None
    uuid: str | None = None
    attribute: str | None = None
    creatable: dict[str, str] = {}
    current: str | None = None

    @property
    def address(self) -> str:
        """The address that names this endpoint on its host."""
        if self.kind == "mdev":
            return self.uuid or ""
        if self.kind == "type":
            return f"{self.parent}/{self.type_id}"
        name = posixpath.basename(self.path)
        if self.type_id is None or self.type_id == self.current:
            return name
        return f"{name}/{self.type_id}"


def is_vfio_driver(driver: str | None) -> bool:
    """Whether a PCI driver gives its functions to VFIO.

    vfio-pci and every variant driver of mainline have it in their name
    (drivers/vfio/pci/*): mlx5_vfio_pci, hisi_acc_vfio_pci, xe-vfio-pci.
    """
    return driver is not None and "vfio" in driver


# ---- all of them ---------------------------------------------------------------


class Share(NamedTuple):
    """Which part of a host's devices to find: one of `number`, counted from 0."""

    at: int = 0
    number: int = 1

    def has(self, device: str) -> bool:
        """Whether a parent's or function's endpoints are in this part.

        Processes forked from one agree, since they hash strings alike.
        """
        return hash(device) % self.number == self.at


def find_all(tree: Tree, share: Share) -> tuple[list[Node], list[Problem]]:
    """Find the mdev types, mdev devices and VFIO functions of a host."""
    problems: list[Problem] = []
    places = tree.run({path: tree.list(path) for path in (PARENTS, MDEVS, FUNCTIONS)})
    names = {path: _listed(path, reply, problems) for path, reply in places.items()}
    links = tree.run({name: tree.link(PARENTS, name) for name in names[PARENTS]})
    parents = _targets(PARENTS, links, problems)
    ours = {name: path for name, path in parents.items() if share.has(name)}
    nodes = _types(tree, ours, problems)
    nodes += _mdevs(tree, _mdev_paths(tree, parents, names[MDEVS], share, problems))
    functions = [name for name in names[FUNCTIONS] if share.has(name)]
    nodes += _functions(tree, functions, problems)
    return nodes, problems


def _mdev_paths(
    tree: Tree,
    parents: dict[str, str],
    names: list[str],
    share: Share,
    problems: list[Problem],
) -> dict[str, str]:
    """Find where mdevs are; the first share has those that no parent holds.

    Reading the link of each would cost most of the time on a host with thousands, so
    they are looked for in their parents' directories.
    """
    holders = tree.run({name: tree.list(path) for name, path in parents.items()})
    left = set(names)
    paths: dict[str, str] = {}
    for parent, reply in holders.items():
        held = left.intersection(reply.names)
        left -= held
        if share.has(parent):
            paths |= {name: f"{parents[parent]}/{name}" for name in held}
    if share.at == 0:
        links = tree.run({name: tree.link(MDEVS, name) for name in left})
        paths |= _targets(MDEVS, links, problems)
    return paths


def _types(tree: Tree, parents: dict[str, str], problems: list[Problem]) -> list[Node]:
    lists = tree.run({name: tree.list(f"{parents[name]}/{TYPES}") for name in parents})
    return [
        _type_node(parents[parent], parent, type_id)
        for parent, reply in lists.items()
        for type_id in _listed(f"{parents[parent]}/{TYPES}", reply, problems)
    ]


def _type_node(parent_path: str, parent: str, type_id: str) -> Node:
    path = f"{parent_path}/{TYPES}/{type_id}"
    return Node(
        kind="type",
        path=path,
        device=parent_path,
        parent=parent,
        type_id=type_id,
        type_path=path,
    )


def _mdevs(tree: Tree, mdevs: dict[str, str]) -> list[Node]:
    types = tree.run({uuid: tree.link(mdevs[uuid], "mdev_type") for uuid in mdevs})
    return [_mdev_node(uuid, path, types[uuid]) for uuid, path in mdevs.items()]


def _mdev_node(uuid: str, path: str, link: Reply) -> Node:
    type_path = None
    if link.failure is None:
        type_path = posixpath.normpath(f"{path}/{link.text}")
    parent_path, _, _ = path.rpartition("/")
    return Node(
        kind="mdev",
        path=path,
        device=parent_path,
        parent=posixpath.basename(parent_path),
        type_id=type_path and posixpath.basename(type_path),
        type_path=type_path,
        uuid=uuid,
    )


def _functions(tree: Tree, names: list[str], problems: list[Problem]) -> list[Node]:
    """Make a node of each function that VFIO has, and of each type one could be."""
    links = tree.run(
        {name: tree.link(f"{FUNCTIONS}/{name}", "driver") for name in names}
    )
    drivers = {name: posixpath.basename(link.text) for name, link in links.items()}
    found = tree.run(
        {
            name: tree.link(FUNCTIONS, name)
            for name, driver in drivers.items()
            if is_vfio_driver(driver) or driver == NVIDIA
        }
    )
    paths = _targets(FUNCTIONS, found, problems)
    nodes: list[Node] = []
    for name, node in _nvidia(tree, paths, problems).items():
        if node.creatable or node.current:
            nodes += _as_each_type(node)
        elif is_vfio_driver(drivers[name]):
            nodes.append(node)
    return nodes


def _nvidia(
    tree: Tree, paths: dict[str, str], problems: list[Problem]
) -> dict[str, Node]:
    """Make nodes of functions, with the vGPU types that NVIDIA's list for them."""
    files = tree.run(
        {
            (name, file): tree.read(f"{path}/{NVIDIA}", file)
            for name, path in paths.items()
            for file in (CREATABLE, CURRENT)
        }
    )
    nodes = {}
    for name, path in paths.items():
        for file in (CREATABLE, CURRENT):
            failure = files[name, file].failure
            if failure is not None and failure.errno != errno.ENOENT:
                problems.append(problem(f"{path}/{NVIDIA}/{file}", failure))
        current = (text(files[name, CURRENT]) or "").strip()
        nodes[name] = Node(
            kind="function",
            path=path,
            device=path,
            creatable=_vgpu_types(text(files[name, CREATABLE]) or ""),
            current=current if current not in {"", "0"} else None,
            type_id=current if current not in {"", "0"} else None,
        )
    return nodes


def _vgpu_types(lines: str) -> dict[str, str]:
    """Read lines of `<id> : <name>`; a heading has no number and is passed over."""
    types = {}
    for line in lines.splitlines():
        number, _, name = map(str.strip, line.partition(":"))
        if number.isascii() and number.isdigit():
            types[number] = name
    return types


def _as_each_type(node: Node) -> list[Node]:
    others = [
        msgspec.structs.replace(node, type_id=type_id)
        for type_id in node.creatable
        if type_id != node.current
    ]
    return ([node] if node.current else []) + others


# ---- the one at an address -----------------------------------------------------


def find(tree: Tree, address: LiveAddress) -> Node:
    """Find the endpoint at an address of this host.

    Raises:
        NoSuchEndpoint: there is none; the hint names what is close.
        SysfsError: sysfs could not be read.

    """
    match address:
        case MdevAddress(uuid):
            link = _only(tree, MDEVS, uuid)
            path = _normal(MDEVS, link)
            return _mdev_node(uuid, path, _one(tree, tree.link(path, "mdev_type")))
        case FunctionAddress(name):
            path = _normal(FUNCTIONS, _only(tree, FUNCTIONS, name))
            return _nvidia(tree, {name: path}, [])[name]
        case TypeAddress(parent, type_id):
            return _find_type(tree, parent, type_id)
        case PathAddress(path):
            return _find_path(tree, path)


def _find_type(tree: Tree, parent: str, type_id: str) -> Node:
    link = _one(tree, tree.link(PARENTS, parent))
    if link.failure is None:
        path = _normal(PARENTS, link)
        types = _names(tree, f"{path}/{TYPES}")
        if type_id not in types:
            raise _no_such(f"{parent} has no mdev type {type_id!r}", type_id, types)
        return _type_node(path, parent, type_id)
    if is_function(parent):
        function = _one(tree, tree.link(FUNCTIONS, parent))
        if function.failure is None:
            path = _normal(FUNCTIONS, function)
            node = _nvidia(tree, {parent: path}, [])[parent]
            if _one(tree, tree.find(f"{path}/{NVIDIA}", CREATABLE)).failure is None:
                return msgspec.structs.replace(node, type_id=type_id)
            raise _no_such(
                f"{parent} is no parent device and has no vGPU types", "", ()
            )
    parents = _names(tree, PARENTS)
    raise _no_such(f"there is no parent device {parent!r}", parent, parents)


def _find_path(tree: Tree, given: str) -> Node:
    """Find whose directory, or whose attribute, a path is."""
    path = posixpath.normpath(given)
    if ".." in given.split("/") or not path.startswith("/sys/"):
        raise NoSuchEndpoint(
            f"{given} is not a path below /sys without '..'",
            hint="name an endpoint's directory or its version attribute",
            code="VFC142",
        )
    directory, _, name = path.rpartition("/")
    reply = _one(tree, tree.resolve(path))
    if reply.failure is not None:
        close = _names(tree, directory)
        raise _missing(f"there is no {given}", path, reply.failure, name, close)
    if reply.name == "link" and read_name(name) is not None:
        raise NoSuchEndpoint(
            f"{given} is a symbolic link, not an attribute", code="VFC142"
        )
    is_file = reply.name == "file"
    real = tree.inside(reply.text if is_file else reply.names[0])
    if not f"{real}/".startswith(f"{DEVICES}/"):
        raise NoSuchEndpoint(
            f"{given} leads to {real}, which is not below {DEVICES}", code="VFC142"
        )
    node = _node_at(tree, real)
    attribute = read_name(name) if is_file else None
    if node is None or (is_file and attribute not in attribute_names(node.kind)):
        raise NoSuchEndpoint(
            f"{given} is neither an endpoint's directory nor a version attribute",
            hint="endpoints are mdev types, mdev devices and PCI functions",
            code="VFC141",
        )
    return msgspec.structs.replace(node, attribute=attribute)


def _node_at(tree: Tree, path: str) -> Node | None:
    head, _, name = path.rpartition("/")
    if posixpath.basename(head) == TYPES:
        parent_path = posixpath.dirname(head)
        return _type_node(parent_path, posixpath.basename(parent_path), name)
    if is_uuid(name):
        return _mdev_node(name, path, _one(tree, tree.link(path, "mdev_type")))
    if is_function(name):
        return _nvidia(tree, {name: path}, [])[name]
    return None


# ---- small things --------------------------------------------------------------

_DEPTH = "../../../devices/"


def _normal(place: str, link: Reply) -> str:
    """Give the path a link leads to; sysfs has no links on the way to follow."""
    below = link.text.removeprefix(_DEPTH)
    if place != PARENTS and below != link.text and ".." not in below:
        return f"{DEVICES}/{below}"  # saves a tenth of the time for 10,000 mdevs
    return posixpath.normpath(f"{place}/{link.text}")


def _targets(
    place: str, links: dict[str, Reply], problems: list[Problem]
) -> dict[str, str]:
    """Give the paths that links lead to; those that cannot be read are problems."""
    paths: dict[str, str] = {}
    for name, link in links.items():
        if link.failure is None:
            paths[name] = _normal(place, link)
        else:
            problems.append(problem(f"{place}/{name}", link.failure))
    return paths


def _listed(path: str, reply: Reply, problems: list[Problem]) -> list[str]:
    """Give the names in a directory in order; one that is missing has none."""
    failure = reply.failure
    if failure is not None and failure.errno != errno.ENOENT:
        problems.append(problem(path, failure))
    return sorted(reply.names)


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
    return SysfsError(f"cannot read {path}: {why}", code=found.code)


def _no_such(summary: str, name: str, existing: Iterable[str]) -> NoSuchEndpoint:
    """Say that something is missing, and what exists that is close to its name."""
    import difflib  # noqa: PLC0415 - costs start-up time, and only mistakes need it

    known = sorted(existing)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
    hint = f"there is {', '.join(close)}" if close else "'vfiocompat list' shows all"
    return NoSuchEndpoint(summary, hint=hint)
