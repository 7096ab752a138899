# SPDX-License-Identifier: Apache-2.0
"""The shipped tables beside what their drivers do, written anew, in any spelling.

Each driver's rule is a function of values here; a table reads what is made of them.
"""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from vfiocompat.api import evaluate
from vfiocompat.tables.library import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Values = dict[str, Any]
Truth = bool | None
T = TypeVar("T")

LIBRARY = Library(config="/nonexistent")
PAIRS = 1500

VERDICTS = {True: "compatible", False: "incompatible", None: "undetermined"}


def both(*held: Truth) -> Truth:
    """Say what follows of several rules; what is not known is None."""
    return False if False in held else None if None in held else True


def known(rule: Callable[..., Truth], *values: object) -> Truth:
    return None if None in values else rule(*values)


def same(source: Values, destination: Values, names: Iterable[str]) -> Truth:
    pairs = [(source[name], destination[name]) for name in names]
    return both(*[known(lambda one, other: one == other, *pair) for pair in pairs])


class Spelling:
    """Chooses values, and writes each in one of the ways that a person may."""

    def __init__(self, seed: int) -> None:
        self.values = Random(seed)  # noqa: S311 - what it draws is no secret
        self.ways = Random(seed)  # noqa: S311

    def one(self, *values: T) -> T:
        return self.values.choice(values)

    def maybe(self, *values: T) -> T | None:
        """Choose a value, or now and then none."""
        return None if self.values.random() < 0.03 else self.one(*values)

    def way(self, *texts: str) -> str:
        return self.ways.choice(texts)

    def hexadecimal(self, value: int | None) -> str:
        if value is None:
            return "?"
        return self.way(f"{value:x}", f"{value:X}", f"0x{value:x}", f"{value:06x}")

    def number(self, value: int | None) -> str:
        return "?" if value is None else self.way(f"{value}", f"{value}", f"{value:03}")

    def mask(self, value: int | None) -> str:
        if value is None:
            return "?"
        return self.way(f"{value:#x}", f"0x{value:X}", f"{value:#010x}")

    def size(self, value: int | None) -> str:
        if value is None:
            return "?"
        units = {"K": 10, "M": 20, "G": 30}
        fitting = [(unit, by) for unit, by in units.items() if not value % (1 << by)]
        return self.way(f"{value}", *[f"{value >> by}{unit}" for unit, by in fitting])

    def version(self, value: tuple[int, ...] | None) -> str:
        if value is None:
            return "?"
        longer = self.ways.choice([value, (*value, 0)])
        return ".".join(self.way(f"{each}", f"{each:02}") for each in longer)


def least(version: tuple[int, ...]) -> tuple[int, ...]:
    """Give a version without the zeros at its end."""
    while version and not version[-1]:
        version = version[:-1]
    return version


# ---- each driver: values, how they are written, and what it takes ------------------


def qat(s: Spelling) -> tuple[str, Values]:
    slas = s.maybe(
        {},
        {("asym", 3): (10, 20)},
        {("asym", 3): (20, 20)},
        {("asym", 3): (10, 30)},
        {("asym", 12): (10, 20)},
        {("sym", 3): (10, 20)},
        {("asym", 3): (10, 20), ("dc", 12): (5, 5)},
    )
    values: Values = {
        "device": s.maybe(0x4941, 0x4941, 0x4943, 0x4947, 0x37C9, 0x4940),
        "rev": s.maybe(0x40, 0x40, 0x40, 0),
        "version": s.maybe(1, 1, 1, 2, 0),
        "gencap": s.maybe(0x3F, 0x3F, 0x7F, 0x40, 0, 0xFFFFFFFF),
        "svcmap": s.maybe(0x4924, 0x4924, 0x4924, 0x4925, 0),
        "extdc": s.maybe(3, 3, 7, 4, 0),
        "slas": slas,
    }
    rates = ",".join(
        f"{name}.{s.hexadecimal(mask)}={s.number(low)}/{s.number(high)}"
        for (name, mask), (low, high) in (slas or {}).items()
    )
    text = (
        f"8086-qat:device={s.hexadecimal(values['device'])}:rev={s.hexadecimal(values['rev'])}"
        f":version={s.number(values['version'])}:gencap={s.mask(values['gencap'])}"
        f":svcmap={s.hexadecimal(values['svcmap'])}:extdc={s.mask(values['extdc'])}"
        f":slas={'?' if slas is None else rates}"
    )
    return text, values


