# SPDX-License-Identifier: Apache-2.0
"""`check`, `targets` and `matrix` say the same of every pair of any two hosts."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.anyendpoint import COMPARED, hosts, with_another
from tests.fleets import TAKEN, inventory, write
from vfiocompat.addresses import parse_address
from vfiocompat.decision.gpus import NOTHING_COMPARED
from vfiocompat.fleet.classes import Classifier
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.read import gather
from vfiocompat.fleet.targets import Query, fleet_targets
from vfiocompat.host.sysfs import Host
from vfiocompat.nvidia.compatibility import Compared
from vfiocompat.pairs import Pair, check, compare_gpus, find_source
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.endpoints import Endpoint

LIBRARY = Library(config="/nonexistent")
HORIZON = Horizon((timestamp(TAKEN) or 0) + 60, max_age=3600)


class Here(Host):
    """A host whose library says of GPUs and vGPUs what is known here, or nothing."""

    def __init__(self, known: Comparisons) -> None:
        super().__init__("/nonexistent", 1)
        self._known = known

    def compare(self, pairs: Sequence[tuple[str, str]]) -> list[Compared]:
        return [self._known.get(each, Compared()) for each in pairs]


HERE = Here(NOTHING_COMPARED)
WITH_NVML = Here(COMPARED)


@settings(max_examples=60)
@given(hosts().flatmap(with_another), st.sampled_from([HERE, WITH_NVML]))
def test_every_command_says_the_same_of_a_pair(
    both: tuple[list[Endpoint], list[Endpoint]], host: Host
) -> None:
    here, there = both
    with tempfile.TemporaryDirectory() as folder:
        ends = [inventory("a", *here), inventory("b", *there)]
        fleet = write(Path(folder), ends)
        agree(fleet, here, there, host)


def agree(fleet: Path, here: list[Endpoint], there: list[Endpoint], host: Host) -> None:
    a, b = (str(fleet / f"{name}.json") for name in "ab")
    known = gather(
        [a, b], lambda: Classifier(HORIZON, LIBRARY.facts_read, wanted=lambda _: True)
    )
    ends = [each.endpoint for each in known.classes]
    grid = decide_grid(ends, LIBRARY, compare_gpus(ends, ends, host))
    places = {
        (of.host, member.address): place
        for of in known.hosts
        for place, has in known.on_host(of)
        for member in has.members
    }
    for source in here:
        names = [f"inventory:{b}#{each.address}" for each in there]
        name = f"inventory:{a}#{source.address}"
        pairs = check(name, names, host, LIBRARY, horizon=HORIZON)
        start = find_source(parse_address(name), HERE, LIBRARY.drivers, None, HORIZON)
        found = fleet_targets(Query(start), [b], LIBRARY, HORIZON, host)
        assert found.counts == Counter(map(verdict, pairs))
        shown = {each.address: each.pair.decision.verdict for each in found.found()}
        for end, pair in zip(there, pairs, strict=True):
            row, column = places["a", source.address], places["b", end.address]
            assert grid.cell(row, column).verdict == verdict(pair)
            assert shown.get(end.address, "incompatible") == verdict(pair)


def verdict(pair: Pair) -> str:
    return pair.decision.verdict
