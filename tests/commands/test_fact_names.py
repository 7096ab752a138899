# SPDX-License-Identifier: Apache-2.0
"""A field with a fact's name is filled by `derive` only, whatever the command is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleets import function, inventory, write
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.matrix import MatrixDocument
from vfiocompat.output.targets import TargetsDocument
from vfiocompat.output.vm import VmDocument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run
    from vfiocompat.endpoints import Endpoint

TABLE = """
schema = 1
id = "acme-npu"
title = "Acme"
vendor = "pci:1ac1"
drivers = ["acme_vfio_pci"]
evidence = "site"
references = ["a trial"]

[format]
r1 = "npu:{device:hex}:FIELD={FIELD:text}"

[[requirement]]
id = "same-field"
field = "FIELD"
relation = "equal"
why = "it is compared"

[[requirement]]
id = "same-device"
field = "device"
relation = "equal"
why = "it is compared"

[derive]
format = "r1"
device = "device_id"
"""
INTERFACE = """
[interface]
dirty_tracking = true
reference = "an imaginary driver"
"""
XML = """<domain type='kvm'><name>m</name><devices>
<hostdev mode='subsystem' type='pci' managed='no'><source>
<address domain='0x0000' bus='0x5e' slot='0x00' function='0x1'/></source></hostdev>
</devices></domain>"""


def one(field: str, text: str, *, in_use: bool = False) -> Endpoint:
    """Make a function of which sysfs shows the fact `field`."""
    return function(
        "0000:5e:00.1",
        None,
        driver="acme_vfio_pci",
        vendor_id="0x1ac1",
        device_id="0x0100",
        in_use=in_use,
        facts={"vendor_id": "0x1ac1", "device_id": "0x0100"} | {field: text},
    )


@pytest.mark.parametrize("field", ["revision", "kernel", "type_name"])
@pytest.mark.parametrize("derived", [False, True], ids=["not-derived", "derived"])
@pytest.mark.parametrize("there", ["7", "8"])
def test_every_command_says_the_same(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    *,
    derived: bool,
    there: str,
) -> None:
    table = TABLE.replace("FIELD", field) + (f'{field} = "{field}"' if derived else "")
    table += INTERFACE
    (tmp_path / "config/tables.d").mkdir(parents=True)
    (tmp_path / "config/tables.d/acme-npu.toml").write_text(table)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "config"))
    fleet = write(
        tmp_path / "fleet",
        [
            inventory("a", one(field, "7", in_use=True)),
            inventory("b", one(field, there)),
        ],
    )
    a, b = (f"{fleet}/{host}.json" for host in "ab")
    (tmp_path / "vm.xml").write_text(XML)
    expected, exit_code = "undetermined", 3
    if derived:
        same = there == "7"
        expected, exit_code = ("compatible", 0) if same else ("incompatible", 1)

    checked = run(
        f"check inventory:{a} inventory:{b} --format json", exit_code=exit_code
    )
    targets = run(f"targets inventory:{a} {b} --format json", exit_code=exit_code)
    matrix = run(f"matrix {a} {b} --format json")
    # QEMU compares the revision of two functions, whatever tables say of it.
    differs = field == "revision" and there == "8"
    whole = run(
        f"vm --from {a} domain:{tmp_path}/vm.xml {b} --format json",
        exit_code=1 if differs else exit_code,
    )

    assert checked.document(CheckDocument).results[0].verdict == expected
    assert getattr(targets.document(TargetsDocument).counts, expected) == 1
    cells = {
        cell.verdict
        for cell in matrix.document(MatrixDocument).cells
        if cell.source != cell.destination or not derived or there == "7"
    }
    assert cells == {expected}
    judged = whole.document(VmDocument)
    assert judged.verdict == ("incompatible" if differs else expected)
