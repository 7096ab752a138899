# SPDX-License-Identifier: Apache-2.0
"""What holds for every command: options, exit codes, and ends before the end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import click
import pytest

from tests.conftest import HUNG, PROGRAM, SOON
from tests.kernel.lines import LINES, every_command
from vfiocompat import __version__
from vfiocompat.cli import COMMANDS, cli
from vfiocompat.commands.help import COMMON, COMMON_LINE, EXAMPLES
from vfiocompat.commands.settings import Settings
from vfiocompat.output.errors import ErrorDocument
from vfiocompat.output.list import ListDocument

from .hosts import ACME, DESTINATION, PAIR, PARENT, SOURCE, fault, mdev_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Host, Run, RunProcess

    from .conftest import PlainHost

# ---- help ----------------------------------------------------------------------


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("line", ["--help", "-h", "--version"])
def test_help_imports_no_command_and_no_rich(line: str) -> None:
    script = (
        "import sys; from vfiocompat.cli import run; code = run(sys.argv[1:]); "
        "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, line]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = done.stderr.split()
    assert "vfiocompat.cli" in modules
    of_all = {
        f"vfiocompat.commands.{name}"
        for name in ("arguments", "help", "options", "settings")
    }
    for module in {*modules} - of_all:
        assert not module.startswith("vfiocompat.commands.")
        assert module.partition(".")[0] not in {"rich", "mfusepy"}


def test_help_shows_every_command(run: Run) -> None:
    shown = run("--help").stdout
    assert shown == run("-h").stdout
    for name, summary in COMMANDS.items():
        assert f"  {name:<{max(map(len, COMMANDS))}}  {summary}\n" in shown


def test_no_command_shows_the_help(run: Run) -> None:
    result = run("", exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: vfiocompat ")


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"vfiocompat {__version__}\n"


COMMAND_LINES = [*COMMANDS, *(f"tables {name}" for name in ("list", "show", "check"))]


def test_the_real_kernel_sees_every_command() -> None:
    """There `guest/test_unopened.py` holds that none opens a device by accident."""
    assert {*every_command()} == LINES.keys()


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_help_of_a_command(run: Run, name: str) -> None:
    result = run(f"{name} --help")
    assert result.stdout.startswith(f"Usage: vfiocompat {name} [OPTIONS]")
    assert result.stderr == ""
    *_, last = lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    command = command_of(name)
    with click.Context(command) as context:
        options = [
            each
            for each in command.get_params(context)
            if isinstance(each, click.Option)
        ]
    described = result.stdout.partition("Options:\n")[2]
    for option in options:
        record = option.get_help_record(context)
        assert record is not None
        assert (f"  {record[0]}" in described) == (option.name not in COMMON)
    assert last.startswith("Common: ")
    assert last.endswith("see vfiocompat -h")
    assert run(f"{name} -h").stdout == result.stdout


def test_help_of_the_program_describes_what_every_command_has(run: Run) -> None:
    shown = run("--help").stdout
    for option in (
        "sysroot",
        "table",
        "timeout",
        "color",
        "verbose",
        "quiet",
        "format",
    ):
        assert f"--{option}" in shown.partition("Commands:")[0]
    assert max(map(len, shown.splitlines())) <= 80


def test_the_common_options_are_named_at_the_end() -> None:
    with click.Context(command_of("list")) as context:
        options = command_of("list").get_params(context)
    named = {option.name: option.opts for option in options}
    assert set(named) == {*COMMON}
    words = COMMON_LINE.replace(";", "").split()
    assert all({*words}.intersection(opts) for opts in named.values())


def command_of(name: str) -> click.Command:
    """Find a command, or a command of a command."""
    command: click.Command = cli
    for word in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(cli), word)
        assert found is not None
        command = found
    return command


def test_every_command_has_two_examples() -> None:
    assert set(EXAMPLES) == {
        "vfiocompat",
        *(f"vfiocompat {each}" for each in COMMAND_LINES),
    }
    assert {len(examples) for examples in EXAMPLES.values()} == {2}


@pytest.mark.parametrize(
    ("name", "line"), [(name, each) for name in EXAMPLES for each in EXAMPLES[name]]
)
def test_an_example_can_be_typed(name: str, line: str) -> None:
    assert line.startswith(name)
    _, *words = shlex.split(line)
    context, command = None, cast("click.Command", cli)
    while isinstance(command, click.Group):
        context = command.make_context(command.name, [*words], context, obj=Settings())
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context(command.name, words, context)


@pytest.mark.parametrize("name", COMMANDS)
def test_short_help_is_the_commands_own(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name]
    assert len(COMMANDS[name]) <= 60
    assert COMMANDS[name][-1] == "."


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "program",
    [PROGRAM, (str(Path(sys.executable).with_name("vfiocompat")),)],
    ids=["module", "script"],
)
def test_started_as(program: tuple[str, ...]) -> None:
    line = ["check", "version:8086-a", "version:10de-a"]
    done = subprocess.run([*program, *line], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"incompatible: ")
    done = subprocess.run([*program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Usage: vfiocompat ")


# ---- options -------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--sysroot {root} list",
        "list --sysroot {root}",
        "--sysroot={root} list",
        "--sysroot /nowhere list --sysroot {root}",
        "-q --timeout 3 --color never --sysroot {root} list",
        "list -q --timeout 3 --color never --sysroot {root}",
        "--timeout 3 list --sysroot {root} --format json -v",
    ],
)
@pytest.mark.parametrize("environment", [None, "/nowhere"])
def test_options_before_and_after_the_command(
    shared_host: Host,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    environment: str | None,
) -> None:
    root = shared_host(PAIR)
    monkeypatch.delenv("VFIOCOMPAT_SYSROOT")
    if environment is not None:
        monkeypatch.setenv("VFIOCOMPAT_SYSROOT", environment)
    assert SOURCE in run(line.format(root=root)).stdout


def test_sysroot_of_the_environment(
    shared_host: Host, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared_host(PAIR)
    assert SOURCE in run("list").stdout
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", "/nowhere")
    run("list", exit_code=4)
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", f"{root}/")
    assert SOURCE in run("list").stdout


def test_sysroot_by_a_link_and_relative(
    shared_host: Host, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared_host(PAIR)
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    run(f"check {SOURCE} {DESTINATION} --sysroot link")
    result = run(f"check version:1ac1-x {DESTINATION} --sysroot ./link", exit_code=1)
    assert str(root) not in result.stdout


@pytest.mark.parametrize(
    ("line", "summary", "hint"),
    [
        ("list --timeout x", "--timeout: 'x' is no number of seconds above 0", "see"),
        ("--timeout x list", "--timeout: 'x' is no number of seconds above 0", "see"),
        ("scan --ask-limit -1", "--ask-limit: '-1' is no whole number", "see"),
        (f"scan --ask-limit {'9' * 5000}", "--ask-limit: '999", "see"),
        ("list --color pink", "--color: 'pink' is not one of 'auto', 'always',", "see"),
        ("check a b --max-age x", "--max-age: 'x' is no duration such as 90,", "see"),
        ("list --timeout", "--timeout needs a value", None),
        ("list -q=3", "there is no option -=", "see"),
        ("list --quiet=3", "--quiet takes no value", None),
        ("list --timeou 3", "there is no option --timeou", "did you mean --timeout?"),
        ("list --zzz", "there is no option --zzz", "see 'vfiocompat list --help'"),
        ("check a", "DESTINATION is missing", "see 'vfiocompat check --help'"),
        ("matrix", "FLEET is missing", "name inventories, or set VFIOCOMPAT_FLEET"),
        ("vm domain:x.xml", "DESTINATION is missing", "name here, or inventories, or"),
        ("diff old", "NEW is missing", "see 'vfiocompat diff --help'"),
        ("schema", "NAME is missing", "there are check, device, diff"),
        ("simulate x.toml", "MOUNTPOINT | -- COMMAND [ARG]... is missing", "see"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_in_our_words(
    run: Run, line: str, summary: str, hint: str | None
) -> None:
    said, *more = run(line, exit_code=2).stderr.splitlines()
    assert said.startswith(f"vfiocompat: error[VFC501]: {summary}")
    assert [each.startswith(f"   = help: {hint}") for each in more] == (
        [] if hint is None else [True]
    )


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "-inf", "text", "''"])
@pytest.mark.parametrize("line", ["--timeout {} list", "list --timeout {}"])
def test_timeout_that_is_none(run: Run, line: str, seconds: str) -> None:
    result = run(line.format(seconds), exit_code=2)
    assert result.stdout == ""
    assert "--timeout" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "--nonsense list",
        "list --nonsense",
        "list nonsense",
        "list --color sometimes",
        "list --format yaml",
        "check --source-type",
        "--sysroot",
    ],
)
def test_usage(run: Run, line: str) -> None:
    result = run(line, exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("vfiocompat: error[VFC501]: ")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("chek a b", "check"),
        ("tables lst", "list"),
        ("export promethius fleet", "prometheus"),
        ("schema lst", "list"),
    ],
)
def test_the_name_that_was_meant_is_told(run: Run, line: str, meant: str) -> None:
    result = run(line, exit_code=2)
    assert f"did you mean {meant}?" in result.stderr
    assert run(f"{line} --format json", exit_code=2).document(ErrorDocument).error.hint


def test_where_no_name_is_near_all_are_told(run: Run) -> None:
    assert "there are list, get, check" in run("nonsense", exit_code=2).stderr
    assert "there are ansible, nfd" in run("export xyz fleet", exit_code=2).stderr


@pytest.mark.usefixtures("_processes")
def test_root_without_a_sysfs(run: Run, tmp_path: Path) -> None:
    for name in ("list", "get", "get p/t", "check p/t p/t"):
        result = run(f"{name} --sysroot {tmp_path} --format json", exit_code=4)
        error = result.document(ErrorDocument).error
        assert error.code == "VFC507"
        assert "--sysroot" in (error.hint or "")
    (tmp_path / "sys").write_text("")
    run(f"list --sysroot {tmp_path}", exit_code=4)


def test_literals_need_no_sysfs(run: Run) -> None:
    run("check version:8086-a version:10de-a --sysroot /nowhere", exit_code=1)
    run("parse 8086-a --sysroot /nowhere")


# ---- ends before the end -------------------------------------------------------


@pytest.fixture
def nobody_reads() -> Iterator[int]:
    """A pipe whose reader has gone away."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    "line",
    [
        "list",
        "list --format json",
        "list --color always",
        "get",
        f"get {SOURCE}",
        f"check {SOURCE} {DESTINATION}",
        f"check {SOURCE} {SOURCE} --color always",
        f"check {SOURCE} nowhere/nothing --format json",
        "parse 8086-a",
        "explain --list",
        "schema list",
        "--help",
        "--version",
        "list --help",
    ],
)
def test_reader_that_went_away(
    shared_host: Host, run_process: RunProcess, nobody_reads: int, line: str
) -> None:
    shared_host(PAIR)
    result = run_process(line, exit_code=141, stdout=nobody_reads)
    assert result.stderr == ""


