# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat scan`: what is in an inventory, and how it gets there."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fleets import endpoint, inventory, write
from vfiocompat.host.held import held_calls
from vfiocompat.inventory import Inventory
from vfiocompat.output.list import ListDocument

from .hosts import ACME, PAIR, TYPES, fault

if TYPE_CHECKING:
    from tests.conftest import Host, Run

HUNG = PAIR + fault("0000:3b:00.0/acme-source", "hang = true")


def read(path: Path) -> Inventory:
    return msgspec.json.decode(path.read_bytes(), type=Inventory)


def answers(path: Path) -> dict[str, list[tuple[str, bool | None]]]:
    return {
        each.address.partition("/")[2]: [(a.about, a.accepted) for a in each.answers]
        for each in read(path).endpoints
    }


def test_an_inventory_has_what_list_has(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    listed = run("list --format json").document(ListDocument)
    found = run("scan --host node-a").document(Inventory)

    assert found.endpoints == listed.endpoints
    assert found.host == "node-a"
    assert found.taken_at.endswith("Z")


def test_a_host_says_itself_who_it_is(host: Host, run: Run) -> None:
    host(f'host = "acme1"\nkernel = "6.12.9"\n{ACME}')
    found = run("scan").document(Inventory)

    assert (found.host, found.kernel) == ("acme1", "6.12.9")
    assert found.machine_id is not None
    assert len(found.machine_id) == 32


def test_a_file_is_replaced_in_silence(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(PAIR)
    for name in ("one.json", "two/", "two"):
        (tmp_path / "two").mkdir(exist_ok=True)
        result = run(f"scan --host node-a -o {tmp_path}/{name}")
        assert (result.stdout, result.stderr) == ("", "")

    assert (
        read(tmp_path / "one.json").endpoints
        == read(tmp_path / "two/node-a.json").endpoints
    )
    assert "2 endpoints" in run(f"scan --host n -o {tmp_path}/two/ -v").stderr


def test_what_was_written_is_told_on_a_terminal(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(PAIR)
    monkeypatch.setattr("vfiocompat.commands.scan._is_watched", lambda: True)
    said = run(f"scan --host node-a -o {tmp_path}/").stderr
    assert said == f"vfiocompat: {tmp_path}/node-a.json: 2 endpoints of node-a\n"
    asked = f"scan --host node-a -o {tmp_path}/ --ask {tmp_path}/node-a.json"
    assert ", 4 answers of drivers" in run(asked).stderr


def test_problems_are_data(shared_host: Host, run: Run, tmp_path: Path) -> None:
    shared_host(PAIR + fault("0000:3b:00.0/acme-source", 'errno = "EIO"'))
    run(f"scan -o {tmp_path}/f.json")

    [problem] = read(tmp_path / "f.json").problems
    assert (problem.code, problem.errno) == ("VFC106", "EIO")
    assert "VFC106" in run(f"scan -v -o {tmp_path}/f.json").stderr


HISI = (
    '[[function]]\naddress = "0000:5e:00.2"\ndriver = "hisi_acc_vfio_pci"\n'
    "pci = { vendor = 0x19e5, device = 0xa251, revision = 0x30 }\n"
)


def test_stated_facts_are_recorded(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(HISI)
    (tmp_path / "facts.d").mkdir()
    file = tmp_path / "facts.d/a.toml"
    file.write_text('schema = 1\n[driver.hisi_acc_vfio_pci]\nqueue_pairs = "16"\n')
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))
    [one] = run("scan").document(Inventory).endpoints
    assert one.stated == {"queue_pairs": "16"}

    file.write_text('schema = 1\n[driver.hisi_acc_vfio_pci]\nqueue_pairs = "x"\n')
    found = run("scan", exit_code=4).document(Inventory)
    assert [problem.code for problem in found.problems] == ["VFC228"]
    assert len(found.endpoints) == 1


def test_facts_of_what_is_not_there_are_told_on_demand(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_host(HISI)
    (tmp_path / "facts.d").mkdir()
    file = tmp_path / "facts.d/a.toml"
    file.write_text(
        'schema = 1\n[driver.hisi_acc_vfio_pci]\nqueue_pairs = "16"\n'
        '[driver.hisi-acc-vfio-pci]\nqueue_pairs = "16"\nisolation = "0"\n'
        '[endpoint."0000:5e:00.2"]\nisolation = "0"\n'
        '[endpoint."0000:99:00.3"]\nisolation = "0"\n'
    )
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))

    assert "99:00.3" not in run("scan").stderr
    told = run("scan -v").stderr.splitlines()
    assert [line for line in told if "there is no" in line] == [
        f"vfiocompat: {file}: there is no 0000:99:00.3 on this host",
        f"vfiocompat: {file}: there is no hisi-acc-vfio-pci on this host",
    ]
    file.write_text("schema = 1\n[driver.x]\n[moon]\n")
    assert "there is no" not in run("scan -v", exit_code=4).stderr


@pytest.mark.usefixtures("_processes")
def test_no_sysfs_leaves_the_old_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text("old")
    result = run(
        f"--sysroot {tmp_path} scan --host a -o {tmp_path}/f.json", exit_code=4
    )

    assert "VFC507" in result.stderr
    assert (tmp_path / "f.json").read_text() == "old"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--ask", "--ask goes with FLEET"),
        ("f.json", "--ask goes with FLEET"),
        ("--ask-limit 3", "--ask-limit goes with --ask"),
        ("--wait soon", "no duration"),
        ("--host a/b", "cannot be the name of a host"),
        ("--host ..", "cannot be the name of a host"),
    ],
)
def test_bad_options(shared_host: Host, run: Run, line: str, says: str) -> None:
    shared_host(PAIR)

    assert says in run(f"scan {line}", exit_code=2).stderr


