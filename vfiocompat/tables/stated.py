# SPDX-License-Identifier: Apache-2.0
"""What operators state of endpoints, in files of facts.d and on the command line."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.addresses import address_text, parse_address
from vfiocompat.contradictions import identified_by_facts, own_facts
from vfiocompat.endpoints import Facts
from vfiocompat.errors import FactError, InvalidAddress, UsageError
from vfiocompat.tables.denied import (
    HEAD,
    can_deny,
    denials,
    denied_by_head,
    denied_by_library,
    denied_record,
)
from vfiocompat.tables.language.derive import stated_mistakes
from vfiocompat.tables.library import CONFIG, toml_files
from vfiocompat.tables.shelf import whole_tables
from vfiocompat.tomlfile import mistakes_in, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vfiocompat.diagnostics import Side
    from vfiocompat.endpoints import Endpoint
    from vfiocompat.errors import ErrorRecord, VfiocompatError
    from vfiocompat.tables.denied import Denial
    from vfiocompat.tables.language.table import Table
    from vfiocompat.tables.library import Library

__all__ = [
    "NOTHING_STATED",
    "FactFile",
    "SiteFacts",
    "Stated",
    "fact_mistakes",
    "parse_facts",
]

_DESCRIBED = "the file is described in vfiocompat-facts(5)"


class FactFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of facts.d: values by name, for one endpoint or for all of a driver."""

    schema: Literal[1]
    endpoint: dict[str, dict[str, str]] = {}
    driver: dict[str, dict[str, str]] = {}


class SiteFacts:
    """Everything that the files of a site's facts.d state."""

    def __init__(self, config: str = CONFIG) -> None:
        self._directory = os.path.join(config, "facts.d")
        self._paths: dict[tuple[str, str], str] = {}

    def about(self, endpoint: Endpoint) -> Facts:
        """Give what is stated of an endpoint; of it by address before by driver.

        Raises:
            FactError: a file has mistakes; every one is named.

        """
        of_driver = self._stated.driver.get(endpoint.driver or "", {})
        return of_driver | self._stated.endpoint.get(endpoint.address, {})

    def files(self, endpoint: Endpoint, names: Iterable[str]) -> str:
        """Name the files that state some facts of an endpoint."""
        whose = endpoint.address, endpoint.driver or ""
        paths = {
            path
            for name in names
            for one in whose
            if (path := self._paths.get((one, name))) is not None
        }
        return ", ".join(sorted(paths))

    def file(self, endpoint: Endpoint, name: str) -> str | None:
        """Name the file whose value of a fact counts for an endpoint."""
        of_driver = self._paths.get((endpoint.driver or "", name))
        return self._paths.get((endpoint.address, name), of_driver)

    def checked(self) -> Iterator[tuple[str, FactFile | FactError]]:
        """Give each file by its path, or every mistake in it.

        One that contradicts a file before it has a mistake, too.

        Raises:
            FactError: their folder cannot be read.

        """
        endpoints: dict[str, dict[str, str]] = {}
        drivers: dict[str, dict[str, str]] = {}
        for path in toml_files(self._directory, FactError):
            try:
                file = _load(path)
            except FactError as error:
                yield path, error
                continue
            wrong = [
                *_merge(endpoints, file.endpoint, "endpoint"),
                *_merge(drivers, file.driver, "driver"),
            ]
            yield path, fact_mistakes(path, wrong) if wrong else file

    def unmet(self, endpoints: Iterable[Endpoint]) -> list[str]:
        """Name what files state something of that none of a host's endpoints is.

        Raises:
            FactError: a file has mistakes; every one is named.

        """
        _ = self._stated  # what fills the paths
        there = {name for each in endpoints for name in (each.address, each.driver)}
        return sorted(
            {
                f"{path}: there is no {whose} on this host"
                for (whose, _), path in self._paths.items()
                if whose not in there
            }
        )

    @cached_property
    def _stated(self) -> FactFile:
        """Read all files as one."""
        endpoints: dict[str, dict[str, str]] = {}
        drivers: dict[str, dict[str, str]] = {}
        for path, file in self.checked():
            if isinstance(file, FactError):
                raise file
            for known, more in ((endpoints, file.endpoint), (drivers, file.driver)):
                for whose, facts in more.items():
                    known.setdefault(whose, {}).update(facts)
                    self._paths |= {(whose, name): path for name in facts}
        return FactFile(1, endpoints, drivers)


def fact_mistakes(path: str, mistakes: Sequence[str]) -> FactError:
    """Make one error of all the mistakes in a file of facts."""
    return mistakes_in(path, mistakes, FactError, _DESCRIBED)


def _load(path: str) -> FactFile:
    return read_record(
        path,
        FactFile,
        FactError,
        check=_addresses,
        hint=_DESCRIBED,
        stand_ins={"schema": 1},
    )


def _addresses(file: FactFile, _broken: set[str]) -> Iterator[str]:
    for text in file.endpoint:
        try:
            known = address_text(parse_address(text))
        except InvalidAddress:
            known = None
        if known is None:
            yield (
                f"endpoint.{text!r}: is not an address such as 0000:03:00.4, "
                "PARENT/TYPE_ID or an mdev's UUID"
            )
        elif known != text:
            yield f"endpoint.{text!r}: is written {known!r}"