def qat_takes(source: Values, destination: Values) -> Truth:
    """See adf_gen4_vf_mig.c, adf_mstate_mgr.c, and QEMU's get_pci_config_device."""
    generations = {0x4941: 4, 0x4943: 4, 0x4947: 6}
    ends = [generations.get(end["device"]) for end in (source, destination)]
    return both(
        same(source, destination, ("device", "rev", "svcmap")),
        known(lambda here, there: here == there, *ends),
        known(
            lambda here, there: here <= there, source["version"], destination["version"]
        ),
        *[
            known(lambda a, b: (a | b) == b, source[name], destination[name])
            for name in ("gencap", "extdc")
        ],
        known(
            lambda here, there: all(
                key in there and all(map(int.__le__, rates, there[key]))
                for key, rates in here.items()
            ),
            source["slas"],
            destination["slas"],
        ),
    )


def hisi(s: Spelling) -> tuple[str, Values]:
    magic = s.one("v2", "v2", "v2", "v1", "?", "V2", "aaccfeeddecadede")
    values: Values = {
        "device": s.maybe(0xA251, 0xA251, 0xA256, 0xA250),
        "rev": s.maybe(0x30, 0x30, 0x30, 0x21, 0x50),
        "qp": s.maybe(16, 16, 16, 32),
        "iso": s.maybe(0, 0, 0, 1),
        "magic": magic if magic in {"v1", "v2"} else None,
        "major": s.maybe(1, 1, 1, 2),
    }
    text = (
        f"19e5-hisi:device={s.hexadecimal(values['device'])}:rev={s.hexadecimal(values['rev'])}"
        f":qp={s.number(values['qp'])}:iso={s.hexadecimal(values['iso'])}:magic={magic}"
        f":major={s.number(values['major'])}"
    )
    return text, values


def hisi_takes(source: Values, destination: Values) -> Truth:
    """See hisi_acc_vfio_pci.c: vf_qm_version_check, vf_qm_check_match; and QEMU's.

    A V1 stream may have wrong addresses; of hardware V4 the size of a BAR is open.
    """
    format_: Truth
    match source["magic"], destination["magic"]:
        case "v2", "v1":
            format_ = False
        case "v2", there:
            major = same(source, destination, ("major",))
            format_ = both(major, True if there else None)
        case _:
            format_ = None
    device, revision = source["device"], source["rev"]
    return both(
        format_,
        same(source, destination, ("device", "rev", "qp", "iso")),
        known(lambda it: it in {0xA251, 0xA256, 0xA259}, device),
        known(lambda it: it >= 0x30, revision),
        known(lambda it: True if it < 0x50 else None, revision),
    )


def xe(s: Spelling) -> tuple[str, Values]:
    chosen = s.one(0xB080, 0xE20B, 0x9A49)
    values: Values = {
        "devid": s.maybe(chosen, chosen, chosen, 0xB081),
        "revid": s.maybe(0, 0, 0, 4),
        "packet": s.maybe(1, 1, 1, 2),
        "ggtt": s.maybe(256 << 20, 256 << 20, 512 << 20),
        "vram": s.maybe(2 << 30, 2 << 30, 4 << 30, 0),
        "guc": s.maybe((70, 54), (70, 54), (70, 54, 1), (70, 53, 9), (70, 6), (71,)),
        "vf": s.maybe(chosen, chosen, chosen, 0x9A49),
        "vfrev": s.maybe(0, 0, 0, 4),
    }
    text = (
        f"8086-xe:devid={s.hexadecimal(values['devid'])}:revid={s.hexadecimal(values['revid'])}"
        f":packet={s.number(values['packet'])}:ggtt={s.size(values['ggtt'])}"
        f":vram={s.size(values['vram'])}:guc={s.version(values['guc'])}"
        f":vf={s.hexadecimal(values['vf'])}:vfrev={s.hexadecimal(values['vfrev'])}"
    )
    return text, values


