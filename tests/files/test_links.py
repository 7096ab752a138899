# SPDX-License-Identifier: Apache-2.0
"""Nothing is written through what another user has linked or made."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.commands.hosts import PAIR
from tests.fleets import endpoint, inventory
from tests.others import NOBODY, as_other, meanwhile
from vfiocompat.errors import OutputError
from vfiocompat.files.replacing import replace
from vfiocompat.fleet.turns import turn
from vfiocompat.host.held import held_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Host, Run

pytestmark = pytest.mark.usefixtures("_processes")

FLEET = Path(__file__).parents[2] / "examples/fleet"


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a folder that everybody may write to, and beside it a file of root's."""
    with tempfile.TemporaryDirectory(prefix="vfiocompat-") as directory:
        Path(directory).chmod(0o755)
        folder, mine = Path(directory, "shared"), Path(directory, "mine")
        mine.mkdir()
        (mine / "file").write_text("root's own")
        folder.mkdir()
        folder.chmod(0o1777)
        yield folder


def untouched(shared: Path) -> bool:
    return (shared.parent / "mine/file").read_text() == "root's own"


def chain(shared: Path, name: str) -> None:
    os.symlink("../mine/file", shared / "x")
    os.symlink("x", shared / name)


def link(kind: str, shared: Path, name: str) -> None:
    """Put a link of some kind in a file's place."""
    mine, place = shared.parent / "mine", shared / name
    match kind:
        case "symbolic":
            as_other(partial(os.symlink, "../mine/file", place))
        case "absolute":
            as_other(partial(os.symlink, mine / "file", place))
        case "to nothing":
            as_other(partial(os.symlink, "../mine/new", place))
        case "chain":
            as_other(partial(chain, shared, name))
        case "hard":
            os.link(mine / "file", place)  # others can where the kernel lets them
        case _:
            os.symlink("file", mine / "link")
            os.link(mine / "link", place, follow_symlinks=False)


LINKS = ["symbolic", "absolute", "to nothing", "chain", "hard", "of root's link"]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("name", ["n.json", ".n.json.state"])
def test_a_scan_writes_to_no_link_of_another_user(
    shared_host: Host, run: Run, shared: Path, kind: str, name: str
) -> None:
    shared_host(PAIR)
    link(kind, shared, name)
    run(f"scan --host n -o {shared}/")

    assert untouched(shared)
    assert not (shared.parent / "mine/new").exists()
    for made in ("n.json", ".n.json.state"):
        status = (shared / made).lstat()
        assert (status.st_uid, status.st_nlink) == (0, 1)
        assert not (shared / made).is_symlink()
    assert (shared / ".n.json.state").stat().st_mode & 0o777 == 0o600
    assert len(json.loads((shared / "n.json").read_bytes())["endpoints"]) == 2


@pytest.mark.parametrize("kind", LINKS)
def test_an_export_writes_to_no_link_of_another_user(
    run: Run, shared: Path, kind: str
) -> None:
    link(kind, shared, "x.prom")
    run(f"export prometheus {FLEET}/node-a.json -o {shared}/x.prom")

    assert untouched(shared)
    assert not (shared.parent / "mine/new").exists()
    assert "vfiocompat_build_info" in (shared / "x.prom").read_text()


def test_a_folder_behind_another_users_link_is_refused(
    shared_host: Host, run: Run, shared: Path
) -> None:
    shared_host(PAIR)
    as_other(lambda: os.symlink("../mine", shared / "sub"))
    for output in (f"{shared}/sub/", f"{shared}/sub", f"{shared}/sub/n.json"):
        result = run(f"scan --host n -o {output}", exit_code=4)
        assert "somebody else may have made the link sub" in result.stderr
    run(f"export prometheus {FLEET}/node-a.json -o {shared}/sub/x", exit_code=4)

    assert os.listdir(shared.parent / "mine") == ["file"]


def test_links_of_ours_and_of_root_are_followed(shared: Path) -> None:
    mine = shared.parent / "mine"
    (shared / "a").symlink_to("../mine/a")
    (mine / "b").symlink_to("../mine/a")
    (shared.parent / "folder").symlink_to("mine")
    for path in (shared / "a", mine / "b", shared.parent / "folder/a"):
        replace(str(path), str(path).encode())
        assert (mine / "a").read_bytes() == str(path).encode()
    assert (shared / "a").is_symlink()
    assert (mine / "b").is_symlink()


def test_a_link_in_a_folder_without_a_sticky_bit_is_not_followed(shared: Path) -> None:
    """There others can give root's own links another name."""
    (shared / "a").symlink_to("../mine/file")
    shared.chmod(0o777)
    replace(str(shared / "a"), b"x")

    assert untouched(shared)
    assert not (shared / "a").is_symlink()


def test_in_another_users_folder_no_link_is_followed(shared: Path) -> None:
    theirs = shared / "theirs"
    as_other(theirs.mkdir)
    as_other(partial(os.symlink, "../../mine/file", theirs / "a"))
    replace(str(theirs / "a"), b"x")

    assert untouched(shared)
    assert (theirs / "a").read_bytes() == b"x"


def test_another_user_cannot_be_overwritten_where_nothing_may_be_replaced(
    shared: Path,
) -> None:
    """Who is not root cannot replace a file of others in a sticky folder."""
    (shared / "a").write_text("x")

    def attempt() -> None:
        with pytest.raises(OutputError, match="Operation not permitted"):
            replace(str(shared / "a"), b"y")
        assert not [name for name in os.listdir(shared) if name.endswith(".new")]

    as_other(attempt)
    assert (shared / "a").read_text() == "x"


