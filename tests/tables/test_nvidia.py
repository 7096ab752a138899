# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's vGPUs: what their table says of boards, and functions that do not answer."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.nvidia.made import A40, vgpu_metadata
from vfiocompat.addresses import parse_address
from vfiocompat.endpoints import Endpoint
from vfiocompat.find import look
from vfiocompat.host.sysfs import Host
from vfiocompat.nvidia.gpus import Vgpu
from vfiocompat.nvidia.told import facts_of_gpu, facts_of_vgpu, platform_of
from vfiocompat.nvidia.vgpus import completed
from vfiocompat.pairs import check
from vfiocompat.tables.judge import derivation, judge
from vfiocompat.tables.language.derive import stated_mistakes
from vfiocompat.tables.language.table import Table
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTIONS = [f"0000:c1:00.{number}" for number in range(1, 6)]

ANY_AGE = Horizon(0)


@pytest.fixture
def hung(_processes: None, tmp_path: Path) -> Iterator[Host]:
    """Make a host whose five functions hold whoever reads their vGPU types."""
    bus = tmp_path / "sys/bus/pci/devices"
    bus.mkdir(parents=True)
    pipes = []
    for name in FUNCTIONS:
        device = tmp_path / f"sys/devices/pci0000:c1/{name}"
        (device / "nvidia").mkdir(parents=True)
        (device / "nvidia/current_vgpu_type").write_text("0\n")
        pipes.append(device / "nvidia/creatable_vgpu_types")
        os.mkfifo(pipes[-1])
        (device / "vendor").write_text("0x10de\n")
        (device / "device").write_text("0x2bb9\n")
        (device / "driver").symlink_to("../../../bus/pci/drivers/nvidia")
        (bus / name).symlink_to(f"../../../devices/pci0000:c1/{name}")
    yield Host(str(tmp_path), 1)
    for pipe in pipes:
        os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))


def test_each_is_shown_and_the_driver_is_reported(hung: Host) -> None:
    endpoints, problems, _ = hung.survey()

    assert [endpoint.address for endpoint in endpoints] == FUNCTIONS
    assert {None} == {endpoint.available_instances for endpoint in endpoints}
    assert {True} == {endpoint.vfio for endpoint in endpoints}
    assert [problem.code for problem in problems] == ["VFC112"] * 5


def test_many_destinations_cost_one_time_out(hung: Host) -> None:
    began = time.monotonic()
    pairs = check("version:10de-x", FUNCTIONS, hung, Library(), horizon=ANY_AGE)

    assert time.monotonic() - began < 2
    assert [
        tuple(finding.code for finding in pair.decision.diagnostics) for pair in pairs
    ] == [("VFC102", "VFC202", "VFC201")] * 5


def test_a_type_of_one_is_neither_there_nor_missing(hung: Host) -> None:
    [(endpoint, error)] = look(
        [parse_address("0000:c1:00.1/1414")], hung, list, ask="all", horizon=ANY_AGE
    )

    assert error is None
    assert endpoint is not None
    assert (
        endpoint.address,
        endpoint.type_id,
        endpoint.available_instances,
    ) == ("0000:c1:00.1/1414", "1414", None)


def test_a_source_that_hangs_costs_the_only_time_out(hung: Host) -> None:
    began = time.monotonic()
    check(
        "0000:c1:00.1/1414",
        [f"{name}/1414" for name in FUNCTIONS],
        hung,
        Library(),
        horizon=ANY_AGE,
    )

    assert time.monotonic() - began < 2


# ---- what the table says ---------------------------------------------------------

STATED = {
    "guest": "5",
    "range": "3..7",
    "ecc": "on",
    "platform": "rhel-9.6",
    "board": "RTX-Pro-6000",
}
FACTS = {
    "vgpu_type_name": "NVIDIA RTX Pro 6000 Blackwell DC-8C",
    "device_id": "0x2bb5",
    "subsystem_device_id": "0x0000",
    "module_version": "580.105.06",
    "framework": "vendor",
}
LIBRARY = Library(config="/nowhere")


def vgpu(driver: str = "nvidia", **changed: str) -> Endpoint:
    """Make a vGPU with what is known of one, but for what is changed; `` forgets."""
    known = STATED | FACTS | changed
    return Endpoint(
        kind="function",
        address="0000:41:00.2/1507",
        type_id="1507",
        driver=driver,
        vendor_id="0x10de",
        facts={name: text for name in FACTS if (text := known[name])},
        stated={name: text for name in STATED if (text := known[name])},
    )


