# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat get`: the strings that drivers print, and why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vfiocompat import codes
from vfiocompat.codes import CODES
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.get import GetDocument

from .hosts import (
    ACME,
    DESTINATION,
    DEVICE,
    FUNCTION,
    PAIR,
    PARENT,
    PLAIN_TYPES,
    SOURCE,
    TYPES,
    UUID,
    UUID_2,
    fault,
    mdev_type,
)

if TYPE_CHECKING:
    from tests.conftest import Host, Run

    from .conftest import PlainHost

NOTHING = f"vfiocompat: info[VFC506]: {CODES[codes.NO_ENDPOINTS].summary}\n"


def test_one_target_is_the_bare_string(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    result = run(f"get {SOURCE}")
    assert (result.stdout, result.stderr) == ("1ac1-a\n", "")


def test_string_is_what_check_takes(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    text = run(f"get {SOURCE}").stdout
    run(f"check 'version:{text}' {DESTINATION}")


def test_several_targets_are_named(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    result = run(f"get {DESTINATION} {SOURCE} {DESTINATION}")
    assert result.stdout == (
        f"{DESTINATION}\t1ac1-b\n{SOURCE}\t1ac1-a\n{DESTINATION}\t1ac1-b\n"
    )
    assert result.stderr == ""


MANY = f"""{ACME}
[[parent.type]]
id = "acme-b"
version = "1ac1-b"

[[parent.type]]
id = "acme-a"
version = "1ac1-a"
nodes = ["type"]

[[parent.type]]
id = "acme-none"

[[parent.type]]
id = "acme-io"
version = "1ac1-io"

[[parent.mdev]]
uuid = "{UUID_2}"
type = "acme-b"

[[parent.mdev]]
uuid = "{UUID}"
type = "acme-a"

[[function]]
address = "{FUNCTION}"
driver = "acme_vfio_pci"
version = "1ac1-f"
{fault(f"{PARENT}/acme-io", 'errno = "EIO"')}"""


def test_no_target_is_every_string_there_is(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    result = run("get")
    assert result.stdout == (
        f"{PARENT}/acme-a\t1ac1-a\n"
        f"{PARENT}/acme-b\t1ac1-b\n"
        f"{UUID}\t1ac1-a\n"
        f"{UUID_2}\t1ac1-b\n"
        f"{FUNCTION}\t1ac1-f\n"
    )
    assert result.stderr == (
        "vfiocompat: warning[VFC106]: could not be read (EIO): "
        f"{TYPES}/acme-io/version\n"
    )
    assert run("get -q").stderr == ""


def test_no_target_as_json(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    document = run("get --format json").document(GetDocument)
    assert [(end.address, end.version) for end in document.endpoints] == [
        (f"{PARENT}/acme-a", "1ac1-a"),
        (f"{PARENT}/acme-b", "1ac1-b"),
        (UUID, "1ac1-a"),
        (UUID_2, "1ac1-b"),
        (FUNCTION, "1ac1-f"),
    ]
    [problem] = document.problems
    assert (problem.path, problem.operation) == (f"{TYPES}/acme-io/version", "read")
    assert (problem.errno, problem.code) == ("EIO", "VFC106")


def test_the_beginning_of_several_uuids_is_told_with_them(
    shared_host: Host, run: Run
) -> None:
    shared_host(MANY)
    assert f"there are {UUID}" in run("get 83b9", exit_code=4).stderr
    run(f"get {UUID[:3]}", exit_code=2)
    for start in ("83b8", UUID[:-1]):
        said = run(f"get {start}", exit_code=4).stderr
        assert f"{start} is the beginning of 2 mdevs" in said
        assert f"{UUID}, {UUID_2}" in said


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param('[[parent.type]]\nid = "acme-none"\n', id="no-attribute"),
        pytest.param(
            mdev_type("acme-io") + fault(f"{PARENT}/acme-io", 'errno = "EIO"'),
            id="unreadable",
        ),
    ],
)
def test_no_target_and_no_string(shared_host: Host, run: Run, rest: str) -> None:
    shared_host(ACME + rest)
    assert run("get", exit_code=3).stdout == ""
    document = run("get --format json", exit_code=3).document(GetDocument)
    assert document.endpoints == []


@pytest.mark.parametrize("options", ["", "-v", "--color always"])
def test_empty_host(shared_host: Host, run: Run, options: str) -> None:
    shared_host("")
    result = run(f"get {options}", exit_code=3)
    assert (result.stdout, result.stderr) == ("", NOTHING)


def test_empty_host_quietly(shared_host: Host, run: Run) -> None:
    shared_host("")
    result = run("get -q", exit_code=3)
    assert (result.stdout, result.stderr) == ("", "")


def test_empty_host_as_json(shared_host: Host, run: Run) -> None:
    shared_host("")
    document = run("get --format json", exit_code=3).document(GetDocument)
    assert (document.endpoints, document.problems) == ([], [])


# ---- a named target that gives no string ---------------------------------------

BAD = {
    "absent": ("", 3, "VFC102"),
    "ENODEV": ('on = "read"\nerrno = "ENODEV"', 3, "VFC105"),
    "EOPNOTSUPP": ('on = "read"\nerrno = "EOPNOTSUPP"', 3, "VFC105"),
    "empty": ('text = ""', 3, "VFC301"),
    "only-a-newline": ('text = "\\n"', 3, "VFC301"),
    "5000-bytes": ('text = "a"\nrepeat = 5000', 3, "VFC302"),
    "4096-bytes": ('text = "a"\nrepeat = 4096', 3, "VFC302"),
    "NUL": ('hex = "31 61 00 62 0a"', 3, "VFC303"),
    "not-ASCII": ('hex = "31 c3 a9 0a"', 3, "VFC303"),
    "not-UTF-8": ('hex = "31 ff fe 0a"', 3, "VFC303"),
    "escape": ('text = "\\u001b[31m\\n"', 3, "VFC303"),
    "EIO": ('on = "read"\nerrno = "EIO"', 4, "VFC106"),
    "EPERM": ('on = "read"\nerrno = "EPERM"', 4, "VFC106"),
    "hang": ("hang = true", 4, "VFC112"),
    "EACCES": ('on = "open"\nerrno = "EACCES"', 4, "VFC103"),
    "open-EIO": ('on = "open"\nerrno = "EIO"', 4, "VFC104"),
    "gone": ("vanish = true", 4, "VFC113"),
}


BAD_HOST = (
    ACME
    + mdev_type("acme-good")
    + '[[parent.type]]\nid = "acme-absent"\n'
    + "".join(mdev_type(f"acme-{name}") for name in BAD if name != "absent")
    + "".join(
        fault(f"{PARENT}/acme-{name}", BAD[name][0]) for name in BAD if BAD[name][0]
    )
)


@pytest.mark.parametrize("name", BAD)
def test_target_without_a_usable_string(shared_host: Host, run: Run, name: str) -> None:
    shared_host(BAD_HOST)
    _, exit_code, code = BAD[name]
    target = f"{PARENT}/acme-{name}"
    result = run(f"get {PARENT}/acme-good {target} --timeout 0.4", exit_code=exit_code)
    assert result.stdout == f"{PARENT}/acme-good\t1ac1-own\n"
    assert f"[{code}]" in result.stderr
    assert result.stderr.startswith("vfiocompat: ")
    assert "\x1b" not in result.stderr
    if name == "gone":
        return
    line = f"get {target} --timeout 0.4 --format json"
    [end] = run(line, exit_code=exit_code).document(GetDocument).endpoints
    assert end.attribute is not None
    assert (end.version, end.attribute.code) == (None, code)
    state = "absent" if name == "absent" else "unreadable"
    assert end.attribute.state == state


def test_why_one_target_has_no_string(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    result = run(f"get {PARENT}/acme-io", exit_code=4)
    assert result.stdout == ""
    assert result.stderr == (
        "vfiocompat: error[VFC106]: the version attribute could not be read (EIO)\n"
        f"  --> {TYPES}/acme-io/version\n"
        "   = help: the kernel log of its host may say why\n"
    )


@pytest.mark.parametrize(
    ("names", "exit_code"),
    [("a none", 3), ("none io", 4), ("io none", 4), ("a nowhere none", 4)],
)
def test_worst_of_several_targets(
    shared_host: Host, run: Run, names: str, exit_code: int
) -> None:
    shared_host(MANY)
    targets = " ".join(f"{PARENT}/acme-{name}" for name in names.split())
    run(f"get {targets}", exit_code=exit_code)
    run(f"get {targets} --format json", exit_code=exit_code).document(GetDocument)


def test_several_targets_of_which_one_is_not_there(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    line = f"get {PARENT}/acme-nowhere {PARENT}/acme-a"
    result = run(line, exit_code=4)
    assert result.stdout == f"{PARENT}/acme-a\t1ac1-a\n"
    assert "VFC504" in result.stderr
    document = run(f"{line} --format json", exit_code=4).document(GetDocument)
    assert [end.address for end in document.endpoints] == [f"{PARENT}/acme-a"]
    [problem] = document.problems
    assert (problem.path, problem.code) == (f"{PARENT}/acme-nowhere", "VFC504")


def test_one_target_that_is_not_there(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    result = run(f"get {PARENT}/acme-nowhere --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == "VFC504"


def test_target_that_is_no_address(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    result = run(f"get {PARENT}/acme-a nonsense --format json", exit_code=2)
    assert result.document(ErrorDocument).error.code == "VFC502"
    assert run("get nonsense", exit_code=2).stdout == ""


def test_function_without_a_vfio_driver(shared_host: Host, run: Run) -> None:
    shared_host(f'[[function]]\naddress = "{FUNCTION}"\ndriver = "acme"\n')
    result = run(f"get {FUNCTION}", exit_code=3)
    assert "VFC130" in result.stderr
    assert "acme" in result.stderr


# ---- which string --------------------------------------------------------------


def test_json_of_one_target(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    [end] = run(f"get {SOURCE} --format json").json["endpoints"]
    assert end["version"] == "1ac1-a"
    assert end["newline"] is True
    assert end["origin"] == "attribute"
    assert end["attribute"] == {
        "name": "version",
        "state": "present",
        "errno": None,
        "path": f"{TYPES}/acme-source/version",
        "node": "type",
        "code": None,
    }


def test_string_without_a_newline(host: Host, run: Run) -> None:
    host(PAIR + fault(SOURCE, 'on = "read"', 'text = "1ac1-a"'))
    assert run(f"get {SOURCE}").stdout == "1ac1-a\n"
    [end] = run(f"get {SOURCE} --format json").json["endpoints"]
    assert (end["version"], end["newline"]) == ("1ac1-a", False)


@pytest.mark.parametrize("newline", ["", "0a"])
def test_longest_string(host: Host, run: Run, newline: str) -> None:
    text = "61" * 4095 + newline
    host(PAIR + fault(SOURCE, 'on = "read"', f'hex = "{text}"'))
    assert run(f"get {SOURCE}").stdout == "a" * 4095 + "\n"


def test_blanks_and_quotes_are_kept(host: Host, run: Run) -> None:
    host(f"{ACME}[[parent.type]]\nid = 'acme-a'\nversion = ''' 1ac1-\"a\" ?\\  '''\n")
    assert run(f"get {PARENT}/acme-a").stdout == ' 1ac1-"a" ?\\  \n'


def test_device_node_before_type_node(host: Host, run: Run) -> None:
    host(
        f"""{ACME}
[[parent.type]]
id = "acme-a"
version = "1ac1-type"

[[parent.mdev]]
uuid = "{UUID}"
type = "acme-a"
{fault(UUID, 'on = "read"', "times = 1", 'text = "1ac1-device"')}
{fault(UUID, 'on = "read"', 'errno = "EIO"')}"""
    )
    assert run(f"get {UUID[:9].upper()}").stdout == "1ac1-device\n"
    # One that is there and cannot be read is not replaced.
    assert f"{DEVICE}/{UUID}/version" in run(f"get {UUID}", exit_code=4).stderr


def test_mdev_falls_back_to_its_type(shared_host: Host, run: Run) -> None:
    shared_host(MANY)
    assert run(f"get {UUID}").stdout == "1ac1-a\n"
    assert run(f"get {UUID.upper()}").stdout == "1ac1-a\n"
    [end] = run(f"get {UUID} --format json").json["endpoints"]
    assert end["attribute"]["node"] == "type"
    assert end["attribute"]["path"] == f"{TYPES}/acme-a/version"


def test_migration_version_before_version_before_the_pair(
    plain_host: PlainHost, run: Run
) -> None:
    names = ("migration_version", "version", "get_version")
    root = plain_host({f"{PLAIN_TYPES}/acme-a/{name}": name.encode() for name in names})
    for name in names:
        assert run("get p/acme-a").stdout == f"{name}\n"
        (root / f"{PLAIN_TYPES[1:]}/acme-a/{name}").unlink()
    run("get p/acme-a", exit_code=3)


def test_attribute_by_its_path(plain_host: PlainHost, run: Run) -> None:
    names = ("migration_version", "version", "get_version")
    plain_host({f"{PLAIN_TYPES}/acme-a/{name}": name.encode() for name in names})
    for name in names:
        assert run(f"get {PLAIN_TYPES}/acme-a/{name}").stdout == f"{name}\n"


def test_attribute_that_is_a_link_is_not_followed(
    plain_host: PlainHost, run: Run
) -> None:
    root = plain_host({"/secret": b"secret", f"{PLAIN_TYPES}/acme-a/name": b"a\n"})
    link = root / f"{PLAIN_TYPES[1:]}/acme-a/version"
    link.symlink_to(root / "secret")
    for target in ("p/acme-a", f"{PLAIN_TYPES}/acme-a/version"):
        result = run(f"get {target}", exit_code=4)
        assert "secret" not in result.stdout


def test_names_that_would_paint_the_terminal(plain_host: PlainHost, run: Run) -> None:
    name = "acme-\x1b[31m[bold]"
    plain_host({f"{PLAIN_TYPES}/{name}/version": b"1ac1-[bold]a[/]"})
    shown = run("get").stdout
    assert shown == "p/acme-\\x1b[31m[bold]\t1ac1-[bold]a[/]\n"
    assert run("get --format json").json["endpoints"][0]["address"] == f"p/{name}"
