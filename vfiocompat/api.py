# SPDX-License-Identifier: Apache-2.0
"""The Python interface: what the commands do, for management software.

Every function returns the records that the commands print as JSON. None of them prints,
reads options or loads a library for the terminal. Trouble is raised as VfiocompatError,
or a kind of it, which carries a code, a summary and a hint; a finding about a pair is
never an error. What functions take, return and raise is named here too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vfiocompat import pairs
from vfiocompat.codes import Code, Severity
from vfiocompat.decision.decisions import Channel
from vfiocompat.decision.streams import HeadUsed
from vfiocompat.diagnostics import Diagnostic, Missing, Side, Span
from vfiocompat.endpoints import Origin, literal
from vfiocompat.errors import (
    Bug,
    ErrorRecord,
    FactError,
    InvalidAddress,
    InvalidVersion,
    InventoryError,
    NoSuchEndpoint,
    SysfsError,
    TableError,
    UsageError,
    VfiocompatError,
)
from vfiocompat.host.sysfs import Host
from vfiocompat.inventory import Tool
from vfiocompat.output.pairs import AddressRecord, CheckResult, check_result
from vfiocompat.output.parse import ParseDocument, Vendor, parse_document
from vfiocompat.tables.library import CONFIG, Library
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import Horizon
from vfiocompat.verdicts import Basis, Verdict
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AddressRecord",
    "Basis",
    "Bug",
    "Channel",
    "CheckResult",
    "Code",
    "Diagnostic",
    "ErrorRecord",
    "FactError",
    "HeadUsed",
    "InvalidAddress",
    "InvalidVersion",
    "InventoryError",
    "Library",
    "Missing",
    "NoSuchEndpoint",
    "Origin",
    "ParseDocument",
    "Severity",
    "Side",
    "Span",
    "SysfsError",
    "TableError",
    "Tool",
    "UsageError",
    "Vendor",
    "Verdict",
    "VfiocompatError",
    "check",
    "evaluate",
    "load_tables",
    "parse",
]


def load_tables(*paths: str, config: str = CONFIG) -> Library:
    """Give the tables that decide: those in files first, the site's, the shipped ones.

    `paths` are files as `--table` takes them; `config` is the site's directory. Heads
    are read when they are first needed, and kept, so give the same value to every call.

    >>> len(load_tables().entries) > 10
    True

    Raises:
        TableError: later, when a file of `paths` or the site's directory is read.

    """
    return Library(paths, config)


def parse(string: str, tables: Library | None = None) -> ParseDocument:
    """Take a version string apart; a table that reads it names its fields.

    >>> parse("00028086-193b-i915-GVTg_V5_4").vendor.id
    '0x8086'

    Raises:
        InvalidVersion: it is none.

    """
    version = VersionString.parse(string)
    readings, _ = (tables or Library()).readings(version)
    return parse_document(version, readings)


def evaluate(
    source: str, destination: str, tables: Library | None = None
) -> CheckResult:
    """Decide two version strings by tables; no device is touched.

    >>> result = evaluate("8086-193b-i915-GVTg_V5_4", "10de-x")
    >>> print(result.verdict, result.diagnostics[0].code)
    incompatible VFC304

    Raises:
        InvalidVersion: one of them is none.

    """
    ends = literal(source), literal(destination)
    return check_result(*pairs.decide_pair(*ends, tables or Library()))


def check(
    source: str,
    destination: str,
    *,
    tables: Library | None = None,
    facts: Mapping[str, str] | None = None,
    destination_facts: Mapping[str, str] | None = None,
    source_type: str | None = None,
    table_only: bool = False,
    sysroot: str = "/",
    timeout: float = 5.0,
    config: str = CONFIG,
    max_age: float | None = None,
) -> CheckResult:
    """Check two addresses, as `vfiocompat check` does: the driver first, then tables.

    An address is an mdev's UUID, PARENT/TYPE_ID, a PCI function, a path below /sys,
    version:STRING or inventory:FILE#ADDRESS. Inventories, and answers in them, that are
    older than `max_age` seconds count as unknown. `facts` and `destination_facts` are
    what is stated beside the site's facts.d in `config`. `timeout` bounds each wait for
    a driver, in seconds. What may hang is done by a child process, which is never
    waited for. A process that has threads is not forked: it starts `sys.executable`,
    at most three times a call and for a tenth of a second each.

    >>> check("version:8086-a", "version:10de-a").verdict
    'incompatible'

    Raises:
        UsageError: an address or a stated fact cannot be meant.
        NoSuchEndpoint: nothing is at the source's address.
        InventoryError: the source's inventory cannot be used.
        FactError: what a file of facts.d states cannot be used.
        TableError: a file of `tables`, or the site's directory, cannot be used.
        VfiocompatError: the source's driver cannot be asked, there is no sysfs, or no
            child process. What is wrong with the destination is a diagnostic of the
            result.

    """
    [pair] = pairs.check(
        source,
        [destination],
        Host(sysroot, timeout),
        tables or Library(config=config),
        stated=Stated(
            dict(facts or {}), dict(destination_facts or {}), SiteFacts(config)
        ),
        source_type=source_type,
        table_only=table_only,
        horizon=Horizon(time.time(), max_age),
    )
    return check_result(*pair)
