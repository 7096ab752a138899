#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command in a throw-away virtual machine with Debian's kernel.

The guest's root is this machine's root over 9p, read-only, with a tmpfs laid over
it: every interpreter and file is at its own path there, and all writes vanish. Only
CACHE/out is shared for writing, at the same path: `console.log` is the guest's
console, `stdout` the command's output, `rc` its exit status.

Its first process is this machine's systemd, which reads only the units in
/run/systemd/system: what is enabled here is not started there. The command is one of
them, and what a test puts there is started by it as on any host.

CACHE is what `prepare` filled. The virtual machine is emulated (TCG), so it needs
no KVM; it has no network and no disk.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

BEFORE_ROOT = ["virtio_pci", "9pnet_virtio", "9p", "overlay"]
# The type1 module is what a VFIO container needs; the guest has no modprobe for it.
FOR_TESTS = ["vfio", "vfio_iommu_type1", "mdev"]

MARK = "vfiocompat.guest"
"""On the guest's kernel command line, and nowhere else."""

FASTER = "mitigations=off nokaslr no_timer_check tsc=reliable cryptomgr.notests audit=0"
"""Kernel parameters that only shorten the start of an emulated machine."""

NO_STATUS = 125
"""Returned where the guest ended without telling how the command did."""

INIT = rb"""#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev /lower /rw /r
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
die() { echo "guest: cannot $*"; $B reboot -f; }
for m in $($B cat /modules/order); do $B insmod /modules/$m || die "insmod $m"; done
O=trans=virtio,version=9p2000.L,msize=512000
$B mount -t 9p -o ro,cache=loose,$O hostroot /lower || die "mount hostroot"
$B mount -t tmpfs tmpfs /rw && $B mkdir /rw/upper /rw/work
$B mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /r ||
  die "mount overlay"
for d in proc sys dev; do $B mount --move /$d /r/$d; done
$B mount -t tmpfs -o mode=755 tmpfs /r/run
$B mkdir -p /r/dev/shm
$B mount -t tmpfs tmpfs /r/dev/shm
$B ip link set lo up
. /parameters
$B mount -t 9p -o cache=none,$O out "/r$OUT" || die "mount out"
S=/usr/lib/systemd/systemd
[ -x /r$S ] || die "find $S"
$B mkdir -p /r/run/systemd/system
$B cp /units/* /r/run/systemd/system
$B cp /parameters /command /r/run
exec $B switch_root /r /usr/bin/env -i SYSTEMD_UNIT_PATH=/run/systemd/system \
  SYSTEMD_GENERATOR_PATH=/dev/null $S --unit=command.service --show-status=no
"""

COMMAND = b"""
. /run/parameters
PATH=$COMMAND_PATH
env -i HOME=/root TERM=dumb PYTHONDONTWRITEBYTECODE=1 PATH="$PATH" \
  sh "$OUT/command" >"$OUT/stdout" 2>&1 </dev/null
echo $? >"$OUT/rc"
busybox umount "$OUT"
busybox sync
busybox reboot -f
"""

UNITS = {
    "command.service": b"""
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /run/command
""",
    # What every unit is to come after; here nothing is.
    "sysinit.target": b"[Unit]\n",
    "basic.target": b"[Unit]\n",
    "shutdown.target": b"[Unit]\n",
}


def module_name(file: str) -> str:
    """Return a module's name: its file's, spelled as the kernel does."""
    return Path(file).name.partition(".ko")[0].replace("-", "_")


def module_content(path: Path) -> bytes:
    """Return a module's bytes; Debian packs them with xz from Linux 6.12 on."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def load_order(names: list[str], modules: Path, own: list[Path]) -> list[Path]:
    """Return the files to insmod, each after those that it depends on.

    A module of one's own stands for the kernel's.
    """
    found = [*modules.rglob("*.ko*"), *own]
    files = {module_name(path.name): path for path in found}
    listed = (modules / "modules.builtin").read_text(encoding="utf-8")
    builtin = {module_name(line) for line in listed.split()}
    order: list[Path] = []

    def visit(name: str) -> None:
        if name not in files:
            if name not in builtin:
                raise SystemExit(f"guest.py: {modules} has no module {name}")
        elif files[name] not in order:
            depends = re.search(rb"\0depends=([^\0]*)\0", module_content(files[name]))
            for other in depends[1].decode().split(",") if depends else []:
                if other:
                    visit(module_name(other))
            order.append(files[name])

    for name in names:
        visit(name)
    return order


def newc(entries: list[tuple[str, int, bytes]]) -> bytes:
    """Return names, modes and contents as a cpio archive in the kernel's format."""
    archive = bytearray()
    for inode, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        path = name.encode() + b"\0"
        fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        archive += b"\0" * (-len(archive) % 4) + data
        archive += b"\0" * (-len(archive) % 4)
    return bytes(archive)


