# SPDX-License-Identifier: Apache-2.0
"""Checking pairs: gathers what the decision needs, and asks drivers where it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vfiocompat.addresses import LiteralAddress, parse_address
from vfiocompat.decision.answers import is_held, is_real, question
from vfiocompat.decision.decide import decide
from vfiocompat.decision.decisions import Decision, not_found
from vfiocompat.decision.errnos import COULD_NOT_ASK
from vfiocompat.decision.gpus import NOTHING_COMPARED, to_compare
from vfiocompat.decision.nvml import NOT_COMPARED, GpuAsked
from vfiocompat.decision.strings import unreadable
from vfiocompat.endpoints import Endpoint, literal, missing
from vfiocompat.errors import FactError, UsageError, VfiocompatError
from vfiocompat.find import look, survey
from vfiocompat.host.sysfs.questions import Question
from vfiocompat.tables.judge import beside_gpu, judge
from vfiocompat.tables.stated import NOTHING_STATED
from vfiocompat.tables.strings import derived

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vfiocompat.addresses import Address
    from vfiocompat.decision.errnos import Answer
    from vfiocompat.decision.gpus import Comparisons
    from vfiocompat.decision.streams import Streamed
    from vfiocompat.files.inventories import Fleets
    from vfiocompat.find import Drivers
    from vfiocompat.host.sysfs import Ask, Host, Looked
    from vfiocompat.host.sysfs.questions import Probed
    from vfiocompat.streams import Streaming
    from vfiocompat.tables.library import Library
    from vfiocompat.tables.stated import Stated
    from vfiocompat.times import Horizon

__all__ = [
    "Pair",
    "check",
    "check_all",
    "check_host",
    "compare_gpus",
    "decide_pair",
    "find_source",
    "usable",
]


class Pair(NamedTuple):
    """One checked pair: both ends as they were found, and the decision."""

    source: Endpoint
    destination: Endpoint
    decision: Decision


def check(
    source: str,
    destinations: Sequence[str],
    host: Host,
    library: Library,
    *,
    stated: Stated = NOTHING_STATED,
    source_type: str | None = None,
    table_only: bool = False,
    streaming: Streaming | None = None,
    horizon: Horizon,
    fleets: Fleets | None = None,
) -> list[Pair]:
    """Decide for each destination whether it can load the source's state.

    `source_type` is the mdev type of a literal source. With `table_only` nothing is
    written; with `streaming` devices are opened and asked. `horizon` says how old
    inventories, and answers in them, may be; `fleets` are those of `find.look`.

    Raises:
        VfiocompatError: the source cannot be used. A destination that cannot is a
            pair of its own, undetermined and failed.

    """
    start = find_source(
        parse_address(source),
        host,
        library.drivers,
        source_type,
        horizon,
        fleets=fleets,
    )
    start = stated.of_source(start, library)
    stated.demand_agreement(start, library, "source")  # a recorded head may deny it
    addresses = [parse_address(text) for text in destinations]
    asking = not table_only and is_real(start)
    ask: Ask = "nothing" if is_held(start) else "vgpu-types" if asking else "all"
    ends = look(
        addresses, host, library.drivers, ask=ask, horizon=horizon, fleets=fleets
    )
    found = [end.endpoint for end in ends if end.endpoint is not None]
    [row] = check_all(
        [start], found, host, library, stated, streaming, table_only=table_only
    )
    pairs = iter(row)
    return [
        next(pairs)
        if end.error is None
        else Pair(start, missing(text), not_found(end.error))
        for text, end in zip(destinations, ends, strict=True)
    ]


def check_host(  # noqa: PLR0917 - all that a decision needs
    source: Endpoint,
    host: Host,
    library: Library,
    stated: Stated,
    without: str | None = None,
    streaming: Streaming | None = None,
) -> list[Pair]:
    """Decide for the endpoints of a host whether they can load a source's state.

    The one at the address `without` is passed over: it is the source itself.
    """
    found = survey(host, library.drivers).to_decide()
    ends = [each for each in found if each.address != without]
    [row] = check_all([source], ends, host, library, stated, streaming)
    return row


def check_all(  # noqa: PLR0917 - all that a decision needs
    sources: Sequence[Endpoint],
    destinations: Sequence[Endpoint],
    host: Host,
    library: Library,
    stated: Stated,
    streaming: Streaming | None = None,
    *,
    table_only: bool = False,
) -> list[list[Pair]]:
    """Decide for each of several sources which endpoints of a host can load its state.

    A driver that has not answered about one source is not asked about another: it
    would hang again. With `streaming` those without an attribute are asked by their
    streams.
    """
    streams: Sequence[Sequence[Streamed | None] | None] = [None] * len(sources)
    if streaming is not None:
        sources, destinations, streams = _by_streams(
            sources, destinations, host, library, stated, streaming
        )
    compared = NOTHING_COMPARED
    if not table_only:
        compared = compare_gpus(sources, destinations, host)
    hung: dict[int, Probed] = {}
    rows = []
    for source, streamed in zip(sources, streams, strict=True):
        answers: dict[int, Probed] = {}
        if not table_only and is_real(source) and not is_held(source):
            questions = _questions(source, destinations)
            answers = {at: hung[at] for at in questions if at in hung}
            left = {at: each for at, each in questions.items() if at not in hung}
            answers |= _answers(left, host)
            hung |= {
                at: probed
                for at, probed in answers.items()
                if probed.answer.stage == "timeout"
            }
        rows.append(
            _decided(source, destinations, answers, library, stated, streamed, compared)
        )
    return rows


def _by_streams(  # noqa: PLR0917 - all that was gathered
    sources: Sequence[Endpoint],
    destinations: Sequence[Endpoint],
    host: Host,
    library: Library,
    stated: Stated,
    streaming: Streaming,
) -> tuple[list[Endpoint], list[Endpoint], list[list[Streamed | None]]]:
    """Ask destinations by the heads of sources; give both with their own heads."""
    from vfiocompat.streams import offer_all, source_head  # noqa: PLC0415 - few ask so

    heads = [
        source_head(each, destinations, host, library, streaming) for each in sources
    ]
    for head in heads:
        stated.demand_agreement(head.endpoint, library, "source")
    known, streams = offer_all(heads, destinations, host, library, streaming)
    return [head.endpoint for head in heads], known, streams


def compare_gpus(
    sources: Iterable[Endpoint], destinations: Iterable[Endpoint], host: Host
) -> Comparisons:
    """Ask NVIDIA's library of a host whether GPUs load vGPUs, be they of any host."""
    # Most ends of a large fleet are alike in this.
    vgpus = {each.vgpu_metadata: each for each in sources if each.vgpu_metadata}
    gpus = {each.gpu_metadata: each for each in destinations if each.gpu_metadata}
    wanted = [
        ends
        for source in vgpus.values()
        for destination in gpus.values()
        if (ends := to_compare(source, destination)) is not None
    ]
    found = host.compare(wanted) if wanted else None
    return NOTHING_COMPARED if found is None else dict(zip(wanted, found, strict=True))


