#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the test driver's sysfs answers to one raw operation after the other.

`run(DIR)` does them all on DIR/class and DIR/bus, which are /sys in the guest, or a
look-alike of it anywhere else: the test driver's default, with the generations 4
and 5 and the attribute `version`. It needs root, and a DIR that everyone may enter;
it leaves the devices as they were. `operations.json` is what the real kernel gave.

A result is what the operation gave: the text read, the count written, names, a mode
in octal, a link's target; `{"errno": "EINVAL"}` where it failed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result: TypeAlias = "str | int | list[Result] | dict[str, Result] | None"

GOLDEN = Path(__file__).with_name("operations.json")

NOBODY = 65534

GEN4 = b"00028086-c104-vct-gen4_2\n"
GEN5 = b"00028086-c104-vct-gen5_2\n"

FIRST = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
SECOND = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
THIRD = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003"
UPPER = "83B8F4F2-509F-382F-3C1E-E6BFE0FA1004"
NOMIG = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1005"
LACKING = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1006"


@contextlib.contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    """Open a file for a while."""
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: str, flags: int = os.O_RDONLY) -> str:
    """Read as the command line does: once, at most a page."""
    with opened(path, flags) as descriptor:
        return text(os.read(descriptor, 4096))


def write(path: str, data: bytes, flags: int = os.O_WRONLY) -> int:
    """Write as the command line does: once, and tell the count."""
    with opened(path, flags) as descriptor:
        return os.write(descriptor, data)


def text(data: bytes) -> str:
    """Return what was read as text, whatever it is."""
    return data.decode("ascii", "backslashreplace")


def attempt(operation: Callable[[], Result]) -> Result:
    """Return an operation's result, or the name of the errno that it failed with."""
    try:
        return operation()
    except OSError as error:
        number = error.errno or 0
        return {"errno": errno.errorcode.get(number, str(number))}


def in_steps(path: str, size: int) -> Result:
    """Read to the end in pieces of this size."""
    with opened(path, os.O_RDONLY) as descriptor:
        pieces = [os.read(descriptor, size)]
        while pieces[-1]:
            pieces.append(os.read(descriptor, size))
    return [text(piece) for piece in pieces]


def read_write_read(path: str) -> Result:
    """Use one descriptor for all: a refusal leaves it as good as it was."""
    with opened(path, os.O_RDWR) as descriptor:
        return [
            attempt(lambda: text(os.read(descriptor, 4096))),
            attempt(lambda: os.write(descriptor, GEN5)),
            attempt(lambda: os.write(descriptor, GEN4)),
            attempt(lambda: text(os.pread(descriptor, 4096, 0))),
        ]


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user with no rights for a while; the capabilities go with the uid."""
    os.setresgid(-1, NOBODY, -1)
    os.setresuid(-1, NOBODY, -1)
    try:
        yield
    finally:
        os.setresuid(-1, 0, -1)
        os.setresgid(-1, 0, -1)


class Recorder:
    """Does named operations, and keeps what each gave."""

    def __init__(self, root: str) -> None:
        self.bus = f"{root}/class/mdev_bus"
        self.devices = f"{root}/bus/mdev/devices"
        self.results: dict[str, Result] = {}

    def type(self, parent: str, type_id: str, name: str = "version") -> str:
        """Return the path of a file of a type."""
        return f"{self.bus}/{parent}/mdev_supported_types/{type_id}/{name}"

    def device(self, uuid: str, name: str = "version") -> str:
        """Return the path of a file of a device."""
        return f"{self.devices}/{uuid}/{name}"

    def do(self, name: str, operation: Callable[[], Result]) -> None:
        """Do one operation."""
        if name in self.results:
            raise ValueError(f"two operations are named {name!r}")
        self.results[name] = attempt(operation)

    def read(self, name: str, path: str) -> None:
        """Read a file."""
        self.do(name, lambda: read(path))

    def write(self, name: str, path: str, data: bytes | str) -> None:
        """Write to a file."""
        content = data.encode() if isinstance(data, str) else data
        self.do(name, lambda: write(path, content))

    def names(self, name: str, path: str) -> None:
        """List a folder."""
        self.do(name, lambda: list[Result](sorted(os.listdir(path))))

    def link(self, name: str, path: str) -> None:
        """Read a symbolic link."""
        self.do(name, lambda: os.readlink(path))

    def mode(self, name: str, path: str) -> None:
        """Look at a file's permission bits."""
        self.do(name, lambda: f"{stat.S_IMODE(os.stat(path).st_mode):04o}")

    def available(self, when: str) -> None:
        """Read how many devices each type of the first parent still takes."""
        for type_id in ("vct-gen4_1", "vct-gen4_2", "vct-gen4_4", "vct-nomig_1"):
            path = self.type("vct0", type_id, "available_instances")
            self.read(f"available {when}: {type_id}", path)


