# SPDX-License-Identifier: Apache-2.0
"""Functions of NVIDIA's vendor-specific VFIO framework whose driver does not answer."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from vfiocompat.addresses import parse_address
from vfiocompat.find import look
from vfiocompat.host.sysfs import Host
from vfiocompat.pairs import check
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
    endpoints, problems = hung.survey()

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
