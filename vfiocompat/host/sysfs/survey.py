# SPDX-License-Identifier: Apache-2.0
"""Every endpoint of a host, found and read by several processes at once."""

from __future__ import annotations

import errno
import posixpath
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vfiocompat import codes
from vfiocompat.endpoints import NVIDIA_VENDOR, Problem
from vfiocompat.host.sysfs.around import Surroundings, surroundings
from vfiocompat.host.sysfs.endpoints import read_nodes
from vfiocompat.host.sysfs.nodes import (
    CREATABLE,
    FUNCTIONS,
    MDEVS,
    NVIDIA_DRIVER,
    PARENTS,
    TYPES,
    Node,
    VgpuTypes,
    is_vfio_driver,
    linked_path,
    mdev_node,
    type_node,
    vgpu_operations,
    vgpu_types,
)
from vfiocompat.host.sysfs.records import FoundEndpoints, Survey
from vfiocompat.host.sysfs.tree import Tree, problem
from vfiocompat.host.sysfs.use import Used, used_devices, with_use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vfiocompat.host.batch import Operation, Reply

__all__ = ["SURVEYORS", "SurveyPart", "users", "whole"]

_KINDS = {"type": 0, "mdev": 1, "function": 2}


class SurveyPart(msgspec.Struct, frozen=True):
    """What one process found; one of them also finds who uses which device.

    `around` is there where some of it is NVIDIA's.
    """

    found: FoundEndpoints
    problems: list[Problem]
    used: Used | None = None
    around: Surroundings | None = None


class Portion(msgspec.Struct, frozen=True):
    """Which part of a host's parents to look at: one of `number`, counted from 0."""

    at: int
    number: int

    def has(self, device: str) -> bool:
        """Whether a parent's endpoints are in this part.

        Processes forked from one agree, since they hash strings alike.
        """
        return hash(device) % self.number == self.at


def _survey_mdevs(tree: Tree, share: Portion) -> SurveyPart:
    """Find and read the mdev types and mdev devices of a host."""
    problems: list[Problem] = []
    places = tree.run({path: tree.list(path) for path in (PARENTS, MDEVS)})
    names = {path: _listed(path, reply, problems) for path, reply in places.items()}
    links = tree.run({name: tree.link(PARENTS, name) for name in names[PARENTS]})
    parents = _targets(PARENTS, links, problems)
    ours = {name: path for name, path in parents.items() if share.has(name)}
    nodes = _types(tree, ours, problems)
    nodes += _mdevs(tree, _mdev_paths(tree, parents, names[MDEVS], share, problems))
    return _read(tree, nodes, problems)


def _survey_functions(tree: Tree) -> SurveyPart:
    """Find and read the VFIO functions of a host, and who uses which device."""
    problems: list[Problem] = []
    listed = tree.run({FUNCTIONS: tree.list(FUNCTIONS)})[FUNCTIONS]
    nodes = _functions(tree, _listed(FUNCTIONS, listed, problems), problems)
    found = _read(tree, nodes, problems)
    return msgspec.structs.replace(found, used=used_devices(tree))


SURVEYORS: Sequence[Callable[[Tree], SurveyPart]] = (
    *(partial(_survey_mdevs, share=Portion(at, 2)) for at in range(2)),
    _survey_functions,
)
"""What processes do for a survey at once: two that share the mdevs halve its time."""


def whole(parts: Sequence[SurveyPart]) -> Survey:
    """Join what surveyors found, in the order of kinds and addresses."""
    # One that appears while two processes look may be seen by both.
    endpoints = {
        (_KINDS[endpoint.kind], endpoint.address): endpoint
        for part in parts
        for endpoint in part.found.endpoints()
    }
    problems = {
        problem for part in parts for problem in part.problems + part.found.problems
    }
    used = users(parts)
    return Survey(
        [with_use(endpoints[key], used) for key in sorted(endpoints)],
        sorted(problems, key=lambda problem: problem.path),
    )


def users(parts: Sequence[SurveyPart]) -> Used:
    """Give who uses which device, which one surveyor found."""
    [used] = [part.used for part in parts if part.used is not None]
    return used


