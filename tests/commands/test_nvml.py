# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's driver says decides: now, between inventories, and as recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.machines import domain
from tests.nvml.fake import (
    COLD,
    GPU_IS_LOST,
    GUEST_DRIVER,
    HIBERNATE,
    HOST_DRIVER,
    LIVE,
    NO_PERMISSION,
    NOT_SUPPORTED,
    OTHER,
    SLEEP,
    gpu,
    mdev_of,
    vgpu,
)
from tests.nvml.fake import GPU as OF_GPU
from tests.nvml.hosts import OTHER as FUNCTION
from tests.nvml.hosts import VIRTUAL, make_host, tell_boards
from vfiocompat.output.check import CheckDocument

if TYPE_CHECKING:
    from tests.conftest import Run
    from tests.nvml.fake import Fake

pytestmark = pytest.mark.usefixtures("_processes")

MDEV = mdev_of(1)
TYPE = f"{VIRTUAL}/nvidia-557"
SOURCE = f"inventory:a.json#{MDEV}"


def host(first: str = "", running: str = "", *more: str) -> str:
    """Specify a host's GPUs: the first one, with a vGPU, and another one."""
    return "\n".join(
        [*more, gpu(0x41, first) + vgpu(1, running), gpu(0x42), vgpu(2, "type 558")]
    )


class Hosts(Protocol):
    """Makes hosts a, of the source, and b, and lets this be one of them."""

    def __call__(self, a: str = "", b: str = "", *, ask: bool = False) -> None: ...


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a host whose boards are known, and stand beside it."""
    root = make_host(tmp_path / "root")
    tell_boards(root)
    for name, text in (
        ("etc/machine-id", "a" * 32),
        ("proc/sys/kernel/osrelease", "6.12.0"),
        ("sys/module/nvidia/version", "550.54.16"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", str(root))
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def hosts(here: Path, nvidia: Fake, run: Run, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Scan two hosts; the library is that of the second one then."""
    del here  # it has to be there

    def make(a: str = "", b: str = "", *, ask: bool = False) -> None:
        monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(a or host()))
        run("scan --host a -o a.json")
        monkeypatch.setenv("VFIOCOMPAT_NVML", nvidia(b or host()))
        run("scan --host b -o b.json" + (" --ask a.json" if ask else ""))

    return make


def result(run: Run, line: str, exit_code: int) -> dict[str, Any]:
    found = run(f"check {line} --format json --timeout 1.5", exit_code=exit_code)
    found.document(CheckDocument)
    [pair] = found.json["results"]
    return pair  # type: ignore[no-any-return]


def said(pair: dict[str, Any]) -> tuple[str, str, str | None]:
    return pair["verdict"], pair["basis"], pair["channel"]


def codes(pair: dict[str, Any]) -> list[str]:
    return [each["code"] for each in pair["diagnostics"]]


EXITS = {"compatible": 0, "incompatible": 1, "undetermined": 3}
LEFT = COLD | HIBERNATE
ECC_OFF = host("ecc off")


def compared(states: int, limits: int) -> str:
    return host("", "", f"compatibility * * {states} {limits}")


ROWS = {
    "live": ("", compared(LIVE, 0), "compatible", "driver", "VFC170"),
    "host driver": (
        "",
        compared(LEFT, HOST_DRIVER),
        "incompatible",
        "driver",
        "VFC171",
    ),
    "guest": ("", compared(LEFT, GUEST_DRIVER), "incompatible", "driver", "VFC172"),
    "gpu": ("", compared(LEFT, OF_GPU), "incompatible", "driver", "VFC173"),
    "other": ("", compared(0, OTHER), "incompatible", "driver", "VFC174"),
    "no guest": (host("", "guest-state 0"), "", "undetermined", "none", "VFC175"),
    "no guest, ecc": (
        host("", "guest-state 0"),
        ECC_OFF,
        "incompatible",
        "table",
        "VFC175",
    ),
    "the vGPU migrates not": (
        host("", "caps 0"),
        "",
        "incompatible",
        "none",
        "VFC176",
    ),
    "the GPU migrates not": ("", host("caps 0"), "incompatible", "none", "VFC176"),
    "ecc": ("", ECC_OFF, "undetermined", "driver", "VFC205"),
    "ecc is not known": ("", host("ecc none"), "compatible", "driver", "VFC170"),
}
"""Rows of what is decided: both hosts, the verdict, its basis, and a code."""


