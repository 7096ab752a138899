# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat check`: every verdict, and what it rests on."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from vfiocompat import __version__, codes
from vfiocompat.codes import CODES
from vfiocompat.decision.decide import decide
from vfiocompat.decision.errnos import Answer
from vfiocompat.endpoints import Attribute, Endpoint, literal
from vfiocompat.errors import ENOTSUPP
from vfiocompat.output.check import CheckDocument
from vfiocompat.output.errors import ErrorDocument

from .hosts import (
    ACME,
    DESTINATION,
    DEVICE,
    FUNCTION,
    FUNCTION_PATH,
    PAIR,
    PARENT,
    PLAIN_TYPES,
    SOURCE,
    TYPES,
    UUID,
    UUID_2,
    WRITTEN,
    fault,
    gone_if_written,
    mdev_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Host, Run, RunOnTerminal

    from .conftest import PlainHost


class Row(NamedTuple):
    """One pair's outcome: `errno` is that of its first diagnostic."""

    verdict: str
    basis: str
    codes: tuple[str, ...]
    errno: str | None
    exit_code: int


def check(run: Run, line: str, *, exit_code: int) -> list[Row]:
    """Check pairs as JSON; give the outcome of each."""
    document = run(f"check --format json {line}", exit_code=exit_code).document(
        CheckDocument
    )
    return [
        Row(
            result.verdict,
            result.basis,
            tuple(found.code for found in result.diagnostics),
            result.diagnostics[0].errno,
            exit_code,
        )
        for result in document.results
    ]


ACCEPTED = Row("compatible", "driver", ("VFC107",), None, 0)


def refused(errno: str | None = "EINVAL") -> Row:
    return Row("incompatible", "driver", ("VFC101",), errno, 1)


def cannot_migrate(errno: str | None) -> Row:
    return Row("incompatible", "driver", ("VFC105",), errno, 1)


def unclear(code: str, errno: str | None = None) -> Row:
    return Row("undetermined", "driver", (code,), errno, 3)


def not_asked(code: str, errno: str | None = None) -> Row:
    return Row("undetermined", "none", (code,), errno, 4)


def nothing_known(*codes: str) -> Row:
    return Row("undetermined", "none", codes, None, 3)


def forbidden(code: str) -> Row:
    return Row("incompatible", "none", (code,), None, 1)


# ---- what each errno means -----------------------------------------------------


class Case(NamedTuple):
    """A fault, and the outcome where it happens."""

    name: str
    fault: str
    outcome: Row


def named(call: str, outcome: Callable[[str], Row], *names: str) -> list[Case]:
    """Give a case for each of several errnos."""
    return [
        Case(f"{call}-{name}", f'on = "{call}"\nerrno = "{name}"', outcome(name))
        for name in names
    ]


def time_out(case: Case) -> float:
    """Give a short one to what hangs only: a busy machine answers late."""
    return 0.5 if "hang = true" in case.fault else 10


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def host_of(cases: list[Case]) -> str:
    """Give PAIR, and beside it a type for each case, on which its fault happens."""
    types = "".join(mdev_type(case.name) for case in cases)
    faults = "".join(fault(f"{PARENT}/{case.name}", case.fault) for case in cases)
    return PAIR + types + faults + gone_if_written(DESTINATION)


ANSWERS = [
    Case(
        "open-ENOENT",
        'on = "open"\nerrno = "ENOENT"',
        nothing_known("VFC102", "VFC201"),
    ),
    *named("open", partial(not_asked, "VFC103"), "EACCES", "EPERM", "EROFS"),
    *named("open", partial(not_asked, "VFC104"), "EIO", "ENODEV", "EBUSY", "EINTR"),
    *named("open", partial(not_asked, "VFC104"), "ENXIO", "EOPNOTSUPP", "ENOSPC"),
    *named("write", cannot_migrate, "ENODEV", "EOPNOTSUPP", "ENOTTY"),
    Case("write-gone", 'on = "write"\nvanish = true', not_asked("VFC113", "ENODEV")),
    *named("write", partial(unclear, "VFC108"), "EINTR", "EAGAIN", "EBUSY"),
    *named("write", partial(unclear, "VFC109"), "EIO", "ENOMEM", "ETIMEDOUT"),
    *named("write", partial(unclear, "VFC110"), "ENOSPC", "EUSERS"),
    *named("write", partial(not_asked, "VFC111"), "ECONNABORTED", "ENOTCONN"),
    *named("write", refused, "EINVAL", "EPERM", "EACCES", "ENOENT", "EROFS", "E2BIG"),
    Case("write-hang", 'on = "write"\nhang = true', unclear("VFC112")),
    *(
        Case(f"{name}-twice", f'on = "write"\nerrno = "{name}"\ntimes = 2', ACCEPTED)
        for name in ("EINTR", "EAGAIN", "EBUSY")
    ),
    Case("slow", "delay = 0.05", ACCEPTED),
    # Its own string explains an answer, and never changes it.
    *named("read", lambda _: ACCEPTED, "EIO", "EINVAL"),
    # That the device cannot migrate is a no, though the driver takes the string.
    *named("read", cannot_migrate, "ENODEV", "EOPNOTSUPP", "ENOTTY"),
    Case("read-gone", 'on = "read"\nvanish = true', not_asked("VFC113", "ENODEV")),
    Case("read-hang", 'on = "read"\nhang = true', ACCEPTED),
]


@each(ANSWERS)
def test_destination(shared_host: Host, run: Run, case: Case) -> None:
    shared_host(host_of(ANSWERS))
    ends = f"version:1ac1-a {PARENT}/{case.name}"
    line = f"{ends} --timeout {time_out(case)}"
    assert check(run, line, exit_code=case.outcome.exit_code) == [case.outcome]


PRINTED = [
    *named("read", cannot_migrate, "ENODEV", "EOPNOTSUPP", "ENOTTY"),
    *named("read", partial(unclear, "VFC106"), "EIO", "EINVAL", "EACCES", "EPERM"),
    *named("read", partial(unclear, "VFC106"), "ENOENT", "EBUSY", "EAGAIN", "EINTR"),
    *named("read", partial(unclear, "VFC106"), "ENOSPC", "ECONNABORTED", "ENOTCONN"),
    Case("hang", 'on = "read"\nhang = true', unclear("VFC112")),
    Case("empty", 'text = ""', unclear("VFC301")),
    Case("newline", 'text = "\\n"', unclear("VFC301")),
    Case("too-long", 'text = "a"\nrepeat = 4096', unclear("VFC302")),
    Case("NUL", 'text = "1ac1\\u0000a\\n"', unclear("VFC303")),
    Case("not-ASCII", 'text = "1ac1-é\\n"', unclear("VFC303")),
    Case("two-lines", 'text = "1ac1-a\\n1ac1-b\\n"', unclear("VFC303")),
]


@each(PRINTED)
def test_source(shared_host: Host, run: Run, case: Case) -> None:
    root = shared_host(host_of(PRINTED))
    ends = f"{PARENT}/{case.name} {DESTINATION}"
    line = f"{ends} --timeout {time_out(case)}"
    assert check(run, line, exit_code=case.outcome.exit_code) == [case.outcome]
    assert (root / WRITTEN[1:]).exists()


ONLY_READ = [
    *named("read", cannot_migrate, "ENODEV"),
    *named("read", partial(unclear, "VFC106"), "EIO"),
    *named("open", partial(not_asked, "VFC103"), "EACCES"),
    *named("open", partial(not_asked, "VFC104"), "EIO"),
    Case("hang", 'on = "read"\nhang = true', unclear("VFC112")),
    Case("gone", 'on = "read"\nvanish = true', not_asked("VFC113", "ENODEV")),
    Case("malformed", 'text = "é"', unclear("VFC303")),
]


@each(ONLY_READ)
def test_destination_that_is_only_read(shared_host: Host, run: Run, case: Case) -> None:
    shared_host(host_of(ONLY_READ))
    ends = f"version:1ac1-a {PARENT}/{case.name}"
    line = f"{ends} --table-only --timeout {time_out(case)}"
    assert check(run, line, exit_code=case.outcome.exit_code) == [case.outcome]


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        pytest.param('on = "open"\nerrno = "EACCES"', "VFC103", id="EACCES"),
        pytest.param('on = "open"\nerrno = "EPERM"', "VFC103", id="EPERM"),
        pytest.param('on = "open"\nerrno = "EIO"', "VFC104", id="EIO"),
        pytest.param('on = "read"\nvanish = true', "VFC113", id="gone"),
    ],
)
def test_source_that_cannot_be_asked(
    host: Host, run: Run, cause: str, code: str
) -> None:
    root = host(PAIR + fault(SOURCE, cause) + gone_if_written(DESTINATION))
    line = f"check {SOURCE} {DESTINATION}"
    document = run(f"{line} --format json", exit_code=4).document(ErrorDocument)
    assert document.error.code == code
    assert document.error.detail == f"{TYPES}/acme-source/version"
    assert (root / WRITTEN[1:]).exists()


