# SPDX-License-Identifier: Apache-2.0
"""The hook that libvirt calls on a migration's destination, run as libvirt runs it.

libvirt's part (src/util/virhook.c, src/qemu/qemu_migration.c) is the arguments NAME,
operation, suboperation and -, a few variables, / to run in, and domain XML on stdin. It
takes what comes on stdout for other XML, and stderr for the reason of a refusal.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from tests.conftest import HUNG
from tests.libvirt import EMULATOR, Libvirt, two_daemons
from tests.machines import hostdev, with_processes
from tests.simulated import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Made = Callable[["Nodes"], str | bytes]

ROOT = Path(__file__).parents[2]
HOOK = ROOT / "share/libvirt/hooks/qemu"
PROGRAM = Path(sys.executable).parent / "vfiocompat"
STRICT = 'VETO="1 3 4"\n'

UUID_A = "83b8f4f2-509f-382f-3c1e-e6bfe0fa100a"
UUID_B = "83b8f4f2-509f-382f-3c1e-e6bfe0fa100b"


def node(name: str, device: str, version: str, accepts: str, uuid: str) -> str:
    """Write a host with one mdev, and no room for another."""
    return f"""
host = "{name}"

[[parent]]
name = "0000:3b:00.0"
driver = "acme"
pci = {{ vendor = 0x1ac1, device = {device} }}
instances = 1

[[parent.type]]
id = "acme-npu"
version = "1ac1-{version}"
accepts = {accepts}

[[parent.mdev]]
uuid = "{uuid}"
type = "acme-npu"
"""


A1 = node("node-a", "0x0100", "0100-npu", '["1ac1-0100-*"]', UUID_A)
A2 = node("node-b", "0x0200", "0200-npu", '["1ac1-0[12]00-*"]', UUID_B)
"""An A2 loads the state of an A1, not the reverse."""
HUNG_A2 = f"""{A2}
[[fault]]
at = "{UUID_B}"
on = "write"
hang = true
"""


def domain(*devices: str, name: str = "npu") -> str:
    """Write a VM with mdevs."""
    attached = "".join(hostdev(each, f"ua-{each[-1]}") for each in devices)
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <uuid>c7a5fdbd-0000-4000-8000-000000000001</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>{EMULATOR}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {attached}
  </devices>
</domain>
"""


class Nodes(NamedTuple):
    """Two hosts by their roots, and the folder of their inventories.

    `to_a` and `to_b` are the XML of a VM of the other one, made for the host.
    """

    a: Path
    b: Path
    fleet: Path
    to_a: str
    to_b: str


