# SPDX-License-Identifier: Apache-2.0
"""Sessions that documents show are run as they stand, and their output is compared.

A session is one block of a document: commands after a prompt, each with the output
that it has. All of them run in one shell, on the simulated host of
examples/two-generations.toml.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tests.simulate.conftest import ROOT, Simulation, cannot_test, running, why_not

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Session",
    "example_host",
    "keys_of",
    "markdown_sessions",
    "mdoc_sessions",
    "run_session",
]

PROMPTS = ("# ", "$ ")
TIMEOUT = 60  # seconds for a session

_ESCAPES = {
    "-": "-",
    "e": "\\",
    "&": "",
    "(aq": "'",
    "(dq": '"',
    "(ga": "`",
    "(ha": "^",
    "(ti": "~",
}
_ESCAPE = re.compile(r"\\(\(..|.)")
_TYPESET = re.compile(r"[-'`^~]")
"""What roff sets as another character than the one that a shell wants."""


class Session(NamedTuple):
    """Commands with their prompts and the output that a document shows for each.

    `where` is the block's file and line. A command whose line ends in a backslash
    goes on in the next one. `files` are those that the document shows before it: they
    are there when it runs.
    """

    where: str
    steps: list[tuple[str, str]]
    files: dict[str, str]

    @property
    def transcript(self) -> str:
        """What a terminal shows: what `run_session` is to give."""
        return "".join(f"{command}\n{output}" for command, output in self.steps)


def mdoc_sessions(path: Path) -> list[Session]:
    r"""Find the sessions in a man page: the literal displays of its EXAMPLES.

    One that is a file follows a comment `.\" file: NAME`, and one that cannot be run
    `.\" not run: REASON`. Raises ValueError where a display is none of these, or where
    roff would change what a reader copies.
    """
    shown = []
    section = marked = ""
    block: list[str] | None = None
    start = 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{number}"
        if line.startswith(".Sh "):
            section = line.removeprefix(".Sh ")
        elif line.startswith(('.\\" not run: ', '.\\" file: ')):
            marked = line.removeprefix('.\\" ')
        elif line.startswith(".Bd -literal"):
            block, start = [], number
        elif line == ".Ed" and block is not None:
            if section == "EXAMPLES" and not marked.startswith("not run: "):
                name = marked.removeprefix("file: ")
                shown.append(_Shown(f"{path.name}:{start}", block, name))
            block, marked = None, ""
        elif block is not None:
            block.append(_unescaped(line, where))
    return _sessions(shown)


def markdown_sessions(path: Path) -> list[Session]:
    """Find the sessions in a Markdown file: its fenced blocks tagged `console`.

    A block of any tag after a comment `<!-- file: NAME -->` is a file.
    """
    shown = []
    block: list[str] | None = None
    start = 0
    name = tag = ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := re.fullmatch("<!-- file: (.+) -->", line):
            name = found[1]
        elif line.startswith("```") and block is None:
            block, start, tag = [], number, line.removeprefix("```")
        elif line == "```" and block is not None:
            if name or tag == "console":
                shown.append(_Shown(f"{path.name}:{start}", block, name))
            block, name = None, ""
        elif block is not None:
            block.append(line)
    return _sessions(shown)


class _Shown(NamedTuple):
    """A block of a document: a session or, if it has a name, a file."""

    where: str
    lines: list[str]
    name: str


def _sessions(shown: Iterable[_Shown]) -> list[Session]:
    """Give the sessions among blocks, each with the files that came before it."""
    files: dict[str, str] = {}
    sessions = []
    for where, lines, name in shown:
        if name:
            files[name] = "".join(f"{line}\n" for line in lines)
        else:
            sessions.append(_session(where, lines, dict(files)))
    return sessions


def _unescaped(line: str, where: str) -> str:
    """Give the text of a line of a literal display."""
    if wrong := _TYPESET.search(_ESCAPE.sub("", line)):
        raise ValueError(f"{where}: roff sets {wrong[0]!r} as another character")
    try:
        return _ESCAPE.sub(lambda found: _ESCAPES[found[1]], line)
    except KeyError as error:
        raise ValueError(f"{where}: unknown escape {error}") from None


def _session(where: str, lines: Iterable[str], files: dict[str, str]) -> Session:
    steps: list[tuple[str, str]] = []
    for line in lines:
        command, output = steps[-1] if steps else ("", "")
        if command.endswith("\\") and not output:
            steps[-1] = (f"{command}\n{line}", "")
        elif line.startswith(PROMPTS):
            steps.append((line, ""))
        elif steps:
            steps[-1] = (command, f"{output}{line}\n")
        else:
            raise ValueError(f"{where}: a session begins with a prompt, not {line!r}")
    return Session(where, steps, files)


_SHOW = r"""
exec 2>&1
show() { local status=$?; printf '%s\n' "$1"; return $status; }
"""


def run_session(session: Session, env: dict[str, str], cwd: Path) -> str:
    """Run a session in one bash, and give its transcript with the real output.

    The directory gets the session's files and a link to the examples; what is mounted
    in it is unmounted.
    """
    for name, text in session.files.items():
        place = cwd / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    script = [_SHOW]
    for command, _ in session.steps:
        script += [f"show {shlex.quote(command)}", command[2:]]
    if not (cwd / "examples").exists():
        (cwd / "examples").symlink_to(ROOT / "examples")
    try:
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            check=False,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
        )
    finally:
        _unmount_below(cwd)
    return done.stdout


# ---- what is described ----------------------------------------------------------


def keys_of(record: type[msgspec.Struct]) -> dict[str, bool]:
    """Give the keys that a section of a file has, and which of them are required."""
    return {
        field.encode_name: field.required for field in msgspec.structs.fields(record)
    }


# ---- the host ------------------------------------------------------------------

_VFIOCOMPAT = f"""\
#!/bin/sh
exec {shlex.quote(sys.executable)} -m vfiocompat "$@"
"""
_SSH = """\
#!/bin/sh
# Every host is this one: `ssh HOST WORDS` gives the words to a shell, as sshd does.
shift
exec sh -c "$*"
"""


@contextmanager
def example_host(directory: Path) -> Iterator[dict[str, str]]:
    """Serve the simulated host below a directory, and give an environment to run in.

    In PATH are `vfiocompat` and an `ssh` whose hosts are all this one, and the
    simulated host is in VFIOCOMPAT_SYSROOT. Skips, or in CI fails, where nothing can
    be mounted.
    """
    if reason := why_not():
        cannot_test(reason)
    programs = directory / "bin"
    programs.mkdir()
    for name, text in (("vfiocompat", _VFIOCOMPAT), ("ssh", _SSH)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    env = {name: text for name, text in os.environ.items() if "VFIOCOMPAT" not in name}
    env["PATH"] = f"{programs}:{env.get('PATH', os.defpath)}"
    root = directory / "host"
    root.mkdir()
    try:
        with running(Simulation(ROOT / "examples/two-generations.toml", root)):
            yield env | {"VFIOCOMPAT_SYSROOT": str(root)}
    finally:
        _unmount_below(directory)


def _unmount_below(directory: Path) -> None:
    """Take away what is mounted there: ours, and what a session left behind."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    for place in [line.split(" ")[1] for line in mounts]:
        if place.startswith(f"{directory}/"):
            subprocess.run(["umount", "-f", "-l", place], check=False)