def test_source_that_cannot_be_asked_as_text(host: Host, run: Run) -> None:
    host(PAIR + fault(SOURCE, 'on = "open"\nerrno = "EACCES"'))
    result = run(f"check {SOURCE} {DESTINATION}", exit_code=4)
    assert result.stdout == ""
    assert result.stderr == (
        "vfiocompat: error[VFC103]: source: the version attribute may not be opened "
        f"(EACCES)\n   |  {TYPES}/acme-source/version\n"
    )


def _live(version: str) -> Endpoint:
    attribute = Attribute("version", "present", path=WRITTEN, node="type")
    return Endpoint(
        kind="type",
        address=DESTINATION,
        attribute=attribute,
        version=version,
        newline=True,
        origin="attribute",
    )


def _decided(answer: Answer) -> tuple[str, str, str, str | None, bool]:
    decision = decide(literal("1ac1-a"), _live("1ac1-b"), answer)
    [found] = decision.diagnostics
    return (
        decision.verdict,
        decision.basis,
        found.code,
        found.errno,
        decision.failed,
    )


def test_errno_524_means_no_migration_support() -> None:
    answer = Answer(stage="write", path=WRITTEN, errno=ENOTSUPP)
    expected = ("incompatible", "driver", "VFC105", "ENOTSUPP", False)
    assert _decided(answer) == expected


def test_errno_524_of_a_source_means_no_migration_support() -> None:
    source = Endpoint(
        kind="type",
        address=SOURCE,
        attribute=Attribute(
            "version", "unreadable", "ENOTSUPP", WRITTEN, "type", "VFC105"
        ),
    )
    decision = decide(source, _live("1ac1-b"), None)
    assert (decision.verdict, decision.basis) == ("incompatible", "driver")
    assert [found.errno for found in decision.diagnostics] == ["ENOTSUPP"]


@pytest.mark.parametrize("count", [0, 1, len("1ac1-a")])
def test_short_count_is_no_yes(count: int) -> None:
    answer = Answer(stage="done", path=WRITTEN, count=count)
    expected = ("undetermined", "driver", "VFC114", None, False)
    assert _decided(answer) == expected


def test_errno_without_a_name_is_shown_as_a_number() -> None:
    answer = Answer(stage="write", path=WRITTEN, errno=600)
    assert _decided(answer) == ("incompatible", "driver", "VFC101", "600", False)


# ---- addresses at which there is nothing ---------------------------------------

ONE_MDEV = f"""{PAIR}
[[parent.mdev]]
uuid = "{UUID}"
type = "acme-destination"
"""

NOWHERE = [
    pytest.param(UUID_2, UUID, id="uuid"),
    pytest.param("0000:3b:00.1/acme-source", PARENT, id="parent"),
    pytest.param(f"{PARENT}/acme-sauce", "acme-source", id="type"),
    pytest.param(f"{TYPES}/acme-sauce", "acme-source", id="path"),
    pytest.param(f"{TYPES}/acme-source/versoin", "version", id="path-of-attribute"),
    pytest.param("0000:3b:00.1", PARENT, id="function"),
]


