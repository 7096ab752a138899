# SPDX-License-Identifier: Apache-2.0
"""Version strings and the vendor ids that they begin with.

A version string is a 32-bit vendor id, a `-`, and a proprietary part that means
something to that vendor's driver alone. Five ways of writing the id were posted
between March 2019 and April 2020; each is told apart by its looks:

>>> VersionString.parse("00028086-193b-i915-GVTg_V5_4").vendor
VendorId(namespace='pci', number=32902, spelling='device-flag')
>>> VersionString.parse("8086-193b-GVTg_V5_4-00000001").proprietary
'193b-GVTg_V5_4-00000001'
>>> VersionString.parse("anything else").vendor is None
True
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from vfiocompat import codes
from vfiocompat.diagnostics import Span
from vfiocompat.errors import InvalidVersion

__all__ = ["MAX_BYTES", "VendorId", "VersionString"]

MAX_BYTES = 4095
"""What one sysfs page (4096 bytes) carries beside the newline."""

Namespace = Literal["pci", "u32"]
Spelling = Literal["pci-bit", "device-flag", "bare", "u32"]

# include/uapi/linux/vfio.h: VFIO_REGION_TYPE_PCI_VENDOR_TYPE and _MASK, which the
# March 2019 thread borrowed, and VFIO_DEVICE_FLAGS_PCI, which the first posting
# put into the high 16 bits instead.
_PCI_BIT = 1 << 31
_PCI_MASK = 0xFFFF
_DEVICE_FLAG_PCI = 1 << 1

_PREFIX = re.compile(
    r"(?:0[xX](?P<u32>[0-9a-fA-F]{1,8})"
    r"|(?P<bits>[0-9a-fA-F]{8})"
    r"|(?P<bare>[0-9a-fA-F]{4}))-"
)
_UNPRINTABLE = re.compile(rb"[^\x20-\x7e]")
_AROUND = 24  # bytes shown on either side of a wrong one


class VendorId(msgspec.Struct, frozen=True, gc=False):
    """Who wrote a version string: a PCI vendor id, or another 32-bit number.

    Two ids are the same vendor when `namespace` and `number` agree; `spelling`
    says how the string wrote it and is kept apart.
    """

    namespace: Namespace
    number: int
    spelling: Spelling

    @classmethod
    def named(cls, name: str) -> VendorId:
        """Make the vendor that a table names: `pci:8086`, or `u32:0x00010001`.

        Its spelling is that of a string which begins with `prefix`.
        """
        namespace, _, number = name.partition(":")
        if namespace == "pci":
            return cls("pci", int(number, 16), "bare")
        return cls("u32", int(number, 16), "u32")

    @property
    def id(self) -> str:
        """The number as sysfs writes it: `0x8086`, or all 32 bits."""
        return (
            f"{self.number:#06x}" if self.namespace == "pci" else f"{self.number:#010x}"
        )

    @property
    def prefix(self) -> str:
        """What its strings begin with, before the `-`: `8086`, or `0x` and 32 bits."""
        return self.id.removeprefix("0x") if self.namespace == "pci" else self.id

    def same_vendor(self, other: VendorId) -> bool | None:
        """Whether both name one vendor; None where only the low 16 bits agree.

        `8086-` is a PCI vendor by its form and `0x8086-` is not, though both may
        well be meant so: that is for a person to say.
        """
        if self.namespace == other.namespace:
            return self.number == other.number
        return None if self.number & _PCI_MASK == other.number & _PCI_MASK else False


class VersionString(msgspec.Struct, frozen=True, gc=False):
    """A version string, its exact original, and its parts.

    `text` is the original without one trailing newline. `vendor` is None and
    `proprietary` the whole text where the string is opaque: it can be written to
    an attribute, but tells us nothing.
    """

    original: str
    text: str
    vendor: VendorId | None
    proprietary: str

    def __str__(self) -> str:
        return self.original

    @property
    def vendor_text(self) -> str:
        """The vendor id as the string writes it, character by character."""
        return self.text[: len(self.text) - len(self.proprietary)].removesuffix("-")

    @classmethod
    def parse(cls, original: str | bytes) -> VersionString:
        """Parse what a driver printed or a person typed.

        Raises:
            InvalidVersion: it is empty, longer than 4095 bytes, or holds a byte
                that is not printable ASCII.

        """
        return _parse(original if isinstance(original, bytes) else _encoded(original))

    @classmethod
    def from_binary(cls, raw: bytes) -> VersionString:
        """Read the thread's binary form: a little-endian u32, then a string.

        The string is padded with NUL bytes. The result is the same value written
        as text with all 32 bits of the id.

        Raises:
            InvalidVersion: fewer than four bytes, or a string that is no text.

        """
        if len(raw) < 4:  # noqa: PLR2004 - the size of the vendor id
            raise InvalidVersion(
                "the binary form begins with 4 bytes of vendor id, here are "
                f"{len(raw)}",
                code=codes.VERSION_EMPTY,
                position=len(raw),
                spans=_around(raw, len(raw)),
            )
        number = int.from_bytes(raw[:4], "little")
        return cls.parse(b"%08x-" % number + raw[4:].rstrip(b"\0"))


@lru_cache(maxsize=256)  # a host has thousands of mdevs, of a few types
def _parse(raw: bytes) -> VersionString:
    body = raw.removesuffix(b"\n")
    _demand_printable(body)
    text = body.decode("ascii")
    vendor, proprietary = _split(text)
    return VersionString(raw.decode("ascii"), text, vendor, proprietary)


def _split(text: str) -> tuple[VendorId | None, str]:
    """Part a string at the `-` that ends its vendor id, if it has one."""
    match = _PREFIX.match(text)
    if match is None:
        return None, text
    if bare := match["bare"]:
        vendor = VendorId("pci", int(bare, 16), "bare")
    else:
        vendor = _from_bits(int(match["u32"] or match["bits"], 16), match["u32"])
    return vendor, text[match.end() :]


def _from_bits(bits: int, prefixed: str | None) -> VendorId:
    """Tell from its bits whether a 32-bit id is a PCI vendor's."""
    if bits & _PCI_BIT:
        return VendorId("pci", bits & _PCI_MASK, "u32" if prefixed else "pci-bit")
    if bits >> 16 & _DEVICE_FLAG_PCI:
        return VendorId("pci", bits & _PCI_MASK, "u32" if prefixed else "device-flag")
    return VendorId("u32", bits, "u32")


