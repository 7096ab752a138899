# SPDX-License-Identifier: Apache-2.0
"""For node_exporter's textfile collector: gauges of what is now, without timestamps.

The format is Prometheus' text format 0.0.4. A series must be in one file only, and its
labels must tell it from all others; a file with a mistake is skipped as a whole.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vfiocompat.export.view import Rendered, View, Writer
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WRITER"]

_HELP = {
    "vfiocompat_build_info": "The program that took the inventory.",
    "vfiocompat_last_scan_timestamp_seconds": "When the inventory was taken.",
    "vfiocompat_mdev_info": "An mdev type or mdev device, and its version string.",
    "vfiocompat_function_info": "A VFIO function, and its version string.",
    "vfiocompat_attribute_state": "Whether an endpoint has a version attribute.",
    "vfiocompat_type_available_instances": "How many more of a type there can be.",
    "vfiocompat_pair_compatible": "Whether endpoints here can load a source's state.",
    "vfiocompat_pairs": "Pairs of a version string of the fleet and a class here.",
    "vfiocompat_scan_errors": "What a scan could not read, by its code.",
}


def _render(view: View) -> Rendered:
    lines: list[str] = []
    known = None
    seen = set()
    for name, labels, value in _samples(view):
        series = name, tuple(labels.items())
        if series in seen:  # a second one would spoil the file
            continue
        seen.add(series)
        if name != known:
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
            known = name
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inner}}} {value}" if inner else f"{name} {value}")
    return Rendered("\n".join(lines) + "\n")


def _samples(view: View) -> Iterator[tuple[str, dict[str, str], str]]:
    """Give every sample, those of one name together."""
    inventory = view.inventory
    yield "vfiocompat_build_info", {"version": inventory.tool.version}, "1"
    taken = timestamp(inventory.taken_at) or 0
    yield "vfiocompat_last_scan_timestamp_seconds", {}, f"{taken:.0f}"
    for kinds, name in (
        ({"type", "mdev"}, "vfiocompat_mdev_info"),
        ({"function"}, "vfiocompat_function_info"),
    ):
        for each in inventory.endpoints:
            if each.kind in kinds:
                labels = {
                    "address": each.address,
                    "kind": each.kind,
                    "parent": each.parent or "",
                    "type": each.type_id or "",
                    "uuid": each.uuid or "",
                    "driver": each.driver or "",
                    "vendor_id": each.vendor_id or "",
                    "version": each.version or "",
                }
                yield name, labels, "1"
    for each in inventory.endpoints:
        labels = {"address": each.address, "parent": each.parent or ""}
        labels |= {"type": each.type_id or "", "state": each.attribute_state}
        yield "vfiocompat_attribute_state", labels, "1"
    for each in inventory.endpoints:
        if each.kind == "type" and each.available_instances is not None:
            labels = {"parent": each.parent or "", "type": each.type_id or ""}
            free = str(each.available_instances)
            yield "vfiocompat_type_available_instances", labels, free
    yield from _pairs(view)
    for code, number in sorted(
        Counter(each.code for each in inventory.problems).items()
    ):
        yield "vfiocompat_scan_errors", {"code": code}, str(number)


def _pairs(view: View) -> Iterator[tuple[str, dict[str, str], str]]:
    counts = Counter(
        verdict for group in view.groups for verdict in group.verdicts.values()
    )
    for group in view.groups:
        for string, verdict in group.verdicts.items():
            if verdict != "undetermined":
                labels = {
                    "src": string,
                    "dst": group.string or "",
                    "class": group.class_,
                    "parent": group.parent or "",
                    "type": group.type_id or "",
                }
                value = "1" if verdict == "compatible" else "0"
                yield "vfiocompat_pair_compatible", labels, value
    for verdict in ("compatible", "incompatible", "undetermined"):
        yield "vfiocompat_pairs", {"verdict": verdict}, str(counts[verdict])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


WRITER = Writer(_render)
