# SPDX-License-Identifier: Apache-2.0
"""Whatever hangs in a file system ends a command in a few times --timeout."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.commands.hosts import PAIR
from tests.fleets import endpoint, inventory
from tests.hanging import hanging
from vfiocompat.files import reading
from vfiocompat.files.mounts import Mounts
from vfiocompat.fleet import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Host, Run, RunProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {
    f"{host}.json": msgspec.json.encode(
        inventory(host, endpoint("p/t", f"1ac1-{host}"))
    )
    for host in ("a", "b")
} | {"vm.xml": (EXAMPLES / "web.xml").read_bytes(), "t.toml": b"schema = 1\n"}

pytestmark = pytest.mark.usefixtures("_processes")


@pytest.fixture(scope="module", params=["getattr", "open", "read"])
def hung(request: pytest.FixtureRequest, _processes: None) -> Iterator[Path]:
    """Give a folder whose files hang when they are used in one way."""
    text = "." if request.param == "getattr" else ""
    with hanging(request.param, text, FILES) as folder:
        yield folder


OF_FOLDERS = [
    "matrix {}",
    "targets version:1ac1-x {}",
    "export prometheus {} --host a",
    "diff {} {}",
    "scan --ask {}",
]
OF_FILES = [
    "matrix {}/a.json",
    "targets inventory:{}/a.json#p/t {}/b.json",
    "check inventory:{}/a.json#p/t version:1ac1-x",
    "check version:1ac1-a inventory:{}/a.json#p/t --format json",
    "vm domain:{}/vm.xml here",
    "tables check {}/t.toml",
    "tables list --table {}/t.toml",
    "simulate {}/t.toml /nowhere",
]


@pytest.mark.parametrize("line", OF_FOLDERS + OF_FILES)
def test_what_reads_ends(
    shared_host: Host, run_process: RunProcess, hung: Path, line: str
) -> None:
    shared_host(PAIR)
    began = time.monotonic()
    result = run_process(f"--timeout 0.5 {line.replace('{}', str(hung))}", exit_code=4)

    assert time.monotonic() - began < 5
    said = result.stdout + result.stderr
    assert f"cannot read {hung}" in said
    assert "no answer in 0.5 s" in said


@pytest.mark.parametrize("line", OF_FOLDERS)
def test_what_lists_ends(run_process: RunProcess, line: str) -> None:
    with hanging("readdir", "", FILES) as folder:
        line = f"--timeout 0.5 {line.replace('{}', str(folder))}"
        result = run_process(line, exit_code=4)

    assert f"cannot read {folder}: no answer in 0.5 s" in result.stderr


@pytest.mark.parametrize("folder", ["tables.d", "facts.d"])
def test_a_site_whose_folders_hang_is_told(
    shared_host: Host,
    run_process: RunProcess,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
) -> None:
    shared_host(PAIR)
    with hanging("getattr", folder) as config:
        monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(config))
        result = run_process(
            "--timeout 0.5 check 0000:3b:00.0/acme-source version:1ac1-x", exit_code=4
        )

    assert "no answer in 0.5 s" in result.stderr


WRITING = [
    ("getattr", "n.json"),
    ("readdir", ""),
    ("create", "state"),
    ("write", "state"),
    ("create", ".new"),
    ("write", ".new"),
    ("fsync", ".new"),
    ("rename", ""),
]


@pytest.mark.parametrize(("call", "text"), WRITING)
def test_a_scan_that_writes_ends(
    shared_host: Host, run_process: RunProcess, call: str, text: str
) -> None:
    shared_host(PAIR)
    with hanging(call, text) as folder:
        began = time.monotonic()
        line = f"--timeout 0.5 scan --host n -o {folder}/n.json"
        result = run_process(line, exit_code=4)
        assert time.monotonic() - began < 5

    assert "VFC512" in result.stderr
    assert "no answer in 0.5 s" in result.stderr


@pytest.mark.parametrize(("call", "text"), WRITING[:2] + WRITING[4:])
def test_an_export_that_writes_ends(
    run_process: RunProcess, call: str, text: str
) -> None:
    with hanging(call, text) as folder:
        line = f"export prometheus {EXAMPLES}/fleet/node-a.json -o {folder}/n.json"
        result = run_process(f"--timeout 0.5 {line}", exit_code=4)

    assert "VFC512" in result.stderr
    assert "no answer in 0.5 s" in result.stderr


def test_a_mount_point_that_hangs_is_told(
    run_process: RunProcess, tmp_path: Path
) -> None:
    spec = tmp_path / "s.toml"
    spec.write_text(f"schema = 1\n{PAIR}")
    with hanging("readdir") as folder:
        result = run_process(f"--timeout 0.5 simulate {spec} {folder}", exit_code=4)

    assert "no answer in 0.5 s" in result.stderr


def test_one_file_that_hangs_spoils_no_file_elsewhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(FILES["a.json"])
    with hanging("read", "b.json", FILES) as folder:
        (tmp_path / "b.json").symlink_to(folder / "b.json")
        result = run(f"--timeout 0.5 matrix {tmp_path}", exit_code=4)

    assert "1ac1-a" in result.stdout
    assert result.stderr.count("no answer in 0.5 s") == 1


def test_many_files_that_hang_cost_one_time_out(run: Run) -> None:
    many = {f"{at}.json": b"{}" for at in range(100)}
    with hanging("open", "", many) as folder:
        began = time.monotonic()
        run(f"--timeout 0.5 matrix {folder}", exit_code=4)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize("hangs", ["nothing", "b.json"])
def test_many_processes_read_a_fleet_that_may_hang(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    monkeypatch.setattr(read, "workers", lambda: 2)
    monkeypatch.setattr(read, "_WORTH_A_PROCESS", 0)
    (tmp_path / "fleet").mkdir()
    many = {name: data for name, data in FILES.items() if name.endswith(".json")}
    for name, data in many.items():
        (tmp_path / "fleet" / name).write_bytes(data)
    with hanging("open", hangs, many) as folder:
        result = run(f"--timeout 0.5 matrix {folder}", exit_code=4 * (hangs in FILES))

    if hangs in FILES:
        assert "1ac1-a" in result.stdout
        assert "b.json: no answer in 0.5 s" in result.stderr
    else:
        assert result.stdout == run(f"matrix {tmp_path}/fleet").stdout


def test_what_answers_is_read_and_written_as_on_a_disk(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(PAIR)
    (tmp_path / "fleet").mkdir()
    for name in ("a.json", "b.json"):
        (tmp_path / "fleet" / name).write_bytes(FILES[name])
    with hanging("statfs", "", FILES) as folder:
        assert run(f"matrix {folder}").stdout == run(f"matrix {tmp_path}/fleet").stdout
        monkeypatch.chdir(folder)
        for _ in range(2):
            run("scan --host n -o n.json")
            run("export prometheus a.json -o a.prom")
        assert os.stat(".n.json.state").st_mode & 0o777 == 0o600
        assert {"n.json", ".n.json.state", "a.prom"} <= set(os.listdir("."))
        assert not [name for name in os.listdir(".") if name.endswith(".new")]
        monkeypatch.chdir("/")


def test_a_long_file_is_read_in_pieces() -> None:
    data = bytes(range(256)) * 20_000
    with hanging("statfs", "", {"f": data}) as folder:
        assert reading.read_bytes(f"{folder}/f", len(data)) == data
        with pytest.raises(OSError, match="longer than 4 MiB"):
            reading.read_bytes(f"{folder}/f", 4 << 20)
        with pytest.raises(OSError, match="not a regular file"):
            reading.read_bytes(str(folder), 4 << 20)


@pytest.mark.usefixtures("threads")
def test_a_process_with_threads_reads_what_may_hang() -> None:
    with hanging("statfs", "", {"f": b"x"}) as folder:
        assert reading.read_bytes(f"{folder}/f", 4 << 20) == b"x"
    with hanging("read", "", {"f": b"x"}) as folder:
        reading.wait_at_most(0.5)
        with pytest.raises(TimeoutError):
            reading.read_bytes(f"{folder}/f", 4 << 20)
        reading.wait_at_most(5)


# ---- which paths may -------------------------------------------------------------


def test_a_path_may_hang_that_goes_through_another_machines_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "here/sub").mkdir(parents=True)
    (tmp_path / "there").symlink_to("here/nfs")
    (tmp_path / "here/up").symlink_to("../there/x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "root").symlink_to("/")
    nfs = f"{tmp_path}/here/nfs"
    mounts = Mounts({"/": "ext4", nfs: "nfs4", f"{nfs}/local": "ext4", "/proc": "proc"})

    through = "here/nfs there/a here/up/a here/sub/../nfs/a there/local/a here/nfs/.."
    for path in [*through.split(), f"root{tmp_path}/there"]:
        assert mounts.hanging(f"{tmp_path}/{path}") == nfs, path
    beside = "here here/sub/f nothing/at/all loop/x here/nfs2 here/sub/.. a\0b"
    for path in beside.split():
        assert mounts.hanging(f"{tmp_path}/{path}") is None, path
    assert mounts.hanging("/proc/self/fd/0") is None
    assert Mounts({"/": "nfs"}).hanging(str(tmp_path)) == "/"
    assert Mounts({"/": "fuse.sshfs"}).hanging("x") == "/"
