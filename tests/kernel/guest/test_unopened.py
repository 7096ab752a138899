# SPDX-License-Identifier: Apache-2.0
"""No command opens a device that was not told to: the driver counts who does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel.guest.conftest import REPOSITORY
from tests.kernel.guest.streams import TABLES, StreamDriver
from tests.kernel.lines import LINES
from tests.machines import domain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kernel.guest.conftest import CommandLine, Run

TABLE = str(TABLES / "vcs-mtty.toml")


class Unopened:
    """Two idle devices, an inventory that has their heads, and who has opened them."""

    def __init__(self, streams: StreamDriver, cli: CommandLine, folder: Path) -> None:
        self._streams = streams
        self._cli = cli
        streams.load()
        one, two = (streams.create("mtty_1", parent) for parent in (0, 1))
        fleet = folder / "fleet"
        fleet.mkdir()
        (folder / "vm.xml").write_text(domain(one))
        self._words = {
            "FLEET": str(fleet),
            "FILE": str(fleet / "here.json"),
            "FOLDER": str(folder),
            "TABLE": TABLE,
            "SPEC": str(REPOSITORY / "examples/two-generations.toml"),
            "ONE": one,
            "TWO": two,
        }
        for more in ("", " --ask FLEET"):
            assert self.run(f"scan --stream -o FILE{more}").code == 0
        assert self._opens() == 4

    def begin(self) -> None:
        """Count from now on."""
        self._known = self._opens()

    def run(self, line: str) -> Run:
        """Run a command line with the table of the devices' driver."""
        for name, word in self._words.items():
            line = line.replace(name, word)
        words, dashes, program = line.partition(" -- ")
        given = [*words.split(), "--table", TABLE, *(dashes + program).split()]
        return self._cli(*given)

    def since(self) -> int:
        """Tell how often devices were opened since then."""
        return self._opens() - self._known

    def _opens(self) -> int:
        names = (self._words[each] for each in ("ONE", "TWO"))
        return sum(self._streams.counters(name)["opens"] for name in names)


@pytest.fixture(scope="module")
def made(
    cli: CommandLine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Unopened]:
    driver = StreamDriver()
    yield Unopened(driver, cli, tmp_path_factory.mktemp("unopened"))
    driver.unload()


@pytest.fixture
def unopened(made: Unopened) -> Unopened:
    """Give them all with nothing counted yet."""
    made.begin()
    return made


@pytest.mark.parametrize("name", LINES)
def test_no_command_opens_a_device_that_is_not_told_to(
    unopened: Unopened, name: str
) -> None:
    for line in LINES[name]:
        run = unopened.run(line)
        without_fuse = "there is no /dev/fuse" in run.stderr
        assert run.code in {0, 1, 3} or without_fuse, (line, run)
        assert unopened.since() == 0, line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nor_does_the_completion_of_a_shell(
    unopened: Unopened, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_VFIOCOMPAT_COMPLETE", f"{shell}_complete")
    for name in ("COMP_LINE", "COMP_WORDS"):
        monkeypatch.setenv(name, "vfiocompat check --stream ")
    monkeypatch.setenv("COMP_CWORD", "" if shell == "fish" else "3")
    asked = unopened.run("check")
    assert asked.code == 0
    assert "mtty0/vcs-mtty_1" in asked.stdout
    assert unopened.since() == 0


def test_one_that_is_told_to_opens_one(unopened: Unopened) -> None:
    """So what is counted is what the others do not do."""
    assert unopened.run("device --open ONE").code == 0
    assert unopened.since() == 1
    assert unopened.run("check --stream ONE TWO").code == 0
    assert unopened.since() == 3