def _merge(
    known: dict[str, dict[str, str]], more: Mapping[str, Mapping[str, str]], key: str
) -> Iterator[str]:
    """Add what another file states; what it states otherwise is a mistake."""
    for name, values in more.items():
        mine = known.setdefault(name, {})
        for fact, value in values.items():
            if mine.setdefault(fact, value) != value:
                yield f"{key}.{name!r}.{fact}: another file states {mine[fact]!r}"


def parse_facts(texts: Sequence[str]) -> Facts:
    """Read several NAME=VALUE as a person types them.

    Raises:
        UsageError: one has no name or no `=`, or a name has two values.

    """
    facts: Facts = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is not NAME=VALUE", code=codes.FACT_UNUSABLE)
        if facts.setdefault(name, value) != value:
            raise UsageError(f"{name} is stated twice", code=codes.FACT_UNUSABLE)
    return facts


class Stated(msgspec.Struct, frozen=True):
    """What an operator states: on the command line of each side, and in files.

    What the command line says wins over what files say.
    """

    source: Facts = {}
    destination: Facts = {}
    site: SiteFacts | None = None

    def of_source(self, endpoint: Endpoint, library: Library) -> Endpoint:
        """Give a source what is stated of it.

        Raises:
            UsageError: an option gives what is not the name of a fact or a field, or no
                value of it, or not what sysfs says.
            FactError: the same, of what the site's files state, but for what NVIDIA's
                library says otherwise: that is left out, and `denied` tells of it.

        """
        return self._of(endpoint, library, self.source, "--fact")

    def of_destination(self, endpoint: Endpoint, library: Library) -> Endpoint:
        """Give a destination what is stated of it; raises as `of_source` does."""
        return self._of(endpoint, library, self.destination, "--destination-fact")

    def demand_agreement(
        self, endpoint: Endpoint, library: Library, side: Side
    ) -> None:
        """See that no option states what the head of an endpoint's stream denies.

        Raises:
            UsageError: one does.

        """
        given = self.source if side == "source" else self.destination
        wrong = denied_by_head(endpoint, given, library)
        if wrong:
            option = "--fact" if side == "source" else "--destination-fact"
            raise UsageError(
                f"{option}: {HEAD} of {endpoint.address} says otherwise",
                detail="\n".join(f"{name}: {what}" for name, what in wrong.items()),
                hint="state nothing that the head shows",
                code=codes.FACT_UNUSABLE,
            )

    def denied(
        self, endpoints: Iterable[Endpoint], library: Library
    ) -> dict[str, ErrorRecord]:
        """Give by its path what is wrong with each file of facts that is denied.

        A head or NVIDIA's library does that; what these say counts in their place.
        Files that have mistakes are passed over: what needs them says so.
        """
        found: dict[str, dict[str, Denial]] = {}
        for each in endpoints:
            if self.site is None or each.recorded or not can_deny(each):
                continue
            try:
                known = self.site.about(each)
            except FactError:
                return {}
            for name, denial in denials(each, known, library).items():
                path = self.site.file(each, name) or ""
                found.setdefault(path, {})[denial.line(each, name)] = denial
        return {path: denied_record(path, wrong) for path, wrong in found.items()}

    def _of(
        self, endpoint: Endpoint, library: Library, given: Facts, option: str
    ) -> Endpoint:
        if endpoint.kind == "literal":
            if given:
                raise UsageError(
                    f"{option} is for an endpoint of a host: a literal string says all "
                    "that is known of it",
                    code=codes.FACT_UNUSABLE,
                )
            return endpoint
        # What files here say is said of this host; an inventory has its own.
        here = self.site is not None and not endpoint.recorded
        site = self.site.about(endpoint) if here and self.site is not None else {}
        if site:
            denied = denied_by_library(endpoint, site, library)
            site = {name: text for name, text in site.items() if name not in denied}
        if not site and not given:
            return endpoint
        stated = endpoint.stated | site | given
        known = identified_by_facts(msgspec.structs.replace(endpoint, stated=stated))
        tables = whole_tables(library.speaking_for(known))
        others = {name: text for name, text in site.items() if name not in given}
        _demand(endpoint, given, tables, option, UsageError)
        files = self.site.files(endpoint, others) if self.site is not None else ""
        _demand(endpoint, others, tables, files, FactError)
        return known


NOTHING_STATED = Stated()


def _demand(
    endpoint: Endpoint,
    stated: Facts,
    tables: list[Table],
    where: str,
    error: type[VfiocompatError],
) -> None:
    """Raise an error if something stated cannot be used."""
    facts = own_facts(endpoint) | endpoint.facts
    wrong = stated_mistakes(stated, facts, tables)
    if not wrong:
        return
    known = " or ".join(f"'vfiocompat tables show {table.id}'" for table in tables)
    raise error(
        f"{where}: what is stated of {endpoint.address} cannot be used",
        detail="\n".join(f"{name}: {what}" for name, what in wrong.items()),
        hint=f"{known} shows the fields there are"
        if known
        else f"no table speaks for its driver {endpoint.driver or '(none)'}",
        code=codes.FACT_UNUSABLE,
    )
