# SPDX-License-Identifier: Apache-2.0
"""The test driver that checks heads of migration streams, and what it has counted."""

from __future__ import annotations

from pathlib import Path

from tests.kernel.guest.modules import MDEVS, create, insmod, remove, rmmod, write

MODULE = "vfiocompat_stream"

TABLES = Path(__file__).parent / "tables"
"""What a site would state of its families, one table a family."""


class StreamDriver:
    """The driver in the kernel, and the mdevs made of its types.

    A type is of the family that its name begins with: `mtty_1` of the parents `mtty0`
    and `mtty1`.
    """

    def load(self, **parameters: str) -> None:
        """Load it; `drivers` renames the drivers of its families."""
        insmod(MODULE, **parameters)

    def unload(self) -> None:
        """Let go what hangs, and remove all mdevs and the driver."""
        if not Path("/sys/module", MODULE).exists():
            return
        for device in MDEVS.iterdir():
            self.order(device.name, "none")
        rmmod(MODULE)

    def create(self, type_name: str, parent: int = 0) -> str:
        """Create an mdev of a type; give its UUID."""
        family = type_name.partition("_")[0]
        return create(f"{family}{parent}", f"vcs-{type_name}")

    remove = staticmethod(remove)

    def order(self, device: str, fault: str) -> None:
        """Order a fault, `STEP WHAT`, or take all back with `none`."""
        write(MDEVS / device / "vcs/fault", fault)

    def counters(self, device: str) -> dict[str, int]:
        """Tell what has been done with a device since it was created."""
        text = (MDEVS / device / "vcs/counters").read_text(encoding="ascii")
        pairs = (line.split() for line in text.splitlines())
        return {name: int(number) for name, number in pairs}

    def offered(self, device: str) -> bytes:
        """Tell what was written in the last session of RESUMING, taken or not."""
        text = (MDEVS / device / "vcs/offered").read_text(encoding="ascii")
        return bytes.fromhex(text)