def _encoded(text: str) -> bytes:
    """Give back the bytes of an argument, which Python may have had to escape.

    Half a character that stands for no byte is kept: it is not printable either.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _demand_printable(body: bytes) -> None:
    if not body:
        raise InvalidVersion(
            "the version string is empty",
            code=codes.VERSION_EMPTY,
            position=0,
            hint="the kernel answers an empty write without asking the driver, "
            "so it would look compatible with everything",
        )
    if len(body) > MAX_BYTES:
        raise InvalidVersion(
            f"the version string has {len(body)} bytes, at most {MAX_BYTES} "
            "fit into a sysfs attribute",
            code=codes.VERSION_TOO_LONG,
            position=MAX_BYTES,
            spans=_around(body, MAX_BYTES),
        )
    if wrong := _UNPRINTABLE.search(body):
        at = wrong.start()
        raise InvalidVersion(
            f"byte {at} of the version string is {body[at]:#04x}, not printable ASCII",
            code=codes.VERSION_NOT_PRINTABLE,
            position=at,
            spans=_around(body, at),
        )


def _around(body: bytes, at: int) -> tuple[Span, ...]:
    """Show the bytes around a position, and underline the one that is there."""
    before = _printable(body[max(0, at - _AROUND) : at])
    here = _printable(body[at : at + 1])
    text = before + here + _printable(body[at + 1 : at + _AROUND])
    return (Span(None, text, len(before), len(before + here)),) if text else ()


def _printable(raw: bytes) -> str:
    """Give bytes as text, with an escape for each that is not printable ASCII."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}"  # noqa: PLR2004 - ASCII
        for byte in raw
    )
