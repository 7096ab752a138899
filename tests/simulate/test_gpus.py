# SPDX-License-Identifier: Apache-2.0
"""Simulated GPUs: their sysfs, who has them, and the library that tells of them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.test_spec import wrong
from vfiocompat.simulate.checks import mistakes
from vfiocompat.simulate.host import SimulatedHost
from vfiocompat.simulate.library import library
from vfiocompat.simulate.nvml import LIBRARY, Running, specification
from vfiocompat.simulate.spec import Gpu, Nvml, Spec, Vm
from vfiocompat.simulate.specfile import load
from vfiocompat.simulate.tree import DriverFile, Link

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Host, Run, RunProcess

    from .conftest import Simulate

GPU, MDEV_FUNCTION, FUNCTION = "0000:41:00.0", "0000:41:00.4", "0000:c1:00.4"
MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa3001"
VM = "4dea22b3-1d52-d8f3-2516-782e98ab3001"
SPEC = f"""
os_release = {{ ID = "rhel", VERSION_ID = "9.6" }}
nvml = {{ driver = "580.65.06", range = [3, 7] }}

[[gpu]]
address = "{GPU}"
name = "NVIDIA A40"
memory = 46068
ecc = true
pci = {{ vendor = 0x10de, device = 0x2235, subsystem_device = 0x145a }}

[[gpu]]
address = "0000:c1:00.0"
name = "NVIDIA H100 PCIe"
memory = 81559
ecc = false
migration = false
accepts = ["NVIDIA H*", "NVIDIA A100"]
accepts_drivers = ["580.*"]
pci = {{ vendor = 0x10de, device = 0x2331 }}

[[parent]]
name = "{MDEV_FUNCTION}"
physical = "{GPU}"
driver = "nvidia"
pci = {{ vendor = 0x10de, device = 0x2235, subsystem_device = 0x145a }}
instances = 1
type = [{{ id = "nvidia-557", name = "NVIDIA A40-8Q" }}]

[[parent.mdev]]
uuid = "{MDEV}"
type = "nvidia-557"
vm = {{ uuid = "{VM}", guest_driver = "580.65.05", guest_version = 5 }}

[[function]]
address = "{FUNCTION}"
physical = "0000:c1:00.0"
driver = "nvidia"
pci = {{ vendor = 0x10de, device = 0x2331 }}
nvidia = {{ creatable = [{{ id = 830, name = "NVIDIA H100-1-10C" }}], current = 830 }}
vm = {{ uuid = "{VM}" }}

