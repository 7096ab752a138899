# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's driver says of a vGPU and a GPU decides, row by row."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.anyendpoint import NVIDIA
from tests.nvidia.made import gpu_metadata, vgpu_metadata
from vfiocompat import codes
from vfiocompat.decision.decide import decide
from vfiocompat.decision.decisions import Decision
from vfiocompat.decision.gpus import (
    gpu_question,
    is_gpu_to_be_asked,
    migration_capability,
    recordable_comparison,
    recorded_comparison,
    why_gpu_not_asked,
)
from vfiocompat.decision.nvml import GpuAsked, by_nvml, same_vgpu_type
from vfiocompat.diagnostics import diagnostic
from vfiocompat.endpoints import Endpoint, RecordedAnswer
from vfiocompat.errors import VfiocompatError
from vfiocompat.nvidia.compatibility import Compared, Compatibility, Limit
from vfiocompat.tables.judge import beside_gpu, judge
from vfiocompat.tables.library import Library
from vfiocompat.verdicts import NOT_JUDGED, Beyond, Judgement, Verdict

if TYPE_CHECKING:
    from vfiocompat.codes import Code

LIBRARY = Library(config="/nowhere")
FACTS = NVIDIA | {"framework": "mdev"}


def vgpu(type_id: str = "nvidia-557", **changed: str) -> Endpoint:
    """Make a vGPU with what is told of one, but for what is changed; `` forgets."""
    return Endpoint(
        kind="mdev",
        address="83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
        type_id=type_id or None,
        driver="nvidia",
        vendor_id="0x10de",
        facts={name: text for name, text in (FACTS | changed).items() if text},
    )


def stated(endpoint: Endpoint, **facts: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, stated=facts)


LIVE = Compared(Compatibility(is_live=True))


def no(*limits: Limit) -> Compared:
    return Compared(Compatibility(is_live=False, limits=limits, left=("cold", "sleep")))


def failed(code: Code) -> Compared:
    return Compared(error=VfiocompatError("it went wrong", code=code).record)


ALL_HOLDS_BESIDE = Beyond(verdict="compatible", findings=(), covered=(), complete=True)


def decided(
    compared: Compared | None,
    destination: Endpoint | None = None,
    *,
    source: Endpoint | None = None,
    judgement: Judgement | None = None,
    then: str | None = None,
    vgpu_data: str | None = vgpu_metadata(),
    gpu_data: str | None = gpu_metadata(),
    beside: Beyond | None = ALL_HOLDS_BESIDE,
) -> Decision | None:
    """Decide a pair beside the shipped table, or what is said of it instead."""
    ends = with_metadata(source or vgpu(), destination or vgpu(), vgpu_data, gpu_data)
    shelf = LIBRARY.shelf(*ends)
    asked = GpuAsked(
        compared=compared,
        then=then,
        beside=beside_gpu(*ends, shelf) if judgement is None else beside,
    )
    return by_nvml(
        *ends, asked, judge(*ends, shelf) if judgement is None else judgement
    )


def with_metadata(
    source: Endpoint, destination: Endpoint, vgpu_data: str | None, gpu_data: str | None
) -> tuple[Endpoint, Endpoint]:
    """Give a vGPU and what is on a GPU the metadata of these."""
    return (
        msgspec.structs.replace(source, vgpu_metadata=vgpu_data or msgspec.UNSET),
        msgspec.structs.replace(destination, gpu_metadata=gpu_data or msgspec.UNSET),
    )


def said(found: Decision | None) -> tuple[str, str, str | None]:
    assert found is not None
    return found.verdict, found.basis, found.channel


def found_codes(found: Decision | None) -> set[str]:
    assert found is not None
    return {each.code for each in found.diagnostics}


REFUSED = Judgement(
    verdict="incompatible",
    table="t",
    findings=(diagnostic(codes.NOT_EQUAL, table="t"),),
)
OPEN = Judgement(verdict="undetermined", table="t")
HOLDS = Judgement(verdict="compatible", table="t")
JUDGEMENTS = [NOT_JUDGED, REFUSED, OPEN, HOLDS]


# ---- a yes -------------------------------------------------------------------------


def test_live_and_of_one_type_is_compatible() -> None:
    found = decided(LIVE)

    assert said(found) == ("compatible", "driver", "nvml")
    assert {codes.NVML_TAKES, codes.REQUIREMENTS_HOLD} <= found_codes(found)
    assert found is not None
    assert found.table == "nvidia-vgpu"


