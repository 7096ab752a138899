# SPDX-License-Identifier: Apache-2.0
"""Every error that the program raises on purpose.

VfiocompatError                     code, summary, detail, hint; exit_code 4
├── UsageError                      bad options or arguments; exit_code 2
│   ├── InvalidVersion (ValueError) a version string, with the byte that is wrong
│   └── InvalidAddress (ValueError) an address that is none of the known forms
├── NoSuchEndpoint (LookupError)    nothing is at that address
├── SysfsError                      a path could not be read
├── TableError (ValueError)         a compatibility table
├── FactError (ValueError)          a stated fact
├── InventoryError (ValueError)     an inventory, or a fleet of them
├── DeviceError                     a device that cannot be opened
├── VmError                         a VM that cannot be asked for
│   └── DomainError (ValueError)    domain XML
├── OutputError                     a file that could not be written
├── SpecError (ValueError)          a simulation's specification
├── SimulationError                 a simulation that cannot be mounted
└── Bug                             something that nobody expected; exit_code 70

A finding about a pair of devices is never an error: it is a Decision.
"""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import TYPE_CHECKING, Self

import msgspec

from vfiocompat import codes
from vfiocompat.codes import Code
from vfiocompat.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ENOTSUPP",
    "Bug",
    "DeviceError",
    "DomainError",
    "ErrorRecord",
    "ExitCode",
    "FactError",
    "InvalidAddress",
    "InvalidVersion",
    "InventoryError",
    "NoSuchEndpoint",
    "OutputError",
    "SimulationError",
    "SpecError",
    "SysfsError",
    "TableError",
    "UsageError",
    "VfiocompatError",
    "VmError",
    "errno_name",
    "errno_number",
    "error_of",
    "fail",
    "nearest",
    "there_are",
]

ENOTSUPP = 524
"""The kernel's own "not supported" (include/linux/errno.h), which leaks to users."""

_NAMES = {errno.EOPNOTSUPP: "EOPNOTSUPP", errno.EAGAIN: "EAGAIN", ENOTSUPP: "ENOTSUPP"}


def errno_name(number: int) -> str:
    """Give the symbolic name of an errno, or its decimal where it has none."""
    return _NAMES.get(number) or errno.errorcode.get(number, str(number))


def errno_number(name: str) -> int | None:
    """Give the errno of a symbolic name, if it is one."""
    if name == _NAMES[ENOTSUPP]:
        return ENOTSUPP
    number = getattr(errno, name, None) if name.isupper() else None
    return number if isinstance(number, int) else None


def nearest(
    name: str, known: Iterable[str], number: int = 3, *, likeness: float = 0.5
) -> list[str]:
    """Give the names most like one that is not among them, of at least a likeness."""
    import difflib  # noqa: PLC0415 - costs start-up time, and only mistakes need it

    return difflib.get_close_matches(name, known, number, likeness)


def there_are(names: Iterable[str]) -> str | None:
    """Say which names there are, quoted for a shell; nothing of none.

    >>> there_are(["a", "b c"])
    "there are a, 'b c'"
    """
    import shlex  # noqa: PLC0415 - as above

    quoted = [*map(shlex.quote, dict.fromkeys(names))]
    verb = "is" if len(quoted) == 1 else "are"
    return f"there {verb} {', '.join(quoted)}" if quoted else None


class ExitCode(IntEnum):
    """What the process ends with; no option changes what a code means."""

    DONE = 0
    INCOMPATIBLE = 1
    USAGE = 2
    UNDETERMINED = 3
    FAILED = 4
    BUG = 70
    INTERRUPTED = 130
    PIPE = 141


