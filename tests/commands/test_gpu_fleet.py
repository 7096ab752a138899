# SPDX-License-Identifier: Apache-2.0
"""The hosts of the example fleet with NVIDIA's vGPUs, each asked about the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.machines import domain_file
from tests.simulate.conftest import ROOT
from vfiocompat.simulate.nvml import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Host, Run

    On = Callable[[str], None]

pytestmark = pytest.mark.usefixtures("_processes")

FLEET = ROOT / "examples/gpu-fleet"
MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa400{}"
FUNCTION = "0000:c1:00.4"
SOURCES = {
    "gpu-a": MDEV.format(1),
    "gpu-c": MDEV.format(3),
    "gpu-d": MDEV.format(4),
    "gpu-e": FUNCTION,
    "gpu-f": FUNCTION,
}
EXITS = {"compatible": 0, "incompatible": 1, "undetermined": 3}
FREE = {
    **dict.fromkeys(("gpu-a", "gpu-b", "gpu-c", "gpu-d"), "0000:41:00.5/nvidia-557"),
    **dict.fromkeys(("gpu-e", "gpu-f"), "0000:c1:00.5/830"),
}


@pytest.fixture
def on(shared_host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> On:
    """Be on a host of the fleet, with nothing stated."""
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))

    def be(name: str) -> None:
        spec = (FLEET / "hosts" / f"{name}.toml").read_text()
        root = shared_host(spec.replace("schema = 1\n", ""))
        monkeypatch.setenv("VFIOCOMPAT_NVML", str(root / LIBRARY))

    return be


@pytest.mark.parametrize(
    ("source", "destination", "answer"),
    [
        ("gpu-a", "gpu-b", ("compatible", "driver", "nvml", "VFC170")),
        ("gpu-a", "gpu-c", ("undetermined", "driver", "nvml", "VFC205")),
        ("gpu-a", "gpu-d", ("incompatible", "driver", "nvml", "VFC171")),
        ("gpu-a", "gpu-e", ("incompatible", "driver", "nvml", "VFC173")),
        ("gpu-c", "gpu-b", ("undetermined", "driver", "nvml", "VFC205")),
        ("gpu-d", "gpu-a", ("compatible", "driver", "nvml", "VFC170")),
        ("gpu-e", "gpu-f", ("compatible", "driver", "nvml", "VFC170")),
        ("gpu-e", "gpu-b", ("incompatible", "driver", "nvml", "VFC173")),
        ("gpu-f", "gpu-e", ("undetermined", "none", None, "VFC175")),
        ("gpu-f", "gpu-b", ("incompatible", "table", None, "VFC175")),
    ],
)
def test_an_operator_gets_an_answer_with_nothing_stated(
    on: On, run: Run, source: str, destination: str, answer: tuple[str, ...]
) -> None:
    verdict, basis, channel, code = answer
    on(destination)
    from_there = f"inventory:{FLEET / source}.json#{SOURCES[source]}"
    line = f"check {from_there} {FREE[destination]} --format json"
    [result] = run(line, exit_code=EXITS[verdict]).json["results"]

    assert (result["verdict"], result["basis"]) == (verdict, basis)
    assert result["channel"] == channel
    assert code in {each["code"] for each in result["diagnostics"]}


def test_two_inventories_are_compared_on_any_host_with_the_library(
    on: On, run: Run
) -> None:
    on("gpu-e")
    pair = [
        f"inventory:{FLEET}/gpu-a.json#{SOURCES['gpu-a']}",
        f"inventory:{FLEET}/gpu-d.json#{FREE['gpu-d']}",
    ]
    [result] = run(f"check {' '.join(pair)} --format json", exit_code=1).json["results"]

    assert (result["basis"], result["channel"]) == ("driver", "nvml")


def test_what_a_host_can_give_to_others_is_known(on: On, run: Run) -> None:
    on("gpu-b")
    said = run(f"matrix --hosts {FLEET}")
    assert "guest" not in said.stderr  # the one that is not known is not ready yet
    rows = {tuple(line.split("\t")[:3]) for line in said.stdout.splitlines()}

    assert {row[:2] for row in rows if row[2] == "compatible"} == {
        ("gpu-a", "gpu-b"),
        ("gpu-d", "gpu-a"),
        ("gpu-d", "gpu-b"),
        ("gpu-e", "gpu-f"),
    }
    assert {row[:2] for row in rows if row[2] == "undetermined"} == {
        ("gpu-a", "gpu-c"),
        ("gpu-c", "gpu-a"),
        ("gpu-c", "gpu-b"),
        ("gpu-d", "gpu-c"),
        ("gpu-f", "gpu-e"),
    }


# ---- a whole VM ----------------------------------------------------------------------

VGPU = SOURCES["gpu-a"]


def leaving(folder: Path, *without: str) -> str:
    """Have a VM whose vGPU is gpu-a's; QEMU can migrate it. Give the words for `vm`.

    `without` are keys that its inventory lacks.
    """
    inventory = json.loads((FLEET / "gpu-a.json").read_text())
    for each in inventory["endpoints"]:
        if each["address"] == VGPU:
            each["stated"] = {"dirty_tracking": "yes"}
            for key in without:
                del each[key]
    (folder / "from.json").write_text(json.dumps(inventory))
    return f"{domain_file(folder, VGPU)} --from {folder}/from.json"


VM_ANSWERS = {
    "gpu-b": ("compatible", "driver", "nvml", "VFC170"),
    "gpu-c": ("undetermined", "driver", "nvml", "VFC205"),
    "gpu-d": ("incompatible", "driver", "nvml", "VFC171"),
    "gpu-e": ("incompatible", "driver", "nvml", "VFC173"),
}


@pytest.mark.parametrize("there", VM_ANSWERS)
@pytest.mark.parametrize("to_fleet", [False, True])
def test_the_driver_decides_about_a_vms_vgpu(
    on: On, run: Run, tmp_path: Path, there: str, *, to_fleet: bool
) -> None:
    verdict, basis, channel, code = VM_ANSWERS[there]
    on("gpu-f" if to_fleet else there)
    destination = f"{FLEET} --host {there}" if to_fleet else "here"
    line = f"vm {leaving(tmp_path)} {destination} --format json"
    found = run(line, exit_code=EXITS[verdict]).json

    assert found["verdict"] == verdict
    assert found["room"] is (None if verdict == "incompatible" else True)
    [device] = found["devices"]
    assert (device["verdict"], device["basis"]) == (verdict, basis)
    assert device["channel"] == channel
    assert code in {each["code"] for each in device["diagnostics"]}


def test_a_vm_has_its_hosts_by_what_the_driver_says(
    on: On, run: Run, tmp_path: Path
) -> None:
    on("gpu-b")
    found = run(f"vm {leaving(tmp_path)} {FLEET} --format json").json

    assert found["allowed"] == ["gpu-b"]
    assert list(found["undetermined"]) == ["gpu-c"]
    assert sorted(found["not_allowed"]) == ["gpu-d", "gpu-e", "gpu-f"]


@pytest.mark.parametrize("to_fleet", [False, True])
@pytest.mark.parametrize(
    ("there", "verdict"), [("gpu-b", "compatible"), ("gpu-c", "incompatible")]
)
def test_without_metadata_the_table_decides_about_a_vms_vgpu(
    on: On, run: Run, tmp_path: Path, there: str, verdict: str, *, to_fleet: bool
) -> None:
    on(there)
    destination = f"{FLEET} --host {there}" if to_fleet else "here"
    line = f"vm {leaving(tmp_path, 'vgpu_metadata')} {destination} --format json"
    found = run(line, exit_code=EXITS[verdict]).json

    [device] = found["devices"]
    assert (device["verdict"], device["basis"]) == (verdict, "table")
    assert device["channel"] is None
    assert "VFC179" in {each["code"] for each in device["diagnostics"]}


@pytest.mark.parametrize(
    "line", ["check {a}#{vgpu} {b}#{free}", "targets {a}#{vgpu} {folder}"]
)
def test_what_an_inventory_states_and_the_library_denied_is_told_of(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path, line: str
) -> None:
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))
    text = (FLEET / "gpu-b.json").read_text()
    there = tmp_path / "fleet/gpu-b.json"
    there.parent.mkdir()
    there.write_text(text.replace('"stated":{}', '"stated":{"ecc":"off"}'))
    typed = line.format(
        a=f"inventory:{FLEET}/gpu-a.json",
        b=f"inventory:{there}",
        folder=there.parent,
        vgpu=SOURCES["gpu-a"],
        free=FREE["gpu-b"],
    )
    found = run(f"{typed} --format json", exit_code=4)

    assert [each["path"] for each in found.json["problems"]] == [str(there)]
    assert "ecc of" in found.stderr
    assert {each["verdict"] for each in found.json["results"]} >= {"compatible"}
