# SPDX-License-Identifier: Apache-2.0
"""The layout: who may import whom, and what a command may load."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vfiocompat"

GUIDE = (PACKAGE.parent / "CONTRIBUTING.md").read_text()


def spine() -> list[str]:
    """Read the table of the guide: modules and wings, in the order they may import."""
    rows = re.findall(r"^\| (`.*?) \|", GUIDE.partition("## Words")[0], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([a-z]+)(?:\.py|/)`", row)]


LAYERS = ["__init__", *spine(), "__main__"]
"""What may be imported: only what stands before."""


def lines(wing: Path) -> list[list[str]]:
    """Read the map of a wing: its modules, in the order in which they may import.

    Those that stand in one line import none of each other.
    """
    text = (ast.get_docstring(ast.parse(wing.read_text())) or "").splitlines()
    names = re.compile(r"([a-z]+(?:, [a-z]+)*)(?:  +\S.*)?")
    found = [match[1] for line in text if (match := names.fullmatch(line))]
    return [line.split(", ") for line in found]


MAPS = {
    str(path.parent.relative_to(PACKAGE)): lines(path)
    for path in sorted(PACKAGE.glob("*/**/__init__.py"))
    if path.parent.name != "commands"
}
"""What may be imported within each wing, by the map in its `__init__`."""

WINGS = {wing: [name for line in map_ for name in line] for wing, map_ in MAPS.items()}

PURE = [
    "said",
    "codes",
    "errors",
    "versions",
    "times",
    "diagnostics",
    "addresses",
    "endpoints",
    *(f"nvidia/{name}" for name in WINGS["nvidia"]),
    "contradictions",
    "inventory",
    "verdicts",
    *(f"decision/{name}" for name in WINGS["decision"]),
    "tables/facts",
    "tables/heads",
    "tables/judge",
    "tables/shelf",
    "tables/lacking",
    *(f"tables/language/{name}" for name in WINGS["tables/language"]),
    "fleet/classes",
    "fleet/moves",
    "fleet/report",
    "doctor/found",
    "doctor/kernel",
    "doctor/devices",
    "vm/model",
    "vm/besides",
    "vm/qemuargs",
    "vm/aliases",
    "vm/attachments",
    "vm/manifest",
    "vm/domain",
    "vm/interfaces",
    "vm/releases",
    "vm/refusals",
    "vm/blockers",
    "vm/seats",
    "vm/matching",
    "vm/room",
    "vm/instances",
    "vm/migration",
    "vm/hosts",
    "vm/plan",
    "vm/report",
]


def imports(path: Path) -> set[str]:
    """Name every module that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {str(node.module)} | {
                f"{node.module}.{alias.name}" for alias in node.names
            }
    return found


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_its_place() -> None:
    assert {part(path) for path in modules()} == set(LAYERS)


def test_few_modules_lie_beside_the_wings() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 20


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.name))
def test_a_module_can_be_read_in_one_go(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.name))
def test_imports_only_point_down(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return  # it loads the interface when that is used: see the test below
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "vfiocompat" and len(parts) > 1 and parts[1] in LAYERS:
            assert LAYERS.index(parts[1]) <= LAYERS.index(part(path)), name


@pytest.mark.parametrize("wing", WINGS)
def test_a_wings_map_names_all_that_is_in_it(wing: str) -> None:
    folder = PACKAGE / wing
    here = {path.stem for path in folder.glob("[!_]*.py")}
    here |= {path.parent.name for path in folder.glob("*/__init__.py")}

    assert sorted(WINGS[wing]) == sorted(here)


@pytest.mark.parametrize(
    ("wing", "name"), [(wing, name) for wing, names in WINGS.items() for name in names]
)
def test_imports_within_a_wing_only_point_up_its_map(wing: str, name: str) -> None:
    at = next(number for number, line in enumerate(MAPS[wing]) if name in line)
    before = [each for line in MAPS[wing][:at] for each in line]
    prefix = ["vfiocompat", *wing.split("/")]
    alone = PACKAGE / wing / f"{name}.py"
    for path in [alone] if alone.exists() else (PACKAGE / wing / name).rglob("*.py"):
        for target in imports(path):
            *package, module = target.split(".")[: len(prefix) + 1]
            if package == prefix and module in WINGS[wing]:
                assert module in {*before, name}, target


OF_ALL_COMMANDS = {
    "arguments",
    "classes",
    "completion",
    "help",
    "options",
    "scans",
    "settings",
    "streaming",
}


def test_a_command_imports_no_other_command() -> None:
    for path in (PACKAGE / "commands").glob("[!_]*.py"):
        used = {
            each.split(".")[2]
            for each in imports(path)
            if each.startswith("vfiocompat.commands.")
        }
        assert used <= OF_ALL_COMMANDS


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_do_no_io(name: str) -> None:
    banned = {"os", "sys", "pathlib", "subprocess", "click", "rich", "threading"}

    assert not banned & imports(PACKAGE / f"{name}.py")


@pytest.mark.parametrize(
    ("library", "user"),
    [
        ("rich", "output/terminal.py"),
        ("jinja2", "output/report/page.py"),
        ("mfusepy", "simulate/server.py"),
        ("networkx", "vm/matching.py"),
        ("pynvml", "host/nvml/library.py"),
        ("qemu.qmp", "vm/qmp.py"),
    ],
)
def test_a_heavy_library_has_one_user(library: str, user: str) -> None:
    loads = re.compile(rf"(import|from) {library}\b|import_module\(\"{library}\"")
    using = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        if loads.search(path.read_text())
    ]

    assert [user] == using


