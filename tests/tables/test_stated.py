# SPDX-License-Identifier: Apache-2.0
"""What operators state: in files, on the command line, and what contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.fleets import endpoint, function
from vfiocompat.endpoints import Recorded, literal
from vfiocompat.errors import FactError, UsageError
from vfiocompat.tables.denied import denied_in
from vfiocompat.tables.judge import derivation
from vfiocompat.tables.library import Library
from vfiocompat.tables.stated import SiteFacts, Stated, parse_facts

if TYPE_CHECKING:
    from pathlib import Path

    from vfiocompat.endpoints import Endpoint

LIBRARY = Library(config="/nonexistent")
DEVICE = function("0000:75:00.1", None)


def site(tmp_path: Path, *texts: str) -> SiteFacts:
    (tmp_path / "facts.d").mkdir()
    for at, text in enumerate(texts):
        (tmp_path / f"facts.d/{at}.toml").write_text(f"schema = 1\n{text}")
    return SiteFacts(str(tmp_path))


def of(stated: Stated, endpoint: Endpoint = DEVICE) -> dict[str, str]:
    return stated.of_source(endpoint, LIBRARY).stated


def wrong(stated: Stated) -> str:
    with pytest.raises((FactError, UsageError)) as caught:
        of(stated)
    assert caught.value.code == "VFC228"
    return f"{caught.value.summary}\n{caught.value.detail}"


def test_without_files_nothing_is_stated(tmp_path: Path) -> None:
    assert of(Stated(site=SiteFacts(str(tmp_path)))) == {}


def test_an_endpoints_own_values_win_over_its_drivers(tmp_path: Path) -> None:
    files = site(
        tmp_path,
        '[driver.hisi_acc_vfio_pci]\nqueue_pairs = "1"\nmagic = "v2"',
        '[endpoint."0000:75:00.1"]\nqueue_pairs = "16"',
        '[endpoint."0000:75:00.2"]\nqueue_pairs = "32"',
    )

    assert of(Stated(site=files)) == {"queue_pairs": "16", "magic": "v2"}


@pytest.mark.parametrize("written", ["0x19e5", "19e5", "0x19E5"])
def test_ids_and_a_driver_that_are_stated_tell_which_tables_speak(written: str) -> None:
    """Of a device of which nobody knows whose it is none does."""
    alone = msgspec.structs.replace(
        DEVICE, vendor_id=None, device_id=None, driver=None, facts={"revision": "0x30"}
    )
    named = {"vendor_id": written, "device_id": "a251", "driver": "hisi_acc_vfio_pci"}
    found = Stated(named).of_source(alone, LIBRARY)

    assert (found.vendor_id, found.device_id) == ("0x19e5", "0xa251")
    assert [each.id for each in LIBRARY.speaking_for(found)] == ["hisi-acc"]
    of_driver = Stated({"driver": "hisi_acc_vfio_pci"}).of_source(alone, LIBRARY)
    assert LIBRARY.speaking_for(of_driver) == []
    unknown = Stated({**named, "vendor_id": "?"}).of_source(alone, LIBRARY)
    assert unknown.vendor_id is None


def test_the_command_line_wins_over_files(tmp_path: Path) -> None:
    files = site(
        tmp_path, '[driver.hisi_acc_vfio_pci]\nqueue_pairs = "1"\nmagic = "v1"'
    )
    stated = Stated({"queue_pairs": "8"}, {"queue_pairs": "9"}, files)

    assert of(stated) == {"queue_pairs": "8", "magic": "v1"}
    there = stated.of_destination(DEVICE, LIBRARY)
    assert there.stated == {"queue_pairs": "9", "magic": "v1"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[driver.x]\ny = 1", "driver.x.y: expected `str`, got `int`"),
        ("moon = 1", "moon: unknown key"),
        ('[endpoint."3b:20.0"]\nx = "1"', "is not an address"),
        ('[endpoint."3b:00.0"]\nx = "1"', "is written '0000:3b:00.0'"),
        ('[endpoint."/sys/x"]\nx = "1"', "is not an address"),
        ('[endpoint."version:a"]\nx = "1"', "is not an address"),
        ('[endpoint."0000:3B:00.0"]\nx = "1"', "is written '0000:3b:00.0'"),
        (
            '[driver.hisi_acc_vfio_pci]\nmoon = "1"',
            "moon: is neither a fact nor a field",
        ),
        (
            '[driver.hisi_acc_vfio_pci]\nqueue_pairs = "x"',
            "queue_pairs: 'x' is no int",
        ),
        (
            '[driver.hisi_acc_vfio_pci]\ndevice_id = "0x1"',
            "device_id: '0x1' is stated, sysfs says '0xa251'",
        ),
    ],
)
def test_mistakes_in_files(tmp_path: Path, text: str, says: str) -> None:
    assert says in wrong(Stated(site=site(tmp_path, text)))


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    one = '[endpoint."0000:75:00.1"]\nmagic = "v1"'
    files = site(tmp_path, one, one.replace("v1", "v2"))

    assert "magic: another file states 'v1'" in wrong(Stated(site=files))


def test_the_same_twice_is_no_contradiction(tmp_path: Path) -> None:
    one = '[endpoint."0000:75:00.1"]\nmagic = "v1"'

    assert of(Stated(site=site(tmp_path, one, one))) == {"magic": "v1"}


def test_what_an_option_gives_wrongly_is_a_wrong_use() -> None:
    with pytest.raises(UsageError, match="--fact: what is stated of"):
        Stated({"moon": "1"}).of_source(DEVICE, LIBRARY)
    with pytest.raises(UsageError, match="--destination-fact"):
        Stated({}, {"moon": "1"}).of_destination(DEVICE, LIBRARY)
    with pytest.raises(UsageError, match="a literal string says all"):
        Stated({"magic": "v1"}).of_source(literal("19e5-x"), LIBRARY)


TYPE = endpoint("mtty/mtty-2", None, driver="mtty", vendor_id=None, facts={})


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (TYPE, {"type_id": "mtty-1"}),
        (TYPE, {"type": "mtty-1"}),
        (TYPE, {"driver": "i915"}),
        (msgspec.structs.replace(DEVICE, facts={}), {"device_id": "0xa250"}),
        (msgspec.structs.replace(DEVICE, facts={}), {"vendor_id": "8086"}),
        (msgspec.structs.replace(DEVICE, facts={}), {"driver": "vfio-pci"}),
    ],
)
def test_what_an_endpoint_is_counts_where_its_facts_do_not_tell(
    there: Endpoint, said: dict[str, str]
) -> None:
    for side in ("of_source", "of_destination"):
        with pytest.raises(UsageError) as caught:
            getattr(Stated(said, said), side)(there, LIBRARY)
        assert "is stated, sysfs says" in (caught.value.detail or "")


def test_files_of_this_host_say_nothing_of_an_inventorys_endpoints(
    tmp_path: Path,
) -> None:
    files = site(tmp_path, '[driver.hisi_acc_vfio_pci]\nmagic = "v1"')
    there = msgspec.structs.replace(
        DEVICE, recorded=Recorded("b", ""), stated={"queue_pairs": "16"}
    )

    assert of(Stated(site=files), there) == {"queue_pairs": "16"}
    assert of(Stated({"magic": "v2"}, site=files), there) == {
        "queue_pairs": "16",
        "magic": "v2",
    }


def test_names_and_values_as_they_are_typed() -> None:
    assert parse_facts(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    assert parse_facts(["a=b", "a=b"]) == {"a": "b"}
    for texts in (["a"], ["=b"], ["a=b", "a=c"]):
        with pytest.raises(UsageError):
            parse_facts(texts)


@pytest.mark.parametrize("name", ["device", "device_id"])
def test_what_an_endpoint_says_itself_is_not_stated_otherwise(name: str) -> None:
    bare = msgspec.structs.replace(DEVICE, facts={})
    stated = {name: "0xa256", "revision": "0x30"}

    assert of(Stated({name: "0xa251"}), bare) == {name: "0xa251"}
    with pytest.raises(UsageError, match="cannot be used"):
        of(Stated(stated), bare)
    recorded = msgspec.structs.replace(bare, stated=stated)
    [shelved] = LIBRARY.speaking_for(recorded)
    found = derivation(recorded, [shelved])
    assert found is not None
    text = found[1].version.text
    assert ":device=a251:" in text.replace("hisi:", ":")


def test_the_type_of_an_mdev_type_is_not_stated_otherwise() -> None:
    two = endpoint("mtty/mtty-2", None, driver="mtty", vendor_id=None, facts={})
    named = msgspec.structs.replace(two, type_id="mtty-2", stated={"type": "mtty-1"})
    found = derivation(named, LIBRARY.speaking_for(named))

    assert found is not None
    assert ":type=mtty-2:" in found[1].version.text


@pytest.mark.parametrize(
    ("stated", "facts", "denied"),
    [
        ({"ecc": "off"}, {"ecc": "on"}, True),
        ({"ecc": "on"}, {"ecc": "on"}, False),
        ({"ecc": "?"}, {"ecc": "on"}, False),
        ({"ecc": "off"}, {}, False),
        ({"type": "A40-16Q"}, {"type_name": "NVIDIA A40-8Q"}, True),
        ({"manager": "570.1"}, {"module_version": "580.1"}, True),
        ({"device": "2236"}, {"device_id": "0x2235"}, True),
        ({"subsystem_device_id": "145a"}, {"subsystem_device_id": "0x145a"}, False),
        ({"numa_node": "1"}, {"numa_node": "0"}, True),  # no field of the table
        ({"of another program": "1"}, {"ecc": "on"}, False),
    ],
)
def test_an_inventory_that_states_what_its_facts_deny_is_told_of(
    stated: dict[str, str], facts: dict[str, str], *, denied: bool
) -> None:
    vgpu = function(
        "0000:41:00.4",
        None,
        driver="nvidia",
        vendor_id="0x10de",
        stated=stated,
        facts={"vendor_id": "0x10de"} | facts,
    )
    found = denied_in("a.json", [vgpu], LIBRARY)

    assert (found is not None) is denied
    if found is not None:
        assert found.code == "VFC228"
        assert f"{next(iter(stated))} of 0000:41:00.4: " in (found.detail or "")