@pytest.mark.parametrize("row", ROWS)
def test_now_and_between_inventories(run: Run, hosts: Hosts, row: str) -> None:
    a, b, verdict, basis, code = ROWS[row]
    hosts(a, b)
    for destination in (TYPE, f"inventory:b.json#{TYPE}"):
        found = result(run, f"{SOURCE} {destination}", EXITS[verdict])

        channel = "nvml" if basis == "driver" else None
        assert said(found) == (verdict, basis, channel)
        assert code in codes(found)


@pytest.mark.parametrize("row", ROWS)
def test_as_it_was_recorded(
    run: Run, hosts: Hosts, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    """On a host without the library."""
    a, b, verdict, basis, code = ROWS[row]
    hosts(a, b, ask=True)
    monkeypatch.delenv("VFIOCOMPAT_NVML")
    found = result(run, f"{SOURCE} inventory:b.json#{TYPE}", EXITS[verdict])

    by_driver = basis == "driver"
    expected = ("recorded", "nvml") if by_driver else (basis, None)
    assert said(found) == (verdict, *expected)
    assert code in codes(found)


def test_what_is_left_is_told_and_recorded(run: Run, hosts: Hosts) -> None:
    hosts("", compared(COLD | SLEEP, HOST_DRIVER | OF_GPU), ask=True)
    found = result(run, f"{SOURCE} {TYPE}", 1)

    assert codes(found)[:2] == ["VFC171", "VFC173"]
    left = "the VM can be moved there while it is shut down or asleep"
    assert found["diagnostics"][0]["detail"] == left
    answers = [
        answer
        for each in recorded()["endpoints"]
        if each["address"] == TYPE
        for answer in each["answers"]
        if "host-driver" in answer["limits"]
    ]
    assert len(answers) == 1
    assert answers[0]["channel"] == "nvml"
    assert answers[0]["version"] is None
    assert answers[0]["limits"] == ["host-driver", "gpu"]
    assert answers[0]["left"] == ["cold", "sleep"]


@pytest.mark.parametrize(
    "fault", [f"error {NOT_SUPPORTED}", f"error {GPU_IS_LOST}", "crash", "hang"]
)
def test_no_answer_leaves_it_open_and_a_tables_no_stands(
    run: Run, hosts: Hosts, fault: str
) -> None:
    hosts("", host("", "", f"compatibility * * {fault}"))
    for destination in (TYPE, f"inventory:b.json#{TYPE}"):
        found = result(run, f"{SOURCE} {destination}", 3)
        assert said(found) == ("undetermined", "driver", "nvml")
        assert "VFC177" in codes(found)


def test_no_answer_is_recorded_as_none(
    run: Run, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = f"compatibility * * error {NOT_SUPPORTED}"
    hosts("", host("", "", fault), ask=True)
    monkeypatch.delenv("VFIOCOMPAT_NVML")

    found = result(run, f"{SOURCE} inventory:b.json#{TYPE}", 3)
    assert said(found) == ("undetermined", "recorded", "nvml")


def test_a_tables_no_stands_beside_no_answer(run: Run, hosts: Hosts) -> None:
    fault = f"compatibility * * error {NOT_SUPPORTED}"
    hosts("", host("ecc off", "", fault))

    found = result(run, f"{SOURCE} {TYPE}", 1)
    assert said(found) == ("incompatible", "table", "nvml")
    assert "VFC177" in codes(found)


def test_without_permission_it_could_not_be_asked(run: Run, hosts: Hosts) -> None:
    hosts("", host("", "", f"compatibility * * error {NO_PERMISSION}"), ask=True)
    for destination in (TYPE, f"inventory:b.json#{TYPE}"):
        found = result(run, f"{SOURCE} {destination}", 4)
        assert said(found) == ("undetermined", "none", None)
        assert codes(found)[0] == "VFC178"
    problems = recorded()["problems"]
    assert [each["code"] for each in problems] == ["VFC178"]


def test_without_metadata_of_a_side_the_table_decides(
    run: Run, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts()
    idle = f"inventory:a.json#{TYPE}"
    found = result(run, f"{idle} {TYPE}", 3)
    assert said(found) == ("undetermined", "table", None)
    assert "VFC179" in codes(found)

    monkeypatch.delenv("VFIOCOMPAT_NVML")
    found = result(run, f"{SOURCE} {TYPE}", 3)
    assert found["channel"] is None


def test_with_table_only_nothing_is_asked(run: Run, hosts: Hosts) -> None:
    hosts("", compared(0, OTHER))
    found = result(run, f"{SOURCE} {TYPE} --table-only", 0)
    assert said(found) == ("compatible", "table", None)


def test_another_type_is_incompatible_whatever_the_driver_says(
    run: Run, hosts: Hosts
) -> None:
    hosts()
    found = result(run, f"{SOURCE} {FUNCTION}", 1)

    assert said(found) == ("incompatible", "driver", "nvml")
    assert "VFC180" in codes(found)


def test_every_command_agrees(run: Run, hosts: Hosts) -> None:
    """Between inventories, while a library is here."""
    hosts("", compared(0, OTHER))
    pair = result(run, f"{SOURCE} inventory:b.json#{TYPE}", 1)
    assert codes(pair)[0] == "VFC174"

    found = run(f"targets {SOURCE} b.json --format json", exit_code=1).json
    assert found["counts"]["compatible"] == 0
    here = run(f"targets {SOURCE} here --format json", exit_code=1).json
    assert here["counts"]["compatible"] == 0
    cells = run("matrix a.json b.json --format json").json["cells"]
    assert "VFC174" in {code for cell in cells for code in cell["codes"]}


def test_a_target_that_only_the_driver_takes_is_named(run: Run, hosts: Hosts) -> None:
    """A table refuses another manager, and the driver says yes."""
    other = host("", "", "driver 580.82.02", f"compatibility * * {LIVE} 0")
    hosts("", other)
    for fleet in ("b.json", "here"):
        found = run(f"targets {SOURCE} {fleet} --format json").json
        named = {each["destination"]["address"] for each in found["results"]}
        assert TYPE in named
        assert found["counts"]["compatible"]


def test_a_scan_asks_no_more_than_it_may_and_not_again(run: Run, hosts: Hosts) -> None:
    hosts()
    for limit, expected in ((0, 0), (1, 1), (9, 1)):
        run(f"scan --host b -o b.json --ask a.json --ask-limit {limit}")
        assert len(questions()) == expected
    first = recorded()
    for each in first["endpoints"]:
        for answer in each["answers"]:
            answer["asked_at"] = "2026-11-01T00:00:00Z"
    Path("b.json").write_text(json.dumps(first))
    run("scan --host b -o b.json --ask a.json")
    assert [each["answers"] for each in first["endpoints"]] == [
        each["answers"] for each in recorded()["endpoints"]
    ]


def recorded() -> dict[str, Any]:
    """Read the inventory of the second host."""
    return json.loads(Path("b.json").read_text())  # type: ignore[no-any-return]


def questions() -> set[str]:
    return {
        answer["question"]
        for each in recorded()["endpoints"]
        for answer in each["answers"]
    }


def test_answers_about_vgpus_that_are_gone_are_dropped(
    run: Run, hosts: Hosts, nvidia: Fake
) -> None:
    hosts(ask=True)
    [before] = questions()
    nvidia(host("", "guest-version 6"))
    run("scan --host a -o a.json")
    run("scan --host b -o b.json --ask a.json")

    [after] = questions()
    assert after != before


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        (f"check {SOURCE} {TYPE}", 3),
        (f"targets {SOURCE} here", 3),
        ("vm domain:web.xml here --from a.json", 3),
        (f"get --derive {MDEV}", 0),
        (f"get --derive {TYPE} {MDEV}", 0),
    ],
)
def test_a_gpu_that_is_lost_is_a_problem(
    run: Run, hosts: Hosts, line: str, exit_code: int
) -> None:
    hosts("", host("lost 3"))
    Path("web.xml").write_text(domain(MDEV))
    found = run(f"{line} --format json", exit_code=exit_code)

    assert [(each["path"], each["errno"]) for each in found.json["problems"]] == [
        ("0000:41:00.0", "GPU_IS_LOST")
    ]
    assert found.stderr.count("VFC188") == 1
    assert "VFC188" in run(line, exit_code=exit_code).stderr


@pytest.mark.parametrize(
    "line", ["list", f"get --derive {MDEV}", f"check {MDEV} {TYPE}"]
)
def test_that_there_is_no_library_only_v_tells(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    del here
    monkeypatch.setenv("VFIOCOMPAT_NVML", "/nonexistent/libnvidia-ml.so.1")
    exit_code = 3 if line.startswith("check") else 0
    assert "VFC183" not in run(line, exit_code=exit_code).stderr
    assert "VFC183" in run(f"{line} -v", exit_code=exit_code).stderr


def test_a_recorded_answer_says_how_old_it_is(
    run: Run, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts(ask=True)
    monkeypatch.delenv("VFIOCOMPAT_NVML")
    line = run(f"check {SOURCE} inventory:b.json#{TYPE}").stdout.splitlines()[0]
    assert "(by a recorded answer of the driver, " in line
    assert line.endswith(" s old)")


# ---- what is stated ------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"check {SOURCE} {TYPE} --fact ecc=off",
        f"check {SOURCE} {TYPE} --destination-fact ecc=off",
        f"check {MDEV} inventory:b.json#{TYPE} --fact ecc=off",
        f"check {MDEV} inventory:b.json#{TYPE} --destination-fact ecc=off",
        f"targets {MDEV} here --fact ecc=off",
        f"get --derive {MDEV} --fact ecc=off",
    ],
)
def test_an_option_must_not_state_what_the_library_denies(
    run: Run, hosts: Hosts, line: str
) -> None:
    hosts()
    told = run(line, exit_code=2).stderr
    assert "ecc: 'off' is stated, NVIDIA's library says 'on'" in told
    run(line.replace("ecc=off", "ecc=on"))


@pytest.mark.parametrize(
    "line",
    [
        f"check {MDEV} {TYPE}",
        f"check {SOURCE} {TYPE}",
        f"check {MDEV} inventory:b.json#{TYPE}",
        f"targets {MDEV} here",
        f"targets {MDEV} b.json --same-host",
        "vm domain:web.xml here --from a.json",
        f"get --derive {MDEV}",
        "get --derive",
        "scan --host c",
    ],
)
def test_of_a_file_the_library_counts_and_the_file_is_named(
    run: Run, hosts: Hosts, site: Path, line: str
) -> None:
    """Whichever side it is about."""
    hosts()
    Path("web.xml").write_text(domain(MDEV))
    site.write_text('schema = 1\n[driver.nvidia]\necc = "off"\nboard = "A40"\n')
    result = run(f"{line} --format json", exit_code=4)

    problems = [each["path"] for each in result.json["problems"]]
    assert problems == [str(site)]
    assert f"{site}: NVIDIA's library says otherwise" in result.stderr
    assert "'off' is stated, NVIDIA's library says 'on'" in result.stderr
    assert "'A40' is stated, NVIDIA's library says 'NVIDIA A40'" in result.stderr
    assert "ecc=off" not in result.stdout


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path of a file of the site's facts."""
    (tmp_path / "etc/facts.d").mkdir(parents=True)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "etc"))
    return tmp_path / "etc/facts.d/gpus.toml"


