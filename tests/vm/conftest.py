# SPDX-License-Identifier: Apache-2.0
"""What tests of VMs share: a virsh of ours, and questions where a VM can go."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest
from msgspec.structs import replace

from tests.fleets import inventory, write
from tests.machines import domain_file
from tests.simulate.conftest import ROOT
from tests.vm.virsh import XML, Virsh
from vfiocompat import cli
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.output.vm import VmDocument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vfiocompat.endpoints import Endpoint

CAPABLE = MigrationInterface("v2", ("STOP_COPY", "P2P", "DIRTY_TRACKING"))
"""What QEMU demands of the devices that a VM has."""

CONFIG = ROOT / "tests/vm/config"

EXIT_CODES = {"allowed": 0, "not_allowed": 1, "undetermined": 3}


@pytest.fixture(autouse=True)
def _capable_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """State of Acme's drivers that they can do what QEMU demands."""
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(CONFIG))


@pytest.fixture
def virsh(_processes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Virsh:
    """Have a virsh that knows one domain."""
    found = Virsh(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    found.gives(XML)
    return found


class Ask(Protocol):
    def __call__(
        self,
        sources: Sequence[Endpoint],
        *hosts: Sequence[Endpoint],
        options: str = "",
        attached: Sequence[str] | None = None,
        **more: str,
    ) -> VmDocument: ...


@pytest.fixture
def ask(capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Ask:
    """Ask where a VM can go whose devices are `sources`, of the hosts h0, h1 and on.

    They are inventories, and asked as a user asks; `more` is of the VM. All sources are
    `attached` unless addresses say which, as others are in `more`. What holds of every
    answer is seen to.
    """
    turns = iter(range(10_000))

    def asking(
        sources: Sequence[Endpoint],
        *hosts: Sequence[Endpoint],
        options: str = "",
        attached: Sequence[str] | None = None,
        **more: str,
    ) -> VmDocument:
        place = tmp_path / str(next(turns))
        place.mkdir()
        named = {f"h{at}": ends for at, ends in enumerate(hosts)}
        sources = [
            each if each.migration else replace(each, migration=CAPABLE)
            for each in sources
        ]
        folder = write(
            place / "fleet",
            [
                inventory(name, *ends)
                for name, ends in (named | {"home": sources}).items()
            ],
        )
        if attached is None:
            attached = [each.address for each in sources]
        there = domain_file(place, *attached, **more)
        line = f"vm {there} {folder} --from {folder}/home.json --format json {options}"
        capsysbinary.readouterr()
        code = cli.run(shlex.split(line))
        said = capsysbinary.readouterr()
        assert code in EXIT_CODES.values(), said.out.decode()
        found = msgspec.json.decode(said.out, type=VmDocument)
        see_to_it_that_it_agrees(found, code)
        return found

    return asking


def see_to_it_that_it_agrees(found: VmDocument, code: int) -> None:
    """See that what is said of the best host in full is what is said in short."""
    expected = "undetermined"
    if found.verdict == "incompatible" or found.room is False:
        expected = "not_allowed"
    elif found.verdict == "compatible" and found.room:
        expected = "allowed"
    host = found.host or ""
    assert outlook(found, host) == expected
    assert code == EXIT_CODES[expected]
    assigned, devices = len(found.assignment), len(found.devices)
    assert assigned in ({True: [devices], False: [0], None: [0, devices]}[found.room])
    if expected != "allowed":
        told = [d.code for each in found.devices for d in each.diagnostics]
        told += [each.code for each in found.diagnostics]
        codes = getattr(found, expected)[host]
        assert codes
        assert set(codes) <= set(told)


def outlook(found: VmDocument, host: str = "h0") -> str:
    """Say in which of the three lists a host is, which is one of them."""
    [name] = [each for each in EXIT_CODES if host in getattr(found, each)]
    return name
