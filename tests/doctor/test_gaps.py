# SPDX-License-Identifier: Apache-2.0
"""What would have to be known of endpoints so that tables decide."""

from __future__ import annotations

import textwrap
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import QAT_1, endpoint, function, qat
from tests.simulate.conftest import ROOT
from vfiocompat import codes
from vfiocompat.doctor import gaps
from vfiocompat.doctor.gaps import find_gaps, missing_facts, missing_tables
from vfiocompat.inventory import parse_inventory
from vfiocompat.pairs import decide_pair
from vfiocompat.tables.library import Library
from vfiocompat.tables.stated import FactFile

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.doctor.found import Found
    from vfiocompat.endpoints import Endpoint

HISI = ["queue_pairs", "isolation", "magic", "major"]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(config=str(tmp_path))


def hisi(address: str, **stated: str) -> Endpoint:
    return function(address, None, stated=stated)


def facts(*here: Endpoint, library: Library) -> Found:
    return missing_facts(find_gaps(here, library), "/etc/vfiocompat")


def file_of(found: Found) -> FactFile:
    """Read the file that a hint says to write, which is TOML as it stands."""
    assert found.hint is not None
    text = textwrap.dedent(found.hint.partition("\n")[2])
    return msgspec.convert(tomllib.loads(text), FactFile)


def test_what_is_all_known_lacks_nothing(library: Library) -> None:
    full = dict.fromkeys(HISI, "1") | {"magic": "v2"}
    here = [hisi("0000:03:00.1", **full), endpoint("p/t", "1ac1-x")]
    open_ = find_gaps(here, library)
    assert open_ == []
    assert missing_facts(open_, "/etc/vfiocompat").outcome == "pass"
    assert missing_tables(open_).outcome == "pass"


def test_facts_of_one_endpoint_are_to_be_stated_of_it(library: Library) -> None:
    found = facts(hisi("0000:03:00.1", magic="v2"), library=library)

    assert (found.outcome, found.codes) == ("warning", (codes.VALUE_NOT_KNOWN,))
    assert found.detail is not None
    assert found.detail.splitlines()[0] == (
        "hisi_acc_vfio_pci: 0000:03:00.1: table hisi-acc reads queue_pairs, "
        "isolation, major"
    )
    file = file_of(found)
    assert list(file.endpoint["0000:03:00.1"]) == ["queue_pairs", "isolation", "major"]
    assert file.driver == {}


def test_facts_that_all_of_a_driver_lack_are_to_be_stated_once(
    library: Library,
) -> None:
    alike = [hisi(f"0000:03:00.{at}") for at in range(6)]
    found = facts(*alike, hisi("0000:04:00.0", magic="v1"), library=library)

    assert "facts of 7 endpoints" in found.summary
    assert "0000:03:00.3 and 2 more" in (found.detail or "")
    file = file_of(found)
    assert list(file.driver["hisi_acc_vfio_pci"]) == HISI
    assert list(file.endpoint) == ["0000:04:00.0"]


def test_a_file_that_is_written_as_it_is_told_to_is_no_yes(
    library: Library,
) -> None:
    """Who forgets to fill it in is told so: `?` is the value of no field."""
    found = facts(hisi("0000:03:00.1"), hisi("0000:03:00.2"), library=library)
    names = file_of(found).driver["hisi_acc_vfio_pci"]
    assert find_gaps([hisi("0000:03:00.1", **names)], library) == find_gaps(
        [hisi("0000:03:00.1")], library
    )


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a'b", "a\x1bb", "é"])
def test_whatever_an_address_holds_the_file_has_it(library: Library, name: str) -> None:
    assert list(file_of(facts(hisi(name), library=library)).endpoint) == [name]


def test_thousands_that_differ_in_their_names_are_judged_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = []

    def counted(*pair: Any) -> Any:  # noqa: ANN401 - as it is given
        judged.append(pair)
        return decide_pair(*pair)

    monkeypatch.setattr(gaps, "decide_pair", counted)
    many = [hisi(f"0000:{at:02x}:00.0") for at in range(100)]
    [found] = find_gaps([*many, qat("0000:03:00.1", QAT_1)], library)

    assert len(found.addresses) == 100
    assert len(judged) == 1


