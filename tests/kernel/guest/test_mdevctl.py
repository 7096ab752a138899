# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat list` and mdevctl see the same host."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine, Driver


def mdevctl(command: str) -> Any:  # noqa: ANN401 - JSON
    for name in ("callouts", "notifiers"):  # it does not start without them
        Path("/etc/mdevctl.d/scripts.d", name).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mdevctl", command, "--dumpjson"], stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def test_list_agrees_with_mdevctl(driver: Driver, cli: CommandLine) -> None:
    driver.load()
    for parent, type_id in (
        ("vct0", "vct-gen4_2"),
        ("vct0", "vct-nomig_1"),
        ("vct1", "vct-gen5_1"),
    ):
        driver.create(parent, type_id)
    endpoints = cli("list", "--format", "json").json["endpoints"]

    assert {
        (each["parent"], each["type_id"]): (
            each["available_instances"],
            each["device_api"],
        )
        for each in endpoints
        if each["kind"] == "type"
    } == {
        (parent, type_id): (facts["available_instances"], facts["device_api"])
        for parents in mdevctl("types")
        for parent, types in parents.items()
        for each in types
        for type_id, facts in each.items()
    }
    assert {
        (each["parent"], each["uuid"], each["type_id"])
        for each in endpoints
        if each["kind"] == "mdev"
    } == {
        (parent, uuid, facts["mdev_type"])
        for parents in mdevctl("list")
        for parent, devices in parents.items()
        for each in devices
        for uuid, facts in each.items()
    }