@pytest.mark.parametrize(("address", "close"), NOWHERE)
def test_source_that_does_not_exist(
    shared_host: Host, run: Run, address: str, close: str
) -> None:
    shared_host(ONE_MDEV)
    line = f"check {address} {DESTINATION} --format json"
    document = run(line, exit_code=4).document(ErrorDocument)
    assert document.error.code == "VFC504"
    assert close in (document.error.hint or "")


@pytest.mark.parametrize(("address", "close"), NOWHERE)
def test_destination_that_does_not_exist(
    shared_host: Host, run: Run, address: str, close: str
) -> None:
    shared_host(ONE_MDEV)
    line = f"check {SOURCE} {address} --format json"
    document = run(line, exit_code=4).document(CheckDocument)
    [result] = document.results
    [found] = result.diagnostics
    assert (result.verdict, result.basis, found.code) == (
        "undetermined",
        "none",
        "VFC504",
    )
    assert result.destination.address == address
    assert close in (found.hint or "")


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param("nonsense {destination}", id="source"),
        pytest.param("{source} nonsense", id="destination"),
        pytest.param("{source} ../..", id="dots"),
        pytest.param("{source} {parent}/a/b", id="two-slashes"),
        pytest.param("{source} ''", id="empty"),
        pytest.param("1ac1-a {destination}", id="literal-without-prefix"),
    ],
)
def test_what_is_no_address(shared_host: Host, run: Run, addresses: str) -> None:
    root = shared_host(PAIR + gone_if_written(DESTINATION))
    line = addresses.format(source=SOURCE, destination=DESTINATION, parent=PARENT)
    result = run(f"check {line} --format json", exit_code=2)
    assert result.document(ErrorDocument).error.code == "VFC502"
    assert (root / WRITTEN[1:]).exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "VFC301"), ("é", "VFC303"), ("a\tb", "VFC303"), ("x" * 4096, "VFC302")],
    ids=["empty", "not-ASCII", "tab", "too-long"],
)
def test_literal_that_is_no_version_string(
    shared_host: Host, run: Run, text: str, code: str
) -> None:
    root = shared_host(
        ACME + mdev_type("acme-any") + gone_if_written(f"{PARENT}/acme-any")
    )
    result = run(f"check 'version:{text}' {PARENT}/acme-any --format json", exit_code=2)
    assert result.document(ErrorDocument).error.code == code
    assert (root / f"{TYPES[1:]}/acme-any").exists()


# ---- several destinations ------------------------------------------------------

MIXED = (
    ACME
    + mdev_type("acme-yes")
    + mdev_type("acme-no", accepts="[]")
    + mdev_type("acme-io")
    + fault(f"{PARENT}/acme-io", 'on = "write"', 'errno = "EIO"')
    + mdev_type("acme-closed")
    + fault(f"{PARENT}/acme-closed", 'on = "open"', 'errno = "EACCES"')
)


@pytest.mark.parametrize(
    ("names", "exit_code"),
    [
        ("yes", 0),
        ("yes yes", 0),
        ("yes io", 3),
        ("io no", 1),
        ("no yes io", 1),
        ("yes closed", 4),
        ("closed no io yes", 4),
        ("yes no nowhere", 4),
        ("yes nowhere", 4),
    ],
)
def test_exit_code_of_several(
    shared_host: Host, run: Run, names: str, exit_code: int
) -> None:
    shared_host(MIXED)
    ends = " ".join(f"{PARENT}/acme-{name}" for name in names.split())
    run(f"check version:1ac1-a {ends}", exit_code=exit_code)
    run(f"check version:1ac1-a {ends} -q", exit_code=exit_code)
    run(f"check version:1ac1-a {ends} --format json", exit_code=exit_code)


def test_every_pair_is_shown_in_order_and_counted(shared_host: Host, run: Run) -> None:
    shared_host(MIXED)
    names = ["io", "nowhere", "yes", "closed", "no", "yes"]
    ends = [f"{PARENT}/acme-{name}" for name in names]
    line = f"check version:1ac1-a {' '.join(ends)}"
    document = run(f"{line} --format json", exit_code=4).document(CheckDocument)
    assert [result.destination.address for result in document.results] == ends
    assert [result.verdict for result in document.results] == [
        "undetermined",
        "undetermined",
        "compatible",
        "undetermined",
        "incompatible",
        "compatible",
    ]
    assert document.verdict == "incompatible"
    counts = document.counts
    assert (counts.compatible, counts.incompatible) == (2, 1)
    assert (counts.undetermined, counts.failed) == (1, 2)
    heads = [
        text
        for text in run(line, exit_code=4).stdout.splitlines()
        if text[0] not in " ew"
    ]
    assert heads == [
        (f"undetermined: version:1ac1-a -> {ends[0]}   (not settled by the driver)"),
        f"undetermined: version:1ac1-a -> {ends[1]}   (could not be asked)",
        f"compatible: version:1ac1-a -> {ends[2]}   (decided by the driver)",
        f"undetermined: version:1ac1-a -> {ends[3]}   (could not be asked)",
        f"incompatible: version:1ac1-a -> {ends[4]}   (decided by the driver)",
        f"compatible: version:1ac1-a -> {ends[5]}   (decided by the driver)",
        "6 pairs: 1 undetermined, 2 could not be asked, 2 compatible, 1 incompatible",
    ]


def test_undetermined_is_worse_than_compatible(shared_host: Host, run: Run) -> None:
    shared_host(MIXED)
    line = f"check version:1ac1-a {PARENT}/acme-yes {PARENT}/acme-io --format json"
    assert run(line, exit_code=3).json["verdict"] == "undetermined"


def test_no_destination_is_a_usage_error(run: Run) -> None:
    run("check version:1ac1-a", exit_code=2)
    run("check", exit_code=2)


# ---- preconditions -------------------------------------------------------------


def test_different_device_apis(host: Host, run: Run) -> None:
    root = host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", 'device_api = "vfio-ap"')
        + gone_if_written(DESTINATION)
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=1)
    assert row == forbidden("VFC120")
    assert (root / WRITTEN[1:]).exists()


