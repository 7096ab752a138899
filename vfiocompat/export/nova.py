# SPDX-License-Identifier: Apache-2.0
"""For OpenStack: a provider.yaml that gives Placement's providers CUSTOM_ traits.

nova-compute reads it from [compute]provider_config_location when it starts, and does
not start with a file that is wrong. Rules: nova/compute/provider_config.py, SCHEMA_V1;
names are normalised as os-traits does.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from vfiocompat import codes
from vfiocompat.addresses import is_function
from vfiocompat.diagnostics import Diagnostic, diagnostic
from vfiocompat.errors import OutputError
from vfiocompat.export.view import Group, Rendered, View, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["WRITER", "trait"]

PREFIX = "CUSTOM_VFIOCOMPAT_ACCEPTS_"
_MAX_NAME = 200
_TRAIT = re.compile("[A-Z0-9_]{1,255}")
_OTHERS = re.compile("[^A-Za-z0-9]+")


def _render(view: View) -> Rendered:
    meant: dict[str, list[str]] = {}
    names = {string: view.alike.get(string, string) for string in view.strings}
    for string, name in names.items():
        meant.setdefault(trait(name), []).append(string)
    findings = tuple(
        _ambiguous(name, texts)
        for name, texts in meant.items()
        if len({names[text] for text in texts}) > 1
    )
    providers = dict(_providers(view, meant))
    left = _left(view.before, providers)
    if left:
        findings += (_told(view, left),)
    lines = (*_lines(view, providers, meant), *_left_lines(left))
    return Rendered("".join(f"{line}\n" for line in lines), findings)


# ---- what the file had before ----------------------------------------------------

_LEFT = "# left: "
_SAID = re.compile(
    rf"\s*(?P<provider>name: '(?:[^']|'')*'|uuid: \$COMPUTE_NODE)\s*"
    rf"|\s*- (?P<trait>{PREFIX}[A-Z0-9_]+)\s*"
    rf"|{_LEFT}(?P<of>name: '(?:[^']|'')*'|uuid: \$COMPUTE_NODE) (?P<gone>[A-Z0-9_]+)"
)
"""A line of a file of ours: a provider, a trait of it, or one that was left on it."""


def _left(before: str, providers: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Give each trait, with its provider, that a file had and will have no more.

    nova-compute only adds traits (nova/compute/resource_tracker.py,
    _merge_provider_configs), so they stay until somebody removes them, or on a provider
    of functions until it starts again; what a file says of such is kept until its line
    is removed.
    """
    found: dict[tuple[str, str], None] = {}
    provider = ""
    for line in before.splitlines():
        if said := _SAID.fullmatch(line):
            provider = said["provider"] or provider
            if said["trait"]:
                found[provider, said["trait"]] = None
            elif said["gone"]:
                found[said["of"], said["gone"]] = None
    return [each for each in found if each[1] not in providers.get(each[0], ())]


def _told(view: View, left: Sequence[tuple[str, str]]) -> Diagnostic:
    commands = [
        _removing(view, provider, [trait for of, trait in left if of == provider])
        for provider in dict.fromkeys(provider for provider, _ in left)
    ]
    return diagnostic(
        codes.TRAITS_LEFT,
        detail="\n".join(f"{provider} {trait}" for provider, trait in left),
        hint="restart nova-compute, and remove them: " + "; ".join(commands),
    )


def _removing(view: View, provider: str, traits: Sequence[str]) -> str:
    """Give the command that removes traits of a provider: it sets all the others."""
    name = view.node
    if provider.startswith("name: "):
        name = provider.removeprefix("name: ")[1:-1].replace("''", "'")
    openstack = "openstack --os-placement-api-version 1.6 resource provider"
    uuid = f"$({openstack} list --name {shlex.quote(name)} -f value -c uuid)"
    others = (
        f"$({openstack} trait list {uuid} -f value | grep -vxE '{'|'.join(traits)}'"
    )
    return f"{openstack} trait set {others} | sed 's/^/--trait /') {uuid}"