def initramfs(root: Path, modules: Path, own: list[Path], out: Path) -> bytes:
    """Return the initramfs that mounts the root and starts systemd on OUT/command."""
    busybox = next(root.glob("**/bin/busybox"))  # usr/bin in later releases
    folders = [root / "usr/bin", root / "usr/sbin", busybox.parent]
    path = ":".join([*map(str, folders), os.environ["PATH"]])
    parameters = f"OUT={shlex.quote(str(out))}\nCOMMAND_PATH={shlex.quote(path)}\n"
    carried = {
        path.name.removesuffix(".xz"): module_content(path)
        for path in load_order(BEFORE_ROOT + FOR_TESTS, modules, own)
    }
    folder, program, file = (
        stat.S_IFDIR | 0o755,
        stat.S_IFREG | 0o755,
        stat.S_IFREG | 0o644,
    )
    return newc(
        [
            ("bin", folder, b""),
            ("dev", folder, b""),
            ("modules", folder, b""),
            ("units", folder, b""),
            ("bin/busybox", program, busybox.read_bytes()),
            ("init", program, INIT),
            ("parameters", file, parameters.encode()),
            ("command", file, COMMAND),
            *((f"units/{name}", file, text) for name, text in UNITS.items()),
            ("modules/order", file, "\n".join(carried).encode()),
            *((f"modules/{name}", file, data) for name, data in carried.items()),
        ]
    )


def qemu(kernel: Path, out: Path, memory: int) -> list[str]:
    """Return the command of the virtual machine."""
    return [
        *("qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "max"),
        *("-m", str(memory), "-smp", "2", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-no-reboot", "-serial", f"file:{out}/console.log"),
        *("-kernel", str(kernel), "-initrd", str(out / "initramfs")),
        "-append",
        f"{MARK} console=ttyS0 panic=-1 " + FASTER,
        "-fsdev",
        "local,id=r,path=/,security_model=none,readonly=on,multidevs=remap",
        *("-device", "virtio-9p-pci,fsdev=r,mount_tag=hostroot"),
        *("-fsdev", f"local,id=o,path={out},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=o,mount_tag=out"),
    ]


def run(arguments: argparse.Namespace) -> int:
    """Run the command in the guest, passing its output on; return its status."""
    cache, timeout = arguments.cache.resolve(), arguments.timeout
    root, out = cache / "root", cache / "out"
    kernel = max((root / "boot").glob("vmlinuz-*"))
    modules = root / "lib/modules" / kernel.name.removeprefix("vmlinuz-")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    image = initramfs(root, modules, arguments.module, out)
    (out / "initramfs").write_bytes(gzip.compress(image, 1))
    (out / "command").write_text(
        f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join(arguments.command)}\n",
        encoding="utf-8",
    )
    stdout = out / "stdout"
    stdout.touch()

    deadline = time.monotonic() + timeout
    with (
        stdout.open("rb") as output,
        subprocess.Popen(
            qemu(kernel, out, arguments.memory), stdin=subprocess.DEVNULL
        ) as machine,
    ):
        try:
            while machine.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
                sys.stdout.buffer.write(output.read())
                sys.stdout.buffer.flush()
        finally:
            if machine.poll() is None:
                machine.kill()
                print(f"guest.py: stopped after {timeout:g} s", file=sys.stderr)
        sys.stdout.buffer.write(output.read())
        sys.stdout.buffer.flush()
    try:
        return int((out / "rc").read_text(encoding="ascii"))
    except (OSError, ValueError):
        print("guest.py: no exit status; the console ends with", file=sys.stderr)
        console = (out / "console.log").read_text(encoding="utf-8", errors="replace")
        print("\n".join(console.splitlines()[-25:]), file=sys.stderr)
        return NO_STATUS


def main() -> int:
    """Read the arguments and run the guest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB")
    parser.add_argument(
        "--module",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a module to take in place of the kernel's; may be given again",
    )
    parser.add_argument("cache", type=Path, help="the folder that `prepare` filled")
    parser.add_argument("command", nargs="+", help="after `--`")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