def types(do: Recorder) -> None:
    """Ask the nodes of the types."""
    do.names("list parents", do.bus)
    for number, generation in enumerate((4, 5)):
        parent = f"vct{number}"
        do.names(f"list types of {parent}", f"{do.bus}/{parent}/mdev_supported_types")
        do.link(f"link of {parent}", f"{do.bus}/{parent}")
        do.link(f"driver of {parent}", f"{do.bus}/{parent}/driver")
        names = [f"vct-gen{generation}_{slices}" for slices in (1, 2, 4)]
        for type_id in (*names, "vct-nomig_1"):
            do.read(f"read {parent}/{type_id}", do.type(parent, type_id))
            for name in ("name", "device_api", "description"):
                path = do.type(parent, type_id, name)
                do.read(f"{name} of {parent}/{type_id}", path)

    here = do.type("vct0", "vct-gen4_2")
    do.names("list a type", os.path.dirname(here))
    do.names(
        "list devices of a type without any", do.type("vct0", "vct-gen4_2", "devices")
    )
    do.do("read in steps of 8", lambda: in_steps(here, 8))
    do.do("size of version", lambda: os.stat(here).st_size)
    for name in (
        "version",
        "create",
        "available_instances",
        "name",
        "device_api",
        "description",
        "devices",
    ):
        do.mode(f"mode of a type's {name}", do.type("vct0", "vct-gen4_2", name))


def writes(do: Recorder) -> None:
    """Write to the types' attribute all that might come."""
    here = do.type("vct0", "vct-gen4_2")
    do.write("write gen4 to gen5", do.type("vct1", "vct-gen5_2"), GEN4)
    do.write(
        "write gen4 to gen5 without newline", do.type("vct1", "vct-gen5_2"), GEN4[:-1]
    )
    do.write("write gen5 to gen4", here, GEN5)
    do.write("write gen4 to itself", here, GEN4)
    do.write("write gen4 to another slice", do.type("vct0", "vct-gen4_1"), GEN4)
    do.write(
        "write gen4 to a type without migration", do.type("vct0", "vct-nomig_1"), GEN4
    )
    for name, data in {
        "garbage": b"hello",
        "nothing": b"",
        "one newline": b"\n",
        "5000 bytes": b"x" * 5000,
        "two newlines": GEN4 + b"\n",
        "a leading space": b" " + GEN4,
        "upper case": GEN4.upper(),
        "a NUL at its end": GEN4[:-1] + b"\0",
        "the first 10 bytes": GEN4[:10],
        "a bare vendor": GEN4.removeprefix(b"0002"),
        "generation 0": GEN4.replace(b"gen4", b"gen0"),
        "a leading zero": GEN4.replace(b"gen4", b"gen04"),
    }.items():
        do.write(f"write {name}", here, data)
    do.do("one descriptor: read, gen5, gen4, read", lambda: read_write_read(here))
    flags = os.O_WRONLY | os.O_TRUNC
    do.do("write gen4 with O_TRUNC", lambda: write(here, GEN4, flags))
    do.do("write gen5 with O_TRUNC", lambda: write(here, GEN5, flags))
    do.do("read with O_NOFOLLOW", lambda: read(here, os.O_RDONLY | os.O_NOFOLLOW))


def opens(do: Recorder) -> None:
    """Open what may not be opened, as root and as nobody."""
    here = do.type("vct0", "vct-gen4_2")
    api = do.type("vct0", "vct-gen4_2", "device_api")
    create = do.type("vct0", "vct-gen4_2", "create")
    do.write("root: write a 0444 file", api, "x")
    do.read("root: read a 0200 file", create)
    do.do(
        "root: O_CREAT of a new file",
        lambda: write(here + "x", GEN4, os.O_WRONLY | os.O_CREAT),
    )
    do.do(
        "root: O_CREAT of an old file",
        lambda: write(here, GEN4, os.O_WRONLY | os.O_CREAT),
    )
    do.read("read a file that is not there", here + "x")
    do.read("read of a type that is not there", do.type("vct0", "vct-gen9_1"))
    do.read("read of a parent that is not there", do.type("vct9", "vct-gen4_1"))
    do.read("read of a device that is not there", do.device(FIRST))
    do.read("read a file below a file", here + "/version")
    with as_nobody():
        do.read("nobody: read version", here)
        do.write("nobody: write version", here, GEN4)
        do.write("nobody: create", create, FIRST)
        do.read("nobody: read create", create)
        do.names("nobody: list a type", os.path.dirname(here))