def _encodable(text: str) -> str:
    """Escape what is left of an argument's bytes that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error as data: for a JSON document, or from a child process."""

    code: Code
    summary: str
    detail: str | None
    hint: str | None
    spans: tuple[Span, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether a command that met it could not complete; else it is only told."""
        return codes.CODES[self.code].severity != "info"


def fail(errors: Mapping[str, ErrorRecord]) -> bool:
    """Whether any of the errors that inputs gave leaves a command incomplete."""
    return any(each.fails for each in errors.values())


class VfiocompatError(Exception):
    """What happened (`summary`), where (`detail`, `spans`), what to do (`hint`).

    `code` is one that `vfiocompat explain` knows, and `exit_code`
    what the process ends with if the error reaches the command line.
    """

    code: Code = codes.NOT_COMPLETED
    exit_code = ExitCode.FAILED

    def __init__(
        self,
        summary: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        code: Code | None = None,
        spans: tuple[Span, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.summary = _encodable(summary)
        self.detail = None if detail is None else _encodable(detail)
        self.hint = hint
        self.spans = spans
        if code is not None:
            self.code = code

    @classmethod
    def of(cls, record: ErrorRecord) -> Self:
        """Make the error that a record tells of."""
        return cls(
            record.summary,
            detail=record.detail,
            hint=record.hint,
            code=record.code,
            spans=record.spans,
        )

    @property
    def record(self) -> ErrorRecord:
        """This error as data."""
        return ErrorRecord(self.code, self.summary, self.detail, self.hint, self.spans)


class UsageError(VfiocompatError):
    """Options or arguments that cannot be meant; nothing was done."""

    code = codes.USAGE
    exit_code = ExitCode.USAGE


class InvalidVersion(UsageError, ValueError):
    """A version string that no attribute could hold.

    `position` is the offset in bytes of the first one that is wrong; `spans` show it
    among those around it.
    """

    def __init__(
        self,
        summary: str,
        *,
        code: Code,
        position: int,
        hint: str | None = None,
        spans: tuple[Span, ...] = (),
    ) -> None:
        super().__init__(summary, hint=hint, code=code, spans=spans)
        self.position = position


class InvalidAddress(UsageError, ValueError):
    """An address of none of the known forms."""

    code = codes.NOT_AN_ADDRESS


class NoSuchEndpoint(VfiocompatError, LookupError):
    """Nothing is at an address; the hint names what exists that is close."""

    code = codes.NO_SUCH_ENDPOINT


class SysfsError(VfiocompatError):
    """A path that could not be read; `detail` is the path."""

    code = codes.SYSFS_UNREADABLE


class TableError(VfiocompatError, ValueError):
    """Mistakes in a compatibility table, each with its dotted key."""

    code = codes.TABLE_MALFORMED


class FactError(VfiocompatError, ValueError):
    """Mistakes in what an operator states of an endpoint."""

    code = codes.FACT_UNUSABLE


class InventoryError(VfiocompatError, ValueError):
    """An inventory that cannot be read, or is none; a fleet without any."""

    code = codes.INVENTORY_UNUSABLE


class DeviceError(VfiocompatError):
    """A device that cannot be opened; the code says why."""

    code = codes.DEVICE_NOT_OPENED


class VmError(VfiocompatError):
    """A VM that cannot be asked for; the code says why."""

    code = codes.VM_NOT_READ


class DomainError(VmError, ValueError):
    """Domain XML that cannot be used; `detail` is the line."""

    code = codes.DOMAIN_UNUSABLE


class OutputError(VfiocompatError):
    """A file that could not be written; one that was there is as it was."""

    code = codes.FILE_NOT_WRITTEN


class SpecError(VfiocompatError, ValueError):
    """Mistakes in a simulation's specification, each with its dotted key."""

    code = codes.SPECIFICATION_MALFORMED


class SimulationError(VfiocompatError):
    """A simulation that cannot be served: no FUSE, no mount point, no right."""

    code = codes.SIMULATION_FAILED


class Bug(VfiocompatError):
    """Something that nobody expected; `detail` is the traceback."""

    code = codes.BUG
    exit_code = ExitCode.BUG

    @classmethod
    def of_exception(cls, error: Exception) -> Self:
        """Make the bug that an exception shows."""
        import traceback  # noqa: PLC0415 - costs start-up time, and is never needed

        summary = f"this is a bug in vfiocompat: {type(error).__name__}: {error}"
        return cls(summary, detail="".join(traceback.format_exception(error)))


_KINDS = {
    kind.code: kind
    for kind in (
        NoSuchEndpoint,
        SysfsError,
        InventoryError,
        DomainError,
        OutputError,
        Bug,
    )
}


def error_of(record: ErrorRecord) -> VfiocompatError:
    """Make the error that a record tells of, of the kind that has its code."""
    return _KINDS.get(record.code, VfiocompatError).of(record)
