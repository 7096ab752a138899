# SPDX-License-Identifier: Apache-2.0
"""The manual pages say what the program does, and their examples are run."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
import typing
from typing import TYPE_CHECKING

import click
import pytest

from hatch_build import whole_page
from tests.documents import keys_of, mdoc_sessions, run_session
from tests.simulate.conftest import ROOT, cannot_test
from vfiocompat import codes
from vfiocompat.cli import COMMANDS, cli
from vfiocompat.codes import CODES
from vfiocompat.decision.decide import decide
from vfiocompat.decision.errnos import Answer, read_code
from vfiocompat.endpoints import Attribute, Endpoint, literal
from vfiocompat.errors import ENOTSUPP, ExitCode
from vfiocompat.nvidia.compatibility import Left, Limit
from vfiocompat.output.schemas import DOCUMENTS
from vfiocompat.simulate.spec import Gpu
from vfiocompat.tables.facts import FACTS
from vfiocompat.tables.language.kinds import KINDS
from vfiocompat.tables.language.records import (
    Case,
    Derivation,
    Exemption,
    FieldNote,
    Generation,
    Head,
    HeadField,
    RelationName,
    Requirement,
    Stream,
    TableFile,
)
from vfiocompat.tables.language.relations import GENERATION, RELATIONS
from vfiocompat.tables.stated import FactFile
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from pathlib import Path

    import msgspec

    from tests.documents import Session
    from vfiocompat.decision.decisions import Decision

MAN = ROOT / "man"
PAGES = {page.stem: page for page in sorted(MAN.glob("man*/*.[578]"))}
TEXTS = {name: whole_page(page) for name, page in PAGES.items()}
COMMON = sorted((MAN / "common").iterdir())
COMMAND_PAGES = [name for name, page in PAGES.items() if page.suffix == ".8"]
SECTIONS = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "ENVIRONMENT",
    "FILES",
    "EXIT STATUS",
    "EXAMPLES",
    "SEE ALSO",
]
OPTIONAL = {
    ".8": {"FILES"},
    ".7": {"SYNOPSIS", "OPTIONS", "ENVIRONMENT", "FILES"},
    ".5": {"SYNOPSIS", "OPTIONS", "ENVIRONMENT", "EXIT STATUS"},
}
EXIT_CODES = {
    "vfiocompat": {int(code) for code in ExitCode},
    "vfiocompat-check": {0, 1, 2, 3, 4, 70, 130, 141},
    "vfiocompat-device": {0, 2, 4, 70, 130, 141},
    "vfiocompat-diff": {0, 1, 2, 3, 4, 70, 130, 141},
    "vfiocompat-doctor": {0, 1, 2, 4, 70, 130, 141},
    "vfiocompat-explain": {0, 2, 4, 70, 130, 141},
    "vfiocompat-export": {0, 2, 4, 70, 130, 141},
    "vfiocompat-matrix": {0, 2, 3, 4, 70, 130, 141},
    "vfiocompat-report": {0, 2, 3, 4, 70, 130, 141},
    "vfiocompat-scan": {0, 2, 4, 70, 130, 141},
    "vfiocompat-targets": {0, 1, 2, 3, 4, 70, 130, 141},
    "vfiocompat-vm": {0, 1, 2, 3, 4, 70, 130, 141},
    "vfiocompat-get": {0, 2, 3, 4, 70, 130, 141},
    "vfiocompat-list": {0, 2, 4, 70, 130, 141},
    "vfiocompat-parse": {0, 2, 4, 70, 130, 141},
    "vfiocompat-schema": {0, 2, 4, 70, 130, 141},
    "vfiocompat-simulate": {0, 2, 4, 70, 130, 141},
    "vfiocompat-tables": {0, 2, 4, 70, 130, 141},
}
"""The codes that each command can end with."""

SESSIONS = [session for page in PAGES.values() for session in mdoc_sessions(page)]

each_page = pytest.mark.parametrize("name", list(PAGES))
CONTEXT = click.Context(cli)
each_command = pytest.mark.parametrize("name", COMMAND_PAGES)


def section(name: str, title: str) -> list[str]:
    """Give the lines of a section of a page."""
    rest = TEXTS[name].partition(f"\n.Sh {title}\n")[2]
    assert rest, f"{name} has no section {title}"
    return rest.partition("\n.Sh ")[0].splitlines()


def options_in(lines: list[str]) -> set[str]:
    """Give the options that `.Fl` macros name; each `Fl` is a hyphen."""
    found = set()
    for line in lines:
        words = line.split() if line.startswith(".") else []
        hyphens = ""
        for word in words:
            if word.removeprefix(".") == "Fl":
                hyphens += "-"
            elif hyphens:
                found.add(hyphens + word)
                hyphens = ""
    return found


def subsection(name: str, title: str) -> str:
    """Give the text of a subsection."""
    rest = TEXTS[name].partition(f"\n.Ss {title}\n")[2]
    assert rest, f"{name} has no subsection {title}"
    return re.split(r"^\.S[hs] ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(name: str, title: str) -> list[list[str]]:
    """Give the rows of a table in a subsection, without its heading."""
    text = subsection(name, title)
    table = text.partition(".Bl -column")[2].partition("\n.El\n")[0]
    items = [line for line in table.splitlines() if line.startswith(".It ")]
    assert len(items) > 1, f"{name} has no table {title}"
    return [
        [" ".join(shlex.split(cell)) for cell in item[4:].split(" Ta ")]
        for item in items[1:]
    ]


def command_of(name: str) -> click.Command:
    """Give the command that a page is about."""
    if name == "vfiocompat":
        return cli
    found = cli.get_command(click.Context(cli), name.removeprefix("vfiocompat-"))
    assert found is not None
    return found


def parts_of(command: click.Command) -> list[click.Command]:
    """Give the commands of a command that has some; not those of the program."""
    if not isinstance(command, click.Group) or command is cli:
        return []
    return [command.commands[name] for name in command.list_commands(CONTEXT)]


def options_of(command: click.Command) -> set[str]:
    """Give the options that a command takes."""
    with click.Context(command, **command.context_settings) as context:
        context.help_option_names = ["-h", "--help"]
        return {
            option
            for parameter in command.get_params(context)
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }


# ---- the pages and the program ---------------------------------------------------


def test_every_command_has_a_page_and_no_page_is_without_one() -> None:
    expected = {"vfiocompat", *(f"vfiocompat-{command}" for command in COMMANDS)}
    assert set(COMMAND_PAGES) == expected


@each_page
def test_title_is_that_of_the_file(name: str) -> None:
    number = PAGES[name].suffix[1:]
    assert PAGES[name].parent.name == f"man{number}"
    assert f".Dt {name.upper()} {number}" in TEXTS[name].splitlines()


@each_command
def test_name_is_the_short_help(name: str) -> None:
    command = name.removeprefix("vfiocompat-")
    short = COMMANDS.get(command) or (cli.help or "").partition("\n")[0]
    sentence = short[0].lower() + short[1:].rstrip(".")
    assert section(name, "NAME") == [f".Nm {name}", f".Nd {sentence}"]


@each_command
def test_options_are_those_of_the_command(name: str) -> None:
    command = command_of(name)
    known = options_of(command).union(*map(options_of, parts_of(command)))
    if name == "vfiocompat":
        known.add("--format")  # of every command, and described there
    assert options_in(section(name, "OPTIONS")) == known


def test_tables_page_describes_each_of_its_commands() -> None:
    parts = [str(part.name) for part in parts_of(command_of("vfiocompat-tables"))]
    described = section("vfiocompat-tables", "DESCRIPTION")
    named = [line.split()[2] for line in described if line.startswith(".It Cm ")]
    used = [
        line.split()[3]
        for line in section("vfiocompat-tables", "SYNOPSIS")
        if line.startswith(".Nm ")
    ]
    assert sorted(named) == sorted(used) == sorted(parts)


@each_command
def test_exit_codes_are_those_of_the_command(name: str) -> None:
    lines = section(name, "EXIT STATUS")
    listed = [int(line[4:]) for line in lines if re.match(r"\.It \d", line)]
    assert listed == sorted(EXIT_CODES[name])


@each_page
def test_sections_are_there_in_the_usual_order(name: str) -> None:
    titles = re.findall(r"^\.Sh (.+)$", TEXTS[name], re.MULTILINE)
    usual = [title for title in titles if title in SECTIONS]
    optional = OPTIONAL[PAGES[name].suffix]
    assert usual == [
        title for title in SECTIONS if title in titles or title not in optional
    ]


@each_page
def test_references_lead_to_pages(name: str) -> None:
    text = TEXTS[name]
    targets = set(re.findall(r"\.Xr (vfiocompat\S* \d)", text))
    assert targets <= {f"{page.stem} {page.suffix[1:]}" for page in PAGES.values()}


def test_overview_leads_to_every_page() -> None:
    lines = section("vfiocompat", "DESCRIPTION")
    named = {line.split()[2] for line in lines if line.startswith(".It Xr vfiocompat")}
    assert named == set(PAGES) - {"vfiocompat"}


@pytest.mark.usefixtures("_processes")
@each_page
def test_groff_has_nothing_to_warn_of(name: str) -> None:
    if shutil.which("groff") is None:
        cannot_test("groff is not installed")
    assert run_on(TEXTS[name], "groff", "-mandoc", "-ww", "-z", "-Tutf8").stderr == ""


@pytest.mark.usefixtures("_processes")
@each_page
def test_mandoc_has_nothing_to_warn_of(name: str) -> None:
    if shutil.which("mandoc") is None:
        cannot_test("mandoc is not installed")
    assert run_on(TEXTS[name], "mandoc", "-Tlint", "-Wwarning").stdout == ""


def run_on(page: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program that reads a page on stdin."""
    return subprocess.run(
        command, input=page, check=True, capture_output=True, text=True
    )


