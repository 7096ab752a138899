# SPDX-License-Identifier: Apache-2.0
"""QEMU's arguments: its devices, and what else sets properties of them.

A property of a device is set by `-device` itself (docs/qdev-device-use.txt of QEMU), by
`-set device.ID.PROPERTY=VALUE` (system/vl.c, qemu_set_option), by `-global` for all of
a type (qdev_prop_set_globals in hw/core/qdev-properties.c), or in a file that
`-readconfig` names, which is not read here.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import msgspec

from vfiocompat.vm.besides import (
    beside_of_cpu,
    beside_of_device,
    beside_of_flag,
    beside_of_option,
    besides_of_disk,
)
from vfiocompat.vm.model import VIRTIO_NET, is_disk_by_vfio, on_off

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ANCESTORS",
    "Argument",
    "CommandLine",
    "Properties",
    "device_argument",
    "is_joined",
]


class Argument(Protocol):
    """What follows `-device`, in one of the two ways that QEMU takes it."""

    @property
    def properties(self) -> Mapping[str, object]:
        """Its properties by name, and its type as `driver`."""

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        """Give the whole with one property in place of several."""


class _Options:
    """`vfio-pci,host=...,id=...`: a comma in a value is written twice.

    A property without a value is on, or off if `no` stands before its name, and of one
    that is given twice the last counts. A comma at the end is ignored
    (util/qemu-option.c, opts_do_parse and get_opt_name_value).
    """

    def __init__(self, text: str, implied: str = "driver") -> None:
        # A doubled comma is one that belongs to a value: only the others separate.
        texts = text.replace(",,", "\0").removesuffix(",").split(",")
        parts = [each.partition("=") for each in texts]
        self._implied = not parts[0][1]  # the first may go without its name
        if self._implied:
            parts[0] = (implied, "=", parts[0][0])
        self._written = [
            (name, value.replace("\0", ",") if equals else None)
            for name, equals, value in parts
        ]

    @property
    def properties(self) -> Mapping[str, object]:
        return dict(_property(key, text) for key, text in self._written)

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        kept = [each for each in self._written if each[0] not in names]
        whole = ",".join(
            key if text is None else f"{key}={text.replace(',', ',,')}"
            for key, text in (*kept, (name, value))
        )
        return whole.removeprefix("driver=") if self._implied else whole


def _property(key: str, text: str | None) -> tuple[str, str]:
    if text is not None:
        return key, text
    return (key[2:], "off") if key.startswith("no") else (key, "on")


class _Object:
    """`{"driver": "vfio-pci", ...}`, which QEMU takes since 6.2."""

    def __init__(self, text: str) -> None:
        self.properties = _json_object(text)

    def replace(self, names: Sequence[str], name: str, value: str) -> str:
        kept = {key: text for key, text in self.properties.items() if key not in names}
        return msgspec.json.encode(kept | {name: value}).decode()


_STRING = re.compile(r"""'(?P<single>(?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


def _json_object(text: str) -> dict[str, object]:
    """Read JSON as QEMU does: a text may stand in single quotes (qobject/json-lexer.c).

    Numbers stay as they are written, since no number of QEMU's has a limit here. Half a
    character is refused, as QEMU does (qobject/json-parser.c, parse_string).

    Raises:
        ValueError: it is no such object.

    """

    def number(written: str) -> msgspec.Raw:
        return msgspec.Raw(written.encode())

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("a key is there twice")
        return found

    import json  # noqa: PLC0415 - costs start-up time, and few VMs need it

    try:
        found = json.loads(
            _STRING.sub(_in_double_quotes, text),
            strict=False,
            object_pairs_hook=once,
            parse_int=number,
            parse_float=number,
        )
        msgspec.json.encode(found)  # else it could not be written again
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("it has half a character") from None
    # What begins with a brace is an object, or an error.
    return cast("dict[str, object]", found)