OLD = 'attribute = "migration_version"'


def test_migration_version_at_a_type_is_for_that_type(host: Host, run: Run) -> None:
    root = host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", OLD)
        + gone_if_written(DESTINATION)
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=1)
    assert row == forbidden("VFC123")
    assert (root / f"{TYPES[1:]}/acme-destination/migration_version").exists()


def test_migration_version_at_the_same_type_of_another_parent(
    host: Host, run: Run
) -> None:
    host(
        ACME
        + mdev_type("acme-source", OLD)
        + '[[parent]]\nname = "other"'
        + mdev_type("acme-source", OLD)
    )
    [row] = check(run, f"{SOURCE} other/acme-source", exit_code=0)
    assert row == ACCEPTED


@pytest.mark.parametrize("name", ["version", "get_version"])
def test_other_attributes_leave_types_to_the_driver(
    host: Host, run: Run, name: str
) -> None:
    host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", f'attribute = "{name}"')
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=0)
    assert row == ACCEPTED


MDEV_OF_OLD_TYPE = f"""
[[parent.mdev]]
uuid = "{UUID}"
type = "acme-destination"
"""


def test_migration_version_of_an_mdev_is_asked_across_types(
    host: Host, run: Run
) -> None:
    nodes = 'nodes = ["device"]'
    host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", OLD, nodes)
        + MDEV_OF_OLD_TYPE
    )
    assert check(run, f"{SOURCE} {UUID}", exit_code=0)[0].codes == ("VFC107",)
    assert check(run, f"version:1ac1-a {UUID}", exit_code=0)[0].codes == ("VFC107",)


def test_mdev_that_falls_back_to_its_types_migration_version(
    host: Host, run: Run
) -> None:
    nodes = 'nodes = ["type"]'
    host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", OLD, nodes)
        + MDEV_OF_OLD_TYPE
    )
    assert check(run, f"{SOURCE} {UUID}", exit_code=1)[0].codes == ("VFC123",)
    codes = check(run, f"version:1ac1-a {UUID}", exit_code=3)[0].codes
    assert codes == ("VFC107", "VFC124")


OLD_DESTINATION = (
    ACME
    + mdev_type("acme-destination", OLD, accepts='["1ac1-a"]')
    + mdev_type("acme-other")
)


def test_literal_without_a_type_at_a_types_migration_version(
    shared_host: Host, run: Run
) -> None:
    shared_host(OLD_DESTINATION)
    line = f"check version:1ac1-a {DESTINATION} --format json"
    [result] = run(line, exit_code=3).document(CheckDocument).results
    assert (result.verdict, result.basis) == ("undetermined", "driver")
    told = {found.code: found for found in result.diagnostics}
    assert [*told] == ["VFC107", "VFC124"]
    hint = told[codes.SOURCE_TYPE_NOT_KNOWN].hint
    assert "--source-type acme-destination" in (hint or "")


def test_no_at_a_types_migration_version_is_a_no(shared_host: Host, run: Run) -> None:
    shared_host(OLD_DESTINATION)
    [row] = check(run, f"version:1ac1-x {DESTINATION}", exit_code=1)
    assert row == refused()


def test_stated_type_that_is_right(shared_host: Host, run: Run) -> None:
    shared_host(OLD_DESTINATION)
    line = f"version:1ac1-a {DESTINATION} --source-type acme-destination"
    [row] = check(run, line, exit_code=0)
    assert row == ACCEPTED


def test_stated_type_that_is_wrong(host: Host, run: Run) -> None:
    root = host(OLD_DESTINATION + gone_if_written(DESTINATION))
    line = f"version:1ac1-a {DESTINATION} --source-type acme-other"
    [row] = check(run, line, exit_code=1)
    assert row == forbidden("VFC123")
    assert (root / f"{TYPES[1:]}/acme-destination/migration_version").exists()


def test_stated_type_of_a_live_source(host: Host, run: Run) -> None:
    root = host(PAIR + gone_if_written(DESTINATION))
    line = f"check {SOURCE} {DESTINATION} --source-type acme-source --format json"
    document = run(line, exit_code=2).document(ErrorDocument)
    assert document.error.code == "VFC501"
    assert "--source-type" in document.error.summary
    assert (root / WRITTEN[1:]).exists()


# ---- what is written -----------------------------------------------------------


@pytest.mark.parametrize("text", ["1ac1-?", "?", "1ac1-a?b"])
def test_literal_with_an_unknown_part_is_never_written(
    host: Host, run: Run, text: str
) -> None:
    root = host(ACME + mdev_type("acme-destination") + gone_if_written(DESTINATION))
    [row] = check(run, f"'version:{text}' {DESTINATION}", exit_code=3)
    assert (row.verdict, row.basis) == ("undetermined", "none")
    assert "VFC125" in row.codes
    assert (root / WRITTEN[1:]).exists()


def test_string_of_a_driver_is_written_whatever_it_holds(host: Host, run: Run) -> None:
    host(
        ACME
        + '[[parent.type]]\nid = "acme-source"\nversion = "1ac1-? [*] a"'
        + mdev_type("acme-destination", accepts='["1ac1-[?] [[][*]] a"]')
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=0)
    assert row == ACCEPTED


STRICT = mdev_type(
    "acme-destination", 'newline = "required"', accepts='["1ac1-a"]'
) + mdev_type("acme-source")


def test_literal_gets_one_newline(host: Host, run: Run) -> None:
    host(ACME + STRICT)
    assert check(run, f"version:1ac1-a {DESTINATION}", exit_code=0)[0].codes == (
        "VFC107",
    )
    # A second one would be part of the string.
    assert check(run, f"'version:1ac1-a\n' {DESTINATION}", exit_code=0)[0].codes == (
        "VFC107",
    )