def test_a_recorded_yes_says_when() -> None:
    found = decided(LIVE, then="asked at 2026-11-01T00:00:00Z, 2 days ago")

    assert said(found) == ("compatible", "recorded", "nvml")
    assert found is not None
    assert found.diagnostics[0].detail == "asked at 2026-11-01T00:00:00Z, 2 days ago"


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_a_table_never_changes_what_a_yes_is_about(judgement: Judgement) -> None:
    found = decided(LIVE, judgement=judgement)

    assert said(found) == ("compatible", "driver", "nvml")
    assert (codes.TABLE_DISAGREES in found_codes(found)) is (judgement is REFUSED)


def test_a_table_that_refuses_other_managers_disagrees_and_no_more() -> None:
    found = decided(LIVE, vgpu(manager="580.82.02"))

    assert said(found) == ("compatible", "driver", "nvml")
    assert found is not None
    assert [each.code for each in found.diagnostics if each.severity != "info"] == [
        codes.TABLE_DISAGREES,
        codes.NOT_EQUAL,
    ]


def test_what_a_yes_is_about_need_not_be_known() -> None:
    other = vgpu(
        manager="", range="", gpu_name="", device_id="", subsystem_device_id=""
    )
    assert said(decided(LIVE, other)) == ("compatible", "driver", "nvml")


# ---- what a yes is not about -------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        vgpu(vgpu_type_name="NVIDIA A40-16Q"),
        vgpu("nvidia-558", vgpu_type_name=""),
        vgpu(vgpu_type_name="NVIDIA L40-8Q", device_id="0x26b5"),
    ],
)
def test_another_type_is_incompatible(other: Endpoint) -> None:
    found = decided(LIVE, other)

    assert said(found) == ("incompatible", "driver", "nvml")
    assert codes.VGPU_TYPE_DIFFERS in found_codes(found)
    assert codes.TABLE_DISAGREES not in found_codes(found)


@pytest.mark.parametrize(
    "other",
    [
        vgpu(vgpu_type_name="", device_id=""),
        vgpu(vgpu_type_name="", subsystem_device_id="0x0001"),
        vgpu("", vgpu_type_name=""),
    ],
)
def test_a_type_that_is_not_known_leaves_a_yes_open(other: Endpoint) -> None:
    found = decided(LIVE, other)

    assert said(found) == ("undetermined", "driver", "nvml")
    assert codes.VGPU_TYPE_NOT_KNOWN in found_codes(found)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (vgpu(), vgpu(), True),
        (vgpu(), vgpu("nvidia-9", device_id="0x1"), True),  # by the whole name
        (vgpu(vgpu_type_name="", type_name="NVIDIA A40-8Q"), vgpu("557"), True),
        (vgpu(vgpu_type_name=""), vgpu("557"), True),  # of one board
        (vgpu(vgpu_type_name="GRID A40-8Q"), vgpu(), True),  # an older manager's name
        (vgpu(vgpu_type_name="GRID A40-8Q"), vgpu(device_id="0x1"), False),
        (vgpu(vgpu_type_name="GRID A40-8Q"), vgpu("nvidia-9"), False),
        (vgpu(), vgpu(vgpu_type_name="NVIDIA A40-16Q"), False),  # whatever its number
        (vgpu(vgpu_type_name="  "), vgpu(device_id="0x1"), None),
        (vgpu("", vgpu_type_name=""), vgpu("", vgpu_type_name=""), None),
        (vgpu(type_name="GRID A40-8Q"), vgpu(), True),
        (vgpu(type_name="NVIDIA A40-16Q"), vgpu(), None),  # of which is it
        (stated(vgpu(), type_name="NVIDIA A40-16Q"), vgpu(), None),
        (stated(vgpu("", vgpu_type_name=""), type_name="NVIDIA A40-8Q"), vgpu(), True),
        (stated(vgpu("", vgpu_type_name=""), type_name="NVIDIA A40-4Q"), vgpu(), False),
    ],
)
def test_types_are_one_by_name_and_on_one_board_by_number(
    one: Endpoint,
    other: Endpoint,
    same: bool | None,  # noqa: FBT001 - a parameter
) -> None:
    assert same_vgpu_type(one, other) is same
    assert same_vgpu_type(other, one) is same