def test_xml_is_read_in_one_place() -> None:
    """The parser's options keep hostile XML out: nobody else is to parse any."""
    parsing = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        if re.search(
            r"XMLParser|fromstring|minidom|\bxml\.(etree|sax|dom)", path.read_text()
        )
    ]
    assert parsing == ["vm/domain.py"]


def loaded_by(*line: str) -> set[str]:
    """Run the program, and give the names of the modules that it has loaded.

    Its children are forked, and so load nothing that it does not, but for what they
    import themselves: they leave a list of their own. The program does not wait for
    them; we have to.
    """
    program = (
        "import contextlib, os, sys\n"
        "leave = os._exit\n"
        "def tell(code):\n"
        "    sys.stderr = open(os.environ['MODULES'], 'a')\n"
        "    print(*sys.modules, file=sys.stderr, flush=True)\n"
        "    leave(code)\n"
        "os._exit = tell\n"
        "from vfiocompat.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "sys.stdout.flush()\n"
        "with contextlib.suppress(ChildProcessError):\n"
        "    while True:\n"
        "        os.wait()\n"
        "tell(code)\n"
    )
    with tempfile.NamedTemporaryFile("r") as told:
        subprocess.run(
            [sys.executable, "-c", program, *line],
            env=os.environ | {"MODULES": told.name},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        lines = told.read().splitlines()
    by_files = any(each.startswith("inventory:") for each in line)
    expected = 2 if line[0] in {"get", "check"} and not by_files else 1
    assert len(lines) >= expected, "a process has not told what it loaded"
    return {name for told_line in lines for name in told_line.split()}


@pytest.fixture
def four_types(tmp_path: Path) -> Path:
    """Make a host with four types, of plain files."""
    device = tmp_path / "sys/devices/pci0000:00/0000:00:02.0"
    for number in range(4):
        folder = device / f"mdev_supported_types/acme-{number}"
        folder.mkdir(parents=True)
        (folder / "device_api").write_text("vfio-pci\n")
        (folder / "available_instances").write_text("1\n")
        (folder / "version").write_text(f"8086-{number}\n")
    bus = tmp_path / "sys/class/mdev_bus"
    bus.mkdir(parents=True)
    (bus / "0000:00:02.0").symlink_to("../../devices/pci0000:00/0000:00:02.0")
    return tmp_path


SLOW = {"rich", "importlib.metadata", "asyncio", "tomllib", "json", "packaging"}


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "line",
    [
        ("get", "0000:00:02.0/acme-1"),
        ("get",),
        ("get", "--format", "json"),
        ("check", "0000:00:02.0/acme-1", "version:1ac1-x"),
    ],
    ids=" ".join,
)
def test_getting_a_string_loads_nothing_slow(
    four_types: Path, line: tuple[str, ...]
) -> None:
    """A management layer calls this for each device; rich alone doubles the time."""
    loaded = loaded_by(*line, "--sysroot", str(four_types))

    assert "vfiocompat.host.sysfs" in loaded
    # Tables are looked at beside every driver's answer.
    allowed = {"tomllib"} if line[0] == "check" else set()
    assert not (SLOW - allowed) & loaded
    assert "locale" not in loaded  # click looks for translations of its own options


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "line",
    [
        ("get", "0000:00:02.0/acme-1"),
        ("get", "--format", "json"),
        ("list",),
        ("list", "--format", "json"),
    ],
    ids=" ".join,
)
def test_what_reads_no_table_loads_nothing_of_tables(
    four_types: Path, line: tuple[str, ...]
) -> None:
    loaded = loaded_by(*line, "--sysroot", str(four_types))

    assert not {name for name in loaded if name.startswith("vfiocompat.tables")}


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("get", "0000:00:02.0/acme-1"), ("get",)),
        (("list",), ("list",)),
        (
            ("check", "0000:00:02.0/acme-1", "version:1ac1-x"),
            ("check", "errors", "pairs", "wayout"),
        ),
    ],
    ids=["get", "list", "check"],
)
def test_a_command_loads_no_other_ones_document(
    four_types: Path, line: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    loaded = loaded_by(*line, "--sysroot", str(four_types))

    output = {name for name in loaded if name.startswith("vfiocompat.output.")}
    alike = {"json", "spans", "text", "visible"}
    assert output == {f"vfiocompat.output.{name}" for name in alike.union(expected)}


@pytest.mark.usefixtures("_processes")
def test_getting_one_string_loads_no_other_question_of_a_host(four_types: Path) -> None:
    loaded = loaded_by("get", "0000:00:02.0/acme-1", "--sysroot", str(four_types))

    others = {"sysfs.survey", "sysfs.use", "sysfs.questions", "vfio"}
    assert not {f"vfiocompat.host.{name}" for name in others} & loaded


MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001"
VGPU = "83b8f4f2-509f-382f-3c1e-e6bfe0fa4001"
VGPU_TYPE = "0000:41:00.5/nvidia-557"
OF_NVML = "vfiocompat.host.nvml", "vfiocompat.host.sysfs.gpus", "pynvml"


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "line", [("list",), ("check", "0000:00:02.0/acme-1", "version:1ac1-x")]
)
def test_a_host_without_nvidias_devices_loads_nothing_of_its_library(
    four_types: Path, line: tuple[str, ...]
) -> None:
    loaded = loaded_by(*line, "--sysroot", str(four_types))

    assert not {name for name in loaded if name.startswith(OF_NVML)}


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    ("fleet", "source", "destination", "loads"),
    [
        ("fleet", ("node-a", MDEV), ("node-b", "0000:41:00.0/acme-slice1"), False),
        ("gpu-fleet", ("gpu-b", VGPU_TYPE), ("gpu-d", VGPU_TYPE), False),
        ("gpu-fleet", ("gpu-a", VGPU), ("gpu-d", VGPU_TYPE), True),
    ],
    ids=["others", "no vGPU runs", "metadata"],
)
def test_only_metadata_of_both_sides_load_what_asks_about_it(
    monkeypatch: pytest.MonkeyPatch,
    fleet: str,
    source: tuple[str, str],
    destination: tuple[str, str],
    *,
    loads: bool,
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_NVML", "/nonexistent/libnvidia-ml.so.1")
    folder = PACKAGE.parent / "examples" / fleet
    ends = [
        f"inventory:{folder}/{host}.json#{at}" for host, at in (source, destination)
    ]
    loaded = loaded_by("check", *ends)

    assert bool({name for name in loaded if name.startswith(OF_NVML)}) is loads


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_no_command(option: str) -> None:
    loaded = loaded_by(option)

    commands = {name for name in loaded if name.startswith("vfiocompat.commands.")}
    assert commands <= {f"vfiocompat.commands.{name}" for name in OF_ALL_COMMANDS}
    assert not SLOW & loaded


FLEET = str(PACKAGE.parent / "examples/fleet/node-a.json")


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    ("line", "own"),
    [
        (("matrix", FLEET), set()),
        (("report", FLEET, "--format", "json"), {"answer", "document", "parts"}),
    ],
    ids=["matrix", "report"],
)
def test_only_a_page_loads_what_writes_one(
    line: tuple[str, ...], own: set[str]
) -> None:
    loaded = loaded_by(*line)

    assert not {name for name in loaded if name.partition(".")[0] == "jinja2"}
    prefix = "vfiocompat.output.report."
    assert {name.removeprefix(prefix) for name in loaded if prefix in name} == own