@pytest.mark.parametrize(
    ("printed", "exit_code"),
    [("1ac1-a\\n", 0), ("1ac1-a", 1)],
    ids=["newline", "no-newline"],
)
def test_exact_bytes_of_the_source_are_written(
    host: Host, run: Run, printed: str, exit_code: int
) -> None:
    host(ACME + STRICT + fault(SOURCE, 'on = "read"', f'text = "{printed}"'))
    run(f"check {SOURCE} {DESTINATION}", exit_code=exit_code)


def test_longest_string(host: Host, run: Run) -> None:
    host(
        ACME
        + mdev_type("acme-source")
        + mdev_type("acme-destination", accepts='["a*a"]')
        + fault(SOURCE, 'on = "read"', 'text = "a"', "repeat = 4095")
    )
    assert check(run, f"{SOURCE} {DESTINATION}", exit_code=0)[0].codes == ("VFC107",)


def test_table_only_writes_nothing(host: Host, run: Run) -> None:
    root = host(PAIR + gone_if_written(DESTINATION))
    [row] = check(run, f"{SOURCE} {DESTINATION} --table-only", exit_code=3)
    assert row == nothing_known("VFC201")
    assert (root / WRITTEN[1:]).exists()


# ---- which attribute -----------------------------------------------------------

TWO_NODES = f"""{ACME}
[[parent.type]]
id = "acme-destination"
version = "1ac1-own"
accepts = ["*"]

[[parent.mdev]]
uuid = "{UUID}"
type = "acme-destination"
"""


def test_device_node_before_type_node(host: Host, run: Run) -> None:
    root = host(TWO_NODES + gone_if_written(DESTINATION))
    line = f"check version:1ac1-a {UUID} --format json"
    [result] = run(line).document(CheckDocument).results
    assert result.diagnostics[0].path == f"{DEVICE}/{UUID}/version"
    assert (root / WRITTEN[1:]).exists()


def test_device_node_that_fails_is_not_replaced(host: Host, run: Run) -> None:
    broken = fault(UUID, 'on = "write"', 'errno = "EIO"')
    root = host(TWO_NODES + broken + gone_if_written(DESTINATION))
    [row] = check(run, f"version:1ac1-a {UUID}", exit_code=3)
    assert row == unclear("VFC109", "EIO")
    assert (root / WRITTEN[1:]).exists()


def test_mdev_falls_back_to_its_type(host: Host, run: Run) -> None:
    host(TWO_NODES.replace("accepts", 'nodes = ["type"]\naccepts'))
    line = f"check version:1ac1-a {UUID} --format json"
    [result] = run(line).document(CheckDocument).results
    assert result.destination.version == "1ac1-own"
    assert result.diagnostics[0].path == WRITTEN


def test_pair_of_attributes(host: Host, run: Run) -> None:
    host(
        ACME
        + mdev_type("acme-source", 'attribute = "get_version"')
        + mdev_type("acme-destination", 'attribute = "get_version"')
        + mdev_type("acme-strict", 'attribute = "get_version"', accepts="[]")
    )
    line = f"check {SOURCE} {DESTINATION} {PARENT}/acme-strict --format json"
    results = run(line, exit_code=1).document(CheckDocument).results
    assert [result.verdict for result in results] == ["compatible", "incompatible"]
    assert [result.diagnostics[0].path for result in results] == [
        f"{TYPES}/acme-destination/check_version",
        f"{TYPES}/acme-strict/check_version",
    ]
    assert results[0].source.version == "1ac1-own"


@pytest.mark.parametrize(
    "path",
    [
        f"/sys/class/mdev_bus/{PARENT}/mdev_supported_types/acme-destination",
        f"/sys/class/mdev_bus/{PARENT}/mdev_supported_types/acme-destination/version",
        f"/sys/bus/pci/devices/{PARENT}/mdev_supported_types/acme-destination/version",
        WRITTEN,
        f"{TYPES}/acme-destination/",
        f"{TYPES}//acme-destination/./version",
    ],
)
def test_endpoint_by_path(shared_host: Host, run: Run, path: str) -> None:
    shared_host(PAIR)
    line = f"check {SOURCE} {path} --format json"
    [result] = run(line).document(CheckDocument).results
    assert result.diagnostics[0].path == WRITTEN


@pytest.mark.parametrize(
    "path", [f"/sys/bus/mdev/devices/{UUID}", f"{DEVICE}/{UUID}/version"]
)
def test_mdev_by_path(shared_host: Host, run: Run, path: str) -> None:
    shared_host(TWO_NODES)
    line = f"check version:1ac1-a {path} --format json"
    [result] = run(line).document(CheckDocument).results
    assert result.diagnostics[0].path == f"{DEVICE}/{UUID}/version"


def test_written_file_of_a_pair_by_path(host: Host, run: Run) -> None:
    host(ACME + mdev_type("acme-destination", 'attribute = "get_version"'))
    directory = f"{TYPES}/acme-destination"
    for name in ("get_version", "check_version"):
        line = f"check version:1ac1-a {directory}/{name} --format json"
        [result] = run(line).document(CheckDocument).results
        assert result.diagnostics[0].path == f"{directory}/check_version"


# ---- PCI functions -------------------------------------------------------------


def function(driver: str | None, *lines: str) -> str:
    bound = [] if driver is None else [f'driver = "{driver}"']
    return "\n".join(
        (
            "\n[[function]]",
            f'address = "{FUNCTION}"',
            "pci = { vendor = 0x1ac1, device = 0x0101 }",
            *bound,
            *lines,
            "",
        )
    )


VERSION = 'version = "1ac1-own"\naccepts = ["1ac1-a"]'


def test_function_with_migration_version(host: Host, run: Run) -> None:
    host(function("acme_vfio_pci", VERSION))
    [row] = check(run, f"version:1ac1-a {FUNCTION}", exit_code=0)
    assert row == ACCEPTED
    [row] = check(run, f"{FUNCTION} {FUNCTION}", exit_code=1)
    assert row == refused()


