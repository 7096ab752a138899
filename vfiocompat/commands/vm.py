# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat vm`: can a whole VM move to a host."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vfiocompat.arrival import RANKS, Moving
from vfiocompat.domain import rewritten
from vfiocompat.errors import ExitCode, UsageError
from vfiocompat.gathering import Gauge, workers
from vfiocompat.machine import read_vm
from vfiocompat.moments import Horizon
from vfiocompat.moving import Journey
from vfiocompat.output.machines import (
    HERE,
    PLAN_COLUMNS,
    VM_COLUMNS,
    arrival_lines,
    arrival_rows,
    headline,
    plan_rows,
    ranking_line,
    vm_document,
)
from vfiocompat.output.text import error_lines
from vfiocompat.settings import Settings, common_options, max_age_option
from vfiocompat.stated import SiteFacts, Stated
from vfiocompat.vm import QmpSocket, parse_vm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vfiocompat.arrival import Arrival
    from vfiocompat.errors import ErrorRecord
    from vfiocompat.machine import Machine
    from vfiocompat.verdicts import Basis
    from vfiocompat.vm import Vm

__all__ = ["command"]


@click.command("vm")
@click.argument("vm", metavar="SOURCE_VM")
@click.argument("destinations", metavar="DESTINATION...", nargs=-1, required=True)
@click.option(
    "--from",
    "origin",
    metavar="FLEET",
    multiple=True,
    help="The VM runs on a host of these inventories, not on this host.",
)
@click.option(
    "--as-is",
    is_flag=True,
    help="Each device keeps its address; look for no other endpoint.",
)
@click.option(
    "--host",
    "hosts",
    metavar="HOST",
    multiple=True,
    help="Only to this host of FLEET; may be given again.",
)
@click.option("--same-host", is_flag=True, help="To the VM's own host of FLEET too.")
@click.option(
    "--require",
    type=click.Choice(["driver", "recorded", "table"]),
    default="table",
    help="The least that a yes must rest on (default: table).",
)
@click.option("--plan", is_flag=True, help="Print which endpoint each device gets.")
@click.option("--xml", is_flag=True, help="Print the domain XML for the destination.")
@max_age_option
@common_options
@click.pass_obj
def command(  # noqa: PLR0917 - click passes every option by name
    settings: Settings,
    vm: str,
    destinations: Sequence[str],
    origin: Sequence[str],
    as_is: bool,  # noqa: FBT001
    hosts: Collection[str],
    same_host: bool,  # noqa: FBT001
    require: Basis,
    plan: bool,  # noqa: FBT001
    xml: bool,  # noqa: FBT001
    max_age: float | None,
) -> int:
    """Tell whether a whole VM can move.

    SOURCE_VM is domain:FILE.xml, libvirt:NAME[@URI] or qmp:SOCKET. DESTINATION is the
    word here, for this host, whose drivers are asked, or FLEET: inventories, or folders
    of them. Each device needs an endpoint that loads its state, and all of them need
    room. Exit status: 0 if a host takes the VM, 3 if that is not known of any, 1 if
    none can.
    """
    address = parse_vm(vm)
    if xml and isinstance(address, QmpSocket):
        raise UsageError(
            "--xml is for a VM that libvirt has: QEMU itself knows no domain XML",
            code="VFC557",
        )
    if xml and plan:
        raise UsageError("--plan and --xml each print something else: choose one")
    horizon = Horizon(time.time(), max_age)
    stated = Stated(site=SiteFacts(settings.config))
    journey = Journey(settings.host, settings.library, stated, horizon)
    machine = read_vm(address, settings.timeout, migratable=xml)
    arrives = as_is and HERE in destinations
    sources = journey.sources(machine, origin, arrives=arrives)
    moving = Moving(machine.vm, sources, require, as_is)
    arrivals, errors = _destinations(
        settings, journey, moving, destinations, hosts, same_host=same_host
    )
    text = _xml(journey, machine, moving, arrivals[0]) if xml else None
    if settings.json:
        settings.print_document(vm_document(machine.vm, arrivals, errors, text))
    elif not settings.quiet or plan or xml:
        _print(settings, machine.vm, arrivals, plan=plan, xml=text)
    for error in errors.values():
        settings.note(error_lines(error))
    return _exit_code(arrivals, errors)


def _destinations(
    settings: Settings,
    journey: Journey,
    moving: Moving,
    destinations: Sequence[str],
    hosts: Collection[str],
    *,
    same_host: bool,
) -> tuple[list[Arrival], dict[str, ErrorRecord]]:
    """Tell what each destination makes of the VM, those that take it first."""
    fleet = [each.removeprefix("inventory:") for each in destinations if each != HERE]
    if hosts and not fleet:
        raise UsageError("--host is for a host of FLEET: name inventories too")
    found: list[Arrival] = []
    errors: dict[str, ErrorRecord] = {}
    if HERE in destinations:
        found.append(journey.arrival(moving))
    if fleet:
        gauge = Gauge(workers())
        with settings.progress("reading the fleet", gauge.done):
            there, errors = journey.arrivals(
                moving, fleet, gauge, hosts=hosts, same_host=same_host
            )
        found += there
    if not found:
        raise UsageError(
            "FLEET has no host but the VM's own",
            hint="--same-host takes that for a destination too",
        )
    return sorted(found, key=lambda each: RANKS[each.outlook]), errors


def _xml(
    journey: Journey, machine: Machine, moving: Moving, arrival: Arrival
) -> str | None:
    """Give the VM's XML for a host; None where not every device has a place there."""
    assert machine.xml is not None
    there = {each.device: each.address for each in arrival.given}
    if len(there) < len(moving.devices):
        return None
    manifest = journey.manifest(moving, arrival) if there else None
    addresses = [there.get(device) for device in machine.vm.devices]
    return rewritten(machine.xml, machine.where, addresses, manifest).decode()


def _print(
    settings: Settings,
    vm: Vm,
    arrivals: Sequence[Arrival],
    *,
    plan: bool,
    xml: str | None,
) -> None:
    """Print what was asked for: a host in full, a line each of several, or the plan."""
    best = arrivals[0]
    wanted = xml or (plan and best.given)
    if not wanted and len(arrivals) > 1:
        settings.print_rows(VM_COLUMNS, arrival_rows(arrivals))
        settings.note(ranking_line(arrivals))
    elif not wanted:
        settings.print_lines(arrival_lines(vm, best, verbose=settings.verbose))
    else:
        settings.note([headline(vm, best)])
        if xml:
            click.echo(xml, nl=False)
        else:
            settings.print_rows(PLAN_COLUMNS, plan_rows(best.given))


def _exit_code(
    arrivals: Sequence[Arrival], errors: Mapping[str, ErrorRecord]
) -> ExitCode:
    outlook = arrivals[0].outlook
    if errors or (outlook != "allowed" and any(each.failed for each in arrivals)):
        return ExitCode.FAILED
    if outlook == "allowed":
        return ExitCode.DONE
    if outlook == "undetermined":
        return ExitCode.UNDETERMINED
    return ExitCode.INCOMPATIBLE