@pytest.mark.parametrize(
    "changed",
    [{"ecc": "off"}, {"framework": "vendor"}, {"platform": "ubuntu-24.04"}],
    ids=str,
)
def test_what_fails_beside_a_yes_leaves_it_open(changed: dict[str, str]) -> None:
    found = decided(LIVE, vgpu(**changed))

    assert said(found) == ("undetermined", "driver", "nvml")
    assert found is not None
    doubts = [each for each in found.diagnostics if each.code == codes.TABLE_DISAGREES]
    assert len(doubts) == 1
    assert {each.severity for each in found.diagnostics} == {"info", "warning"}


def test_an_exception_about_platforms_fails_beside_a_yes() -> None:
    found = decided(LIVE, vgpu(platform="rhel-10.0"))

    assert said(found) == ("undetermined", "driver", "nvml")
    assert codes.EXCEPTION_REFUSES in found_codes(found)


@pytest.mark.parametrize("name", ["ecc", "framework", "platform"])
def test_what_is_not_known_beside_a_yes_is_a_warning(name: str) -> None:
    found = decided(LIVE, vgpu(**{name: ""}))

    assert said(found) == ("compatible", "driver", "nvml")
    assert found is not None
    warned = [each for each in found.diagnostics if each.severity == "warning"]
    assert warned
    missing = [fact for each in warned for fact in each.missing]
    assert {(each.side, each.fact) for each in missing} == {("destination", name)}


SEVERAL = Judgement(findings=(diagnostic(codes.SEVERAL_TABLES),))
BROKEN = Judgement(findings=(diagnostic(codes.TABLE_MALFORMED),), failed=True)
UNSUPPORTED = Judgement(
    verdict="incompatible",
    table="t",
    findings=(diagnostic(codes.DRIVER_CANNOT_MIGRATE, table="t"),),
)


@pytest.mark.parametrize("judgement", [NOT_JUDGED, SEVERAL, BROKEN, UNSUPPORTED])
def test_a_yes_is_open_where_no_table_decides_beside_it(judgement: Judgement) -> None:
    found = decided(LIVE, judgement=judgement, beside=None)

    assert said(found) == ("undetermined", "driver", "nvml")
    assert found_codes(found) >= {
        codes.NOTHING_DECIDES,
        *(each.code for each in judgement.findings),
    }
    assert found is not None
    assert {each.severity for each in found.diagnostics} == {"info", "warning"}


@pytest.mark.parametrize("ecc", ["on", "off"])
def test_of_two_tables_none_decides_beside_a_yes(ecc: str) -> None:
    ends = vgpu(), vgpu(ecc=ecc)
    [only] = LIBRARY.shelf(*ends)
    shelf = [only, only._replace(id="another")]
    judgement, beside = judge(*ends, shelf), beside_gpu(*ends, shelf)
    found = decided(LIVE, ends[1], judgement=judgement, beside=beside)

    assert said(found) == ("undetermined", "driver", "nvml")
    assert codes.SEVERAL_TABLES in found_codes(found)


def test_another_type_is_none_whatever_tables_decide_beside() -> None:
    found = decided(LIVE, vgpu(vgpu_type_name="NVIDIA A40-16Q"), beside=None)
    assert said(found) == ("incompatible", "driver", "nvml")


# ---- a no --------------------------------------------------------------------------

LIMITS: list[tuple[Limit, Code]] = [
    ("host-driver", codes.LIMITED_BY_HOST_DRIVER),
    ("guest-driver", codes.LIMITED_BY_GUEST_DRIVER),
    ("gpu", codes.LIMITED_BY_GPU),
    ("other", codes.LIMITED_OTHERWISE),
]


@pytest.mark.parametrize(("limit", "code"), LIMITS)
@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_not_live_is_incompatible_whatever_tables_say(
    limit: Limit, code: Code, judgement: Judgement
) -> None:
    for then, basis in ((None, "driver"), ("asked then", "recorded")):
        found = decided(no(limit), judgement=judgement, then=then)

        assert said(found) == ("incompatible", basis, "nvml")
        assert found is not None
        assert found.diagnostics[0].code == code
        assert (codes.TABLE_DISAGREES in found_codes(found)) is (judgement is HOLDS)


