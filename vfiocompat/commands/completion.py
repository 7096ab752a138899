# SPDX-License-Identifier: Apache-2.0
"""What a shell offers to complete a word: loaded only where one asks.

What ends in `:`, `#` or `/` is only the beginning of a word. Where nothing else fits,
what goes on from there is offered: a shell would put a blank behind it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

from vfiocompat.codes import CODES
from vfiocompat.commands.settings import Settings
from vfiocompat.errors import VfiocompatError
from vfiocompat.files.inventories import hosts_in, read_inventory
from vfiocompat.files.reading import in_time, wait_at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

__all__ = ["VARIABLE", "begin", "fitting"]

VARIABLE = "_VFIOCOMPAT_COMPLETE"
"""What a shell's function sets, with what it wants."""

_SPECIAL = re.compile(r"[\s\"'\\$`&;|<>()*?\[\]{}!~]")
"""What bash takes for something else than itself."""

_WAIT = 1.0  # seconds for a file or a driver
_END = 2.0  # seconds after which nothing is offered


def begin(settings: Settings) -> None:
    """Answer a shell: in time, and without a word but the answer."""
    add_completion_class(_Bash)
    if os.environ[VARIABLE].endswith("_complete"):
        settings.timeout = _WAIT
        wait_at_most(_WAIT)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
        signal.setitimer(signal.ITIMER_REAL, _END)


class _Bash(BashComplete):
    """Words as bash's user sees them: bash itself takes a colon for the end of one."""

    source_template = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain)
                COMPREPLY+=("$value")
                [[ $value == *[:\\#/] ]] && compopt -o nospace ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORDBREAKS=$COMP_WORDBREAKS \
%(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """Give the function, whatever bash there is."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Give the words before the cursor, and the one that it is in."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        word = words.pop() if words and not line[-1:].isspace() else ""
        breaks = {":", "="}.intersection(os.environ.get("COMP_WORDBREAKS", ":="))
        at = max((word.rfind(each) for each in breaks), default=-1)
        self._kept = word[: at + 1]
        return words[1:], word

    def format_completion(self, item: CompletionItem) -> str:
        """Give an item, without what bash keeps of the word."""
        if item.type != "plain":
            return f"{item.type},{item.value}"
        value = item.value.removeprefix(self._kept)
        return "plain," + _SPECIAL.sub(r"\\\g<0>", value)


def fitting(what: str, ctx: click.Context, word: str) -> list[CompletionItem]:
    """Give what a word of some kind may be, that begins so."""
    if what in {"file", "dir"}:
        return [CompletionItem(word, type=what)]
    settings = ctx.find_object(Settings) or Settings()
    if what == "code":
        return [
            CompletionItem(code, help=CODES[code].summary)
            for code in CODES
            if code.startswith(word.upper())
        ] + _items(errno.errorcode.values() if word else (), word)
    fleet = _typed_fleet() if what == "host" else []
    offers = _Offers(settings, fleet)
    kinds = {
        "address": offers.addresses,
        "destination": offers.destinations,
        "fleet": offers.paths,
        "host": offers.hosts,
        "table": offers.tables,
        "vm": offers.vms,
    }
    found: list[str] = []
    with contextlib.suppress(VfiocompatError, OSError):
        found = _grown(kinds[what], word)
    return _items(found, word)


def _typed_fleet() -> list[str]:
    """Give what may be FLEET on the line, which click has dropped for its option."""
    line = os.environ.get("COMP_LINE") or os.environ.get("COMP_WORDS", "")
    folders = {name for name, is_folder in _listed(".") if is_folder}
    return [
        word
        for word in split_arg_string(line)[2:]
        if word.endswith((".json", "/")) or word in folders or word.startswith("/")
    ]


def _grown(offers: Callable[[str], Iterator[str]], word: str) -> list[str]:
    """Give what fits; where that is one beginning, what goes on from it."""
    found = [each for each in offers(word) if each.startswith(word)]
    while len(found) == 1 and found[0].endswith((":", "#", "/")):
        start = found[0]
        more = [each for each in offers(start) if each.startswith(start)]
        if set(more) <= {start}:
            break
        found = [start, *more] if start.endswith("/") else more
    return list(dict.fromkeys(found))


def _items(found: Iterable[str], word: str) -> list[CompletionItem]:
    return [CompletionItem(each) for each in found if each.startswith(word)]


class _Offers:
    """What words may be where a command has some settings, and FLEET."""

    def __init__(self, settings: Settings, fleet: list[str]) -> None:
        self._settings = settings
        self._fleets = settings.fleets(fleet)

    def hosts(self, word: str) -> Iterator[str]:
        """Give the hosts of the fleet."""
        del word
        for fleet in self._fleets.named.values():
            yield from hosts_in(fleet)

    def tables(self, word: str) -> Iterator[str]:
        """Give the ids of tables."""
        del word
        yield from sorted(entry.id for entry in self._settings.library.entries)

    def vms(self, word: str) -> Iterator[str]:
        """Give how a VM may be named; one by the file that has its XML."""
        yield from ("domain:", "libvirt:", "qmp:")
        if word.startswith("domain:"):
            for path in _paths(word.removeprefix("domain:"), ".xml"):
                yield f"domain:{path}"

    def paths(self, word: str) -> Iterator[str]:
        """Give inventories, and folders."""
        yield from _paths(word, ".json")

    def destinations(self, word: str) -> Iterator[str]:
        """Give this host, inventories, and folders."""
        yield "here"
        yield from self.paths(word)

    def addresses(self, word: str) -> Iterator[str]:
        """Give addresses: of this host, of an inventory, or of a host of the fleet."""
        if word.startswith("inventory:"):
            yield from _in_inventory(word)
            return
        yield from ("inventory:", "version:")
        host, colon, _ = word.partition(":")
        known = set(self.hosts(word))
        if colon and host in known:
            inventory = self._fleets.inventory_of(host)
            yield from (f"{host}:{each.address}" for each in inventory.endpoints)
        else:
            yield from (f"{each}:" for each in sorted(known))
        with contextlib.suppress(VfiocompatError):
            yield from self._settings.host.addresses()


def _in_inventory(word: str) -> Iterator[str]:
    file, hash_, _ = word.removeprefix("inventory:").partition("#")
    if not hash_:
        for path in _paths(file, ".json"):
            yield f"inventory:{path}" if path.endswith("/") else f"inventory:{path}#"
        return
    for endpoint in read_inventory(file).endpoints:
        yield f"inventory:{file}#{endpoint.address}"


def _paths(word: str, ending: str) -> Iterator[str]:
    """Give the files of an ending, and the folders, whose paths begin so."""
    folder, slash, start = word.rpartition("/")
    for name, is_folder in _listed(folder + slash or "."):
        if name.startswith(start) and (start or name[0] != "."):
            if is_folder:
                yield f"{folder}{slash}{name}/"
            elif name.endswith(ending):
                yield f"{folder}{slash}{name}"


def _listed(folder: str) -> list[tuple[str, bool]]:
    """Name what is in a folder, and which of it are folders."""
    return in_time(folder, _look, folder)


def _look(folder: str) -> list[tuple[str, bool]]:
    return sorted((each.name, each.is_dir()) for each in os.scandir(folder))