def test_reader_of_an_error_document_that_went_away(
    run_process: RunProcess, nobody_reads: int
) -> None:
    line = "list --nonsense --format json"
    result = run_process(line, exit_code=2, stdout=nobody_reads)
    assert result.stderr == ""


@pytest.mark.parametrize(
    "line", ["list", f"check {SOURCE} {DESTINATION}", "list --format json", "--help"]
)
def test_full_disk(shared_host: Host, run_process: RunProcess, line: str) -> None:
    shared_host(PAIR)
    with open("/dev/full", "wb", buffering=0) as full:
        result = run_process(line, exit_code=4, stdout=full.fileno())
    assert "Traceback" not in result.stderr
    if "json" not in line:
        assert "No space left on device" in result.stderr


def test_head_takes_the_first_line(shared_host: Host) -> None:
    version = "a" * 4000
    types = (
        f'[[parent.type]]\nid = "acme-{number:02}"\nversion = "{version}"\n'
        for number in range(50)
    )
    shared_host(ACME + "".join(types))  # more than fits a pipe
    script = f"{shlex.join(PROGRAM)} list | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\n") == 1
    assert "acme-00" in done.stdout
    assert (done.returncode, done.stderr) == (141, "")


def _wait_for_a_child(process: subprocess.Popen[str]) -> None:
    """Wait until the process that reads sysfs is there, and in its call."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + HUNG
    while not children.read_text():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.3)


@pytest.mark.parametrize(
    "line",
    [
        f"get {PARENT}/acme-hang",
        f"check {PARENT}/acme-hang {DESTINATION}",
        f"check {SOURCE} {PARENT}/acme-hang",
        "list",
        "list --format json",
    ],
)
def test_ctrl_c(shared_host: Host, line: str) -> None:
    shared_host(
        PAIR + mdev_type("acme-hang") + fault(f"{PARENT}/acme-hang", "hang = true")
    )
    with subprocess.Popen(
        [*PROGRAM, *shlex.split(line), "--timeout", str(HUNG)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _wait_for_a_child(process)
        begin = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=HUNG)
        took = time.monotonic() - begin
    assert took < SOON
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.strip() == ""


def test_held_calls_do_not_hold_the_pipe(shared_host: Host) -> None:
    """Who reads our output to its end gets there, though a call is still held."""
    shared_host(
        PAIR + mdev_type("acme-hang") + fault(f"{PARENT}/acme-hang", "hang = true")
    )
    begin = time.monotonic()
    done = subprocess.run(
        [*PROGRAM, "list", "--timeout", "0.3"],
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=False,
    )
    assert time.monotonic() - begin < SOON
    assert done.returncode == 0
    assert f"{PARENT}/acme-hang" in done.stdout


# ---- bugs ----------------------------------------------------------------------


def _break(*_: object, **__: object) -> NoReturn:
    raise ZeroDivisionError("nobody \x1b[31mexpects this")


@pytest.fixture(
    params=[
        "vfiocompat.host.sysfs.host.Host.survey",
        "vfiocompat.host.sysfs.survey.used_devices",
    ],
    ids=["here", "in-a-child"],
)
def broken(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    plain_host: PlainHost,
) -> None:
    plain_host({})
    monkeypatch.setattr(request.param, _break)


@pytest.mark.usefixtures("broken")
def test_bug(run: Run) -> None:
    result = run("list", exit_code=70)
    assert result.stdout == ""
    assert result.stderr.startswith("vfiocompat: error[VFC599]: ")
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("line", ["list -v", "-v list"])
def test_bug_with_a_traceback(run: Run, line: str) -> None:
    result = run(line, exit_code=70)
    assert result.stdout == ""
    assert "Traceback (most recent call last)" in result.stderr
    assert "in _break" in result.stderr


@pytest.mark.usefixtures("broken")
def test_bug_as_json(run: Run) -> None:
    result = run("list --format json", exit_code=70)
    error = result.document(ErrorDocument).error
    assert error.code == "VFC599"
    assert "ZeroDivisionError" in error.summary
    assert "Traceback" not in result.stdout + result.stderr
    run("list --format json -v", exit_code=70).document(ErrorDocument)


@pytest.mark.usefixtures("plain_host")
def test_child_that_dies(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "vfiocompat.host.sysfs.survey.used_devices", lambda *_, **__: os._exit(9)
    )
    result = run("list --format json", exit_code=4)
    assert result.document(ErrorDocument).error.code == "VFC503"


def test_children_are_left_without_our_descriptors(shared_host: Host, run: Run) -> None:
    shared_host(PAIR)
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        run("list --format json").document(ListDocument)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
@pytest.mark.parametrize("line", ["tables show mtty", "explain VFC101"])
def test_who_asks_for_colours_gets_them(
    run: Run, monkeypatch: pytest.MonkeyPatch, term: str, line: str
) -> None:
    monkeypatch.setenv("TERM", term)

    assert "\x1b[" in run(f"{line} --color always").stdout
    assert "\x1b[" not in run(line).stdout
