# SPDX-License-Identifier: Apache-2.0
"""A host as callers see it: each question is answered by a child process.

What only one of them needs is loaded when that is asked, so that a command starts
without the others.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import contextlib
import posixpath
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from vfiocompat.addresses import FunctionAddress
from vfiocompat.children import aside_all
from vfiocompat.endpoints import NVIDIA_VENDOR, Endpoint, Problem
from vfiocompat.errors import ErrorRecord, VfiocompatError, error_of
from vfiocompat.host.held import HeldCalls, held_calls
from vfiocompat.host.sysfs.around import Surroundings
from vfiocompat.host.sysfs.endpoints import KERNEL, Ask, read_nodes
from vfiocompat.host.sysfs.lookup import find
from vfiocompat.host.sysfs.nodes import Node, name_of
from vfiocompat.host.sysfs.tree import Tree, text
from vfiocompat.inventory import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.host.opening import Opened
    from vfiocompat.host.stream import Errand
    from vfiocompat.host.sysfs.asking import HeadAsked
    from vfiocompat.host.sysfs.gpus import WithGpus
    from vfiocompat.host.sysfs.kernel import Kernel
    from vfiocompat.host.sysfs.located import Located
    from vfiocompat.host.sysfs.questions import Probed, Question
    from vfiocompat.host.sysfs.records import Survey
    from vfiocompat.nvidia.compatibility import Compared

__all__ = ["Host", "Looked"]

Result = TypeVar("Result")


class Looked(NamedTuple):
    """What is at an address: an endpoint, or why there is none."""

    endpoint: Endpoint | None = None
    error: ErrorRecord | None = None

    def there(self) -> Endpoint:
        """Give the endpoint.

        Raises:
            VfiocompatError: there is none.

        """
        if self.endpoint is None:
            assert self.error is not None
            raise error_of(self.error)
        return self.endpoint


class _Read(msgspec.Struct):
    """What a child found at addresses; the rest is there where some is NVIDIA's.

    `beside` are other functions of the VMs that have some.
    """

    looked: list[Looked]
    around: list[Surroundings] = []
    vms: dict[str, str] = {}
    beside: list[Endpoint] = []


class Host:
    """This host, or the one whose `/` is the directory `root`.

    A driver that hangs costs a call `timeout` seconds once, however much of it hangs;
    one whose vGPU types and version attribute both hang costs them twice. `held` are
    files and device nodes that an earlier process still waits for: they are not called
    again. Every method raises VfiocompatError where there is no sysfs.
    """

    def __init__(
        self, root: str = "/", timeout: float = 5.0, held: Collection[str] = frozenset()
    ) -> None:
        self._tree = Tree(root, timeout, held)
        self._root = root
        self._timeout = timeout
        self._held = held
        self.left: list[HeldCalls] = []
        """Processes that had to be left behind, and what holds them."""
        self.problems: list[Problem] = []
        """What NVIDIA's library did not tell, each once."""
        self.nvml: ErrorRecord | None = None
        """Why that library could not be used, where it was wanted."""

    def survey(self) -> Survey:
        """Find and read every endpoint, in the order of kinds and addresses."""
        from vfiocompat.host.sysfs.survey import SURVEYORS, SurveyPart, users, whole

        parts = self._aside(SURVEYORS, SurveyPart)
        found = whole(parts)
        around = [part.around for part in parts if part.around is not None]
        if not around:
            return found
        told = self._with_gpus(found.endpoints, around, users(parts).vms)
        problems = [*found.problems, *told.problems]
        return found._replace(
            endpoints=told.endpoints, problems=problems, gpus=told.gpus
        )

    def _with_gpus(
        self,
        endpoints: Sequence[Endpoint],
        around: Sequence[Surroundings],
        vms: Mapping[str, str],
    ) -> WithGpus:
        from vfiocompat.host.nvml import library_of
        from vfiocompat.host.sysfs.gpus import with_gpus

        library = library_of(self._root)
        told = with_gpus(endpoints, around, vms, library, self._timeout)
        self.nvml = told.error
        known = {*self.problems}
        self.problems += [each for each in told.problems if each not in known]
        return told

    def compare(self, pairs: Sequence[tuple[str, str]]) -> list[Compared] | None:
        """Ask NVIDIA's library whether GPUs load vGPUs, of whatever hosts they are.

        A pair is the metadata of both. None where this host has no such library.
        """
        from vfiocompat.host.nvml import ToCompare, compare, library_of

        library = library_of(self._root)
        if library is None:
            return None
        return compare([ToCompare(*each) for each in pairs], library, self._timeout)

    def nvml_libraries(self) -> list[str]:
        """Name the files of NVIDIA's library that are installed, each once."""
        from vfiocompat.host.nvml import installed

        return installed(self._root)

    def addresses(self) -> list[str]:
        """Name every endpoint, as far as no driver has to be asked."""
        from vfiocompat.host.sysfs.names import addresses

        return self._aside([addresses], list[str])[0]

    def identity(self) -> Identity:
        """Tell which host this is."""
        return self._aside([_identity], Identity)[0]

    def name(self) -> str:
        """Tell what this host is called; empty if it does not say."""
        return self.identity().host or ""

    def kernel(self) -> Kernel:
        """Tell what this host's kernel has of VFIO, and which of it can be read."""
        from vfiocompat.host.sysfs.kernel import Kernel, kernel_of

        return self._aside([kernel_of], Kernel)[0]

    def is_writable(self) -> bool:
        """Tell whether sysfs is mounted for writing."""
        from vfiocompat.host.sysfs.kernel import is_writable

        found = self._aside([is_writable], bool, "looking at sysfs", self._timeout)
        return found[0]

    def read(self, addresses: Sequence[LiveAddress], *, ask: Ask) -> list[Looked]:
        """Find the endpoints at addresses, and read them; `ask` as in `read_nodes`.

        Where drivers may be asked, NVIDIA's library is, for endpoints of NVIDIA's.
        """
        task = partial(_read, addresses=addresses, ask=ask)
        [found] = self._aside([task], _Read)
        if not found.around:
            return found.looked
        from vfiocompat.nvidia.placing import on_gpus

        there = [each.endpoint for each in found.looked if each.endpoint is not None]
        told = self._with_gpus(there + found.beside, found.around, found.vms)
        known = iter(on_gpus(told.endpoints, told.gpus or ()))
        return [
            each if each.endpoint is None else Looked(next(known))
            for each in found.looked
        ]

    def open_device(self, address: LiveAddress, *, copying: bool = False) -> Opened:
        """Open a device, and ask for its migration interface; see `vfio`.

        If `copying` it enters PRE_COPY, to tell what it has to send at first.

        Raises:
            VfiocompatError: it cannot be opened; the code says why.

        """
        from vfiocompat.host.opening import Opened

        task = partial(_open_device, address=address, copying=copying)
        [found] = self._aside([task], Opened, "opening a device", self._timeout)
        return found

    def ask_streams(self, errands: Sequence[Errand], now: float) -> list[HeadAsked]:
        """Open devices, read their heads, and offer them those of others.

        Devices of different IOMMU groups are asked beside each other, but for those
        of which an earlier process has one open that hangs. `now` is in seconds since
        1970.
        """
        from vfiocompat.host.sysfs.asking import ask_located

        places = self.located([each.address for each in errands])
        found, left = ask_located(errands, places, self._timeout, now, self._held)
        self.left += left
        return found

    def located(self, addresses: Sequence[LiveAddress]) -> list[Located]:
        """Tell where devices are, and what the heads of their streams rest on now."""
        from vfiocompat.host.sysfs.located import Located, locate

        return self._aside([partial(locate, addresses=addresses)], list[Located])[0]

    def probe(self, questions: Sequence[Question]) -> list[Probed]:
        """Ask drivers; see `questions.probe`."""
        from vfiocompat.host.sysfs.questions import Probed, probe

        task = partial(probe, questions=questions)
        return self._aside([task], list[Probed], "asking drivers")[0]

    def _aside(
        self,
        tasks: Sequence[Callable[[Tree], Result]],
        result: type[Result],
        doing: str = "reading sysfs",
        timeout: float | None = None,
    ) -> list[Result]:
        """Run tasks in children, each with a tree that is settled there.

        Where this process has threads, tasks and the tree go there by pickle.
        """
        outcomes = aside_all(
            [partial(_settled, self._tree, task) for task in tasks],
            tuple[result, HeldCalls | None],  # type: ignore[valid-type]
            doing,
            timeout,
        )
        self.left += [left for _, left in outcomes if left is not None]
        return [value for value, _ in outcomes]