def xe_takes(source: Values, destination: Values) -> Truth:
    """See xe_sriov_packet.c, xe_ggtt.c, xe_sriov_pf_migration.c; and QEMU's."""
    platforms = {0xB080: "Panther Lake", 0xE20B: "Battlemage"}
    ends = [platforms.get(end["vf"]) for end in (source, destination)]
    guc = source["guc"], destination["guc"]
    return both(
        same(source, destination, ("devid", "revid", "packet", "ggtt", "vf", "vfrev")),
        known(lambda here, there: here == there, *ends),
        known(lambda here, there: here <= there, source["vram"], destination["vram"]),
        *[known(lambda it: least(it) >= (70, 54), each) for each in guc],
        known(lambda here, there: least(here) == least(there), *guc) or None,
    )


def mtty(s: Spelling) -> tuple[str, Values]:
    type_ = s.one("mtty-1", "mtty-1", "mtty-2", "mtty-3", "MTTY-1", "?")
    magic = 0x7E9D09898C3E2C4E
    values: Values = {
        "ports": {"mtty-1": 1, "mtty-2": 2}.get(type_),
        "magic": s.maybe(magic, magic, magic, magic + 1),
        "major": s.maybe(1, 1, 1, 2),
        "minor": s.maybe(0, 0, 0, 1),
        "flags": s.maybe(0, 0, 0, 1),
    }
    text = (
        f"4348-3253-mtty:type={type_}:magic={s.hexadecimal(values['magic'])}"
        f":major={s.number(values['major'])}:minor={s.number(values['minor'])}"
        f":flags={s.hexadecimal(values['flags'])}"
    )
    return text, values


def mtty_takes(source: Values, destination: Values) -> Truth:
    """See mtty.c, mtty_resume_write."""
    return both(
        same(source, destination, ("ports", "magic", "major", "minor")),
        known(lambda flags: flags == 0, source["flags"]),
    )


def gvt(s: Spelling) -> tuple[str, Values]:
    vendor = s.one("8086", "8086", "00028086", "80008086")
    device = s.one("193b", "193b", "193B", "5927")
    type_ = s.one("5_4", "5_4", "5_8")
    version = s.one("00000001", "00000001", "1", "ffffffff")
    if s.one("prefixed", "versioned") == "prefixed":
        return (text := f"{vendor}-{device}-i915-GVTg_V{type_}"), {"text": text}
    text = f"{vendor}-{device}-GVTg_V{type_}-{version}"
    return text, {"text": text, "version": version}


def gvt_takes(source: Values, destination: Values) -> Truth:
    """See the patches of 2019 and 2020: texts are the same, and -1 is no version."""
    return source == destination and source.get("version") != "ffffffff"


PLATFORMS = ("rhel-9.4", "rhel-9.6", "rhel-10.0", "ubuntu-24.04")


def nvidia(s: Spelling) -> tuple[str, Values]:
    board, (device, subsystem) = s.one(
        *[("A40", ids) for ids in [(0x2235, 0x145A)] * 4],
        ("NVIDIA A40", (0x2235, 0x145A)),
        ("A40", (0x2235, 0x14A9)),
        ("A100", (0x20B5, 0x1533)),
        ("A40", (None, None)),
    )
    ecc = s.one("on", "on", "on", "off", "N/A", "On", "?")
    low, high = s.one((3, 7), (3, 7), (5, 5), (6, 9))
    types = ("A40-8Q", "A40-8C", "A100-4C", "A100D-4C", "A100-4CME", "A100-1-4C")
    platform = s.one(*PLATFORMS * 3, "rhel-9.40", "RHEL-9.4", "sles-15.6", "?")
    framework = s.one("mdev", "mdev", "mdev", "vendor", "MDEV", "?")
    values: Values = {
        "type": s.maybe(*types[:1] * 5, *types),
        "guest": s.maybe(5, 5, 5, 3, 8),
        "range": (low, high),
        "ecc": ecc if ecc in {"on", "off"} else None,
        "device": device,
        "subsystem": subsystem,
        "manager": s.maybe(
            (580, 65, 6), (580, 65, 6), (580, 65, 6), (580, 104), (570,)
        ),
        "platform": platform if platform in PLATFORMS else None,
        "framework": framework if framework in {"mdev", "vendor"} else None,
    }
    text = (
        f"10de-vgpu:type={values['type'] or '?'}:guest={s.number(values['guest'])}"
        f":range={low}..{high}:ecc={ecc}:device={s.hexadecimal(device)}"
        f":subsystem={s.hexadecimal(subsystem)}:board={board}"
        f":manager={s.version(values['manager'])}:platform={platform}"
        f":framework={framework}"
    )
    return text, values


