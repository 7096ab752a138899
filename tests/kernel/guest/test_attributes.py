# SPDX-License-Identifier: Apache-2.0
"""Where a version attribute may be, under which name, and what becomes of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine, Driver

GEN4 = "00028086-c104-vct-gen4_2"
GEN5 = "00028086-c104-vct-gen5_2"

OLD = "vct0/vct-gen4_2"
NEW = "vct1/vct-gen5_2"
NOMIG = "vct0/vct-nomig_1"


def by_address(document: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {endpoint["address"]: endpoint for endpoint in document["endpoints"]}


def summary(result: Any) -> tuple[str, str, list[str]]:  # noqa: ANN401 - JSON
    codes = [found["code"] for found in result["diagnostics"]]
    return result["verdict"], result["basis"], codes


@pytest.mark.parametrize("name", ["version", "migration_version", "get_version"])
def test_every_name_on_types_and_devices(
    driver: Driver, cli: CommandLine, name: str
) -> None:
    driver.load(attr_name=name)
    old, new = driver.create("vct0", "vct-gen4_2"), driver.create("vct1", "vct-gen5_2")

    # Once as a program of its own, then in forked children: see `cli`.
    listed = (cli.started if name == "version" else cli)("list", "--format", "json")
    assert listed.code == 0
    assert listed.json["schema"] == "vfiocompat.list/1"
    assert listed.json["problems"] == []
    endpoints = by_address(listed.json)
    assert len(endpoints) == 8 + 2
    for address, text in {OLD: GEN4, NEW: GEN5, old: GEN4, new: GEN5}.items():
        endpoint = endpoints[address]
        assert endpoint["attribute"]["name"] == name
        assert endpoint["attribute"]["state"] == "present"
        assert (endpoint["version"], endpoint["newline"]) == (text, True)
    assert (endpoints[old]["kind"], endpoints[OLD]["kind"]) == ("mdev", "type")
    assert (endpoints[old]["parent"], endpoints[old]["type_id"]) == tuple(
        OLD.split("/")
    )
    assert endpoints[old]["uuid"] == old
    assert endpoints[old]["driver"] == "vct"
    assert endpoints[OLD]["available_instances"] == 1
    assert endpoints[NOMIG]["attribute"]["state"] == "unreadable"
    assert endpoints[NOMIG]["attribute"]["errno"] == "ENODEV"

    got = cli("get", old, NEW)
    assert (got.code, got.stdout) == (0, f"{old}\t{GEN4}\n{NEW}\t{GEN5}\n")
    assert cli("get", new).stdout == f"{GEN5}\n"

    up = cli("check", old, new, "--format", "json")
    assert up.code == 0
    assert up.json["verdict"] == "compatible"
    assert summary(up.json["results"][0])[:2] == ("compatible", "driver")
    down = cli("check", new, old, new, "--format", "json")
    assert down.code == 1
    refused, itself = down.json["results"]
    assert summary(refused) == ("incompatible", "driver", ["VFC101"])
    assert refused["diagnostics"][0]["errno"] == "EINVAL"
    written = {"get_version": "check_version"}.get(name, name)
    assert refused["diagnostics"][0]["path"].endswith(f"{old}/{written}")
    assert itself["verdict"] == "compatible"
    assert driver.writes() == 3


@pytest.mark.parametrize("name", ["version", "get_version"])
def test_type_nodes_leave_the_types_to_the_driver(
    driver: Driver, cli: CommandLine, name: str
) -> None:
    driver.load(attr_name=name)
    others = (NEW, "vct1/vct-gen5_1", NOMIG)
    run = (cli.started if name == "version" else cli)(
        "check", OLD, *others, "--format", "json"
    )
    assert run.code == 1
    assert run.json["counts"] == {
        "compatible": 1,
        "incompatible": 2,
        "undetermined": 0,
        "failed": 0,
    }
    fits, slices, cannot = (summary(result) for result in run.json["results"])
    assert fits[:2] == ("compatible", "driver")
    assert slices == ("incompatible", "driver", ["VFC101"])
    assert cannot == ("incompatible", "driver", ["VFC105"])


def test_migration_version_of_a_type_is_for_its_own_type(
    driver: Driver, cli: CommandLine
) -> None:
    driver.load(attr_name="migration_version", generations="4,4,5")
    same, other = "vct1/vct-gen4_2", "vct2/vct-gen5_2"

    run = cli("check", OLD, other, "--format", "json")
    assert run.code == 1
    assert summary(run.json["results"][0]) == ("incompatible", "none", ["VFC123"])
    stated = ("--source-type", "vct-gen4_2")
    run = cli("check", f"version:{GEN4}", other, *stated, "--format", "json")
    assert run.code == 1
    assert summary(run.json["results"][0]) == ("incompatible", "none", ["VFC123"])
    assert driver.writes() == 0

    assert cli("check", OLD, same).code == 0
    assert cli("check", f"version:{GEN4}", same, *stated).code == 0
    run = cli("check", f"version:{GEN4}", same, "--format", "json")
    assert run.code == 3
    verdict, basis, codes = summary(run.json["results"][0])
    assert (verdict, basis) == ("undetermined", "driver")
    assert "VFC124" in codes
    hints = [found["hint"] or "" for found in run.json["results"][0]["diagnostics"]]
    assert any("--source-type" in hint for hint in hints)


def test_type_without_migration(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    run = cli("get", NOMIG)
    assert (run.code, run.stdout) == (3, "")
    assert "VFC105" in run.stderr
    run = cli("check", NOMIG, NEW, "--format", "json")
    assert run.code == 1
    assert summary(run.json["results"][0]) == ("incompatible", "driver", ["VFC105"])
    assert driver.writes() == 0


def test_device_falls_back_to_its_type(driver: Driver, cli: CommandLine) -> None:
    driver.load(device_attr=0)
    old, new = driver.create("vct0", "vct-gen4_2"), driver.create("vct1", "vct-gen5_2")
    got = cli("get", old, "--format", "json")
    assert got.code == 0
    assert by_address(got.json)[old]["version"] == GEN4
    run = cli("check", new, old, "--format", "json")
    assert run.code == 1
    assert summary(run.json["results"][0]) == ("incompatible", "driver", ["VFC101"])
    path = run.json["results"][0]["diagnostics"][0]["path"]
    assert path.endswith("/mdev_supported_types/vct-gen4_2/version")
    assert cli("check", old, new).code == 0


def test_attribute_on_devices_alone(driver: Driver, cli: CommandLine) -> None:
    driver.load(type_attr=0)
    old, new = driver.create("vct0", "vct-gen4_2"), driver.create("vct1", "vct-gen5_2")
    endpoints = by_address(cli("list", "--format", "json").json)
    assert endpoints[OLD]["attribute"]["state"] == "absent"
    assert endpoints[old]["attribute"]["state"] == "present"
    run = cli("check", old, new, NEW, "--format", "json")
    assert run.code == 3
    asked, absent = (summary(result) for result in run.json["results"])
    assert asked[:2] == ("compatible", "driver")
    assert absent[:2] == ("undetermined", "none")
    assert "VFC102" in absent[2]


def test_driver_without_any_attribute(driver: Driver, cli: CommandLine) -> None:
    driver.load(type_attr=0, device_attr=0)
    old, new = driver.create("vct0", "vct-gen4_2"), driver.create("vct1", "vct-gen5_2")
    run = cli("list", "--format", "json")
    assert run.code == 0
    states = {each["attribute"]["state"] for each in run.json["endpoints"]}
    assert states == {"absent"}
    assert run.json["problems"] == []
    assert cli("get", old).code == 3
    assert cli("get").code == 3
    run = cli("check", old, new, NEW, "--format", "json")
    assert run.code == 3
    for result in run.json["results"]:
        assert summary(result)[:2] == ("undetermined", "none")


def test_exact_bytes_are_written(driver: Driver, cli: CommandLine) -> None:
    """A driver that insists on the newline gets it, of a literal too."""
    driver.load(strict_newline=1)
    base = "/sys/class/mdev_bus/vct1/mdev_supported_types/vct-gen5_2"
    assert cli("check", OLD, NEW, base, f"{base}/version").code == 0
    assert cli("check", f"version:{GEN4}", NEW).code == 0
    assert driver.writes() == 4