def _questions(
    source: Endpoint, destinations: Sequence[Endpoint]
) -> dict[int, Question]:
    """Give what to ask destinations, by their places."""
    return {
        at: Question(end, data)
        for at, end in enumerate(destinations)
        if (data := question(source, end))
    }


def _answers(questions: dict[int, Question], host: Host) -> dict[int, Probed]:
    replies = host.probe(list(questions.values())) if questions else []
    return dict(zip(questions, replies, strict=True))


def _decided(  # noqa: PLR0917 - all that was gathered
    source: Endpoint,
    destinations: Sequence[Endpoint],
    answers: dict[int, Probed],
    library: Library,
    stated: Stated,
    streams: Sequence[Streamed | None] | None = None,
    compared: Comparisons = NOTHING_COMPARED,
) -> list[Pair]:
    """Decide pairs whose drivers have been asked, if they were to be.

    `streams` is what came of asking destinations by their streams, and `compared` what
    NVIDIA's driver said of vGPUs and GPUs.
    """
    pairs = []
    for at, end in enumerate(destinations):
        known = end
        answer, own, attribute = answers.get(at, (None, known.version, None))
        if attribute is not None:
            known = msgspec.structs.replace(known, attribute=attribute)
        elif own is not None and known.version is None:
            known = msgspec.structs.replace(known, version=own, origin="attribute")
        try:
            known = stated.of_destination(known, library)
            stated.demand_agreement(known, library, "destination")
        except FactError as error:
            pairs.append(Pair(source, known, not_found(error.record)))
            continue
        streamed = streams[at] if streams is not None else None
        pairs.append(
            decide_pair(source, known, library, answer, streamed, compared=compared)
        )
    return pairs


def decide_pair(
    source: Endpoint,
    destination: Endpoint,
    library: Library,
    answer: Answer | None = None,
    streamed: Streamed | None = None,
    *,
    compared: Comparisons = NOTHING_COMPARED,
) -> Pair:
    """Decide a pair by the driver's answers, if it was asked, and by tables."""
    shelf = library.shelf(source, destination)
    judgement = judge(source, destination, shelf)
    gpu = NOT_COMPARED
    if (ends := to_compare(source, destination)) is not None:
        beside = beside_gpu(source, destination, shelf)
        gpu = GpuAsked(compared=compared.get(ends), beside=beside)
    return Pair(
        derived(source, judgement.source, by_head="source" in judgement.by_head),
        derived(
            destination,
            judgement.destination,
            by_head="destination" in judgement.by_head,
        ),
        decide(source, destination, answer, judgement, streamed, gpu=gpu),
    )


def find_source(
    address: Address,
    host: Host,
    drivers: Drivers,
    type_id: str | None,
    horizon: Horizon,
    *,
    fleets: Fleets | None = None,
) -> Endpoint:
    """Find and read a source; `type_id` is the mdev type of a literal one.

    Raises:
        VfiocompatError: it cannot be used.

    """
    if isinstance(address, LiteralAddress):
        return literal(address.text, type_id)
    if type_id is not None:
        raise UsageError(
            "--source-type is for a literal source: a live one has a type of its own"
        )
    [found] = look([address], host, drivers, ask="all", horizon=horizon, fleets=fleets)
    return usable(found)


def usable(found: Looked) -> Endpoint:
    """Give a source that was looked for.

    Raises:
        VfiocompatError: it is not there, or its driver could not be asked.

    """
    endpoint = found.there()
    if endpoint.recorded:
        return endpoint
    finding = unreadable(endpoint, "source: ")
    if finding is not None and finding.code in COULD_NOT_ASK:
        raise VfiocompatError(finding.summary, detail=finding.path, code=finding.code)
    return endpoint