def test_file_named_version_of_a_function_is_not_touched(host: Host, run: Run) -> None:
    root = host(
        PAIR
        + function("acme_vfio_pci", VERSION, 'attribute = "version"')
        + fault(FUNCTION, 'on = "open"', "vanish = true")
    )
    [row] = check(run, f"version:1ac1-a {FUNCTION}", exit_code=3)
    assert row == nothing_known("VFC102", "VFC201")
    [row] = check(run, f"{FUNCTION} {DESTINATION}", exit_code=3)
    assert (row.verdict, row.basis, row.codes[0]) == ("undetermined", "none", "VFC102")
    [row] = check(run, f"version:1ac1-a {FUNCTION_PATH}/version", exit_code=4)
    assert row == not_asked("VFC141")
    run("list")
    run("get")
    run(f"get {FUNCTION}", exit_code=3)
    assert (root / FUNCTION_PATH[1:]).exists()


@pytest.mark.parametrize(
    ("driver", "summary"),
    [
        ("acme", f"{FUNCTION} is bound to acme, not to a VFIO driver"),
        (None, f"{FUNCTION} is not bound to a VFIO driver"),
    ],
)
def test_function_without_a_vfio_driver(
    host: Host, run: Run, driver: str | None, summary: str
) -> None:
    root = host(PAIR + function(driver, VERSION) + gone_if_written(FUNCTION))
    line = f"check {SOURCE} {FUNCTION} --format json"
    [result] = run(line, exit_code=3).document(CheckDocument).results
    assert (result.verdict, result.basis) == ("undetermined", "none")
    assert result.diagnostics[0].code == "VFC130"
    assert result.diagnostics[0].summary == summary
    [row] = check(run, f"{FUNCTION} {DESTINATION}", exit_code=3)
    assert (row.verdict, row.basis, row.codes[0]) == ("undetermined", "none", "VFC130")
    assert (root / FUNCTION_PATH[1:]).exists()


NVIDIA = "nvidia = { creatable = [{ id = 1414, name = 'NVIDIA X-2Q' }] }"


def test_nvidia_function_as_one_of_its_types(host: Host, run: Run) -> None:
    host(function("nvidia", NVIDIA))
    line = f"version:1ac1-a {FUNCTION}/1414"
    assert check(run, line, exit_code=3)[0].codes == ("VFC102", "VFC201")


def test_nvidia_type_that_is_missing_is_capacity(host: Host, run: Run) -> None:
    host(function("nvidia", NVIDIA))
    [row] = check(run, f"version:1ac1-a {FUNCTION}/9999", exit_code=3)
    assert (row.verdict, row.basis) == ("undetermined", "none")
    assert row.codes == ("VFC102", "VFC201", "VFC131")


def test_missing_capacity_does_not_change_the_drivers_answer(
    host: Host, run: Run
) -> None:
    host(function("nvidia", VERSION, NVIDIA))
    [row] = check(run, f"version:1ac1-a {FUNCTION}/9999", exit_code=0)
    assert row == Row("compatible", "driver", ("VFC107", "VFC131"), None, 0)
    [row] = check(run, f"version:1ac1-a {FUNCTION}/1414", exit_code=0)
    assert row == ACCEPTED


def test_nvidia_type_in_use_is_there(host: Host, run: Run) -> None:
    host(function("nvidia", NVIDIA.replace("] }", "], current = 1414 }")))
    line = f"version:1ac1-a {FUNCTION}/1414"
    assert check(run, line, exit_code=3)[0].codes == ("VFC102", "VFC201")


# ---- without a driver ----------------------------------------------------------


PROPOSED = (
    "device_api=vfio-pci:software_version=1.0.0:type=a-b:compatible_pci_ids=5931"
    ":compatible_subchannel_type=:compatible_chpid_type="
)


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        pytest.param(
            "8086-a",
            "10de-a",
            forbidden("VFC304"),
            id="different",
        ),
        pytest.param(
            "80008086-a",
            "000210de-a",
            forbidden("VFC304"),
            id="different-and-spelled-otherwise",
        ),
        pytest.param(
            "0x8086-a",
            "8086-a",
            nothing_known("VFC305"),
            id="perhaps-the-same",
        ),
        pytest.param(
            "0x8086-a",
            "10de-a",
            forbidden("VFC304"),
            id="no-PCI-id-and-different",
        ),
        pytest.param(
            "8086-a",
            "8086-b",
            nothing_known("VFC202", "VFC201"),
            id="same",
        ),
        pytest.param(
            "80008086-a",
            "8086-b",
            nothing_known("VFC202", "VFC201"),
            id="same-spelled-otherwise",
        ),
        pytest.param(
            "opaque",
            "8086-b",
            nothing_known("VFC201"),
            id="opaque",
        ),
        pytest.param(
            PROPOSED,
            PROPOSED,
            nothing_known("VFC201"),
            id="opaque-and-in-a-format-of-any-vendor",
        ),
        pytest.param(
            PROPOSED,
            f"8086-{PROPOSED}",
            nothing_known("VFC201"),
            id="opaque-beside-one-of-a-vendor",
        ),
    ],
)
def test_two_literals(run: Run, source: str, destination: str, expected: Row) -> None:
    line = f"version:{source} version:{destination}"
    assert check(run, line, exit_code=expected.exit_code) == [expected]


def test_driver_may_take_another_vendors_string(host: Host, run: Run) -> None:
    host(ACME + mdev_type("acme-destination"))
    [row] = check(run, f"version:8086-a {DESTINATION}", exit_code=0)
    assert row == ACCEPTED
    [row] = check(run, f"version:8086-a {DESTINATION} --table-only", exit_code=1)
    assert row == forbidden("VFC304")


def test_endpoints_without_an_attribute(host: Host, run: Run) -> None:
    host(
        ACME
        + '[[parent.type]]\nid = "acme-source"\n'
        + '[[parent.type]]\nid = "acme-destination"\n'
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=3)
    assert row == nothing_known("VFC102", "VFC102", "VFC201")


def test_source_without_an_attribute_is_not_written(host: Host, run: Run) -> None:
    root = host(
        ACME
        + '[[parent.type]]\nid = "acme-source"\n'
        + mdev_type("acme-destination")
        + gone_if_written(DESTINATION)
    )
    [row] = check(run, f"{SOURCE} {DESTINATION}", exit_code=3)
    assert row == nothing_known("VFC102", "VFC201")
    assert (root / WRITTEN[1:]).exists()