def nvidia_supports(source: Values, destination: Values) -> Truth:
    """See NVIDIA AI Enterprise 8, Live Migration; KubeVirt VEP 109; and nvml.h."""
    platforms = source["platform"], destination["platform"]
    frameworks = source["framework"], destination["framework"]
    managers = known(
        lambda here, there: least(here) == least(there),
        source["manager"],
        destination["manager"],
    )
    strict = {"rhel-9.4", "ubuntu-24.04"}.intersection(platforms)
    return both(
        same(source, destination, ("type", "ecc", "device", "subsystem")),
        known(
            lambda guest, ends: ends[0] <= guest <= ends[1],
            source["guest"],
            destination["range"],
        ),
        managers if strict else managers or None,
        {"rhel-9.4", "rhel-10.0"} != set(platforms),
        known(lambda here, there: here == there or None, *platforms),
        known(lambda here, there: here == there or None, *frameworks),
        *[
            pair != ("rhel-9.4", "vendor")
            for pair in zip(platforms, frameworks, strict=True)
        ],
    )


DRIVERS = {
    "intel-qat-gen4": (qat, qat_takes),
    "hisi-acc": (hisi, hisi_takes),
    "intel-xe": (xe, xe_takes),
    "mtty": (mtty, mtty_takes),
    "intel-gvt-g": (gvt, gvt_takes),
    "nvidia-vgpu": (nvidia, nvidia_supports),
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("table", DRIVERS)
def test_a_table_says_what_the_driver_does(table: str, seed: int) -> None:
    make, takes = DRIVERS[table]
    spelling = Spelling(seed)
    seen = set()
    for _ in range(PAIRS):
        state = spelling.values.getstate()
        source, here = make(spelling)
        if spelling.ways.random() < 0.3:  # the same, maybe in another spelling
            spelling.values.setstate(state)
        destination, there = make(spelling)
        found = evaluate(source, destination, LIBRARY)
        held = takes(here, there)

        assert found.table == table, (source, destination)
        assert found.verdict == VERDICTS[held], (source, destination)
        seen.add(held)
    assert seen >= {True, False}


@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ("gencap", ["", "3f", "0x", "0X3f", "0x3f,0x40", "sym,asym", "0x3f "]),
        ("extdc", ["", "3", "cnv"]),
        ("slas", ["asym.3=10", "asym=10/20", "asym.3=10/20/30", "asym.3", "asym.=1/2"]),
        ("slas", ["asym.3=10/", "asym.x=1/2", "ASYM.3=1/2", "asym.3=1/2,asym.03=3/4"]),
        ("svcmap", ["", "sym;dc"]),
        ("version", ["", "-1", "1.0", "9" * 21]),
    ],
)
def test_what_tells_a_part_is_no_string_of_qat(field: str, texts: list[str]) -> None:
    right = (
        "8086-qat:device=4941:rev=40:version=1:gencap=0x3f:svcmap=4924:extdc=0x3:slas="
    )
    assert evaluate(right, right, LIBRARY).verdict == "compatible"
    for text in texts:
        wrong = re.sub(f"{field}=[^:]*", f"{field}={text}", right)
        assert wrong != right

        for pair in ((wrong, wrong), (wrong, right), (right, wrong)):
            assert evaluate(*pair, LIBRARY).table is None