def _left_lines(left: Sequence[tuple[str, str]]) -> Iterator[str]:
    if left:
        yield "# nova-compute leaves on its providers what was here: remove these from"
        yield "# Placement, and then their lines (vfiocompat explain VFC430)"
    for provider, trait in left:
        yield f"{_LEFT}{provider} {trait}"


# ---- what the file has now -------------------------------------------------------


def trait(string: str) -> str:
    """Give the trait that says that a version string is accepted.

    >>> trait("8086-193b-i915-GVTg_V5_4")
    'CUSTOM_VFIOCOMPAT_ACCEPTS_8086_193B_I915_GVTG_V5_4'
    """
    return PREFIX + _OTHERS.sub("_", string).strip("_").upper()


def _ambiguous(name: str, strings: Sequence[str]) -> Diagnostic:
    return diagnostic(
        codes.TRAIT_AMBIGUOUS,
        f"{len(strings)} version strings of the fleet have the trait {name}",
        detail="\n".join(strings),
    )


def _providers(
    view: View, meant: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Give each provider's identification, and its traits.

    Nova takes any of a provider's functions: all of them accept what its traits say.
    A trait that stands for several strings is given where all of them are accepted.
    """
    providers: dict[str, dict[str, list[Group]]] = {}
    for group in view.groups:
        for identification, device in _devices(view, group):
            devices = providers.setdefault(identification, {})
            devices.setdefault(device, []).append(group)
    for identification, devices in sorted(providers.items()):
        accepted = set(view.strings)
        accepted = accepted.intersection(*map(view.accepts, devices.values()))
        traits = [name for name, texts in meant.items() if accepted.issuperset(texts)]
        for name in traits:
            if not _TRAIT.fullmatch(name):
                raise OutputError(
                    f"{name} is no trait: it is too long",
                    code=codes.EXPORT_NOT_ACCEPTED,
                )
        if traits:
            yield identification, sorted(traits)


def _devices(view: View, group: Group) -> Iterator[tuple[str, str]]:
    """Identify the providers of a group as nova names them, and its devices there.

    A parent of mdevs has one (nova/virt/libvirt/driver.py, _ensure_pgpu_providers),
    and so has a physical function with its virtual ones, or one that has none
    (nova/compute/pci_placement_translator.py, PlacementView). What has neither is the
    compute node's own.
    """
    parent = group.parent
    if group.kind == "function":
        for address in group.addresses:
            function = address.partition("/")[0]
            device = parent or function
            if is_function(device):
                yield _named(view, device.upper()), function
    elif parent is None or not is_function(parent):
        yield "uuid: $COMPUTE_NODE", ""
    else:
        yield _named(view, f"pci_{re.sub('[:.]', '_', parent)}"), parent


def _named(view: View, device: str) -> str:
    """Identify a provider by its name: the node's, and its device's."""
    name = f"{view.node or view.inventory.host}_{device}"
    if len(name) > _MAX_NAME:
        raise OutputError(
            f"{name} is too long for the name of a provider",
            code=codes.EXPORT_NOT_ACCEPTED,
        )
    return f"name: {_quoted(name)}"


def _lines(
    view: View,
    providers: Mapping[str, Sequence[str]],
    meant: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    inventory = view.inventory
    yield f"# vfiocompat {inventory.tool.version}: what {inventory.host} accepts"
    yield f"# taken at {inventory.taken_at}; nova-compute reads it when it starts"
    yield "meta:"
    yield "  schema_version: '1.0'"
    yield "providers:" if providers else "providers: []"
    for identification, traits in providers.items():
        yield "  - identification:"
        yield f"      {identification}"
        yield "    traits:"
        yield "      additional:"
        for name in traits:
            for string in meant[name]:
                if string in view.alike:
                    yield f"        # {string}"
            yield f"        - {name}"


def _quoted(text: str) -> str:
    """Write a text as YAML does in single quotes; it has no control characters."""
    return "'" + text.replace("'", "''") + "'"


WRITER = Writer(_render, is_for_nova=True)