# ---- what must not be written to -----------------------------------------------


def test_plain_file_is_not_written(plain_host: PlainHost, run: Run) -> None:
    root = plain_host({f"{PLAIN_TYPES}/acme-a/version": b"1ac1-own\n"})
    [row] = check(run, "version:1ac1-a p/acme-a", exit_code=4)
    assert row == not_asked("VFC143")
    file = root / f"{PLAIN_TYPES[1:]}/acme-a/version"
    assert file.read_bytes() == b"1ac1-own\n"
    [row] = check(run, "p/acme-a p/acme-a", exit_code=4)
    assert row == not_asked("VFC143")
    assert file.read_bytes() == b"1ac1-own\n"


@pytest.mark.parametrize("address", ["p/acme-a", f"{PLAIN_TYPES}/acme-a/version"])
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_link_in_place_of_an_attribute(
    plain_host: PlainHost, run: Run, address: str, *, absolute: bool
) -> None:
    root = plain_host({"/target": b"keep\n", f"{PLAIN_TYPES}/acme-a/name": b"a\n"})
    there = root / "target" if absolute else "../../../../../../../target"
    (root / f"{PLAIN_TYPES[1:]}/acme-a/version").symlink_to(there)
    [row] = check(run, f"version:1ac1-a {address}", exit_code=4)
    assert row == not_asked("VFC142")
    assert (root / "target").read_bytes() == b"keep\n"