def test_what_a_file_states_and_sysfs_denies_is_its_mistake(
    run: Run, hosts: Hosts, site: Path
) -> None:
    hosts()
    site.write_text('schema = 1\n[driver.nvidia]\necc = "off"\ndevice_id = "1"\n')
    told = run(f"check {MDEV} {TYPE}", exit_code=4).stderr
    assert "device_id: '1' is stated, sysfs says '0x2235'" in told
    assert "ecc" not in told


def test_what_a_file_states_beside_counts(run: Run, hosts: Hosts, site: Path) -> None:
    """That is what the library did not tell."""
    hosts("", host("ecc none"))
    site.write_text('schema = 1\n[driver.nvidia]\necc = "off"\n')
    [found] = run(f"check {SOURCE} {TYPE} --format json", exit_code=3).json["results"]
    assert "VFC205" in codes(found)
    assert "ecc=off" in found["destination"]["version"]


@pytest.mark.parametrize(
    "line",
    [
        f"check {SOURCE} inventory:b.json#{TYPE}",
        f"check inventory:b.json#{MDEV} inventory:a.json#{TYPE}",
        "matrix a.json b.json",
        f"targets {SOURCE} b.json",
        "vm domain:web.xml b.json --from a.json",
        "vm domain:web.xml a.json --from b.json",
        "report a.json b.json",
    ],
)
def test_an_inventory_that_states_what_the_library_denied_is_a_problem(
    run: Run, hosts: Hosts, line: str
) -> None:
    hosts()
    Path("web.xml").write_text(domain(MDEV))
    inventory = recorded()
    for each in inventory["endpoints"]:
        each["stated"] = {"ecc": "off"}
    Path("b.json").write_text(json.dumps(inventory))
    result = run(f"{line} --format json", exit_code=4)

    assert "b.json: what was read says otherwise" in result.stderr
    assert f"ecc of {TYPE}: 'off' is stated" in result.stderr or MDEV in line
    assert "ecc=off" not in result.stdout