def verdict(source: Endpoint, destination: Endpoint) -> str:
    found = judge(source, destination, LIBRARY.shelf(source, destination))
    assert found.table == "nvidia-vgpu"
    return found.verdict


@pytest.mark.parametrize("board", ["RTX-Pro-6000", "RTX-Pro-4500", "", "a name"])
@pytest.mark.parametrize(
    "ids", [{"device_id": "0x2c3a"}, {"subsystem_device_id": "0x1af2"}]
)
def test_another_board_is_refused_whatever_the_names_are(
    ids: dict[str, str], board: str
) -> None:
    other = vgpu(
        vgpu_type_name="NVIDIA RTX Pro 4500 Blackwell DC-8C", board=board, **ids
    )

    assert verdict(vgpu(), other) == "incompatible"
    assert verdict(other, vgpu()) == "incompatible"


@pytest.mark.parametrize("board", ["", "H100 80GB HBM3", "RTX-Pro-6000"])
def test_the_same_board_is_one_whatever_the_names_are(board: str) -> None:
    assert verdict(vgpu(), vgpu(board=board)) == "compatible"


@pytest.mark.parametrize("forgotten", ["device_id", "subsystem_device_id"])
@pytest.mark.parametrize("board", ["RTX-Pro-6000", "RTX6000", "H100", ""])
def test_without_ids_names_allow_nothing_and_refuse_nothing(
    forgotten: str, board: str
) -> None:
    known, unknown = vgpu(board=board), vgpu(board=board, **{forgotten: ""})

    assert verdict(unknown, vgpu()) == "undetermined"
    assert verdict(unknown, known) == "undetermined"
    assert verdict(known, unknown) == "undetermined"
    assert verdict(unknown, unknown) == "undetermined"


@pytest.mark.parametrize(
    "other",
    [
        {"framework": "Vendor"},
        {"framework": "vendor-specific"},
        {"framework": "vendor "},
        {"ecc": "N/A"},
        {"ecc": "On"},
        {"ecc": "unknown"},
    ],
)
@pytest.mark.parametrize("platform", ["rhel-9.4", "rhel-9.6", "ubuntu-24.04"])
def test_another_word_at_both_ends_is_no_yes(
    other: dict[str, str], platform: str
) -> None:
    said = vgpu(platform=platform, **({"framework": "mdev"} | other))

    assert verdict(said, said) == "undetermined"


@pytest.mark.parametrize("name", [" ", "   ", "\t", "\u00a0"])
def test_a_name_of_blanks_is_not_known(name: str) -> None:
    blank = vgpu(vgpu_type_name=name)

    assert verdict(blank, blank) == "undetermined"
    assert verdict(blank, vgpu()) == "undetermined"
    assert verdict(vgpu(), blank) == "undetermined"


def test_a_function_in_use_takes_no_name_of_blanks_from_another() -> None:
    named = replace(vgpu(), parent="0000:41:00.0")
    blank = replace(named, facts=named.facts | {"vgpu_type_name": "  "})
    used = replace(named, facts={})
    name = {"vgpu_type_name": named.facts["vgpu_type_name"]}

    assert completed([blank, used])[1].facts == {"framework": "vendor"}
    assert completed([blank, named, used])[2].facts == {"framework": "vendor"} | name


@pytest.mark.parametrize(
    "platform", ["rhel-9.2", "rhel-9.7", "rhel-9", "centos-9", "rhel-9.60", "debian-13"]
)
def test_a_platform_that_nvidia_does_not_list_never_passes(platform: str) -> None:
    here = vgpu(platform=platform)

    assert verdict(here, here) == "undetermined"
    assert verdict(here, vgpu()) == "undetermined"
    assert verdict(vgpu(), here) == "undetermined"


@pytest.mark.parametrize("platform", ["rhel-9.6", "rhel-10.0"])
def test_different_managers_are_contested_and_both_sources_are_named(
    platform: str,
) -> None:
    source = vgpu(platform=platform)
    destination = vgpu(platform=platform, module_version="580.82.02")
    found = judge(source, destination, LIBRARY.shelf(source, destination))

    [contested] = [each for each in found.findings if each.severity != "info"]
    assert (found.verdict, contested.code) == ("undetermined", "VFC230")
    assert "KubeVirt" in (contested.why or "")
    assert "Red Hat" in (contested.why or "")


