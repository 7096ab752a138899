# SPDX-License-Identifier: Apache-2.0
"""The Python interface: what the commands do, for management software.

Every function returns the records that the commands print as JSON. None of them prints,
reads options or loads a library for the terminal. Trouble is raised as VfiocompatError,
which carries a code, a summary and a hint; a finding about a pair is never an error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vfiocompat import pairs
from vfiocompat.endpoints import literal
from vfiocompat.host.sysfs import Host
from vfiocompat.output.pairs import check_result
from vfiocompat.output.parse import parse_document
from vfiocompat.tables.library import CONFIG, Library
from vfiocompat.tables.stated import SiteFacts, Stated
from vfiocompat.times import Horizon
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vfiocompat.output.pairs import CheckResult
    from vfiocompat.output.parse import ParseDocument

__all__ = ["check", "evaluate", "load_tables", "parse"]


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
    a driver, in seconds. What may hang is done by a forked child, which is never waited
    for.

    >>> check("version:8086-a", "version:10de-a").verdict
    'incompatible'

    Raises:
        UsageError: an address or a stated fact cannot be meant.
        VfiocompatError: the source cannot be used, or there is no sysfs. What is wrong
            with the destination is a diagnostic of the result.

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