def test_every_limit_has_a_code_and_what_is_left_is_told_once() -> None:
    found = decided(no(*(limit for limit, _ in LIMITS)), judgement=NOT_JUDGED)

    assert found is not None
    assert [each.code for each in found.diagnostics] == [code for _, code in LIMITS]
    assert [each.detail for each in found.diagnostics] == [
        "the VM can be moved there while it is shut down or asleep",
        None,
        None,
        None,
    ]
    assert all(each.hint for each in found.diagnostics)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (7, "the VM can be moved there while it is shut down, hibernated or asleep"),
        (2, "the VM can be moved there while it is hibernated"),
        (0, "the VM cannot be moved there in any state"),
    ],
)
def test_what_is_left_is_said_in_words(states: int, words: str) -> None:
    found = decided(Compared(Compatibility.of(states, 1)))
    assert found is not None
    assert found.diagnostics[0].detail == words


def test_a_no_shows_what_it_is_about() -> None:
    found = decided(no("host-driver", "guest-driver", "gpu"), vgpu(manager="550.1"))

    assert found is not None
    texts = [[span.text for span in each.spans] for each in found.diagnostics[:3]]
    assert texts == [["580.65.06", "550.1"], ["5", "3..7"], ["NVIDIA A40"] * 2]


def test_a_table_explains_a_no() -> None:
    found = decided(no("host-driver"), vgpu(manager="550.1"))
    assert {codes.LIMITED_BY_HOST_DRIVER, codes.NOT_EQUAL} <= found_codes(found)


# ---- where it is not asked ---------------------------------------------------------


def of_guest(*, loaded: bool) -> str:
    return vgpu_metadata(state=int(loaded), guest=5 if loaded else 0)


@pytest.mark.parametrize("compared", [None, LIVE, no("gpu")])
@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_a_guest_without_its_driver_leaves_it_to_a_tables_no(
    compared: Compared | None, judgement: Judgement
) -> None:
    waiting = of_guest(loaded=False)
    found = decided(compared, judgement=judgement, vgpu_data=waiting)

    expected = ("incompatible", "table") if judgement is REFUSED else None
    assert said(found) == (*(expected or ("undetermined", "none")), None)
    assert codes.GUEST_NOT_READY in found_codes(found)
    assert not is_gpu_to_be_asked(waiting, gpu_metadata())


@pytest.mark.parametrize(
    ("vgpu_data", "gpu_data", "sides"),
    [
        (vgpu_metadata(caps=0), gpu_metadata(), ["source"]),
        (vgpu_metadata(), gpu_metadata(caps=2), ["destination"]),
        (vgpu_metadata(caps=0), gpu_metadata(caps=0), ["source", "destination"]),
        (vgpu_metadata(caps=0), None, ["source"]),
        (None, gpu_metadata(caps=0), ["destination"]),
        (vgpu_metadata(caps=0, state=0), None, ["source"]),
    ],
)
def test_a_side_that_migrates_nothing_is_incompatible_before_anything(
    vgpu_data: str | None, gpu_data: str | None, sides: list[str]
) -> None:
    for compared in (None, LIVE):
        ends = with_metadata(vgpu(), vgpu(), vgpu_data, gpu_data)
        found = decide(*ends, None, HOLDS, gpu=GpuAsked(compared=compared))

        assert said(found) == ("incompatible", "none", None)
        assert found_codes(found) == {codes.GPU_CANNOT_MIGRATE}
    told = migration_capability(vgpu_data, gpu_data)
    assert [side for side in ("source", "destination") if side in str(told)] == sides
    assert not is_gpu_to_be_asked(vgpu_data, gpu_data)


@pytest.mark.parametrize("version", [0, 2, 9])
def test_metadata_of_a_version_that_is_not_known_is_asked_about(version: int) -> None:
    ends = vgpu_metadata(version=version, caps=0), gpu_metadata(version=version, caps=0)

    assert is_gpu_to_be_asked(*ends)
    found = decided(LIVE, vgpu_data=ends[0], gpu_data=ends[1])
    assert said(found) == ("compatible", "driver", "nvml")


@pytest.mark.parametrize(
    ("vgpu_data", "gpu_data", "words"),
    [
        (None, gpu_metadata(), "no metadata of the source's vGPU"),
        (vgpu_metadata(), None, "no metadata of the destination's GPU"),
        (None, None, "the source's vGPU and the destination's GPU"),
    ],
)
def test_without_metadata_the_table_decides(
    vgpu_data: str | None, gpu_data: str | None, words: str
) -> None:
    assert decided(LIVE, vgpu_data=vgpu_data, gpu_data=gpu_data) is None
    assert not is_gpu_to_be_asked(vgpu_data, gpu_data)
    told = why_gpu_not_asked(vgpu_data, gpu_data)
    assert told is not None
    assert (told.code, told.severity) == (codes.NO_METADATA, "info")
    assert words in told.summary