def test_mdevs_and_functions_leave_it_open() -> None:
    assert verdict(vgpu(), vgpu(framework="mdev")) == "undetermined"
    assert verdict(vgpu(framework="mdev"), vgpu()) == "undetermined"
    both = vgpu(framework="mdev")
    assert verdict(both, both) == "compatible"


def test_mdevs_bound_to_nvidias_own_mdev_driver_are_of_the_table() -> None:
    assert verdict(vgpu("nvidia-vgpu-vfio"), vgpu()) == "compatible"


def test_a_type_without_a_name_is_told_with_what_can_be_followed() -> None:
    source, destination = vgpu(vgpu_type_name=""), vgpu()
    made = derivation(source, LIBRARY.speaking_for(source))
    assert made is not None
    assert "type=?" in made[1].version.text
    found = judge(source, destination, LIBRARY.shelf(source, destination))

    hints = " ".join(each.hint or "" for each in found.findings)
    assert "nvidia-smi vgpu -s" in hints
    assert "creatable_vgpu_types" not in hints


# ---- what NVIDIA's library and os-release tell ------------------------------------


def told(vgpu: Vgpu, os_release: str = "ID=rhel\nVERSION_ID=9.6\n") -> Endpoint:
    """Make a vGPU of which nothing is stated, and all is told that can be."""
    platform = platform_of(os_release)
    return Endpoint(
        kind="mdev",
        address="83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
        type_id="nvidia-557",
        driver="nvidia",
        vendor_id="0x10de",
        facts={
            "device_id": "0x2235",
            "subsystem_device_id": "0x145a",
            "framework": "mdev",
            "module_version": "580.65.05",
        }
        | facts_of_gpu(A40)
        | facts_of_vgpu(vgpu)
        | ({"platform": platform} if platform else {}),
    )


RUNNING = Vgpu(
    gpu="0000:41:00.0", type_name="NVIDIA A40-8Q", metadata=vgpu_metadata(guest=5)
)


def test_nothing_has_to_be_stated_of_a_vgpu_of_which_all_is_told() -> None:
    made = derivation(told(RUNNING), LIBRARY.speaking_for(told(RUNNING)))

    assert made is not None
    assert made[1].version.text == (
        "10de-vgpu:type=A40-8Q:guest=5:range=3..7:ecc=on:device=2235:subsystem=145a:"
        "board=NVIDIA A40:manager=580.65.06:platform=rhel-9.6:framework=mdev"
    )
    assert verdict(told(RUNNING), told(RUNNING)) == "compatible"


def test_a_guest_that_has_not_loaded_its_driver_leaves_its_version_open() -> None:
    booting = replace(RUNNING, metadata=vgpu_metadata(state=0, guest=0))

    assert verdict(told(booting), told(RUNNING)) == "undetermined"
    assert verdict(told(RUNNING), told(booting)) == "compatible"


def test_a_host_of_another_platform_is_told_by_its_os_release() -> None:
    debian = told(RUNNING, "ID=debian\nVERSION_ID=13\n")
    assert verdict(told(RUNNING), debian) == "undetermined"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("ecc", "on", None),
        ("ecc", "off", "'off' is stated, NVIDIA's library says 'on'"),
        ("guest", "6", "'6' is stated, NVIDIA's library says '5'"),
        ("manager", "1", "'1' is stated, NVIDIA's library says '580.65.06'"),
        ("platform", "x-1", "'x-1' is stated, os-release says 'rhel-9.6'"),
        ("board", "A40", "'A40' is stated, NVIDIA's library says 'NVIDIA A40'"),
        ("board", "NVIDIA A40", None),
        ("device", "2236", "'2236' is stated, sysfs says '2235'"),
    ],
)
def test_what_is_told_cannot_be_stated_otherwise(
    name: str, text: str, says: str | None
) -> None:
    [table] = LIBRARY.speaking_for(told(RUNNING))
    assert isinstance(table.table, Table)
    wrong = stated_mistakes({name: text}, told(RUNNING).facts, [table.table])

    assert wrong.get(name) == says


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("guest", "five", "'five' is no int"),
        ("range", "3", "'3' is no range"),
        ("guest", "5", None),
        ("range", "3..7", None),
    ],
)
def test_a_fact_is_stated_as_the_field_takes_it(
    name: str, text: str, says: str | None
) -> None:
    [table] = LIBRARY.speaking_for(told(RUNNING))
    assert isinstance(table.table, Table)

    assert stated_mistakes({name: text}, {}, [table.table]).get(name) == says