def _settled(
    tree: Tree, task: Callable[[Tree], Result]
) -> tuple[Result, HeldCalls | None]:
    """Run a task; say what this process leaves behind, which is itself."""
    tree.settle()
    found = task(tree)
    return found, held_calls(tree.left) if tree.left else None


def _identity(tree: Tree) -> Identity:
    replies = tree.run(
        {
            "host": tree.read(KERNEL, "hostname"),
            "machine_id": tree.read("/etc", "machine-id"),
            "kernel": tree.read(KERNEL, "osrelease"),
            "boot_id": tree.read(f"{KERNEL}/random", "boot_id"),
        }
    )
    return Identity(**{name: text(reply) or None for name, reply in replies.items()})


def _open_device(tree: Tree, address: LiveAddress, *, copying: bool) -> Opened:
    from vfiocompat.host.opening import look_at
    from vfiocompat.host.vfio import opened

    path = find(tree, address).path
    with opened(path) as device:
        return look_at(device, posixpath.basename(path), copying=copying)


def _read(tree: Tree, addresses: Sequence[LiveAddress], *, ask: Ask) -> _Read:
    found: list[Node | ErrorRecord] = []
    for address in addresses:
        try:
            found.append(find(tree, address))
        except VfiocompatError as error:
            found.append(error.record)
    nodes = [place for place in found if isinstance(place, Node)]
    endpoints = list(read_nodes(tree, nodes, ask=ask).endpoints())
    known = iter(endpoints)
    looked = [
        Looked(endpoint=next(known)) if isinstance(place, Node) else Looked(error=place)
        for place in found
    ]
    if ask == "nothing" or not any(
        each.vendor_id == NVIDIA_VENDOR for each in endpoints
    ):
        return _Read(looked)
    from vfiocompat.host.sysfs.around import surroundings

    vms: dict[str, str] = {}
    beside: list[Endpoint] = []
    if any(each.is_function_as_type for each in endpoints):
        from vfiocompat.host.sysfs.use import used_devices

        vms = used_devices(tree).vms
        more = _of_same_vms(tree, {name_of(node.path) for node in nodes}, vms)
        beside = list(read_nodes(tree, more, ask="vgpu-types").endpoints())
        nodes += more
    devices = [
        node.device
        for node, each in zip(nodes, endpoints + beside, strict=True)
        if each.vendor_id == NVIDIA_VENDOR
    ]
    return _Read(looked, [surroundings(tree, devices)], vms, beside)


def _of_same_vms(
    tree: Tree, names: Collection[str], vms: Mapping[str, str]
) -> list[Node]:
    """Find the other functions of the VMs that have some functions."""
    ours = {vms[name] for name in names if name in vms}
    found = []
    for name, vm in vms.items():
        if vm in ours and name not in names:
            with contextlib.suppress(VfiocompatError):
                found.append(find(tree, FunctionAddress(name)))
    return found
