# SPDX-License-Identifier: Apache-2.0
"""A running QEMU, asked over its monitor for its VFIO devices.

Nothing in the VM is changed: only commands that query are sent, see `QUERIES`. What
QEMU says is data from elsewhere, and is taken for what it should be or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from vfiocompat import codes
from vfiocompat.errors import VmError
from vfiocompat.files.reading import in_time
from vfiocompat.vm.model import (
    BY_MULTIFD,
    UNTRACKED,
    VIRTIO_NET,
    Vm,
    VmDevice,
    demand_distinct,
    device_address,
    is_disk_by_vfio,
    is_saved,
    is_vfio,
    on_off,
)
from vfiocompat.vm.refusals import NORMAL, kept_back, refused_now

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["QUERIES", "ask_qemu"]

QUERIES = frozenset(
    {
        "query-name",
        "query-uuid",
        "query-migrate",
        "query-migrate-capabilities",
        "query-migrate-parameters",
        "query-status",
        "query-named-block-nodes",
        "qom-list",
        "qom-get",
    }
)
"""Every command that is sent, beside the `qmp_capabilities` that begins a session."""

_PLACES = "/machine/peripheral", "/machine/peripheral-anon"
"""Where QEMU keeps what `-device` made: with an id, and without."""

_CHILD = "child<"
_UNKNOWN_COMMAND = "CommandNotFound"
_NOT_PERMITTED = {errno.EACCES, errno.EPERM}
_AS_ROOT = "run it as root, or as the user that QEMU runs as"
_LONGEST_REASON = 4096  # characters

_TELLS_BLOCKERS = 6, 0
"""The first QEMU that tells what blocks a migration (qapi/migration.json)."""

Result = TypeVar("Result")


def ask_qemu(path: str, timeout: float) -> Vm:
    """Ask the QEMU whose monitor is the socket `path`, within `timeout` seconds.

    Raises:
        VmError: there is no such socket, nobody or no QEMU answers at it in time, QEMU
            is too old, or the library for it is not installed.

    """
    try:
        library = import_module("qemu.qmp")
    except ImportError:
        raise VmError(
            "asking a running QEMU needs the package qemu.qmp",
            hint="pip install 'vfiocompat[qmp]'",
            code=codes.QMP_NOT_INSTALLED,
        ) from None
    # It would report on stderr what is an error of ours already.
    logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())
    logging.getLogger("qemu.qmp").propagate = False
    _demand_socket(path)
    try:
        return asyncio.run(_in_time(_Monitor(library, path).vm(), timeout))
    except TimeoutError:
        raise VmError(
            f"{path}: no answer in {timeout:g} s",
            hint="a monitor has one client at a time: of a VM of libvirt's ask "
            "libvirt:NAME",
            code=codes.MONITOR_NOT_ASKED,
        ) from None


async def _in_time(work: Coroutine[Any, Any, Vm], seconds: float) -> Vm:
    async with asyncio.timeout(seconds):
        return await work


def _demand_socket(path: str) -> None:
    """See that there is something to connect to.

    Raises:
        VmError: there is not, or it may not be.

    """
    try:
        in_time(path, os.stat, path)
    except OSError as error:
        hint = "start QEMU with -qmp unix:SOCKET,server=on,wait=off"
        raise VmError(
            f"cannot connect to {path}: {error.strerror}",
            hint=_AS_ROOT if error.errno in _NOT_PERMITTED else hint,
            code=codes.MONITOR_NOT_ASKED,
        ) from None


def _is_vfio(kind: str) -> bool:
    return kind.startswith(_CHILD) and is_vfio(_driver(kind))


def _driver(kind: str) -> str:
    """Give the type of a device that is a child: `child<vfio-pci>`."""
    return kind.removeprefix(_CHILD).removesuffix(">")


class _Monitor:
    """One session with a QEMU."""

    def __init__(self, library: Any, path: str) -> None:  # noqa: ANN401 - a module
        self._library = library
        self._path = path
        self._client = library.QMPClient("vfiocompat")

    async def vm(self) -> Vm:
        """Ask for everything.

        Raises:
            VmError: no session, or QEMU does not know a command.

        """
        try:
            await self._client.connect(self._path)
        except (self._library.ConnectError, OSError) as error:
            raise self._cannot_connect(error) from None
        try:
            return await self._asked()
        except self._library.QMPError as error:  # the session broke
            raise VmError(
                f"{self._path}: {error}", code=codes.MONITOR_NOT_ASKED
            ) from None
        finally:
            # However the session ended; nobody waits for a QEMU that hangs.
            with contextlib.suppress(Exception):
                await self._client.disconnect()

    async def _asked(self) -> Vm:
        version = self._version()
        machine = await self._property("/machine", "type")
        capabilities = await self._query(
            "query-migrate-capabilities", list[_Capability]
        )
        switched_on = {each.capability for each in capabilities if each.state}
        migration = await self._query("query-migrate", _Migration)
        parameters = await self._query("query-migrate-parameters", _Parameters)
        state = (await self._query("query-status", _State)).status
        devices, others = await self._devices()
        disks = await self._disks()
        return Vm(
            name=(await self._query("query-name", _Name)).name,
            uuid=(await self._query("query-uuid", _Uuid)).UUID,
            machine=machine.removesuffix("-machine") if machine else None,
            devices=devices,
            others=others,
            disks=disks,
            postcopy="postcopy-ram" in switched_on,
            snapshot="background-snapshot" in switched_on,
            blockers=tuple(text[:_LONGEST_REASON] for text in migration.blocked_reasons)
            if version is not None
            and version >= _TELLS_BLOCKERS
            and parameters.mode == NORMAL
            else None,
            qemu=version,
            switchover_ack="switchover-ack" in switched_on,
            multifd="multifd" in switched_on
            and "mapped-ram" not in switched_on
            and parameters.multifd_compression == "none",
            refusals=refused_now(
                parameters.mode,
                migration.status,
                state,
                is_blocked=migration.blocked and not migration.blocked_reasons,
            ),
            kept_back=kept_back(switched_on),
        )

    def _version(self) -> tuple[int, int] | None:
        """Give the version of QEMU that it greeted with; None if it named none."""
        try:
            found = msgspec.convert(self._client.greeting.QMP.version, _Version).qemu
        except msgspec.ValidationError:
            return None
        return found.major, found.minor

    async def _devices(self) -> tuple[tuple[VmDevice, ...], tuple[str, ...]]:
        """Give the VFIO devices, and the names of those that have no known address."""
        found = []
        others = []
        for place in _PLACES:
            listed = [each for each in await self._list(place) if _is_vfio(each.type)]
            # QEMU's own order is a hash's.
            listed.sort(key=lambda each: (len(each.name), each.name))
            for each in listed:
                device = await self._device(f"{place}/{each.name}", each)
                if device is None:
                    others.append(f"{_driver(each.type)} {each.name}")
                else:
                    found.append(device)
        demand_distinct(found, self._path)
        return tuple(found), tuple(others)

    async def _device(self, path: str, child: _Property) -> VmDevice | None:
        """Ask for a device; None if it has another address than is known here.

        Raises:
            VmError: it has none though it should.

        """
        name, saved = child.name, is_saved(_driver(child.type))
        known = {each.name for each in await self._list(path)}

        async def property_of(*names: str) -> object:
            for each in names:
                if each in known:
                    return await self._query(
                        "qom-get", object, path=path, property=each
                    )
            return None

        for where in (await property_of("sysfsdev"), await property_of("host")):
            if address := device_address(where if isinstance(where, str) else ""):
                break
        else:
            if not saved:
                return None
            raise VmError(
                f"{self._path}: device {name} tells neither its sysfsdev nor its host",
                code=codes.MONITOR_NOT_ASKED,
            )
        told = await property_of("enable-migration", "x-enable-migration")
        skips = await property_of("skip-vsc-check", "x-skip-vsc-check")
        pair = await property_of("failover_pair_id")
        return VmDevice(
            address=address,
            name=name,
            migration=on_off(told),
            skip_vsc_check=skips if isinstance(skips, bool) else None,
            untracked=on_off(await property_of(UNTRACKED, f"x-{UNTRACKED}")) == "off",
            iommufd=bool(await property_of("iommufd")),
            by_multifd=on_off(await property_of(BY_MULTIFD, f"x-{BY_MULTIFD}")) == "on",
            has_ramfb=await property_of("ramfb") is True,
            unplugged=bool(pair) and await self._takes_over(str(pair)),
            saved=saved and not pair,
        )

    async def _takes_over(self, name: str) -> bool:
        """Ask whether a network card stands in for a function that is unplugged."""
        path = f"{_PLACES[0]}/{name}"
        listed = await self._list(_PLACES[0])
        if not any(
            each.name == name and _driver(each.type).startswith(VIRTIO_NET)
            for each in listed
        ):
            return False
        return (
            await self._query("qom-get", object, path=path, property="failover") is True
        )

    async def _disks(self) -> tuple[str, ...]:
        """Give the block devices that QEMU itself drives through VFIO."""
        nodes = await self._query("query-named-block-nodes", list[_BlockNode])
        return tuple(each.file for each in nodes if is_disk_by_vfio(each.drv))

    async def _list(self, path: str) -> list[_Property]:
        return await self._query("qom-list", list[_Property], path=path)

    async def _property(self, path: str, name: str) -> str | None:
        value = await self._query("qom-get", object, path=path, property=name)
        return value if isinstance(value, str) else None

    async def _query(
        self, command: str, kind: type[Result], **arguments: str
    ) -> Result:
        """Send a command, and take its answer for what it should be."""
        assert command in QUERIES
        try:
            answer = await self._client.execute(command, arguments or None)
        except self._library.ExecuteError as error:
            if error.error_class != _UNKNOWN_COMMAND:
                raise VmError(
                    f"{self._path}: {command}: {error}", code=codes.MONITOR_NOT_ASKED
                ) from None
            raise VmError(
                f"{self._path}: this QEMU is too old: it does not know {command}",
                code=codes.QEMU_TOO_OLD,
            ) from None
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise VmError(
                f"{self._path}: {command}: the answer is none of QEMU's",
                detail=str(error),
                code=codes.MONITOR_NOT_ASKED,
            ) from None

    def _cannot_connect(self, error: Exception) -> VmError:
        why = error.exc if isinstance(error, self._library.ConnectError) else error
        hint = "is it the socket of -qmp, and is its QEMU running?"
        reason = f"{why}".partition("\n")[0].rstrip(".: ")
        if isinstance(why, EOFError):
            reason = "the connection was closed"
        elif isinstance(why, OSError):
            reason = why.strerror or reason
            hint = _AS_ROOT if why.errno in _NOT_PERMITTED else hint
        return VmError(
            f"cannot connect to {self._path}: {reason}",
            hint=hint,
            code=codes.MONITOR_NOT_ASKED,
        )


# ---- what QEMU answers (qapi/*.json): of each as much as is needed ---------------


class _Name(msgspec.Struct):
    name: str | None = None


class _Uuid(msgspec.Struct):
    UUID: str


class _Capability(msgspec.Struct):
    capability: str
    state: bool


class _Migration(msgspec.Struct):
    blocked_reasons: list[str] = msgspec.field(
        name="blocked-reasons", default_factory=list
    )
    status: str | None = None
    blocked: bool = False  # of QEMU 6.0 alone


class _Parameters(msgspec.Struct):
    mode: str = NORMAL
    multifd_compression: str = msgspec.field(name="multifd-compression", default="none")


class _State(msgspec.Struct):
    status: str


class _BlockNode(msgspec.Struct):
    drv: str
    file: str


class _Release(msgspec.Struct):
    major: int
    minor: int = 0


class _Version(msgspec.Struct):
    qemu: _Release


class _Property(msgspec.Struct):
    name: str
    type: str
