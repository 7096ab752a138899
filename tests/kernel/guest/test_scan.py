# SPDX-License-Identifier: Apache-2.0
"""Inventories of a real kernel's devices, and calls that a driver really holds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kernel.guest.conftest import CommandLine, Driver

OLD = "vct0/vct-gen4_2"
NEW = "vct1/vct-gen5_2"


def read(file: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(file.read_bytes())


def by_address(file: Path) -> dict[str, Any]:
    return {endpoint["address"]: endpoint for endpoint in read(file)["endpoints"]}


def test_drivers_are_asked_by_scans_and_their_answers_decide(
    driver: Driver, cli: CommandLine, tmp_path: Path
) -> None:
    driver.load(attr_name="version")
    driver.create("vct0", "vct-gen4_2")
    file = tmp_path / "node.json"
    first = cli("scan", "--host", "node", "-o", str(file))
    assert (first.code, first.stdout, first.stderr) == (0, "", "")
    assert driver.writes() == 0
    assert (
        read(file)["kernel"] == Path("/proc/sys/kernel/osrelease").read_text().strip()
    )

    assert cli("scan", "--host", "node", "--ask", str(file), "-o", str(file)).code == 0
    asked = driver.writes()
    assert asked > 0
    known = {answer["version"]: answer for answer in by_address(file)[NEW]["answers"]}
    assert known[by_address(file)[OLD]["version"]]["accepted"] is True
    refused = {answer["version"]: answer for answer in by_address(file)[OLD]["answers"]}
    assert refused[by_address(file)[NEW]["version"]]["accepted"] is False
    assert refused[by_address(file)[NEW]["version"]]["errno"] == "EINVAL"

    # A virtual parent tells no module: it may be another one that answers now.
    assert cli("scan", "--host", "node", "--ask", str(file), "-o", str(file)).code == 0
    assert driver.writes() == 2 * asked
    up = cli("check", f"inventory:{file}#{OLD}", f"inventory:{file}#{NEW}")
    down = cli("check", f"inventory:{file}#{NEW}", f"inventory:{file}#{OLD}")
    assert (up.code, down.code) == (0, 1)
    assert "by a recorded answer of the driver" in up.stdout
    assert driver.writes() == 2 * asked


def test_what_the_driver_holds_is_passed_over_until_it_returns(
    driver: Driver, cli: CommandLine, tmp_path: Path
) -> None:
    driver.load(attr_name="version")
    file = tmp_path / "node.json"
    driver.order(hold_ms=12000)
    held_since = time.monotonic()
    assert cli("scan", "--timeout", "0.5", "-o", str(file)).code == 0
    assert by_address(file)[NEW]["attribute"]["code"] == "VFC112"
    driver.order(hold_ms=0)

    again = cli("scan", "--timeout", "30", "-o", str(file))
    assert again.seconds < 8
    assert by_address(file)[NEW]["attribute"]["code"] == "VFC115"
    assert time.monotonic() - held_since < 12, "it was not held any more"
    while time.monotonic() - held_since < 13:
        time.sleep(0.2)
    assert cli("scan", "-o", str(file)).code == 0
    assert by_address(file)[NEW]["attribute"]["state"] == "present"