def _in_double_quotes(match: re.Match[str]) -> str:
    r"""Write a text of QEMU's JSON as JSON has it, which knows no `\'`."""
    single = match["single"]
    inner = match[0][1:-1] if single is None else single
    inner = re.sub(
        r'\\(.)|"', lambda each: _ESCAPES.get(each[0], each[0]), inner, flags=re.DOTALL
    )
    return f'"{inner}"'


_ESCAPES = {r"\'": "'", '"': r"\""}


def device_argument(text: str) -> Argument:
    """Read what follows `-device`, in either way.

    Raises:
        ValueError: it begins as JSON does, and is none.

    """
    return _Object(text) if text.startswith("{") else _Options(text)


# ---- the arguments together ------------------------------------------------------

ANCESTORS = frozenset(
    {
        *("vfio-pci-device", "vfio-pci-base", "pci-device", "device", "object"),
        *("pci-express-device", "conventional-pci-device", "vmstate-if"),
    }
)
"""Types and interfaces of which every vfio-pci is one, so that `-global` of them holds
for it (qom/object.c, object_apply_global_props)."""

_SET = re.compile(r"device\.([^.]+)\.([^=]+)=(.*)", re.DOTALL)
_GLOBAL = re.compile(r"([^.=]+)\.([^=]+)=(.*)", re.DOTALL)
_IOMMU = re.compile(r".*-iommu(?:-.*)?|arm-smmuv3(?:-.*)?|AMDVI-PCI")


_BLOCK_DRIVER = re.compile(r"(?:driver|format)[\"']?\s*[=:]\s*[\"']?([\w-]+)")
_NO_DISK = frozenset({"device", "global"})
"""Options whose value may name QEMU's device nvme, which is made of software."""


class Properties(NamedTuple):
    """Properties of devices that are set apart from them: by id, and by type."""

    of_id: Mapping[str, Mapping[str, object]]
    of_type: Sequence[tuple[str, str, str]]

    def told(
        self, driver: str, names: Sequence[str], own: Mapping[str, object]
    ) -> dict[str, object]:
        """Give what a device is told in the end; what is its `own` wins over its type.

        `names` are ids that it may have. A leading `x-` is left out: until a property
        is stable it has one.
        """
        types = {driver, *ANCESTORS} | (
            {"vfio-pci"} if driver.startswith("vfio-pci-") else set()
        )
        layers: list[Mapping[str, object]] = [
            {name: value} for type_, name, value in self.of_type if type_ in types
        ]
        layers += [own, *(self.of_id.get(name, {}) for name in names)]
        return {
            name.removeprefix("x-"): value
            for layer in layers
            for name, value in layer.items()
        }