# ---- what is read back ---------------------------------------------------------


def forged(shared: Path, mode: int) -> None:
    """Let another user say that root's scans have left a process behind."""
    me = held_calls(["/sys/class/mdev_bus", "/sys/bus/pci/devices"])
    held = {"pid": me.pid, "started": me.started, "paths": me.paths}
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    state = shared / ".n.json.state"
    as_other(lambda: state.write_text(json.dumps({"boot": boot, "held": [held]})))
    state.chmod(mode)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_a_state_that_another_user_made_is_not_believed(
    shared_host: Host, run: Run, shared: Path, mode: int
) -> None:
    shared_host(PAIR)
    forged(shared, mode)
    run(f"scan --host n -o {shared}/")

    assert len(json.loads((shared / "n.json").read_bytes())["endpoints"]) == 2
    assert (shared / ".n.json.state").stat().st_uid == 0


def test_a_state_that_others_can_write_is_not_believed(shared: Path) -> None:
    forged(shared, 0o666)
    os.chown(shared / ".n.json.state", 0, 0)
    with turn(f"{shared}/n.json") as current:
        assert current.held == ()


def test_answers_that_another_user_wrote_are_not_taken_over(
    shared_host: Host, run: Run, shared: Path, tmp_path: Path
) -> None:
    shared_host(PAIR)
    strings = tmp_path / "own.json"
    run(f"scan --host n -o {strings}")
    run(f"scan --host n --ask {strings} -o {strings}")
    data = strings.read_bytes()
    assert b'"accepted":' in data
    (shared / "n.json").write_bytes(data)
    run(f"scan --host n -o {shared}/")
    assert b'"accepted":' in (shared / "n.json").read_bytes()

    (shared / "n.json").unlink()
    as_other(lambda: (shared / "n.json").write_bytes(data))
    result = run(f"scan --host n -o {shared}/")
    assert "VFC412" in result.stderr
    assert "somebody else may have written it" in result.stderr
    assert b'"accepted":' not in (shared / "n.json").read_bytes()
    assert (shared / "n.json").stat().st_uid == 0


def test_with_a_folder_each_hosts_write_their_own_file_only(
    shared: Path, run: Run
) -> None:
    """So the man page says that a folder is shared."""
    fleet = shared.parent / "fleet"
    users = {"node1": 2001, "node2": 2002}
    for host, uid in users.items():
        (fleet / host).mkdir(parents=True)
        os.chown(fleet / host, uid, -1)

    def write(host: str) -> None:
        data = msgspec.json.encode(inventory(host, endpoint("p/t", "1ac1-a")))
        with turn(f"{fleet}/{host}/{host}.json") as current:
            current.replace(data)

    def attempt(path: Path) -> None:
        with pytest.raises(OutputError, match="Permission denied"):
            replace(str(path), b"{}")
        with pytest.raises(OutputError, match="Permission denied"), turn(str(path)):
            pass

    for host, uid in users.items():
        for _ in range(2):
            as_other(partial(write, host), uid)
    for place in ("node1/node1.json", "node1/other.json", "node1.json"):
        as_other(partial(attempt, fleet / place), users["node2"])
    found = run(f"matrix {fleet}/node1 {fleet}/node2 --format json").json

    [one] = found["classes"]
    assert one["hosts"] == 2
    assert sorted(os.listdir(fleet / "node1")) == [".node1.json.state", "node1.json"]
    assert (fleet / "node1/node1.json").stat().st_uid == users["node1"]
    write("node1")  # root may, and the next scan of the host's user too
    as_other(partial(write, "node1"), users["node1"])


# ---- locks -----------------------------------------------------------------------


def lock(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(os.open(f"{path}.locked", os.O_CREAT | os.O_WRONLY), b"x")
    time.sleep(60)


def test_who_may_only_read_cannot_lock_the_state(shared: Path) -> None:
    with turn(f"{shared}/n.json"):
        pass

    def attempt() -> None:
        with pytest.raises(PermissionError):
            lock(shared / ".n.json.state")

    as_other(attempt)


@pytest.mark.parametrize("mode", [0o644, 0o666])
@pytest.mark.parametrize("owner", [0, NOBODY])
def test_a_lock_that_is_no_scans_holds_off_none(
    shared_host: Host, run: Run, shared: Path, mode: int, owner: int
) -> None:
    """So it is in a folder that an earlier version has written to."""
    shared_host(PAIR)
    state = shared / ".n.json.state"
    state.write_text("{}")
    state.chmod(mode)
    os.chown(state, owner, owner)
    with meanwhile(lambda: lock(state)):
        while not Path(f"{state}.locked").exists():
            time.sleep(0.01)
        began = time.monotonic()
        result = run(f"scan --host n -o {shared}/")
        assert time.monotonic() - began < 5

    assert result.stderr == ""
    assert len(json.loads((shared / "n.json").read_bytes())["endpoints"]) == 2


def test_where_another_users_state_cannot_be_removed_that_is_an_error(
    shared: Path,
) -> None:
    state = shared / ".n.json.state"
    state.write_text("{}")
    state.chmod(0o644)

    def attempt() -> None:
        with pytest.raises(OutputError), turn(f"{shared}/n.json"):
            pass

    as_other(attempt)
    assert state.read_text() == "{}"