def test_with_metadata_of_both_sides_it_is_asked() -> None:
    assert is_gpu_to_be_asked(vgpu_metadata(), gpu_metadata())
    assert why_gpu_not_asked(vgpu_metadata(), gpu_metadata()) is None
    assert migration_capability(vgpu_metadata(), gpu_metadata()) == ()
    assert migration_capability(None, None) == ()


@pytest.mark.parametrize(
    "compared",
    [
        None,
        failed(codes.NVML_ABSENT),
        failed(codes.NVML_NO_BINDING),
        failed(codes.NVML_NO_DRIVER),
        failed(codes.NVML_LACKS_FUNCTION),
    ],
)
def test_without_a_library_the_table_decides(compared: Compared | None) -> None:
    assert decided(compared) is None


# ---- where it says nothing ---------------------------------------------------------


@pytest.mark.parametrize(
    "code", [codes.NVML_NOT_ANSWERED, codes.NO_ANSWER_IN_TIME, codes.NVML_DIED]
)
@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_no_answer_leaves_a_tables_no(code: Code, judgement: Judgement) -> None:
    found = decided(failed(code), judgement=judgement)

    expected: tuple[Verdict, str] = ("undetermined", "driver")
    if judgement is REFUSED:
        expected = ("incompatible", "table")
    assert said(found) == (*expected, "nvml")
    assert codes.NVML_NOT_ANSWERED in found_codes(found)
    assert found is not None
    assert not found.failed


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_without_permission_it_could_not_be_asked(judgement: Judgement) -> None:
    found = decided(failed(codes.NVML_NOT_PERMITTED), judgement=judgement)

    assert said(found) == ("undetermined", "none", None)
    assert found is not None
    assert found.failed


# ---- recorded answers --------------------------------------------------------------


def answer(*, accepted: bool | None, **more: tuple[str, ...]) -> RecordedAnswer:
    fields = {"version": None, "errno": None, "asked_at": "2026-11-01T00:00:00Z"}
    channel = {"channel": "nvml", "question": "00"}
    return RecordedAnswer(accepted=accepted, **fields, **channel, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("compared", [LIVE, no("gpu"), no("host-driver", "other")])
def test_what_is_recorded_is_what_was_said(compared: Compared) -> None:
    accepted, limits, left = recordable_comparison(compared)
    found = recorded_comparison(answer(accepted=accepted, limits=limits, left=left))

    assert found == compared


def test_an_answer_that_was_neither_is_none_later() -> None:
    assert recordable_comparison(failed(codes.NVML_DIED)) == (None, (), ())
    found = decided(recorded_comparison(answer(accepted=None)), then="asked then")

    assert said(found) == ("undetermined", "recorded", "nvml")
    assert codes.NVML_NOT_ANSWERED in found_codes(found)


@pytest.mark.parametrize("limits", [(), ("nonsense",), ("\x1b[2J", "other")])
def test_a_recorded_no_of_no_known_limit_is_limited_otherwise(
    limits: tuple[str, ...],
) -> None:
    found = recorded_comparison(answer(accepted=False, limits=limits, left=("x",)))
    assert found == Compared(Compatibility(is_live=False, limits=("other",)))


def test_a_question_is_the_vgpus_metadata_and_then_the_gpus() -> None:
    ends = vgpu_metadata(), gpu_metadata()
    both = b"".join(map(base64.b64decode, ends))

    assert gpu_question(*ends) == sha256(both).hexdigest()


def test_a_decision_goes_into_a_document() -> None:
    found = decided(no("gpu"))
    assert found is not None
    assert msgspec.json.decode(msgspec.json.encode(found), type=Decision) == found


def test_what_is_left_to_the_table_is_framework_platform_and_ecc() -> None:
    found = beside_gpu(vgpu(), vgpu(), LIBRARY.shelf(vgpu(), vgpu()))

    assert isinstance(found, Beyond)
    assert found.verdict == "compatible"
    assert set(found.covered) == {
        "guest-in-range",
        "same-type",
        "same-device",
        "same-subsystem",
        "same-manager",
        "contested-managers",
    }