def test_endpoint_outside_of_the_device_tree(plain_host: PlainHost, run: Run) -> None:
    name = "outside/q/mdev_supported_types/acme-a/version"
    root = plain_host({f"/{name}": b"keep\n"})
    (root / "sys/class/mdev_bus/q").symlink_to("../../../outside/q")
    [row] = check(run, "version:1ac1-a q/acme-a", exit_code=4)
    assert row == not_asked("VFC142")
    line = "/sys/class/mdev_bus/q/mdev_supported_types/acme-a/version"
    [row] = check(run, f"version:1ac1-a {line}", exit_code=4)
    assert row == not_asked("VFC142")
    assert (root / name).read_bytes() == b"keep\n"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "VFC142"),
        ("/", "VFC142"),
        (f"{TYPES}/acme-source/../acme-destination/version", "VFC142"),
        ("/sys/../sys/devices", "VFC142"),
        (f"{TYPES}/acme-destination/available_instances", "VFC141"),
        (f"{TYPES}/acme-destination/create", "VFC141"),
        (f"{DEVICE}/vendor", "VFC141"),
        (TYPES, "VFC141"),
        ("/sys/bus", "VFC142"),
    ],
)
def test_path_that_is_no_attribute(
    shared_host: Host, run: Run, path: str, code: str
) -> None:
    root = shared_host(PAIR + gone_if_written(DESTINATION))
    [row] = check(run, f"version:1ac1-a {path}", exit_code=4)
    assert row == not_asked(code)
    result = run(f"check {path} {DESTINATION} --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == code
    assert (root / WRITTEN[1:]).exists()


# ---- time ----------------------------------------------------------------------


def test_held_calls_wait_together(host: Host, run: Run) -> None:
    names = [f"acme-{number}" for number in range(100)]
    spec = "".join(map(mdev_type, names))
    host(ACME + spec + "".join(fault(f"{PARENT}/{n}", "hang = true") for n in names))
    ends = " ".join(f"{PARENT}/{name}" for name in names)
    begin = time.monotonic()
    line = f"check version:1ac1-a {ends} --timeout 3 --format json"
    result = run(line, exit_code=3)
    took = time.monotonic() - begin
    assert took < 6
    document = result.document(CheckDocument)
    assert document.counts.undetermined == 100
    assert {found.diagnostics[0].code for found in document.results} == {"VFC112"}


# ---- what is printed -----------------------------------------------------------


def _document(source: Any, destination: Any, **result: Any) -> dict[str, Any]:  # noqa: ANN401
    verdict = result["verdict"]
    failed = result.pop("failed", False)
    counts = dict.fromkeys(("compatible", "incompatible", "undetermined", "failed"), 0)
    counts["failed" if failed else verdict] = 1
    ends = {"source": source, "destination": destination}
    by_attribute = "attribute" if result["basis"] == "driver" else None
    of_channels = {"channel": by_attribute, "covered": None, "head": None}
    return {
        "schema": "vfiocompat.check/1",
        "tool": {"name": "vfiocompat", "version": __version__},
        "verdict": verdict,
        "counts": counts,
        "results": [ends | of_channels | {"table": None} | result],
        "problems": [],
    }


def _end(address: str, version: str | None, origin: str | None) -> dict[str, Any]:
    return {"address": address, "host": None, "version": version, "origin": origin}


def _finding(code: str, summary: str | None = None, **rest: Any) -> dict[str, Any]:  # noqa: ANN401
    known = codes.code_of(code)
    names = ("detail", "hint", "errno", "path", "requirement", "table", "why")
    optional = dict.fromkeys(names)
    named = {
        "severity": CODES[known].severity,
        "summary": summary or CODES[known].summary,
    }
    return {"code": code, **optional, "spans": [], "missing": [], **named, **rest}


def _shown(side: str, text: str) -> dict[str, Any]:
    return {"side": side, "text": text, "start": 0, "end": 0, "label": ""}


def test_json_of_a_compatible_pair(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    assert run(f"check {SOURCE} {DESTINATION} --format json").json == _document(
        _end(SOURCE, "1ac1-a", "attribute"),
        _end(DESTINATION, "1ac1-b", "attribute"),
        verdict="compatible",
        basis="driver",
        diagnostics=[_finding("VFC107", path=WRITTEN)],
    )


def test_json_of_an_incompatible_pair(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    line = f"check version:1ac1-x {DESTINATION} --format json"
    assert run(line, exit_code=1).json == _document(
        _end("version:1ac1-x", "1ac1-x", "literal"),
        _end(DESTINATION, "1ac1-b", "attribute"),
        verdict="incompatible",
        basis="driver",
        diagnostics=[
            _finding(
                "VFC101",
                f"{CODES[codes.REFUSED].summary} (EINVAL)",
                hint="the destination's kernel log may say why",
                errno="EINVAL",
                path=WRITTEN,
                spans=[_shown("source", "1ac1-x"), _shown("destination", "1ac1-b")],
            )
        ],
    )


def test_json_of_a_failed_pair(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    line = f"check {SOURCE} {PARENT}/acme-sauce --format json"
    assert run(line, exit_code=4).json == _document(
        _end(SOURCE, "1ac1-a", "attribute"),
        _end(f"{PARENT}/acme-sauce", None, None),
        verdict="undetermined",
        failed=True,
        basis="none",
        diagnostics=[
            _finding(
                "VFC504",
                f"{PARENT} has no mdev type 'acme-sauce'",
                hint="there is acme-source",
            )
        ],
    )


def test_text_of_a_compatible_pair(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    head = f"compatible: {SOURCE} -> {DESTINATION}   (decided by the driver)\n"
    result = run(f"check {SOURCE} {DESTINATION}")
    assert (result.stdout, result.stderr) == (head, "")
    assert run(f"check {SOURCE} {DESTINATION} -v").stdout == (
        f"{head}info[VFC107]: {CODES[codes.ACCEPTED].summary}\n  --> {WRITTEN}\n"
    )


REFUSED = f"""\
incompatible: version:1ac1-x -> {DESTINATION}   (decided by the driver)
error[VFC101]: the destination driver refused the source's version string (EINVAL)
  --> {WRITTEN}
   |  source       1ac1-x
   |  destination  1ac1-b
   = help: the destination's kernel log may say why
"""


def test_text_of_an_incompatible_pair(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    result = run(f"check version:1ac1-x {DESTINATION}", exit_code=1)
    assert (result.stdout, result.stderr) == (REFUSED, "")


def test_text_on_a_terminal(shared_host: Host, run_on_terminal: RunOnTerminal) -> None:
    shared_host(PAIR)
    line = f"check version:1ac1-x {DESTINATION}"
    result = run_on_terminal(line, exit_code=1, columns=200)
    assert (result.colorless, result.stderr) == (REFUSED, "")
    assert result.stdout.startswith("\x1b[1;38;5;160mincompatible\x1b[0m: ")
    plain = run_on_terminal(f"{line} --color never", exit_code=1, columns=200)
    assert plain.stdout == REFUSED


def test_quiet_prints_nothing(shared_host: Host, run: Run) -> None:
    shared_host(MIXED)
    for name, exit_code in {"yes": 0, "no": 1, "io": 3, "closed": 4, "x": 4}.items():
        line = f"check -q version:1ac1-a {PARENT}/acme-{name}"
        result = run(line, exit_code=exit_code)
        assert (result.stdout, result.stderr) == ("", "")
        assert run(f"{line} --format json", exit_code=exit_code).json["verdict"]


MARKUP = "1ac1-[bold red]x[/] :smile: [link=https://example.org]y[/link]"


def test_string_of_a_driver_is_no_markup(
    shared_host: Host, run: Run, run_on_terminal: RunOnTerminal
) -> None:
    shared_host(
        ACME
        + f'[[parent.type]]\nid = "acme-[b]"\nversion = "{MARKUP}"\n'
        + mdev_type("acme-destination", accepts="[]")
    )
    line = f"check '{PARENT}/acme-[b]' {DESTINATION}"
    shown = run(line, exit_code=1).stdout
    assert f"   |  source       {MARKUP}\n" in shown
    assert run_on_terminal(line, exit_code=1, columns=200).colorless == shown


def test_escapes_in_what_a_driver_printed_stay_inside(
    host: Host, run: Run, run_on_terminal: RunOnTerminal
) -> None:
    host(PAIR + fault(SOURCE, 'text = "\\u001b]0;owned\\u0007\\u001b[31m1ac1-a\\n"'))
    line = f"check {SOURCE} {DESTINATION}"
    shown = run(line, exit_code=3).stdout
    assert "error[VFC303]" in shown
    assert "\x1b" not in shown
    assert run_on_terminal(line, exit_code=3, columns=400).colorless == shown


@pytest.mark.parametrize("address", ["p/\udcff", "/sys/\udcff", "\x1b[31m/x", "p/\na"])
def test_address_that_no_endpoint_can_have(
    plain_host: PlainHost, run: Run, address: str
) -> None:
    plain_host({})
    for line in (f"version:1ac1-a '{address}'", f"'{address}' version:1ac1-a"):
        result = run(f"check {line}", exit_code=2)
        assert result.stdout == ""
        assert result.stderr.startswith("vfiocompat: error[VFC502]: ")
        assert "\x1b" not in result.stderr
        run(f"check {line} --format json", exit_code=2).document(ErrorDocument)


def test_names_that_are_close_and_would_paint_the_terminal(
    plain_host: PlainHost, run: Run
) -> None:
    plain_host({f"{PLAIN_TYPES}/acme-\x1b[31m/version": b"1ac1-a"})
    shown = run("check version:1ac1-a p/acme-[31m", exit_code=4).stdout
    assert "there is 'acme-\\x1b[31m'" in shown
    assert "\x1b" not in shown


def test_uuid_of_another_bus_is_no_mdev(plain_host: PlainHost, run: Run) -> None:
    """Devices of VMBus are named by UUID too, and may have a file `version`."""
    where = "/sys/devices/vmbus/fd1d2cbd-ce7c-535c-966b-eb5f811c95f0"
    root = plain_host({f"{where}/version": b"kept"})
    failed = run(f"check version:8086-x {where}/version --format json", exit_code=4)

    [result] = failed.document(CheckDocument).results
    assert [finding.code for finding in result.diagnostics] == ["VFC141"]
    assert (root / where[1:] / "version").read_bytes() == b"kept"