def creations(do: Recorder) -> None:
    """Create devices, and try to where it must fail."""
    create = do.type("vct0", "vct-gen4_2", "create")
    do.names("list devices without any", do.devices)
    do.available("before any create")
    for name, data in {
        "no UUID of 36 bytes": "x" * 36,
        "35 bytes": FIRST[:35],
        "38 bytes": FIRST + "\n\n",
        "nothing": "",
        "no hyphens": FIRST.replace("-", "") + "0000",
    }.items():
        do.write(f"create with {name}", create, data)
    do.write("create", create, FIRST)
    do.available("with one gen4_2")
    do.write("create a duplicate", create, FIRST)
    do.write(
        "create a duplicate on another parent",
        do.type("vct1", "vct-gen5_1", "create"),
        FIRST,
    )
    do.write("create with a newline", create, SECOND + "\n")
    do.available("with two gen4_2")
    do.write("create beyond the capacity", create, LACKING)
    do.write(
        "create beyond it of another type",
        do.type("vct0", "vct-nomig_1", "create"),
        LACKING,
    )
    do.write(
        "create with 37 bytes", do.type("vct1", "vct-gen5_2", "create"), THIRD + "x"
    )
    do.write("create in upper case", do.type("vct1", "vct-gen5_1", "create"), UPPER)
    do.write(
        "create without migration", do.type("vct1", "vct-nomig_1", "create"), NOMIG
    )
    do.names("list devices", do.devices)
    do.names("list devices of a type", do.type("vct0", "vct-gen4_2", "devices"))
    do.link(
        "link of a type's device", do.type("vct0", "vct-gen4_2", f"devices/{FIRST}")
    )
    do.link("link of a device", f"{do.devices}/{FIRST}")
    for name in ("mdev_type", "driver", "subsystem"):
        do.link(f"link of a device's {name}", do.device(FIRST, name))
    for name in ("version", "remove"):
        do.mode(f"mode of a device's {name}", do.device(FIRST, name))
    do.do("size of a device's version", lambda: os.stat(do.device(FIRST)).st_size)


def devices(do: Recorder) -> None:
    """Ask the devices that were created."""
    link = do.type("vct0", "vct-gen4_2", f"devices/{FIRST}")
    do.read("read a gen4 device", do.device(FIRST))
    do.read("read a gen5 device", do.device(THIRD))
    do.read("read a device by its type's link", f"{link}/version")
    do.read("read a device without migration", do.device(NOMIG))
    do.write("write gen4 to a gen5 device", do.device(THIRD), GEN4)
    do.write("write gen5 to a gen4 device", do.device(FIRST), GEN5)
    do.write("write gen4 to a device without migration", do.device(NOMIG), GEN4)
    do.write("write nothing to a device", do.device(FIRST), b"")
    with as_nobody():
        do.read("nobody: read a device", do.device(FIRST))
        do.write("nobody: write a device", do.device(FIRST), GEN4)
        do.write("nobody: remove", do.device(FIRST, "remove"), "1")


def removals(do: Recorder) -> None:
    """Remove devices, one while it is open."""
    do.read("root: read remove", do.device(FIRST, "remove"))
    do.write("remove with garbage", do.device(FIRST, "remove"), "garbage")
    do.write("remove with nothing", do.device(FIRST, "remove"), "")
    do.write("remove with 0", do.device(FIRST, "remove"), "0")
    do.names("list devices before a removal", do.devices)
    with opened(do.device(FIRST), os.O_RDWR) as descriptor:
        do.write("remove with 1", do.device(FIRST, "remove"), "1")
        do.do("descriptor read after removal", lambda: text(os.read(descriptor, 4096)))
        do.do("descriptor write after removal", lambda: os.write(descriptor, GEN4))
    do.read("path read after removal", do.device(FIRST))
    do.write("path write after removal", do.device(FIRST), GEN4)
    do.names(
        "list devices of a type after a removal",
        do.type("vct0", "vct-gen4_2", "devices"),
    )
    do.available("after a removal")
    do.write("remove with a newline", do.device(SECOND, "remove"), "1\n")
    do.available("after all removals")


def run(root: str) -> dict[str, Result]:
    """Do all operations and return what each gave, by its name."""
    recorder = Recorder(root)
    try:
        for group in (types, writes, opens, creations, devices, removals):
            group(recorder)
    finally:
        for uuid in (FIRST, SECOND, THIRD, UPPER.lower(), NOMIG, LACKING):
            with contextlib.suppress(FileNotFoundError):
                write(recorder.device(uuid, "remove"), b"1")
    return recorder.results


def dumps(results: dict[str, Result]) -> str:
    """Return results as JSON, sorted, each on a line of its own."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(result, sort_keys=True)}"
        for name, result in sorted(results.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.write(dumps(run(sys.argv[1])))
