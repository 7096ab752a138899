# SPDX-License-Identifier: Apache-2.0
"""Two libvirt daemons of their own, between which VMs are migrated for real.

They run as root, as on a host, but touch nothing of the machine's: each has an
/etc/libvirt, /etc/default, /run and /var of its own, and both are in a network and a
process namespace. When that one's first process ends, all others do, each QEMU too. It
ends with its stdin, so even a killed pytest leaves nothing running.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.simulate.conftest import cannot_test

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PATH", "Libvirt", "Side", "two_daemons"]

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
EMULATOR = "/usr/bin/qemu-system-x86_64"

_NAMESPACES = ["unshare", "-m", "-p", "-n", "-f", "--mount-proc", "--kill-child"]
_PATIENCE = 20
"""Seconds for a daemon to start, and for any command."""

# $1 is the folder of both sides. The first process has to be one that reaps orphans:
# QEMU leaves its parent, and libvirt waits until nothing is left of it.
_BOTH = r"""
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group || exit
for each in source destination; do
    unshare -m sh -c '
        mount --bind "$1/etc" /etc/libvirt &&
        mount --bind "$1/default" /etc/default &&
        mount -t tmpfs none /run && mount -t tmpfs none /var/lib &&
        mount -t tmpfs none /var/log && mount --bind "$2" /var/cache &&
        cd / && exec env -i PATH="$PATH" HOME=/root \
            libvirtd -f "$1/libvirtd.conf" -p "$1/pid"
    ' sh "$1/$each" "$1/cache" >"$1/$each/log" 2>&1 </dev/null &
done
cat
"""

_DAEMON = """\
host_uuid = "{uuid}"
unix_sock_dir = "{folder}/run"
auth_unix_rw = "none"
auth_unix_ro = "none"
"""
_QEMU = """\
stdio_handler = "file"
security_driver = "none"
user = "root"
group = "root"
namespaces = []
cgroup_controllers = []
remember_owner = 0
"""


class Side(NamedTuple):
    """A daemon; its /etc/libvirt and /etc/default can be written here."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.folder}/run/libvirt-sock"

    @property
    def hook(self) -> Path:
        return self.folder / "etc/hooks/qemu"

    @property
    def settings(self) -> Path:
        return self.folder / "default/vfiocompat"

    def log(self) -> str:
        """Give the end of what the daemon said."""
        return (self.folder / "log").read_text()[-2000:]

    def virsh(self, *words: str, exit_code: int = 0) -> str:
        """Run a command, and give what it said, on both streams."""
        said = subprocess.run(
            ["virsh", "--quiet", "--connect", self.uri, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C"},
            timeout=_PATIENCE,
            text=True,
            check=False,
        )
        whole = f"virsh {words}\n{said.stdout}\n{self.log()}"
        assert said.returncode == exit_code, whole
        return said.stdout

    def domains(self) -> dict[str, str]:
        """Give every domain, and whether it runs."""
        names = self.virsh("list", "--all", "--name").split()
        return {name: self.virsh("domstate", name).strip() for name in names}

    def forget(self) -> None:
        """End and undefine every domain."""
        for name, state in self.domains().items():
            persistent = name in self.virsh("list", "--all", "--persistent", "--name")
            if state == "running":
                self.virsh("destroy", name)
            if persistent:
                self.virsh("undefine", name)


class Libvirt(NamedTuple):
    """Two hosts' daemons; `folder` is short, since paths of sockets have to be."""

    folder: Path
    source: Side
    destination: Side

    def migrate(self, name: str, *options: str, exit_code: int = 0) -> str:
        """Migrate a domain, and give what virsh said."""
        if "--offline" not in options:
            options = (*options, f"--migrateuri=unix://{self.folder}/migration")
        return self.source.virsh(
            "migrate", *options, name, self.destination.uri, exit_code=exit_code
        )


@contextmanager
def two_daemons() -> Iterator[Libvirt]:
    """Start two daemons; the destination's hook is there, and lets everything go."""
    if os.geteuid() != 0:
        cannot_test("private libvirt daemons need root")
    for program in ("libvirtd", "virsh", EMULATOR):
        if shutil.which(program, path=PATH) is None:
            cannot_test(f"{os.path.basename(program)} is not installed")
    if subprocess.run([*_NAMESPACES, "true"], check=False).returncode != 0:
        cannot_test("no namespaces can be made")
    with tempfile.TemporaryDirectory(prefix="lv.", dir="/tmp") as name:
        libvirt = Libvirt(
            Path(name), Side(Path(name, "source")), Side(Path(name, "destination"))
        )
        _write(libvirt)
        process = subprocess.Popen(
            [*_NAMESPACES, "sh", "-c", _BOTH, "sh", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={"PATH": PATH},
        )
        try:
            for side in (libvirt.source, libvirt.destination):
                _wait_for(side, process)
            yield libvirt
        finally:
            process.communicate()  # closes its stdin


_USER = {
    "passwd": "libvirt-qemu:x:64055:64055::/:/bin/false",
    "group": "libvirt-qemu:x:64055:",
}
"""A daemon of root's does not start without this user, which nothing here is run as."""


def _write(libvirt: Libvirt) -> None:
    """Write what the daemons read."""
    (libvirt.folder / "cache").mkdir()
    for number, side in enumerate((libvirt.source, libvirt.destination)):
        for name in ("etc/hooks", "default", "run"):
            (side.folder / name).mkdir(parents=True)
        uuid = f"0000000{number}-1111-4222-8333-444444444444"
        text = _DAEMON.format(uuid=uuid, folder=side.folder)
        (side.folder / "libvirtd.conf").write_text(text)
        (side.folder / "etc/qemu.conf").write_text(_QEMU)
        (side.folder / "log").touch()
    # libvirtd looks for hooks when it starts; later the file may be another one.
    libvirt.destination.hook.write_text("#!/bin/sh\n")
    libvirt.destination.hook.chmod(0o755)
    for name, ours in _USER.items():
        lines = Path("/etc", name).read_text().splitlines()
        others = [each for each in lines if not each.startswith("libvirt-qemu:")]
        (libvirt.folder / name).write_text("\n".join([*others, ours, ""]))


def _wait_for(side: Side, process: subprocess.Popen[bytes]) -> None:
    """Wait until a daemon can be asked."""
    until = time.monotonic() + _PATIENCE
    path = str(side.folder / "run/libvirt-sock")
    with socket.socket(socket.AF_UNIX) as client:
        while client.connect_ex(path) != 0:
            assert process.poll() is None, "the namespace has ended"
            assert time.monotonic() < until, side.log()
            time.sleep(0.02)