[[function]]
address = "0000:c1:00.5"
physical = "0000:c1:00.0"
driver = "nvidia"
pci = {{ vendor = 0x10de, device = 0x2331 }}
nvidia = {{ creatable = [{{ id = 830, name = "NVIDIA H100-1-10C" }}] }}
"""


@pytest.fixture
def made(tmp_path: Path) -> SimulatedHost:
    file = tmp_path / "spec.toml"
    file.write_text(f"schema = 1\n{SPEC}")
    return SimulatedHost(load(str(file)), b"a library")


def read(host: SimulatedHost, path: str) -> str:
    node = host.tree.find(path)
    assert isinstance(node, DriverFile)
    assert node.show is not None
    return node.show().decode()


def write(host: SimulatedHost, path: str, data: bytes) -> None:
    node = host.tree.find(path)
    assert isinstance(node, DriverFile)
    assert node.store is not None
    node.store(data)


def link(host: SimulatedHost, path: str) -> str:
    node = host.tree.find(path)
    assert isinstance(node, Link)
    return node.target


# ---- its files -----------------------------------------------------------------------


def test_a_gpu_is_a_pci_device_and_knows_its_virtual_functions(
    made: SimulatedHost,
) -> None:
    gpu = f"sys/devices/pci0000:41/{GPU}"
    assert read(made, f"{gpu}/device") == "0x2235\n"
    assert link(made, f"{gpu}/driver") == "../../../bus/pci/drivers/nvidia"
    assert link(made, f"{gpu}/virtfn0") == f"../{MDEV_FUNCTION}"
    assert link(made, f"sys/devices/pci0000:41/{MDEV_FUNCTION}/physfn") == f"../{GPU}"
    for number in (0, 1):
        there = link(made, f"sys/devices/pci0000:c1/0000:c1:00.0/virtfn{number}")
        assert there == f"../0000:c1:00.{number + 4}"


def test_a_gpu_may_be_a_parent_itself(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(
        'schema = 1\nnvml = { driver = "535", range = [1, 2] }\n'
        f'[[gpu]]\naddress = "{GPU}"\nname = "Tesla T4"\nmemory = 15360\n'
        f'[[parent]]\nname = "{GPU}"\ndriver = "nvidia"\n'
        f'type = [{{ id = "nvidia-230" }}]\n'
        f'[[parent.mdev]]\nuuid = "{MDEV}"\ntype = "nvidia-230"\n'
        f'vm = {{ uuid = "{VM}" }}\n'
    )
    host = SimulatedHost(load(str(file)), b"")
    said = read(host, f"{LIBRARY}.spec")
    assert read(host, "sys/module/nvidia/version") == "535\n"
    assert "type 230 nvidia-230\n" in said
    assert f"gpu {GPU}\n" in said
    assert f"mdev {MDEV}\nguest-state 0\n" in said


def test_a_vm_has_the_groups_of_its_devices_open(made: SimulatedHost) -> None:
    process = made.tree.directory("proc/1000")
    assert read(made, "proc/1000/cmdline").split("\0")[1:3] == ["-uuid", VM]
    groups = [
        link(made, f"sys/devices/{path}/iommu_group").rpartition("/")[2]
        for path in (
            f"pci0000:41/{MDEV_FUNCTION}/{MDEV}",
            f"pci0000:c1/{FUNCTION}",
        )
    ]
    opened = process.entries["fd"]
    assert [link(made, f"proc/1000/fd/{name}") for name in opened.entries] == [  # type: ignore[union-attr]
        f"/dev/vfio/{group}" for group in groups
    ]
    assert "1001" not in made.tree.directory("proc").entries


def test_a_host_without_vms_tells_nothing_of_processes(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text("schema = 1\n")
    host = SimulatedHost(load(str(file)))
    assert list(host.tree.directory("proc").entries) == ["sys"]
    assert "usr" not in host.tree.root.entries


def test_the_release_is_that_of_os_release(made: SimulatedHost) -> None:
    assert read(made, "etc/os-release") == 'ID="rhel"\nVERSION_ID="9.6"\n'


# ---- the library ---------------------------------------------------------------------


def test_the_library_answers_from_the_same_specification(made: SimulatedHost) -> None:
    said = read(made, f"{LIBRARY}.spec").splitlines()
    assert read(made, LIBRARY) == "a library"
    assert said[:5] == [
        "driver 580.65.06",
        "supported 3 7",
        "range 3 7",
        "type 557 NVIDIA A40-8Q",
        "type 830 NVIDIA H100-1-10C",
    ]
    assert said.index(f"mdev {MDEV}") < said.index("gpu 0000:c1:00.0")
    second = said[said.index("gpu 0000:c1:00.0") :]
    assert "accepts NVIDIA H*" in second
    assert "accepts NVIDIA A100" in second
    assert "accepts-driver 580.*" in second
    assert "caps 0" in second
    assert second[-5:] == [
        "vgpu",
        "label NVIDIA H100 PCIe",
        "type 830",
        f"vm {VM}",
        "guest-state 0",
    ]


def test_it_tells_of_a_vgpu_as_long_as_that_is_there(made: SimulatedHost) -> None:
    def running() -> int:
        return read(made, f"{LIBRARY}.spec").splitlines().count("vgpu")

    assert running() == 2
    function = f"sys/devices/pci0000:c1/{FUNCTION}/nvidia/current_vgpu_type"
    write(made, function, b"0")
    assert running() == 1
    mdev = f"sys/devices/pci0000:41/{MDEV_FUNCTION}/{MDEV}"
    write(made, f"{mdev}/remove", b"1")
    assert running() == 0


@pytest.mark.usefixtures("_processes")
def test_a_scan_of_such_a_host_knows_all_that_nvml_tells(
    host: Host, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", str(host(SPEC) / LIBRARY))
    scanned = run("scan --host n").json

    assert scanned["problems"] == []
    assert [
        (gpu["address"], gpu["name"], gpu["memory"], gpu["ecc"], gpu["range"])
        for gpu in scanned["gpus"]
    ] == [
        (GPU, "NVIDIA A40", "46068", "on", "3..7"),
        ("0000:c1:00.0", "NVIDIA H100 PCIe", "81559", "off", "3..7"),
    ]
    found = {each["address"]: each for each in scanned["endpoints"]}
    mdev, function = found[MDEV], found[FUNCTION]
    assert (mdev["gpu"], function["gpu"]) == (GPU, "0000:c1:00.0")
    assert mdev["vgpu_metadata"]
    assert function["vgpu_metadata"]
    assert mdev["facts"]["guest"] == "5"
    assert "guest" not in function["facts"]
    assert mdev["facts"]["platform"] == "rhel-9.6"
    assert function["facts"]["vgpu_type_name"] == "NVIDIA H100-1-10C"
    assert (mdev["in_use"], function["in_use"]) == (True, True)
    assert found["0000:c1:00.5/830"]["gpu"] == "0000:c1:00.0"


COMPARE = """
import ctypes, pynvml, sys
library = ctypes.CDLL(sys.argv[1])
assert library.nvmlInitWithFlags(0) == 0
def metadata(call, whose):
    size, data = ctypes.c_uint(8192), ctypes.create_string_buffer(8192)
    assert getattr(library, call)(whose, data, ctypes.byref(size)) == 0
    return data
