# SPDX-License-Identifier: Apache-2.0
"""The tables that there are: shipped ones, the site's, and those of --table.

To choose tables only their heads are read; a whole one is loaded when a pair needs it.
"""

from __future__ import annotations

import errno
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from vfiocompat.endpoints import literal
from vfiocompat.errors import ErrorRecord, TableError
from vfiocompat.files.reading import names_in
from vfiocompat.tables.facts import FACTS
from vfiocompat.tables.language.mistakes import misnamed, mistakes
from vfiocompat.tables.language.records import (
    Head,
    Interface,
    TableFile,
    TableOrigin,
)
from vfiocompat.tables.language.table import Reading, Table
from vfiocompat.tables.shelf import (
    Shelved,
    concerns,
    first_found,
    reading_heads,
    speaks_for,
)
from vfiocompat.tomlfile import (
    convert,
    mistakes_in,
    parse_toml,
    read_record,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import VfiocompatError
    from vfiocompat.tomlfile import Converted
    from vfiocompat.versions import VersionString

__all__ = ["CONFIG", "Entry", "Library", "load_table", "toml_files"]

CONFIG = "/etc/vfiocompat"
"""Where a site keeps its own tables and facts, in `tables.d` and `facts.d`."""

_RANKS: dict[TableOrigin, int] = {"option": 0, "site": 1, "shipped": 2}
Errors = dict[str, ErrorRecord]
"""What is wrong with tables, by their paths."""

_SHIPPED = os.path.join(os.path.dirname(__file__), "shipped")
_DESCRIBED = "the language is described in vfiocompat-table(5)"
_STAND_INS = {
    "schema": 1,
    "id": "x",
    "title": "x",
    "evidence": "site",
    "references": ["x"],
}


class Entry(NamedTuple):
    """A table's head, where it comes from, and the id of a table that it replaces.

    `error` says what is wrong with its head, which is None if it cannot tell which
    pairs the table is for.
    """

    path: str
    origin: TableOrigin
    head: Head | None
    error: TableError | None = None
    replaces: TableOrigin | None = None

    @property
    def id(self) -> str:
        """The table's id: the stem of its file's name."""
        return _stem(self.path)


class Library:
    """Every table that may decide a pair.

    `paths` are the files of --table, `config` the site's directory. It need not be
    there, unless it is one that a person `named`.
    """

    def __init__(
        self,
        paths: Sequence[str] = (),
        config: str = CONFIG,
        *,
        named: bool = False,
    ) -> None:
        self._named = named
        self._paths = paths
        self._config = config
        self._tables: dict[str, Table | TableError] = {}
        self._speaking: dict[object, list[Shelved]] = {}
        self._facts_read: dict[str | None, tuple[str, ...]] = {}

    @cached_property
    def entries(self) -> list[Entry]:
        """Heads of all tables, the ones that win first, replaced ones left out.

        Raises:
            TableError: a file of --table has mistakes, or the site's directory cannot
                be read.

        """
        found = [*self._without_site()]
        ids: dict[str, int] = {}
        for origin, path in self._files():
            head, error = _head(path)
            if origin == "option":
                self._tables[path] = load_table(path)
            stem = _stem(path)
            if stem not in ids:
                ids[stem] = len(found)
                found.append(Entry(path, origin, head, error))
                continue
            winner = found[ids[stem]]
            if origin == winner.origin and winner.path != path:
                raise TableError(f"{winner.path} and {path} have the same id")
            # A broken one stands in for the pairs of that which it replaces.
            found[ids[stem]] = winner._replace(
                replaces=winner.replaces or origin, head=winner.head or head
            )
        return found

    def _without_site(self) -> Iterator[Entry]:
        """Give what stands in for the site's tables if their folder is none."""
        if (error := self.site_error()) is not None:
            yield Entry(self._config, "site", None, error)

    def site_error(self) -> TableError | None:
        """Say what is wrong with the site's directory, if it has to be there."""
        if not self._named or os.path.isdir(self._config):
            return None
        return TableError(
            f"{self._config} is no folder",
            hint="VFIOCOMPAT_CONFIG names the folder that has tables.d and facts.d",
        )

    def drivers(self) -> frozenset[str]:
        """Name every driver that a table speaks for."""
        return self._drivers

    @cached_property
    def _drivers(self) -> frozenset[str]:
        heads = (entry.head for entry in self.entries)
        return frozenset(name for head in heads if head for name in head.drivers)

    def shelf(self, source: Endpoint, destination: Endpoint) -> list[Shelved]:
        """Load the tables that concern a pair, as far as heads tell."""
        return [
            self._shelved(entry)
            for entry in self.entries
            if entry.head is None or concerns(entry.head, source, destination)
        ]

    def speaking_for(self, endpoint: Endpoint) -> list[Shelved]:
        """Load the tables that speak for one endpoint, as far as heads tell."""
        vendor = endpoint.vendor
        # What `speaks_for` reads of an endpoint: many have it in common.
        key = (
            endpoint.driver,
            (vendor.namespace, vendor.number) if vendor else endpoint.vendor_id,
            endpoint.version is None,
            vendor is None and endpoint.is_pci,
        )
        if key not in self._speaking:
            self._speaking[key] = [
                self._shelved(entry)
                for entry in self.entries
                if entry.head is None or speaks_for(entry.head, endpoint)
            ]
        return self._speaking[key]

    def facts_read(self, driver: str | None) -> tuple[str, ...]:
        """Name the facts that tables may read of an endpoint of a driver."""
        if driver not in self._facts_read:
            names = {"vendor_id"}
            for entry in self.entries:
                if entry.head is None or driver not in {None, *entry.head.drivers}:
                    continue
                table = self.table(entry)
                if isinstance(table, Table):
                    for field in table.file.derive:
                        names.update(table.file.derivation(field).facts)
            self._facts_read[driver] = tuple(sorted(names & set(FACTS)))
        return self._facts_read[driver]

    def broken(self, endpoints: Iterable[Endpoint]) -> Errors:
        """Give by its path what is wrong with each table that could be of endpoints.

        Pairs that it would decide are not decided without it.
        """
        alike = {
            (each.driver, each.vendor_id, each.version): each for each in endpoints
        }
        return self._broken(
            lambda head: any(speaks_for(head, each) for each in alike.values())
        )

    def broken_of(self, pairs: Sequence[tuple[Endpoint, Endpoint]]) -> Errors:
        """Give the same of tables that could be of pairs of endpoints."""
        return self._broken(lambda head: any(concerns(head, *each) for each in pairs))

    def _broken(self, is_concerned: Callable[[Head], bool]) -> Errors:
        found = {}
        for entry in self.entries:
            if entry.head is None or is_concerned(entry.head):
                table = entry.error or self.table(entry)
                if isinstance(table, TableError):
                    found[entry.path] = table.record
        return found

    def interfaces(self, endpoint: Endpoint) -> list[Interface]:
        """Give what tables of an endpoint's driver say of its migration interface.

        They are those of the first origin that says anything.
        """
        if endpoint.driver is None:
            return []

        def find(table: Table) -> Interface | None:
            speaks = endpoint.driver in table.file.drivers
            return table.file.interface if speaks else None

        found, _ = first_found(self.speaking_for(endpoint), find)
        return found

    def reading_heads(self, endpoint: Endpoint) -> Table | None:
        """Give the table that reads the heads of an endpoint's driver, if one does."""
        return reading_heads(self.speaking_for(endpoint), endpoint.driver)

    def readings(
        self, version: VersionString
    ) -> tuple[list[tuple[str, Reading]], list[ErrorRecord]]:
        """Read a string with each table of its vendor, those that win first.

        A reading comes with its table's id. Only those of the first origin that has any
        are given. Beside them are the tables that could not be loaded.
        """
        if version.vendor is None:
            return [], []
        end = literal(version.text)
        shelf = self.speaking_for(end)
        errors = [each.table for each in shelf if isinstance(each.table, ErrorRecord)]
        whole = [each for each in shelf if isinstance(each.table, Table)]

        def find(table: Table) -> tuple[str, Reading] | None:
            found = table.read(version)
            return (table.id, found) if isinstance(found, Reading) else None

        return first_found(whole, find)[0], errors

    def _shelved(self, entry: Entry) -> Shelved:
        table = entry.error or self.table(entry)
        return Shelved(
            _RANKS[entry.origin],
            entry.id,
            table.record if isinstance(table, TableError) else table,
        )

    def table(self, entry: Entry) -> Table | TableError:
        """Load a table, or say what is wrong with it; each once."""
        if entry.path not in self._tables:
            try:
                self._tables[entry.path] = load_table(entry.path)
            except TableError as error:
                self._tables[entry.path] = error
        return self._tables[entry.path]

    def _files(self) -> Iterator[tuple[TableOrigin, str]]:
        for path in self._paths:
            yield "option", path
        if os.path.isdir(self._config):
            for path in toml_files(os.path.join(self._config, "tables.d"), TableError):
                yield "site", path
        for path in toml_files(_SHIPPED, TableError):
            yield "shipped", path


def load_table(path: str) -> Table:
    """Load a table.

    Raises:
        TableError: it has mistakes; every one is named with its dotted key.

    """
    file = read_record(
        path,
        TableFile,
        TableError,
        check=lambda file, broken: mistakes(file, _stem(path), broken),
        hint=_DESCRIBED,
        stand_ins=_STAND_INS,
    )
    return Table(file)


def _head(path: str) -> tuple[Head | None, TableError | None]:
    """Read what stands before the first section, and no more where that is enough."""
    try:
        document = _head_document(path)
    except TableError as error:
        return None, error
    found = convert(document, Head, _STAND_INS)
    wrong = list(found.mistakes)
    if found.record is not None:
        wrong += misnamed(found.record, _stem(path), found.broken)
    if not wrong:
        return found.record, None
    return _usable(found), mistakes_in(path, wrong, TableError, _DESCRIBED)


def _usable(found: Converted[Head]) -> Head | None:
    """Give a head with mistakes if it can tell which pairs its table is for."""
    head = found.record
    if head is None or {"vendor", "drivers"} & found.broken:
        return None
    return head if head.vendor or head.drivers else None  # else it may be for any


def _head_document(path: str) -> dict[str, Any]:
    text = read_text(path, TableError)
    head, section, _ = text.partition("\n[")
    if section:
        try:
            return parse_toml(f"{head}\n", path, TableError)
        except TableError:
            pass  # a line may begin so within a value; the whole file tells
    document = parse_toml(text, path, TableError)
    sections = {*TableFile.__struct_fields__} - {*Head.__struct_fields__}
    return {name: value for name, value in document.items() if name not in sections}


def _stem(path: str) -> str:
    return os.path.basename(path).removesuffix(".toml")


def toml_files(directory: str, error: type[VfiocompatError]) -> list[str]:
    """List the TOML files of a directory, which may be missing, by name."""
    try:
        names = names_in(directory)
    except FileNotFoundError:
        if os.path.lexists(directory):  # a link that leads nowhere
            raise error(f"cannot read {directory}: its link leads nowhere") from None
        return []
    except OSError as why:
        raise error(f"cannot read {directory}: {why.strerror}") from None
    if names is None:
        raise error(f"cannot read {directory}: {os.strerror(errno.ENOTDIR)}")
    return [
        os.path.join(directory, name)
        for name in names
        if name.endswith(".toml") and not name.startswith(".")
    ]