# ---- what several pages say ------------------------------------------------------


@pytest.mark.usefixtures("_processes")
@each_page
def test_roff_puts_a_page_together_as_the_build_does(name: str) -> None:
    """So `man -M man` shows of a checkout what it shows of an installed package."""
    if shutil.which("soelim") is None:
        cannot_test("groff is not installed")
    done = subprocess.run(
        ["soelim", "-r", "-I", MAN, PAGES[name]],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == TEXTS[name]


@each_page
def test_page_takes_in_what_several_pages_say(name: str) -> None:
    shared = set().union(*(items_in(part.read_text()) for part in COMMON))
    assert items_in(PAGES[name].read_text()).isdisjoint(shared)


@pytest.mark.parametrize("part", COMMON, ids=lambda part: part.stem)
def test_what_stands_apart_is_said_by_several_pages(part: Path) -> None:
    request = f"\n.so common/{part.name}\n"
    assert sum(request in page.read_text() for page in PAGES.values()) > 1


def items_in(text: str) -> set[str]:
    """Give the items of a page's lists."""
    return set(re.findall(r"^\.It .*\n(?:(?!\.It |\.El).*\n)+", text, re.MULTILINE))


# ---- what they explain -----------------------------------------------------------

DESTINATION = Endpoint(
    kind="type",
    address="p/t",
    attribute=Attribute("version", "present", path="/sys/p/t/version", node="type"),
)
SOURCE = literal("8086-x")
PATH = "/sys/p/t/version"


def decided(call: str, number: int) -> Decision:
    """Decide a pair of which one call failed."""
    if call == "read":
        code = read_code(Answer(stage="read", path=PATH, errno=number))
        unreadable = Attribute("version", "unreadable", path=PATH, code=code)
        source = Endpoint(kind="type", address="p/t", attribute=unreadable)
        return decide(source, DESTINATION, None)
    stage = "open" if call == "open" else "write"
    answer = Answer(stage=stage, path=PATH, errno=number)  # type: ignore[arg-type]
    return decide(SOURCE, DESTINATION, answer)


def numbers(call: str, names: str, table: list[list[str]]) -> list[int]:
    """Give the error numbers of a row; `any other` is each that no row names."""
    if names != "any other":
        return [
            ENOTSUPP if name == "ENOTSUPP" else getattr(errno, name)
            for name in names.split(", ")
        ]
    named = {
        number
        for row in table
        if row[0] == call and row[1].startswith("E")
        for number in numbers(call, row[1], table)
    }
    return sorted(set(errno.errorcode) - named)


@pytest.mark.parametrize(
    "row", rows("vfiocompat-check", "What an errno means"), ids=" ".join
)
def test_errno_means_what_the_table_says(row: list[str]) -> None:
    call, names, code, verdict = row
    if names.startswith("none"):
        written = len(SOURCE.exact_bytes() or b"") - ("part" in names)
        answer = Answer(stage="done", path=PATH, count=written)
        decisions = [decide(SOURCE, DESTINATION, answer)]
    else:
        table = rows("vfiocompat-check", "What an errno means")
        decisions = [decided(call, number) for number in numbers(call, names, table)]
    assert {
        (
            "could not be asked" if decision.failed else decision.verdict,
            code in {finding.code for finding in decision.diagnostics},
        )
        for decision in decisions
    } == {(verdict, True)}


@pytest.mark.parametrize(
    "row", rows("vfiocompat-parse", "Spellings of the vendor id"), ids=" ".join
)
def test_spelling_is_told_apart_as_the_table_says(row: list[str]) -> None:
    spelling, example, whose, _ = row
    vendor = VersionString.parse(example).vendor
    assert vendor is not None
    shown = f"PCI, {vendor.id}" if vendor.namespace == "pci" else "not PCI"
    assert (vendor.spelling, shown) == (spelling, whose)


def test_explain_names_the_first_digit_of_every_code() -> None:
    lines = section("vfiocompat-explain", "DESCRIPTION")
    named = [line.split()[1] for line in lines if line.startswith(".It VFC")]
    assert named == sorted({code[:4] for code in CODES})


def test_schema_names_every_document() -> None:
    lines = section("vfiocompat-schema", "DESCRIPTION")
    named = [line.split()[2] for line in lines if line.startswith(".It Cm ")]
    assert named == sorted(DOCUMENTS)


SECTIONS_OF_A_TABLE: dict[str, type[msgspec.Struct]] = {
    "The head": Head,
    "[field.NAME]": FieldNote,
    "Generations": Generation,
    "[[requirement]]": Requirement,
    "[[exception]]": Exemption,
    "[[case]]": Case,
    "Facts of a field": Derivation,
    "[stream]": Stream,
    "Fields of a head": HeadField,
}


@pytest.mark.parametrize("title", list(SECTIONS_OF_A_TABLE))
def test_keys_of_a_table_are_those_of_the_records(title: str) -> None:
    text = subsection("vfiocompat-table", title)
    assert keys_in(text) == keys_of(SECTIONS_OF_A_TABLE[title])


def test_keys_of_a_simulated_gpu_are_those_of_the_record() -> None:
    assert keys_in(subsection("vfiocompat-simulate", "[[gpu]]")) == keys_of(Gpu)


def test_keys_of_a_fact_file_are_those_of_the_record() -> None:
    assert keys_in(subsection("vfiocompat-facts", "Keys")) == keys_of(FactFile)


def keys_in(text: str) -> dict[str, bool]:
    """Give the keys that a list of a page describes, and which are required."""
    items = re.split(r"^\.It Ic ", text, flags=re.MULTILINE)[1:]
    return {item.split("\n")[0]: "\nRequired.\n" in item for item in items}


def test_page_has_every_section_of_a_table() -> None:
    sections = [
        name
        for name in keys_of(TableFile)
        if name not in keys_of(Head) and name not in {"format", "derive"}
    ]
    text = TEXTS["vfiocompat-table"]
    titles = re.findall(r"^\.Ss \[+(\w+)", text, re.MULTILINE)
    assert sorted(titles) == sorted([*sections, "format", "derive"])


@pytest.mark.parametrize("row", rows("vfiocompat-table", "Kinds"), ids=" ".join)
def test_kind_takes_what_the_page_shows_and_what_not(row: list[str]) -> None:
    name, _, good, bad = row
    kind = KINDS[name]
    for text in [good] if name in {"map", "text"} else good.split(", "):
        assert kind.value(text) is not None
    assert bool(bad) == (name != "text")
    assert kind.value(bad) is None


def test_page_has_every_kind_and_relation() -> None:
    kinds = [row[0] for row in rows("vfiocompat-table", "Kinds")]
    relations = subsection("vfiocompat-table", "Relations")
    assert kinds == list(KINDS)
    assert re.findall(r"^\.It ([a-z-]+)$", relations, re.MULTILINE) == list(
        typing.get_args(RelationName)
    )


def test_ordered_kinds_are_named() -> None:
    ordered = [kind.name for kind in KINDS.values() if kind.ordered]
    text = subsection("vfiocompat-table", "Kinds").replace("\n", " ")
    assert f"The kinds {', '.join(ordered)} and {GENERATION} (see below)" in text


def test_relations_with_a_direction_are_named() -> None:
    directed = [name for name, each in RELATIONS.items() if each.directed]
    text = subsection("vfiocompat-table", "What cases have to show")
    [named] = re.findall(r"\n.It\n(Where a pair.*?)\n.It\n", text, re.DOTALL)
    assert re.findall(r"^\.Ql ([a-z-]+)", named, re.MULTILINE) == directed


def test_facts_are_those_of_the_program() -> None:
    items = re.findall(
        r"^\.It Ic (\w+)\n.*\n\.Bd -literal -compact\n(.*)\n\.Ed$",
        subsection("vfiocompat-facts", "Facts"),
        re.MULTILINE,
    )
    assert [(name, how.replace("\\-", "-")) for name, how in items] == list(
        FACTS.items()
    )


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_there_as_described(shell: str) -> None:
    variable, value = "_VFIOCOMPAT_COMPLETE", f"{shell}_source"
    text = "\n".join(section("vfiocompat", "SHELL COMPLETION"))
    done = subprocess.run(
        [sys.executable, "-m", "vfiocompat"],
        check=True,
        capture_output=True,
        env={**os.environ, variable: value},
        text=True,
    )
    assert f"{variable}={value} vfiocompat" in text
    assert f"{shell}_complete" in done.stdout


def test_limits_and_what_is_left_are_those_of_the_program() -> None:
    title = "Limits, and what is left"
    coded = {
        "host-driver": codes.LIMITED_BY_HOST_DRIVER,
        "guest-driver": codes.LIMITED_BY_GUEST_DRIVER,
        "gpu": codes.LIMITED_BY_GPU,
        "other": codes.LIMITED_OTHERWISE,
    }
    assert [row[:2] for row in rows("vfiocompat-nvml", title)] == [
        [limit, coded[limit]] for limit in typing.get_args(Limit)
    ]
    left = re.findall(
        r"^\.It Ic (\w+)$", subsection("vfiocompat-nvml", title), re.MULTILINE
    )
    assert left == list(typing.get_args(Left))


def test_every_code_that_the_page_of_nvml_names_is_one_of_its_own() -> None:
    text = TEXTS["vfiocompat-nvml"].partition(".Sh EXAMPLES")[0]
    named = set(re.findall(r"VFC\d{3}", text))
    assert named <= {code for code in CODES if "VFC170" <= code <= "VFC188"} | {
        codes.NO_ANSWER_IN_TIME,
        codes.TABLE_DISAGREES,
    }


# ---- the examples ----------------------------------------------------------------


@each_page
def test_examples_are_sessions_that_are_run(name: str) -> None:
    if name == "vfiocompat-stream":  # they need devices
        assert "runs it" in PAGES[name].read_text(encoding="utf-8")
        return
    assert mdoc_sessions(PAGES[name])


@pytest.mark.parametrize("session", SESSIONS, ids=[each.where for each in SESSIONS])
def test_example_is_what_happens(
    session: Session, example: dict[str, str], tmp_path: Path
) -> None:
    assert run_session(session, example, tmp_path) == session.transcript