def test_a_driver_has_one_place_in_the_file(library: Library) -> None:
    alike = [hisi(f"0000:03:00.{at}") for at in range(2)]
    others = [hisi(f"0000:04:00.{at}", magic="v2") for at in range(2)]
    file = file_of(facts(*alike, *others, library=library))
    assert list(file.driver) == ["hisi_acc_vfio_pci"]
    assert list(file.endpoint) == ["0000:04:00.0", "0000:04:00.1"]


def test_how_a_fact_is_learnt_is_told_once(library: Library) -> None:
    found = facts(hisi("0:3:0.1", magic="v2"), hisi("0:3:0.2"), library=library)
    _, _, *learnt = (found.detail or "").splitlines()
    assert [line.partition(": ")[0] for line in learnt] == [
        *("queue_pairs", "isolation", "major", "magic")
    ]
    assert "migf_data" in learnt[0]


def test_an_endpoint_for_which_no_table_speaks_is_told(library: Library) -> None:
    found = missing_tables(
        find_gaps([endpoint("p/t", None), endpoint("p/u", None)], library)
    )
    assert (found.outcome, found.codes) == ("warning", (codes.NOTHING_DECIDES,))
    assert found.summary == "no table can decide for 2 endpoints"
    assert found.detail == "acme: p/t, p/u: no table speaks for it"


@pytest.mark.parametrize(
    "alike",
    [
        function("0000:5e:00.1", None, driver="vfio-pci"),
        function("0000:5e:00.1", None, driver="pds_vfio_pci", vendor_id="0x1dd8"),
        qat("0000:5e:00.1", QAT_1),
    ],
    ids=["migrates nothing", "the device decides", "has a string"],
)
def test_what_no_fact_would_change_is_no_gap(alike: Endpoint, library: Library) -> None:
    assert find_gaps([alike], library) == []


def vgpu(address: str, **fields: Any) -> Endpoint:  # noqa: ANN401 - whatever it has
    known = FLEET_HOST.endpoints
    [found] = [each for each in known if each.address == address]
    facts = {name: text for name, text in found.facts.items() if name != "guest"}
    return msgspec.structs.replace(found, facts=facts, **fields)


FLEET_HOST = parse_inventory(
    (ROOT / "examples/gpu-fleet/gpu-a.json").read_bytes(), "gpu-a.json"
)
MDEV = "83b8f4f2-509f-382f-3c1e-e6bfe0fa4001"


@pytest.mark.parametrize(
    ("here", "lacks"),
    [
        (vgpu("0000:41:00.5/nvidia-557"), []),
        (vgpu(MDEV), []),
        (vgpu(MDEV, vgpu_metadata=msgspec.UNSET, in_use=None), []),
        (vgpu(MDEV, vgpu_metadata=msgspec.UNSET), ["guest"]),
        (
            vgpu(
                MDEV,
                vgpu_metadata=msgspec.UNSET,
                gpu_metadata=msgspec.UNSET,
                in_use=None,
            ),
            ["guest"],
        ),
    ],
    ids=["a type", "not ready", "nothing runs", "which one is not known", "not told"],
)
def test_a_guest_is_asked_for_where_one_may_run(
    here: Endpoint, lacks: list[str], library: Library
) -> None:
    gaps = find_gaps([here], library)
    assert [name for gap in gaps for name in gap.lacks.facts] == lacks


def test_a_value_that_the_table_does_not_know_is_told(tmp_path: Path) -> None:
    (tmp_path / "tables.d").mkdir()
    (tmp_path / "tables.d/ours.toml").write_text(
        'schema = 1\nid = "ours"\ntitle = "x"\nevidence = "site"\n'
        'references = ["x"]\nvendor = "pci:1ac1"\ndrivers = ["acme"]\n'
        '[format]\nf = "{device:hex}"\n'
        '[field.step]\nfrom = "device"\n'
        'order = [{ name = "A", values = ["1"] }, { name = "B", values = ["2"] }]\n'
        '[[requirement]]\nid = "r"\nfield = "step"\nrelation = "equal"\nwhy = "x"\n'
        '[derive]\nformat = "f"\ndevice = "device_id"\n'
    )
    here = [endpoint("p/t", None, facts={"device_id": "0x7"})]
    open_ = find_gaps(here, Library(config=str(tmp_path)))

    assert missing_tables(open_).detail == (
        "acme: p/t: table ours does not know the step of 7"
    )
    assert missing_facts(open_, "x").outcome == "pass"