class CommandLine:
    """What QEMU's arguments say of devices.

    `devices` are the places of what follows each `-device`. `config_files` are those
    that `-readconfig` names, `iommus` the virtual IOMMUs, `failovers` the network cards
    that take over from others, `disks` those that QEMU drives through VFIO, `besides`
    what else may not be migrated,
    `machine` and `protection` what `-machine` names, and `only_migratable` says that
    QEMU is to start with nothing that blocks a migration. What follows an option that
    is not known here may be its value or an option: it counts as one, so that nothing
    is passed over.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.devices: list[int] = []
        self.config_files: list[str] = []
        self.iommus: list[str] = []
        self.failovers: list[str] = []
        self.disks: list[str] = []
        self.besides = [*filter(None, map(beside_of_flag, map(_option, arguments)))]
        self.protection: str | None = None
        self.only_migratable = "only-migratable" in map(_option, arguments)
        of_id: dict[str, dict[str, object]] = {}
        of_type: list[tuple[str, str, str]] = []
        cpu = ""
        self.machine: str | None = None
        for at, (option, value) in enumerate(pairwise(("", *arguments)), start=-1):
            name = _option(option)
            self._read_disk(name, value)
            if beside := beside_of_option(name, value):
                self.besides.append(beside)
            match name:
                case "device":
                    self.devices.append(at + 1)
                case "set" if found := _SET.fullmatch(value):
                    of_id.setdefault(found[1], {})[found[2]] = found[3]
                case "global":
                    of_type += _global(value)
                case "readconfig":
                    self.config_files.append(value)
                case "cpu":
                    cpu = value
                case "machine" | "M":
                    self._read_machine(value)
                case _:
                    pass
        if beside := beside_of_cpu(_with_globals(cpu, of_type)):
            self.besides.append(beside)
        set_of_migration = {
            name: on_off(value)
            for type_, name, value in of_type
            if type_ == "migration"
        }
        self.only_migratable |= set_of_migration.get("only-migratable") == "on"
        self.properties = Properties(of_id, of_type)

    def _read_disk(self, option: str, value: str) -> None:
        """Read which disks an argument makes: QEMU drives them itself, or by a format.

        Many options name a disk, and an argument that follows none is one too.
        """
        text = value
        if value.startswith("{"):
            with suppress(ValueError):  # as QEMU reads its escapes
                text = msgspec.json.encode(_json_object(value)).decode()
        drivers = [] if option in _NO_DISK else _BLOCK_DRIVER.findall(text)
        if "nvme://" in text or any(map(is_disk_by_vfio, drivers)):
            self.disks.append(value)
        self.besides += besides_of_disk(option, text, drivers)

    def _read_machine(self, value: str) -> None:
        """Read `-machine virt,iommu=smmuv3` (docs/system/arm/virt.rst)."""
        told = _Options(value, implied="type").properties
        if isinstance(machine := told.get("type"), str):
            self.machine = machine
        for name in ("iommu", "iommu-sys"):  # the latter of RISC-V's virt
            iommu = told.get(name)
            if isinstance(iommu, str) and iommu not in {"none", "off"}:
                self.iommus.append(iommu if name == "iommu" else name)
        for name in ("confidential-guest-support", "memory-encryption"):
            if isinstance(found := told.get(name), str):
                self.protection = found

    def read_device(self, argument: Argument) -> str:
        """Give the type of a device; keep it if others depend on it."""
        own = argument.properties
        driver = str(own.get("driver", ""))
        if _IOMMU.fullmatch(driver):
            self.iommus.append(driver)
        names = [str(own["id"])] if "id" in own else []
        told = self.properties.told(driver, names, own)
        if beside := beside_of_device(driver, told):
            self.besides.append(beside)
        if driver.startswith(VIRTIO_NET) and on_off(told.get("failover")) == "on":
            self.failovers += names
        return driver


def _option(argument: str) -> str:
    return argument.lstrip("-") if argument.startswith("-") else ""


_JOINED = re.compile(
    r"--?(?:device|readconfig|set|global|machine|M|cpu|drive|blockdev|object)[=\s]"
)


def is_joined(argument: str) -> bool:
    """Whether an argument has an option and its value: QEMU takes them as two."""
    return _JOINED.match(argument) is not None


def _with_globals(cpu: str, of_type: Sequence[tuple[str, str, str]]) -> str:
    """Write into what follows `-cpu` what is set of all CPUs; its own wins."""
    model, _, own = cpu.partition(",")
    told = [
        f"{name}={value}" for type_, name, value in of_type if type_.endswith("cpu")
    ]
    return ",".join((model, *told, own))


def _global(value: str) -> list[tuple[str, str, str]]:
    """Read `TYPE.PROPERTY=VALUE`, or `driver=TYPE,property=PROPERTY,value=VALUE`."""
    if found := _GLOBAL.fullmatch(value):
        return [(found[1], found[2], found[3])]
    told = _Options(value).properties
    texts = [told.get(name) for name in ("driver", "property", "value")]
    if all(isinstance(text, str) for text in texts):
        return [(str(texts[0]), str(texts[1]), str(texts[2]))]
    return []