def _read(tree: Tree, nodes: list[Node], problems: list[Problem]) -> SurveyPart:
    """Read nodes; an endpoint that is gone by then is a problem only."""
    found = read_nodes(tree, nodes, ask="all")
    nvidia = {
        node.device: None
        for node, own in zip(nodes, found.own, strict=True)
        if found.shared[own.kin].vendor_id == NVIDIA_VENDOR
    }
    there = [own for own in found.own if own.attribute.code != codes.DEVICE_GONE]
    return SurveyPart(
        msgspec.structs.replace(found, own=there),
        problems,
        around=surroundings(tree, nvidia) if nvidia else None,
    )


def _mdev_paths(
    tree: Tree,
    parents: dict[str, str],
    names: list[str],
    share: Portion,
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
            _listed(parents[parent], reply, problems)
            paths |= {name: f"{parents[parent]}/{name}" for name in held}
    if share.at == 0:
        links = tree.run({name: tree.link(MDEVS, name) for name in left})
        paths |= _targets(MDEVS, links, problems)
    return paths


def _types(tree: Tree, parents: dict[str, str], problems: list[Problem]) -> list[Node]:
    lists = tree.run({name: tree.list(f"{parents[name]}/{TYPES}") for name in parents})
    return [
        type_node(parents[parent], parent, type_id)
        for parent, reply in lists.items()
        for type_id in _listed(f"{parents[parent]}/{TYPES}", reply, problems)
    ]


def _mdevs(tree: Tree, mdevs: dict[str, str]) -> list[Node]:
    types = tree.run({uuid: tree.link(mdevs[uuid], "mdev_type") for uuid in mdevs})
    return [mdev_node(uuid, path, types[uuid]) for uuid, path in mdevs.items()]


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
            if is_vfio_driver(driver) or driver == NVIDIA_DRIVER
        }
    )
    paths = _targets(FUNCTIONS, found, problems)
    lists = tree.run(
        {
            name: tree.find(f"{path}/{NVIDIA_DRIVER}", CREATABLE)
            for name, path in paths.items()
        }
    )
    nvidia = {name for name, reply in lists.items() if reply.failure is None}
    operations: dict[tuple[str, str], Operation] = {}
    for name in nvidia:
        operations |= vgpu_operations(tree, paths[name])
    replies = tree.run(operations)
    problems += [
        problem(f"{folder}/{file}", reply.failure)
        for (folder, file), reply in replies.items()
        if reply.failure is not None and reply.failure.errno != errno.ENOENT
    ]
    nodes: list[Node] = []
    for name, path in paths.items():
        if name in nvidia:
            nodes += _as_each_type(path, vgpu_types(path, replies))
        elif is_vfio_driver(drivers[name]):
            nodes.append(Node(kind="function", path=path, device=path))
    return nodes


def _as_each_type(path: str, vgpu: VgpuTypes) -> list[Node]:
    """Make nodes of what an NVIDIA function is and could be; one if that is nothing."""
    ids = dict.fromkeys([vgpu.current, *(vgpu.creatable or ())])
    wanted = [type_id for type_id in ids if type_id is not None] or [None]
    return [
        Node(
            kind="function",
            path=path,
            device=path,
            type_id=type_id,
            nvidia=True,
            vgpu=vgpu,
        )
        for type_id in wanted
    ]


def _targets(
    place: str, links: dict[str, Reply], problems: list[Problem]
) -> dict[str, str]:
    """Give the paths that links lead to; those that cannot be read are problems."""
    paths: dict[str, str] = {}
    for name, link in links.items():
        if link.failure is None:
            paths[name] = linked_path(place, link)
        elif link.failure.errno == errno.ENOENT:  # it was there a moment ago
            problems.append(
                Problem(f"{place}/{name}", "open", "ENOENT", codes.DEVICE_GONE)
            )
        else:
            problems.append(problem(f"{place}/{name}", link.failure))
    return paths


def _listed(path: str, reply: Reply, problems: list[Problem]) -> list[str]:
    """Give the names in a directory in order; one that is missing has none."""
    failure = reply.failure
    if failure is not None and failure.errno != errno.ENOENT:
        problems.append(problem(path, failure))
    problems += [
        Problem(f"{path}/{name}", "open", "EILSEQ", codes.SYSFS_UNREADABLE)
        for name in reply.strange
    ]
    return sorted(reply.names)
