# SPDX-License-Identifier: Apache-2.0
"""`check`, `targets` and `matrix` say the same of every pair of any two hosts."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.anyendpoint import answers, any_endpoints
from tests.fleets import TAKEN, inventory, write
from vfiocompat.addresses import parse_address
from vfiocompat.fleet.classes import Classifier
from vfiocompat.fleet.grid import decide_grid
from vfiocompat.fleet.read import gather
from vfiocompat.fleet.targets import Query, fleet_targets
from vfiocompat.host.sysfs import Host
from vfiocompat.pairs import Pair, check, find_source
from vfiocompat.tables.library import Library
from vfiocompat.times import Horizon, timestamp

if TYPE_CHECKING:
    from vfiocompat.endpoints import Endpoint, RecordedAnswer

LIBRARY = Library(config="/nonexistent")
HORIZON = Horizon((timestamp(TAKEN) or 0) + 60, max_age=3600)
TIMES = [TAKEN, TAKEN, "2026-10-01T00:00:00Z", TAKEN[:-1], "2999-01-01T00:00:00Z", ""]
"""When answers were given: some are not relied on."""

HERE = Host("/nonexistent", 1)


def placed(endpoint: Endpoint, at: int) -> Endpoint:
    """Give an endpoint an address of its own, as its kind has one."""
    uuid = f"83b8f4f2-509f-382f-3c1e-e6bfe0fa{at:04}"
    address = {
        "type": f"0000:03:00.0/t{at}",
        "mdev": uuid,
        "function": f"0000:03:01.{at}",
    }[endpoint.kind]
    if endpoint.kind == "function" and endpoint.type_id is not None:
        address += f"/{endpoint.type_id}"
    type_id = endpoint.type_id
    if endpoint.kind == "type":
        type_id = f"t{at}"
    attribute = endpoint.attribute
    if attribute is not None and attribute.state != "absent":
        name, node = attribute.name, attribute.node
        if endpoint.kind == "function":
            name, node = "migration_version", "device"
        elif endpoint.kind == "type":
            node = "type"
        attribute = msgspec.structs.replace(attribute, name=name, node=node, path=None)
    return msgspec.structs.replace(
        endpoint,
        address=address,
        type_id=type_id,
        attribute=attribute,
        device_id=endpoint.facts.get("device_id", endpoint.device_id),
        uuid=uuid if endpoint.kind == "mdev" else None,
        origin=None if endpoint.version is None else "attribute",
        recorded=msgspec.UNSET,
    )


@st.composite
def hosts(draw: st.DrawFn) -> list[Endpoint]:
    """Draw what a host's inventory has."""
    drawn = st.lists(
        any_endpoints(recorded=False).filter(lambda end: end.kind != "literal"),
        min_size=1,
        max_size=4,
    )
    ends = [placed(end, at) for at, end in enumerate(draw(drawn))]
    return [msgspec.structs.replace(end, answers=draw(given_answers())) for end in ends]


@st.composite
def given_answers(draw: st.DrawFn) -> tuple[RecordedAnswer, ...]:
    """Draw what a driver said, and when."""
    drawn = draw(answers())["answers"]
    assert isinstance(drawn, tuple)
    return tuple(
        msgspec.structs.replace(each, asked_at=draw(st.sampled_from(TIMES)))
        for each in drawn
    )


@settings(max_examples=60)
@given(hosts(), hosts())
def test_every_command_says_the_same_of_a_pair(
    here: list[Endpoint], there: list[Endpoint]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ends = [inventory("a", *here), inventory("b", *there)]
        fleet = write(Path(folder), ends)
        agree(fleet, here, there)


def agree(fleet: Path, here: list[Endpoint], there: list[Endpoint]) -> None:
    a, b = (str(fleet / f"{name}.json") for name in "ab")
    known = gather(
        [a, b], lambda: Classifier(HORIZON, LIBRARY.facts_read, wanted=lambda _: True)
    )
    grid = decide_grid([each.endpoint for each in known.classes], LIBRARY)
    places = {
        (host.host, member.address): place
        for host in known.hosts
        for place, has in known.on_host(host)
        for member in has.members
    }
    for source in here:
        names = [f"inventory:{b}#{each.address}" for each in there]
        name = f"inventory:{a}#{source.address}"
        pairs = check(name, names, HERE, LIBRARY, horizon=HORIZON)
        start = find_source(parse_address(name), HERE, LIBRARY.drivers, None, HORIZON)
        found = fleet_targets(Query(start), [b], LIBRARY, HORIZON)
        assert found.counts == Counter(map(verdict, pairs))
        shown = {each.address: each.pair.decision.verdict for each in found.found()}
        for end, pair in zip(there, pairs, strict=True):
            row, column = places["a", source.address], places["b", end.address]
            assert grid.cell(row, column).verdict == verdict(pair)
            assert shown.get(end.address, "incompatible") == verdict(pair)


def verdict(pair: Pair) -> str:
    return pair.decision.verdict