def test_what_is_no_file_is_left_alone(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(PAIR)
    os.mkfifo(tmp_path / "pipe")
    result = run(f"scan -o {tmp_path}/pipe", exit_code=4)

    assert "not a regular file" in result.stderr
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_folder_that_is_missing(shared_host: Host, run: Run, tmp_path: Path) -> None:
    shared_host(PAIR)
    result = run(f"scan -o {tmp_path}/no/f.json", exit_code=4)

    assert "cannot write in" in result.stderr


@pytest.mark.parametrize("errno", ["ENODEV", "EOPNOTSUPP", "EIO", "EACCES"])
@pytest.mark.parametrize("stage", ["open", "read"])
def test_an_inventory_keeps_which_call_failed(
    host: Host, run: Run, tmp_path: Path, errno: str, stage: str
) -> None:
    """What an open(2) is answered, no driver has said: live and recorded alike."""
    at = "0000:3b:00.0/acme-destination"
    host(PAIR + fault(at, f'on = "{stage}"', f'errno = "{errno}"'))
    run(f"scan -o {tmp_path}/f.json")
    says_no = stage == "read" and errno in {"ENODEV", "EOPNOTSUPP"}
    there = f"inventory:{tmp_path}/f.json#{at}"
    run(f"check version:1ac1-a {there}", exit_code=1 if says_no else 3)
    live = {"open": 4, "read": 1 if says_no else 3}[stage]
    run(f"check --table-only version:1ac1-a {at}", exit_code=live)


# ---- asking ----------------------------------------------------------------------

THREE = f"""{ACME}
[[parent.type]]
id = "acme-a"
version = "1ac1-a"
accepts = ["1ac1-b"]

[[parent.type]]
id = "acme-b"
version = "1ac1-b"
accepts = ["1ac1-?"]

[[parent.type]]
id = "acme-c"
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give a fleet with the strings 1ac1-a, 1ac1-b, and one of another vendor."""
    return write(
        tmp_path / "fleet",
        [
            inventory(
                "n",
                endpoint("p/acme-a", "1ac1-a"),
                endpoint("p/acme-b", "1ac1-b"),
                endpoint("p/x", "10de-x"),
                endpoint("p/none", None),
            )
        ],
    )


def test_drivers_are_asked_about_the_strings_of_a_fleet(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    run(f"scan --ask {fleet} -o {tmp_path}/me.json")

    assert answers(tmp_path / "me.json") == {
        "acme-a": [("1ac1-a", False), ("1ac1-b", True)],
        "acme-b": [("1ac1-a", True), ("1ac1-b", True)],
        "acme-c": [],
    }


def test_an_answer_is_remembered_and_a_limit_goes_on_where_it_stopped(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    file = tmp_path / "me.json"
    counts = []
    for _ in range(6):
        run(f"scan --ask {fleet} --ask-limit 1 -o {file}")
        counts.append(sum(map(len, answers(file).values())))
    first = read(file).endpoints[0].answers
    time.sleep(1.1)  # times are in seconds
    run(f"scan --ask {fleet} -o {file}")
    run(f"scan -o {file}")

    assert counts == [1, 2, 3, 4, 4, 4]
    assert read(file).endpoints[0].answers == first


def test_another_string_driver_or_kernel_is_asked_again(
    host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    file = tmp_path / "me.json"
    host(f'host = "h"\nkernel = "6.1"\n{THREE}')
    run(f"scan --ask {fleet} -o {file}")
    whole: Any = json.loads(file.read_bytes())
    for path, value in (
        ("kernel", "6.0"),
        ("machine_id", "0" * 32),
        ("machine_id", None),
        ("endpoints.0.version", "1ac1-other"),
        ("endpoints.0.build", "other"),
    ):
        document = json.loads(json.dumps(whole))
        inner = document["endpoints"][0] if "." in path else document
        inner[path.rpartition(".")[2]] = value
        file.write_text(json.dumps(document))
        run(f"scan -o {file}")

        assert answers(file)["acme-a"] == []
        assert bool(answers(file)["acme-b"]) == ("." in path)


@pytest.mark.parametrize(
    "change",
    [
        ("device = 0x0100", "device = 0x0300"),
        ("device = 0x0100", "device = 0x0100, revision = 1"),
        ("device = 0x0100", "device = 0x0100, subsystem_device = 1"),
        ('accepts = ["1ac1-b"]', 'accepts = ["1ac1-x"]'),
        ('host = "h"', 'host = "i"'),
    ],
)
def test_another_card_or_build_in_the_same_place_has_no_answers(
    host: Host, run: Run, fleet: Path, tmp_path: Path, change: tuple[str, str]
) -> None:
    was, now = change
    file = tmp_path / "me.json"
    spec = f'host = "h"\n{THREE}'
    host(spec)
    run(f"scan --host h --ask {fleet} -o {file}")
    host(spec)
    run(f"scan --host h -o {file}")
    assert answers(file)["acme-a"]
    assert was in spec
    host(spec.replace(was, now))
    run(f"scan --host h -o {file}")

    assert set(map(len, answers(file).values())) == {0}


def test_what_is_neither_yes_nor_no_is_asked_again_after_all_others(
    host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    at = "0000:3b:00.0/acme-a"
    host(THREE + fault(at, 'on = "write"', 'errno = "EBUSY"'))
    file = tmp_path / "me.json"
    run(f"scan --ask {fleet} -o {file}")
    before = answers(file)
    run(f"scan --ask {fleet} --ask-limit 1 -o {file}")

    assert before["acme-a"] == [("1ac1-a", None), ("1ac1-b", None)]
    assert before["acme-b"] == [("1ac1-a", True), ("1ac1-b", True)]
    assert answers(file) == before


@pytest.mark.parametrize("newline", ["optional", "required"])
@pytest.mark.parametrize("at_first", [True, False])
def test_a_yes_is_about_every_form_that_a_string_has_in_the_fleet(
    host: Host, run: Run, tmp_path: Path, newline: str, *, at_first: bool
) -> None:
    """A form that comes later is asked too."""
    host(
        f'{ACME}\n[[parent.type]]\nid = "acme-a"\nversion = "1ac1-x"\n'
        f'accepts = ["1ac1-?"]\nnewline = "{newline}"\n'
    )
    forms = [endpoint(f"p/{n}", "1ac1-a", newline=n) for n in (True, False)]
    for ends in (forms if at_first else forms[:1], forms):
        fleet = write(tmp_path / "fleet", [inventory("n", *ends)])
        run(f"scan --ask {fleet} -o {tmp_path}/me.json")
        both = len(ends) > 1
        expected = newline == "optional" or not both
        assert answers(tmp_path / "me.json") == {"acme-a": [("1ac1-a", expected)]}


def greedy(folder: Path, at: int, number: int = 300) -> None:
    """Write the inventory of a host that has as many other strings each time."""
    many = [endpoint(f"p/t{i}", f"1ac1-new-{at}-{i}") for i in range(number)]
    write(folder, [inventory("greedy", *many)])


def test_an_inventory_with_many_new_strings_starves_no_other(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    for at in range(3):
        greedy(fleet, at)
        run(f"scan --ask {fleet} --ask-limit 8 -o {tmp_path}/me.json")

    for known in list(answers(tmp_path / "me.json").values())[:2]:
        assert {"1ac1-a", "1ac1-b"} <= {version for version, _ in known}


def test_strings_that_a_greedy_inventory_has_too_are_asked_for_others(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    """Were it for one of them only, it would be at the end of that one's."""
    shared_host(THREE)
    many = [endpoint(f"p/t{i}", f"1ac1-new-{i}") for i in range(300)]
    again = [endpoint("p/u", "1ac1-a", newline=False), endpoint("p/v", "1ac1-b")]
    write(fleet, [inventory("a", *many, *again)])
    run(f"scan --ask {fleet} --ask-limit 8 -o {tmp_path}/me.json")

    for known in list(answers(tmp_path / "me.json").values())[:2]:
        assert {"1ac1-a", "1ac1-b"} <= {version for version, _ in known}


def test_each_endpoint_is_asked_before_one_is_asked_everything(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    greedy(fleet, 0)
    run(f"scan --ask {fleet}/greedy.json --ask-limit 100 -o {tmp_path}/me.json")

    counts = [len(known) for known in answers(tmp_path / "me.json").values()]
    assert counts == [50, 50, 0]


def test_answers_to_strings_that_are_gone_from_the_fleet_are_dropped(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    file = tmp_path / "me.json"
    greedy(fleet, 0, 20)
    run(f"scan --ask {fleet} -o {file}")
    assert len(answers(file)["acme-a"]) == 22
    run(f"scan -o {file}")
    assert len(answers(file)["acme-a"]) == 22
    (fleet / "greedy.json").write_text("{")
    run(f"scan --ask {fleet} -o {file}", exit_code=4)
    assert len(answers(file)["acme-a"]) == 22  # nobody knows what it has
    (fleet / "greedy.json").unlink()
    run(f"scan --ask {fleet} -o {file}")

    assert answers(file)["acme-a"] == [("1ac1-a", False), ("1ac1-b", True)]


def test_an_inventory_of_a_fleet_that_cannot_be_read_is_told(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    (fleet / "broken.json").write_text("{")
    result = run(f"scan --ask {fleet} -o {tmp_path}/me.json", exit_code=4)

    assert "broken.json" in result.stderr
    assert answers(tmp_path / "me.json")["acme-b"]
    assert "VFC401" in [each.code for each in read(tmp_path / "me.json").problems]
    assert run(f"scan --ask {tmp_path}/no -o {tmp_path}/x", exit_code=4)


def test_an_old_file_that_cannot_be_read_is_replaced_and_told(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    shared_host(PAIR)
    (tmp_path / "f.json").write_text("{")
    result = run(f"scan -o {tmp_path}/f.json")

    assert "VFC412" in result.stderr
    assert len(read(tmp_path / "f.json").endpoints) == 2


def test_a_clock_that_went_backwards_is_told_and_no_yes_of_it_is_kept(
    shared_host: Host, run: Run, fleet: Path, tmp_path: Path
) -> None:
    shared_host(THREE)
    file = tmp_path / "f.json"
    run(f"scan --ask {fleet} -o {file}")
    year = str(time.gmtime().tm_year)
    file.write_text(file.read_text().replace(f'_at":"{year}', '_at":"2999'))
    result = run(f"scan -o {file}")

    assert "VFC409" in result.stderr
    assert answers(file) == {"acme-a": [("1ac1-a", False)], "acme-b": [], "acme-c": []}
    run(f"scan --ask {fleet} -o {file}")
    assert '_at":"2999' not in file.read_text()


# ---- turns -----------------------------------------------------------------------


def start(root: Path, file: Path, *options: str) -> subprocess.Popen[bytes]:
    """Begin a scan in a process of its own; give it when it has its turn."""
    command = [sys.executable, "-m", "vfiocompat", "--sysroot", str(root), "scan"]
    process = subprocess.Popen(
        [*command, "--host", "n", "-o", str(file), *options],
        stderr=subprocess.PIPE,
    )
    state = file.parent / f".{file.name}.state"
    while not (state.exists() and b'"pid"' in state.read_bytes()):
        time.sleep(0.01)
    return process


def test_two_scans_of_a_file_never_overlap(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    root = shared_host(HUNG)
    file = tmp_path / "f.json"
    with start(root, file, "--timeout", "2") as first:
        result = run(f"scan --host n -o {file}")
        assert f"process {first.pid}" in result.stderr
        assert not file.exists()
        stale = run(f"scan --host n --stale 0.01 -o {file}", exit_code=4)
        assert "VFC406" in stale.stderr
        waited = run(f"scan --host n --wait 30 --timeout 0.2 -o {file}")
        assert waited.stderr == ""
    assert first.returncode == 0
    assert len(read(file).endpoints) == 2


def test_what_a_driver_holds_is_not_asked_again(
    shared_host: Host, run: Run, tmp_path: Path
) -> None:
    """A process that waits for FUSE can be killed; one that a driver holds cannot."""
    shared_host(HUNG)
    file = tmp_path / "f.json"
    state_file = tmp_path / ".f.json.state"
    run(f"scan --timeout 0.3 -o {file}")
    state = json.loads(state_file.read_bytes())
    [held] = state["held"]
    assert held["paths"] == [f"{TYPES}/acme-source/version"]

    myself = held_calls(held["paths"])
    state["held"] = json.loads(msgspec.json.encode([myself]))
    state_file.write_text(json.dumps(state))
    began = time.monotonic()
    run(f"scan --timeout 20 -o {file}")

    assert time.monotonic() - began < 10
    codes = {
        each.address.partition("/")[2]: each.attribute and each.attribute.code
        for each in read(file).endpoints
    }
    assert codes == {"acme-source": "VFC115", "acme-destination": None}
    [problem] = read(file).problems
    assert (problem.path, problem.code) == (f"{TYPES}/acme-source/version", "VFC115")
    assert json.loads(state_file.read_bytes())["held"] == state["held"]


def test_a_child_that_waits_holds_neither_the_lock_nor_a_pipe(
    shared_host: Host, tmp_path: Path
) -> None:
    root = shared_host(HUNG)
    with start(root, tmp_path / "f.json", "--timeout", "3") as scan:
        until = time.monotonic() + 2
        while (ours := files_of_children(scan.pid, tmp_path)) != set():
            assert time.monotonic() < until, ours
            time.sleep(0.01)
        scan.kill()


def files_of_children(pid: int, folder: Path) -> set[str] | None:
    """Name what children have open in a folder; None where there are none yet."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    try:
        links = [
            link for each in children for link in Path(f"/proc/{each}/fd").iterdir()
        ]
    except FileNotFoundError:  # it has ended
        return None
    files = {os.path.realpath(link) for link in links}
    return {name for name in files if name.startswith(str(folder))} if files else None


def test_on_a_full_disk_the_old_inventory_stays(
    shared_host: Host, run: Run, small_disk: Path
) -> None:
    shared_host(PAIR)
    file = small_disk / "f.json"
    run(f"scan -o {file}")
    before = file.read_bytes()
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
    result = run(f"scan -o {file}", exit_code=4)

    assert "No space left" in result.stderr
    assert file.read_bytes() == before


def test_in_a_folder_that_is_read_only_the_old_inventory_stays(
    shared_host: Host, run: Run, small_disk: Path
) -> None:
    shared_host(PAIR)
    file = small_disk / "f.json"
    run(f"scan -o {file}")
    before = file.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    assert "Read-only file system" in run(f"scan -o {file}", exit_code=4).stderr
    assert file.read_bytes() == before


# ---- on a terminal ---------------------------------------------------------------


def shown(root: Path, file: Path, timeout: str) -> bytes:
    """Run a scan whose stderr is a terminal, and give what it shows."""
    terminal, child = os.openpty()
    command = [sys.executable, "-m", "vfiocompat", "--sysroot", str(root), "scan"]
    options = ["--timeout", timeout, "-o", str(file)]
    with subprocess.Popen([*command, *options], stderr=child) as process:
        os.close(child)
        parts = []
        with contextlib.suppress(OSError):
            while part := os.read(terminal, 65536):
                parts.append(part)
        os.close(terminal)
    assert process.returncode == 0
    return b"".join(parts)


def test_a_bar_is_shown_if_it_takes_long(shared_host: Host, tmp_path: Path) -> None:
    root = shared_host(HUNG)

    assert b"scanning" in shown(root, tmp_path / "f.json", "1.8")
    there = tmp_path / "g.json"
    [line] = shown(root, there, "0.1").decode().replace("\r\n    ", " ").splitlines()
    assert line.startswith(f"vfiocompat: {there}: ")
    assert line.endswith(", which -v tells")


@pytest.mark.parametrize(
    ("folder", "name", "text"),
    [
        ("facts.d", "hisi.toml", "[driver.hisi_acc_vfio_pci]\nqueue_pairs = 16\n"),
        (
            "facts.d",
            "hisi.toml",
            'schema = 1\n[driver.hisi_acc_vfio_pci]\nmoon = "x"\n',
        ),
        ("tables.d", "ours.toml", "schema = 1\ntitle = \n"),
    ],
)
def test_what_is_wrong_with_the_site_is_told_once_and_the_rest_is_written(
    shared_host: Host,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    folder: str,
    name: str,
    text: str,
) -> None:
    shared_host(HISI)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).write_text(text)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path))
    result = run("scan", exit_code=4)

    assert result.document(Inventory).endpoints
    assert len(result.document(Inventory).problems) == 1
    assert result.stderr.count(f"{folder}/{name}") == 1
