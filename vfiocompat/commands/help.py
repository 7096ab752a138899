# SPDX-License-Identifier: Apache-2.0
"""What `--help` prints: a command's own options, where the others are, and examples."""

from __future__ import annotations

import click

__all__ = ["COMMON", "COMMON_LINE", "EXAMPLES", "help_text"]

COMMON = ("sysroot", "table", "timeout", "color", "verbose", "quiet", "format", "help")
"""Options of every command, by the names of their parameters."""

COMMON_LINE = (
    "Common: --sysroot --table --timeout --color -v -q --format; see vfiocompat -h"
)

_FORMAT = (
    "--format [text|json]",
    "Of a command: print text for people (the default) or one JSON document.",
)

EXAMPLES = {
    "vfiocompat": (
        "vfiocompat list",
        "vfiocompat check 0000:3b:00.0/acme-slice2 0000:41:00.0/acme-slice2",
    ),
    "vfiocompat list": (
        "vfiocompat list -v",
        "vfiocompat list --format json",
    ),
    "vfiocompat get": (
        "vfiocompat get 0000:3b:00.0/acme-slice2",
        "vfiocompat get --derive 0000:03:00.4 --fact queue_pairs=16",
    ),
    "vfiocompat check": (
        "vfiocompat check 0000:3b:00.0/acme-slice2 0000:41:00.0/acme-slice2",
        "vfiocompat check --stream 0000:03:00.4 0000:03:01.4",
    ),
    "vfiocompat scan": (
        "vfiocompat scan -o /srv/fleet/",
        "vfiocompat scan -o /srv/fleet/ --ask /srv/fleet",
    ),
    "vfiocompat targets": (
        "vfiocompat targets 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 /srv/fleet",
        "vfiocompat targets 0000:03:00.4 here --stream",
    ),
    "vfiocompat matrix": (
        "vfiocompat matrix /srv/fleet",
        "vfiocompat matrix --hosts node-a.json node-b.json",
    ),
    "vfiocompat diff": (
        "vfiocompat diff /srv/fleet.old /srv/fleet",
        "vfiocompat diff before.json after.json --format json",
    ),
    "vfiocompat report": (
        "vfiocompat report /srv/fleet -o fleet.html",
        "vfiocompat report /srv/fleet --format markdown",
    ),
    "vfiocompat doctor": (
        "vfiocompat doctor",
        "vfiocompat doctor /srv/fleet --max-age 2h",
    ),
    "vfiocompat export": (
        "vfiocompat export prometheus /srv/fleet --host node-a -o vfio.prom",
        "vfiocompat export nova /srv/fleet -o /etc/nova/provider_config/vfio.yaml",
    ),
    "vfiocompat device": (
        "vfiocompat device 0000:03:00.4",
        "vfiocompat device --open 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
    ),
    "vfiocompat vm": (
        "vfiocompat vm libvirt:web /srv/fleet",
        "vfiocompat vm domain:web.xml --from node-a.json here --plan",
    ),
    "vfiocompat parse": (
        "vfiocompat parse 8086-193b-i915-GVTg_V5_4",
        "vfiocompat parse 1ac1-0100-npu-2-1.9-a,b --table acme-npu.toml",
    ),
    "vfiocompat tables": (
        "vfiocompat tables list",
        "vfiocompat tables show hisi-acc",
    ),
    "vfiocompat tables list": (
        "vfiocompat tables list",
        "vfiocompat tables list --format json",
    ),
    "vfiocompat tables show": (
        "vfiocompat tables show hisi-acc",
        "vfiocompat tables show nvidia-vgpu --format json",
    ),
    "vfiocompat tables check": (
        "vfiocompat tables check acme-npu.toml",
        "vfiocompat tables check /etc/vfiocompat/tables.d/acme-npu.toml -q",
    ),
    "vfiocompat explain": (
        "vfiocompat explain VFC101",
        "vfiocompat explain EINVAL",
    ),
    "vfiocompat simulate": (
        "vfiocompat simulate examples/two-generations.toml /mnt",
        "vfiocompat simulate host.toml /mnt --format json",
    ),
    "vfiocompat schema": (
        "vfiocompat schema check",
        "vfiocompat schema inventory",
    ),
}
"""Command lines for each command, by its own; none of them is wider than 76."""


def help_text(ctx: click.Context) -> str:
    """Give the help of a command: what it does, its own options, and two examples.

    The options that every command has are described by that of the program.
    """
    command = ctx.command
    formatter = ctx.make_formatter()
    command.format_usage(ctx, formatter)
    command.format_help_text(ctx, formatter)
    is_program = ctx.parent is None
    own = [
        record
        for each in command.get_params(ctx)
        if isinstance(each, click.Option) and (is_program or each.name not in COMMON)
        if (record := each.get_help_record(ctx)) is not None
    ]
    if is_program:
        own.append(_FORMAT)
    if own:
        with formatter.section("Options"):
            formatter.write_dl(own)
    if isinstance(command, click.Group):
        command.format_commands(ctx, formatter)
    if examples := EXAMPLES.get(ctx.command_path):
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"  {line}\n")
    if not is_program:
        formatter.write(f"\n{COMMON_LINE}\n")
    return formatter.getvalue().rstrip("\n")