def vfiocompat(sysroot: Path, *words: str, exit_code: int = 0) -> str:
    said = subprocess.run(
        [PROGRAM, "--sysroot", sysroot, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNG,
    )
    assert said.returncode == exit_code, f"{words}\n{said.stdout}\n{said.stderr}"
    return said.stdout


@pytest.fixture(scope="module")
def nodes(
    _processes: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    fleet = folder / "fleet"
    fleet.mkdir()
    with ExitStack() as stack:
        roots = {}
        for name, spec, uuid in (("a", A1, UUID_A), ("b", A2, UUID_B)):
            root = stack.enter_context(serving(spec))
            roots[name] = with_processes(root, folder / name)
            file = str(fleet / f"node-{name}.json")
            vfiocompat(roots[name], "scan", "--output", file)
            (folder / f"{name}.xml").write_text(domain(uuid))
        # No driver was asked by the scans: that is left to the hook.
        to_b, to_a = (
            vfiocompat(
                roots[here],
                "vm",
                f"domain:{folder}/{here}.xml",
                f"{fleet}/node-{there}.json",
                "--xml",
                exit_code=3,
            )
            for here, there in ("ab", "ba")
        )
        yield Nodes(roots["a"], roots["b"], fleet, to_a, to_b)


def test_the_xml_made_for_a_host_has_its_device(nodes: Nodes) -> None:
    assert re.findall("address uuid=.([-0-9a-f]+)", nodes.to_b) == [UUID_B]
    assert re.findall("vm:1. host=.([a-z-]+)", nodes.to_b) == ["node-b"]


# ---- as libvirt would call it ----------------------------------------------------


class Programs(NamedTuple):
    """A folder for PATH with what the hook runs, and what was logged there."""

    folder: Path

    @property
    def logged(self) -> str:
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def replace(self, name: str, *lines: str) -> None:
        """Have another program in place of one; without lines there is none."""
        (self.folder / name).unlink()
        if lines:
            (self.folder / name).write_text("\n".join(("#!/bin/sh", *lines, "")))
            (self.folder / name).chmod(0o755)


@pytest.fixture
def programs(_processes: None, tmp_path: Path) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    timeout = shutil.which("timeout")
    assert timeout is not None
    for name, path in (("timeout", timeout), ("vfiocompat", PROGRAM)):
        (folder / name).symlink_to(path)
    logger = f'#!/bin/sh\n(echo "$@"; exec /bin/cat) >>{folder}/log\n'
    (folder / "logger").write_text(logger)
    (folder / "logger").chmod(0o755)
    return Programs(folder)


class Line(Protocol):
    def __call__(
        self,
        node: Path,
        settings: str = "",
        operation: str = "migrate begin",
        name: str = "npu",
    ) -> list[str]: ...


@pytest.fixture
def line(tmp_path: Path, programs: Programs) -> Line:
    """Give a command that runs the hook with an /etc/default of its own."""

    def command(
        node: Path,
        settings: str = "",
        operation: str = "migrate begin",
        name: str = "npu",
    ) -> list[str]:
        etc_default = tmp_path / "default"
        etc_default.mkdir(exist_ok=True)
        if settings:
            (etc_default / "vfiocompat").write_text(settings)
        script = 'mount --bind "$1" /etc/default && shift && exec env -i "$@"'
        return [
            *("unshare", "-m", "sh", "-c", script, "sh", str(etc_default)),
            *("LC_ALL=C", f"PATH={programs.folder}", "HOME=/root"),
            f"VFIOCOMPAT_SYSROOT={node}",
            *(str(HOOK), name, *operation.split(), "-"),
        ]

    return command


class Call(Protocol):
    def __call__(
        self,
        xml: str | bytes,
        node: Path,
        settings: str = "",
        *,
        exit_code: int = 0,
        name: str = "npu",
    ) -> str: ...


@pytest.fixture
def call(line: Line) -> Call:
    """Call the hook at the start of a migration, and give what it says to libvirt."""

    def run(
        xml: str | bytes,
        node: Path,
        settings: str = "",
        *,
        exit_code: int = 0,
        name: str = "npu",
    ) -> str:
        said = subprocess.run(
            line(node, settings, name=name),
            input=xml.encode() if isinstance(xml, str) else xml,
            capture_output=True,
            check=False,
            timeout=HUNG,
            cwd="/",
        )
        assert said.stdout == b"", "libvirt takes it for domain XML"
        assert said.returncode == exit_code, said.stderr.decode()
        assert b"\x1b" not in said.stderr
        return said.stderr.decode()

    return run


@pytest.mark.parametrize(
    "operation",
    [
        *("prepare begin", "start begin", "started begin", "stopped end"),
        *("release end", "migrate end", "restore begin", "reconnect begin"),
        "attach begin",
    ],
)
def test_nothing_else_concerns_the_hook(
    operation: str, nodes: Nodes, line: Line, programs: Programs, tmp_path: Path
) -> None:
    programs.replace("vfiocompat", f"echo >{tmp_path}/was-run")
    with subprocess.Popen(
        line(nodes.b, operation=operation),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    ) as process:
        assert process.wait(timeout=HUNG) == 0  # with a stdin that does not end
        assert process.communicate() == (b"", b"")
    assert not (tmp_path / "was-run").exists()
    assert programs.logged == ""


def test_what_the_driver_takes_goes_in_silence(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    assert call(nodes.to_b, nodes.b, 'VETO="1 3 4 124 127"\n') == ""
    assert programs.logged == ""


def test_what_the_driver_refuses_is_vetoed_with_the_reason(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    said = call(nodes.to_a, nodes.a, exit_code=1)

    [first, *rest] = said.splitlines()
    assert first.startswith("incompatible: npu -> here")
    assert "error[VFC101]: the destination driver refused the source's" in said
    assert f"incompatible: {UUID_B} on node-b -> {UUID_A}" in rest[0]
    assert programs.logged == ""


NOT_YET = "83b8f4f2-509f-382f-3c1e-e6bfe0fa100c"
NOT_THERE = f"warning[VFC548]: there is no {NOT_YET} on this host"


def test_a_device_that_is_not_there_may_be_created_before_the_vm_starts(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    moved = nodes.to_b.replace(UUID_B, NOT_YET)
    assert call(moved, nodes.b) == ""
    assert NOT_THERE in programs.logged
    assert NOT_THERE in call(moved, nodes.b, STRICT, exit_code=1)


def test_a_vm_without_vfio_devices_goes(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    assert call(domain(), nodes.b, STRICT) == ""
    assert programs.logged == ""


NOT_KNOWN: dict[str, tuple[Made, str]] = {
    "no manifest": (lambda _: domain(UUID_B), "VFC559"),
    "made for another host": (lambda nodes: nodes.to_a, "VFC558"),
    "changed since": (
        lambda nodes: nodes.to_b.replace(f'is="{UUID_B}"', f'is="{UUID_A}"'),
        "VFC559",
    ),
    "manifest cut off": (
        lambda nodes: nodes.to_b.replace('{"schema"', '"schema"'),
        "VFC550",
    ),
    "nothing": (lambda _: "", "VFC550"),
    "no XML": (lambda _: "garbage \x1b[31m", "VFC550"),
    "no text": (lambda _: bytes(range(256)) * 1000, "VFC550"),
    "another root": (lambda _: "<network/>", "VFC550"),
}


@pytest.mark.parametrize(("made", "code"), NOT_KNOWN.values(), ids=list(NOT_KNOWN))
def test_what_is_not_known_goes_and_is_logged_or_is_vetoed(
    made: Made, code: str, nodes: Nodes, call: Call, programs: Programs
) -> None:
    assert call(made(nodes), nodes.b) == ""
    logged = programs.logged
    assert logged.startswith("-t vfiocompat\n")
    assert f"error[{code}]" in logged
    assert "\x1b" not in logged
    assert f"error[{code}]" in call(made(nodes), nodes.b, STRICT, exit_code=1)
    assert programs.logged == logged


@pytest.fixture
def renamed(nodes: Nodes, tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Give the inventories where a host's device has the address of the other's."""

    def copy(name: str, old: str, new: str) -> Path:
        fleet = tmp_path / "my fleet"
        shutil.copytree(nodes.fleet, fleet)
        file = fleet / name
        file.write_text(file.read_text().replace(old, new))
        return fleet

    return copy


def test_inventories_tell_what_has_the_same_address_elsewhere(
    nodes: Nodes,
    call: Call,
    renamed: Callable[[str, str, str], Path],
    programs: Programs,
) -> None:
    fleet = renamed("node-a.json", UUID_A, UUID_B)
    # node-b's own inventory is among them, and does not count.
    assert call(domain(UUID_B), nodes.b, f'FLEET="{fleet}"\n{STRICT}') == ""
    assert programs.logged == ""


def test_a_device_of_the_inventories_is_vetoed_too(
    nodes: Nodes, call: Call, renamed: Callable[[str, str, str], Path]
) -> None:
    fleet = renamed("node-b.json", UUID_B, UUID_A)
    said = call(domain(UUID_A), nodes.a, f'FLEET="{fleet}"\n', exit_code=1)
    assert "error[VFC101]" in said
    assert f"incompatible: {UUID_A} on node-b -> {UUID_A}" in said


def test_the_manifest_counts_before_inventories(nodes: Nodes, call: Call) -> None:
    settings = f"FLEET={nodes.fleet}\n{STRICT}"
    assert call(nodes.to_b, nodes.b, settings) == ""


@pytest.mark.parametrize("fleet", ["/nowhere", "/var/empty folder"])
def test_inventories_that_are_not_there_veto_nothing(
    fleet: str, nodes: Nodes, call: Call, programs: Programs
) -> None:
    assert call(domain(UUID_B), nodes.b, f"FLEET='{fleet}'\n") == ""
    assert "error[VFC401]" in programs.logged


def test_a_host_without_vfiocompat_or_with_a_broken_one_takes_every_vm(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    broken = f"exec {sys.executable} -c 'import not_installed'"
    programs.replace("vfiocompat", broken)
    assert call(nodes.to_a, nodes.a) == ""
    assert "ModuleNotFoundError" in programs.logged
    programs.replace("vfiocompat")
    assert call(nodes.to_a, nodes.a) == ""
    assert "vfiocompat" in programs.logged
    programs.replace("logger")
    assert call(domain(UUID_B), nodes.b) == "", "nor does it need a log"


def test_broken_settings_end_nothing(
    nodes: Nodes, line: Line, call: Call, programs: Programs
) -> None:
    broken = "VETO='1\n"
    starts = line(nodes.b, broken, "start begin")
    said = subprocess.run(
        starts, input=b"", capture_output=True, check=False, timeout=HUNG
    )
    assert (said.returncode, said.stderr) == (0, b"")
    assert call(nodes.to_b, nodes.b, broken) == ""
    assert programs.logged.startswith("-t vfiocompat\nnot read: ")
    assert "error[VFC101]" in call(nodes.to_a, nodes.a, broken, exit_code=1)


OLD = '"taken_at": "2020-01-01T00:00:00Z"'


def test_an_old_manifest_vetoes_nothing(
    nodes: Nodes, call: Call, programs: Programs
) -> None:
    old, times = re.subn('"taken_at": "[^"]*"', OLD, nodes.to_a)
    assert times >= 1
    assert call(old, nodes.a) == ""
    assert "VFC402" in programs.logged
    assert "error[VFC101]" in call(old, nodes.a, "MAX_AGE=100000w\n", exit_code=1)


def test_a_vm_may_have_any_name(nodes: Nodes, call: Call, tmp_path: Path) -> None:
    name = f"-x; touch {tmp_path}/owned; $(touch {tmp_path}/owned) * \n'\""
    xml = nodes.to_a.replace("<name>npu", "<name>süd-✓\u2028")
    said = call(xml, nodes.a, exit_code=1, name=name)
    assert said.startswith("incompatible: süd-✓")
    assert not (tmp_path / "owned").exists()


def test_long_xml_is_read_whole(nodes: Nodes, call: Call) -> None:
    long = nodes.to_a.replace("<name>", f"<!--{'x' * 3_000_000}--><name>", 1)
    assert "error[VFC101]" in call(long, nodes.a, exit_code=1)


@pytest.mark.parametrize(
    ("settings", "least", "most"), [("", 5, 15), ("PATIENCE=1\n", 1, 4)]
)
def test_a_hung_driver_is_not_waited_for(  # noqa: PLR0917 - half are fixtures
    nodes: Nodes,
    call: Call,
    programs: Programs,
    tmp_path: Path,
    settings: str,
    least: int,
    most: int,
) -> None:
    """It holds what is written to it."""
    with serving(HUNG_A2) as served:
        root = with_processes(served, tmp_path / "hung")
        started = time.monotonic()
        assert call(nodes.to_b, root, settings) == ""
        assert least <= time.monotonic() - started < most
    no_answer = "warning[VFC112]: the driver did not answer in time"
    assert settings or no_answer in programs.logged


# ---- called by libvirt -----------------------------------------------------------


@pytest.fixture(scope="module")
def _daemons() -> Iterator[Libvirt]:
    with two_daemons() as libvirt:
        yield libvirt


class Hosts(NamedTuple):
    """libvirt of two hosts, one of which may be the destination now."""

    libvirt: Libvirt
    calls: Path

    @property
    def called(self) -> list[str]:
        """How libvirt has called the hook, and what that logged."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def destination_is(self, node: Path, settings: str = "") -> None:
        """Have the hook at the destination, as on a host of these devices."""
        side = self.libvirt.destination
        side.settings.write_text(settings)
        # A variable goes no other way: libvirt gives a hook none.
        side.hook.write_text(f"""\
#!/bin/sh
echo "$*" >>{self.calls}
export VFIOCOMPAT_SYSROOT={node} PATH={self.calls.parent}:$PATH
exec {HOOK} "$@"
""")

    def define(self, file: Path, *devices: str) -> None:
        """Have a VM with devices at the source, which cannot run for want of them."""
        file.write_text(domain(*devices))
        self.libvirt.source.virsh("define", str(file))

    def start(self, file: Path) -> None:
        """Have a VM without devices run at the source."""
        file.write_text(domain(name="mini"))
        self.libvirt.source.virsh("create", str(file))

    def made(self, name: str, here: Path, inventory: Path, exit_code: int = 3) -> str:
        """Make XML of a VM at the source for the host of an inventory."""
        vm = f"libvirt:{name}@{self.libvirt.source.uri}"
        line = ["vm", vm, str(inventory), "--xml"]
        return vfiocompat(here, *line, exit_code=exit_code)

    @property
    def domains(self) -> list[dict[str, str]]:
        """Which VMs the source has, and the destination."""
        return [self.libvirt.source.domains(), self.libvirt.destination.domains()]


@pytest.fixture
def hosts(_daemons: Libvirt, programs: Programs) -> Iterator[Hosts]:
    programs.replace("logger", f"exec cat >>{programs.folder}/calls")
    yield Hosts(_daemons, programs.folder / "calls")
    _daemons.source.forget()
    _daemons.destination.forget()


STOPPED, RUNNING = {"npu": "shut off"}, {"mini": "running"}
OFFLINE = ("npu", "--offline", "--persistent")


def test_libvirt_takes_the_xml_and_the_hook_its_manifest(
    nodes: Nodes, hosts: Hosts, tmp_path: Path
) -> None:
    file = tmp_path / "npu.xml"
    hosts.define(file, UUID_A)
    hosts.destination_is(nodes.b, STRICT)
    file.write_text(hosts.made("npu", nodes.a, nodes.fleet / "node-b.json"))
    hosts.libvirt.migrate(*OFFLINE, f"--xml={file}")

    # Without the manifest that would not be known, and so be refused.
    assert hosts.called == ["npu migrate begin -"]
    there = hosts.libvirt.destination.virsh("dumpxml", "npu")
    assert UUID_B in there
    assert "vfiocompat:vm" in there
    assert hosts.domains[1] == STOPPED


def test_libvirt_shows_why_a_migration_is_refused(
    nodes: Nodes, hosts: Hosts, tmp_path: Path
) -> None:
    file = tmp_path / "npu.xml"
    hosts.define(file, UUID_B)
    hosts.destination_is(nodes.a)
    file.write_text(hosts.made("npu", nodes.b, nodes.fleet / "node-a.json"))
    said = hosts.libvirt.migrate(*OFFLINE, f"--xml={file}", exit_code=1)

    assert said.startswith("error: Hook script execution failed")
    assert "error[VFC101]: the destination driver refused the source's" in said
    assert hosts.called == ["npu migrate begin -"]
    assert hosts.domains == [STOPPED, {}]


def test_a_migration_without_manifest_goes_unless_that_is_forbidden(
    nodes: Nodes, hosts: Hosts, tmp_path: Path
) -> None:
    hosts.define(tmp_path / "npu.xml", UUID_B)
    hosts.destination_is(nodes.b, STRICT)
    assert "error[VFC559]" in hosts.libvirt.migrate(*OFFLINE, exit_code=1)
    assert hosts.domains[1] == {}

    hosts.destination_is(nodes.b)
    hosts.libvirt.migrate(*OFFLINE)
    assert hosts.domains[1] == STOPPED
    assert "error[VFC559]" in "\n".join(hosts.called)


@pytest.mark.parametrize("manifest", [False, True])
def test_a_running_vm_without_vfio_devices_is_migrated(
    nodes: Nodes, hosts: Hosts, tmp_path: Path, *, manifest: bool
) -> None:
    """libvirt compares XML with the VM's own before it lets it go."""
    file = tmp_path / "mini.xml"
    hosts.start(file)
    hosts.destination_is(nodes.b, STRICT)
    if manifest:
        xml = hosts.made("mini", nodes.a, nodes.fleet / "node-b.json", exit_code=0)
        ours = re.search("<metadata>.*</metadata>", nodes.to_b)
        assert ours is not None
        file.write_text(xml.replace("<memory ", f"{ours[0]}<memory ", 1))
    hosts.libvirt.migrate("mini", "--live", *([f"--xml={file}"] if manifest else []))

    assert hosts.called[0] == "mini migrate begin -"
    assert all(call.startswith("mini ") for call in hosts.called), "nothing is logged"
    assert hosts.domains == [{}, RUNNING]
    there = hosts.libvirt.destination.virsh("dumpxml", "mini")
    assert ("vfiocompat:vm" in there) is manifest


def test_a_veto_leaves_a_running_vm_where_it_is(
    nodes: Nodes, hosts: Hosts, tmp_path: Path
) -> None:
    hosts.start(tmp_path / "mini.xml")
    # No VM with a VFIO device runs here: this refuses what could go.
    hosts.destination_is(nodes.b, 'VETO="0"\n')
    said = hosts.libvirt.migrate("mini", "--live", exit_code=1)

    assert "compatible: mini -> here" in said
    assert hosts.called == ["mini migrate begin -"]
    assert hosts.domains == [RUNNING, {}]


def test_a_vm_of_libvirt_is_read_without_the_right_to_change_it(
    nodes: Nodes, hosts: Hosts, tmp_path: Path
) -> None:
    hosts.define(tmp_path / "npu.xml", UUID_A)
    vm = f"libvirt:npu@{hosts.libvirt.source.uri}"
    line = ["vm", vm, str(nodes.fleet / "node-b.json"), "--plan"]
    said = vfiocompat(nodes.a, *line, exit_code=3)
    assert said == f"{UUID_A}\t{UUID_B}\t{UUID_B}\t-\tnode-b\n"
