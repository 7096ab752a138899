# SPDX-License-Identifier: Apache-2.0
"""Who tells what a driver can do for a migration, and who is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fleets import endpoint
from vfiocompat.addresses import FunctionAddress
from vfiocompat.endpoints import MigrationInterface, Recorded
from vfiocompat.tables.language.records import Interface
from vfiocompat.tables.library import Library
from vfiocompat.vm.interfaces import (
    NOT_KNOWN,
    DeviceInterface,
    device_interface,
    need_p2p,
    unacknowledged,
)
from vfiocompat.vm.model import VmDevice

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.endpoints import Endpoint, Flag

HISI = Interface(reference="x", flags=("STOP_COPY", "PRE_COPY"), dirty_tracking=False)
SAME = Interface(reference="y", flags=("STOP_COPY", "PRE_COPY"))
OTHER = Interface(reference="z", flags=("STOP_COPY",), dirty_tracking=False)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([], NOT_KNOWN),
        ([HISI], DeviceInterface(("STOP_COPY", "PRE_COPY"), tracks=False)),
        ([SAME], DeviceInterface(("STOP_COPY", "PRE_COPY"), None)),
        ([HISI, SAME], DeviceInterface(("STOP_COPY", "PRE_COPY"), None)),
        ([HISI, OTHER], DeviceInterface(None, tracks=False)),
    ],
)
def test_tables_tell_where_they_agree(
    tables: list[Interface], expected: DeviceInterface
) -> None:
    assert device_interface(endpoint("p/t", None), tables) == expected


def test_an_operator_goes_before_tables_and_the_kernel_before_both() -> None:
    stated = {"migration_flags": "STOP_COPY,P2P", "dirty_tracking": "yes"}
    known = endpoint("p/t", None, stated=stated)
    assert device_interface(known, [HISI]) == DeviceInterface(
        ("STOP_COPY", "P2P"), tracks=True
    )

    told = MigrationInterface("v2", ("STOP_COPY",))
    known = endpoint("p/t", None, stated=stated, migration=told)
    assert device_interface(known, [HISI]) == DeviceInterface(
        ("STOP_COPY",), tracks=False
    )
    untold = MigrationInterface("v2")
    known = endpoint("p/t", None, migration=untold)
    assert device_interface(known, [HISI]).tracks is False


def test_an_old_inventory_tells_nothing() -> None:
    old = Recorded("a", "2026-11-01T00:00:00Z", rejected="it is old")
    told = MigrationInterface("v2", ("P2P", "DIRTY_TRACKING"))
    known = endpoint("p/t", None, migration=told, recorded=old)

    assert device_interface(known, [HISI]) == NOT_KNOWN


TABLE = """\
schema = 1
id = "{id}"
title = "x"
vendor = "pci:1ac1"
drivers = ["acme"]
evidence = "site"
references = ["x"]
migration = "device-decides"
why = "x"
[interface]
dirty_tracking = {tracks}
reference = "x"
"""


def test_a_library_gives_what_tables_of_the_driver_say(tmp_path: Path) -> None:
    (tmp_path / "tables.d").mkdir()
    site = tmp_path / "tables.d/site.toml"
    site.write_text(TABLE.format(id="site", tracks="true"))
    option = tmp_path / "option.toml"
    option.write_text(TABLE.format(id="option", tracks="false"))

    def told(library: Library, driver: str | None) -> list[bool | None]:
        known = endpoint("p/t", "1ac1-a", driver=driver)
        return [each.dirty_tracking for each in library.interfaces(known)]

    here = str(tmp_path)
    assert told(Library(config=here), "acme") == [True]
    assert told(Library([str(option)], config=here), "acme") == [False]
    assert told(Library(config=here), "another") == []
    assert told(Library(config=here), None) == []

    option.write_text(option.read_text().replace('evidence = "site"', ""))
    option.rename(tmp_path / "tables.d/broken.toml")
    assert told(Library(config=here), "acme") == []  # it may have said otherwise


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ([], 0),
        (["auto"], 0),
        (["on"], 0),
        (["auto", None], 0),
        (["on", "on"], 2),
        (["auto", "on"], 2),
        # The first one starts before there are several.
        (["on", "auto"], 0),
        (["auto", "on", "auto"], 2),
        (["on", "auto", "on", None], 3),
    ],
)
def test_so_many_devices_need_p2p_to_start(told: list[Any], number: int) -> None:
    devices = [
        VmDevice(address=FunctionAddress(f"0000:65:00.{at}"), migration=each)
        for at, each in enumerate(told)
    ]
    assert need_p2p(devices) == number


def telling(*flags: Flag, old: bool = False) -> Endpoint:
    when = "2026-11-01T00:00:00Z"
    return endpoint(
        "p/t",
        None,
        migration=MigrationInterface("v2", ("STOP_COPY", *flags)),
        recorded=Recorded("a", when, rejected="it is old" if old else None),
    )


UNTOLD = endpoint("p/t", None)


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        (telling("PRE_COPY"), telling(), "only the source has PRE_COPY, and with "),
        (
            telling("P2P"),
            telling("PRE_COPY", "P2P"),
            "only the destination has PRE_COPY",
        ),
        (telling("PRE_COPY"), telling("PRE_COPY", "P2P"), None),
        (telling(), telling("P2P"), None),
        (telling("PRE_COPY"), UNTOLD, None),
        (UNTOLD, telling("PRE_COPY"), None),
        (telling("PRE_COPY"), telling(old=True), None),
        (telling("PRE_COPY", old=True), telling(), None),
    ],
)
def test_a_switchover_is_acknowledged_where_both_have_pre_copy_or_neither(
    source: Endpoint, destination: Endpoint, said: str | None
) -> None:
    found = unacknowledged(source, destination)
    assert (found is None) == (said is None)
    if found is not None and said is not None:
        assert (found.code, found.severity) == ("VFC577", "error")
        assert found.summary.startswith(said)