vgpus = [metadata("nvmlVgpuInstanceGetMetadata", ctypes.c_uint(n)) for n in (1, 2)]
for index in (0, 1):
    gpu = ctypes.c_void_p()
    assert library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(gpu)) == 0
    of_gpu = metadata("nvmlDeviceGetVgpuMetadata", gpu)
    for vgpu in vgpus:
        found = (ctypes.c_uint * 2)()
        assert library.nvmlGetVgpuCompatibility(vgpu, of_gpu, found) == 0
        print(*found)
"""


@pytest.mark.usefixtures("_processes")
def test_gpus_load_vgpus_of_what_they_accept(host: Host) -> None:
    there = host(SPEC) / LIBRARY
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, there],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["15 0", "1 4", "1 4", "15 0"]


# ---- how it comes to who asks --------------------------------------------------------


@pytest.mark.usefixtures("mountpoint")
def test_a_command_has_the_library_of_its_host(
    tmp_path: Path, run_process: RunProcess
) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(f"schema = 1\n{SPEC}")
    program = shlex.join([sys.executable, "-m", "vfiocompat", "list"])
    said = run_process(f"simulate {file} -- {program} --format json")
    gpus = json.loads(said.stdout)["gpus"]
    assert [each["address"] for each in gpus] == [GPU, "0000:c1:00.0"]


def test_where_the_library_is_is_told(simulate: Simulate) -> None:
    simulation = simulate(f"schema = 1\n{SPEC}", "--format", "json")
    document = json.loads(simulation.line)
    assert document["gpus"] == 2
    assert document["nvml"] == str(simulation.root / LIBRARY)
    assert (simulation.root / LIBRARY).read_bytes().startswith(b"\x7fELF")


def test_where_the_library_is_is_said(simulate: Simulate) -> None:
    simulation = simulate(f"schema = 1\n{SPEC}")
    assert simulation.line == (
        "serving 1 parent, 1 type, 1 mdev, 2 functions, 2 GPUs at "
        f"{simulation.root}/sys; VFIOCOMPAT_NVML={simulation.root}/{LIBRARY} "
        "(Ctrl-C ends)\n"
    )


def test_without_a_compiler_it_is_said_what_to_do(
    mountpoint: Path,
    tmp_path: Path,
    run_process: RunProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CC", "/no/such")
    file = tmp_path / "spec.toml"
    file.write_text(f"schema = 1\n{SPEC}")
    said = run_process(f"simulate {file} {mountpoint}", exit_code=4)
    assert "simulated GPUs need a C compiler: cannot run /no/such" in said.stderr
    assert "apt install gcc" in said.stderr
    assert not os.path.ismount(mountpoint)


# ---- mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        (
            'nvml = { driver = "580.65.06", range = [3, 7] }',
            "",
            "nvml: is missing: GPUs are told of by NVIDIA's library",
        ),
        ("range = [3, 7]", "range = [7, 3]", "nvml.range: 7 is above 3"),
        (
            "range = [3, 7]",
            "range = [3, 4294967296]",
            "nvml.range[1]: expected `int` <= 4294967295",
        ),
        ("580.65.06", "x" * 80, "nvml.driver: longer than 79 characters"),
        (
            'ID = "rhel"',
            "ID = '''r\\'''",
            "os_release.ID: not a line that os-release(5) can have",
        ),
        ('"NVIDIA A40"', '"caf\u00e9"', "gpu[0].name: not printable ASCII"),
        (
            '"NVIDIA A40"',
            '"A40 [48]"',
            "gpu[0].name: a pattern reads '[' as another character",
        ),
        ('"NVIDIA A40"', '"A40 "', "gpu[0].name: not printable ASCII"),
        (
            'address = "0000:c1:00.0"',
            f'address = "{GPU}"',
            f"gpu[1].address: '{GPU}' is there already",
        ),
        (
            f'address = "{GPU}"',
            'address = "41:00.0"',
            "gpu[0].address: '41:00.0' is not a PCI address (0000:3b:00.0)",
        ),
        (
            '["580.*"]',
            '[""]',
            "gpu[1].accepts_drivers[0]: not printable ASCII",
        ),
        (
            f'physical = "{GPU}"',
            'physical = "0000:42:00.0"',
            "parent[0].physical: no other PCI device is '0000:42:00.0'",
        ),
        (
            f'physical = "{GPU}"',
            f'physical = "{MDEV_FUNCTION}"',
            f"parent[0].physical: no other PCI device is '{MDEV_FUNCTION}'",
        ),
        (
            '"NVIDIA A40-8Q"',
            f'"{"x" * 64}"',
            "parent[0].type[0].name: longer than 63 characters",
        ),
        (
            '"580.65.05", guest_version = 5',
            '"580.65.05"',
            "parent[0].mdev[0].vm: guest_driver and guest_version go together",
        ),
        (
            f'vm = {{ uuid = "{VM}" }}',
            'vm = { uuid = "web" }',
            "function[0].vm.uuid: 'web' is not a UUID in lower case",
        ),
        (
            "current = 830",
            "current = 0",
            "function[0].vm: nvidia.current is 0: it is no vGPU",
        ),
        (
            re.search("nvidia = .*current = 830 }", SPEC)[0],  # type: ignore[index]
            "",
            "function[0].vm: it has no VFIO device that could be open",
        ),
    ],
)
def test_a_mistake_has_its_key(
    tmp_path: Path, old: str, new: str, mistake: str
) -> None:
    assert old in SPEC
    assert wrong(tmp_path, f"schema = 1\n{SPEC.replace(old, new, 1)}")[0] == mistake


@pytest.mark.parametrize(
    ("gpu", "mistake"),
    [
        ("pci = { vendor = 1, device = 2 }", "gpu[0].pci: stands at the parent"),
        ('driver = "nouveau"', "gpu[0].driver: stands at the parent"),
    ],
)
def test_a_gpu_that_is_a_parent_is_described_there(
    tmp_path: Path, gpu: str, mistake: str
) -> None:
    text = (
        'schema = 1\nnvml = { driver = "535", range = [1, 2] }\n'
        f'[[gpu]]\naddress = "{GPU}"\nname = "T4"\nmemory = 1\n{gpu}\n'
        f'[[parent]]\nname = "{GPU}"\n'
    )
    assert wrong(tmp_path, text) == [f"{mistake} or function of that address"]


def test_there_are_no_more_than_the_library_has_room_for(tmp_path: Path) -> None:
    gpus = "".join(
        f'[[gpu]]\naddress = "0000:{at:02x}:00.0"\nname = "A"\nmemory = 1\n'
        for at in range(65)
    )
    types = ", ".join(f'{{ id = "nvidia-{at}" }}' for at in range(257))
    text = (
        'schema = 1\nnvml = { driver = "1", range = [1, 1] }\n'
        f'{gpus}[[parent]]\nname = "p"\ntype = [{types}]\n'
    )
    assert wrong(tmp_path, text) == [
        "gpu: more than 64",
        "nvml: more than 256 vGPU types",
    ]


def test_a_vm_may_have_a_device_of_any_vendor(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(
        'schema = 1\n[[function]]\naddress = "0000:03:00.1"\ndriver = "mlx5_vfio_pci"\n'
        f'vm = {{ uuid = "{VM}" }}\n'
    )
    host = SimulatedHost(load(str(file)))
    assert link(host, "proc/1000/fd/0") == "/dev/vfio/0"


# ---- any specification ---------------------------------------------------------------

TELL = """
import ctypes, json, pynvml as n, sys
n.nvmlLib = ctypes.CDLL(sys.argv[1])
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(at) for at in range(n.nvmlDeviceGetCount())]
print(json.dumps([
    n.nvmlSystemGetDriverVersion(),
    n.nvmlGetVgpuVersion()[1],
    [n.nvmlDeviceGetName(gpu) for gpu in gpus],
    [n.nvmlDeviceGetMemoryInfo(gpu).total >> 20 for gpu in gpus],
    [
        [f(v) for f in (n.nvmlVgpuInstanceGetMdevUUID,
                        n.nvmlVgpuInstanceGetVmDriverVersion)]
        for gpu in gpus for v in n.nvmlDeviceGetActiveVgpus(gpu)
    ],
    [
        n.nvmlGetVgpuCompatibility(
            n.nvmlVgpuInstanceGetMetadata(vgpu), n.nvmlDeviceGetVgpuMetadata(gpu)
        ).compatibilityLimitCode
        for gpu in gpus for vgpu in n.nvmlDeviceGetActiveVgpus(gpu)
    ],
]))
"""
TEXT = st.from_regex(r"[!-~]([ -~]{0,60}[!-~])?", fullmatch=True)
NAME = TEXT.filter(lambda name: not set("*?[\\") & set(name))
VERSION = st.integers(1, 2**32 - 1)


@pytest.mark.usefixtures("_processes")
@settings(max_examples=25)
@given(
    drivers=st.tuples(TEXT, TEXT),
    names=st.lists(NAME, min_size=1, max_size=3),
    memory=st.integers(1, 2**40),
    versions=st.tuples(VERSION, VERSION).map(sorted),
)
def test_the_library_understands_all_that_is_no_mistake(
    library_file: Path,
    drivers: tuple[str, str],
    names: list[str],
    memory: int,
    versions: list[int],
) -> None:
    gpus = tuple(
        Gpu(address=f"0000:{at:02x}:00.0", name=name, memory=memory)
        for at, name in enumerate(names)
    )
    driver, guest_driver = drivers
    low, high = versions
    vm = Vm(uuid=VM, guest_driver=guest_driver, guest_version=high)
    spec = Spec(schema=1, nvml=Nvml(driver=driver, range=(low, high)), gpu=gpus)
    assert mistakes(spec) == []
    assert spec.nvml is not None
    running = [Running(gpus[0].address, 1, MDEV, vm)]
    said = specification(spec, spec.nvml, running)
    library_file.with_name(f"{library_file.name}.spec").write_text(said)
    done = subprocess.run(
        [sys.executable, "-c", TELL, library_file],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == [
        driver,
        [low, high],
        names,
        [memory] * len(names),
        [[MDEV, guest_driver]],
        [0],
    ]


@pytest.fixture(scope="module")
def library_file(_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "library.so"
    path.write_bytes(library())
    return path
