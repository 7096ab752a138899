# SPDX-License-Identifier: Apache-2.0
"""The command line: which commands there are, and what becomes of errors."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from vfiocompat.commands.arguments import Group
from vfiocompat.commands.options import global_options, help_option, version_option
from vfiocompat.commands.settings import Settings, tell
from vfiocompat.errors import Bug, ExitCode, VfiocompatError
from vfiocompat.files.reading import wait_at_most
from vfiocompat.output.text import error_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "list": "List the endpoints of this host.",
    "get": "Print version strings.",
    "check": "Tell whether SOURCE's state can be loaded.",
    "scan": "Write the inventory of this host.",
    "targets": "Tell where SOURCE can go.",
    "matrix": "Tell which classes of FLEET can go where.",
    "report": "Write a web page about a whole FLEET.",
    "diff": "Tell what changed between two fleets.",
    "export": "Write what a host accepts for another program.",
    "device": "Tell which migration interface a device has.",
    "vm": "Tell whether a whole VM can move.",
    "parse": "Take a version string apart.",
    "tables": "List, show and check compatibility tables.",
    "explain": "Explain a code, an errno or a message of QEMU.",
    "doctor": "Tell what stands in the way of answers, and what to do.",
    "simulate": "Serve a simulated host's /sys over FUSE.",
    "schema": "Print the JSON Schema of an output.",
}
"""Commands and their short help, so that --help imports none of them."""


class LazyGroup(Group):
    """Imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Name the commands, the most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vfiocompat.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Give the commands that begin so without importing them, or options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for a shell

        return [
            CompletionItem(name, help=summary)
            for name, summary in COMMANDS.items()
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands' short help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's
    ) -> click.Context:
        """Read the options, of which --help and --version print."""
        with _broken_pipe_exits():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever it printed has left when it ends."""
        with _broken_pipe_exits():
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextlib.contextmanager
def _broken_pipe_exits() -> Iterator[None]:
    """Exit quietly where nobody reads any more; click would exit with 1."""
    try:
        yield
    except BrokenPipeError:
        _lose_stdout()
        raise click.exceptions.Exit(ExitCode.PIPE) from None


def _lose_stdout() -> None:
    """Let what nobody can be told any more go nowhere, and not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=LazyGroup)
@global_options
@version_option
@help_option
def cli() -> None:
    """Tell before a live migration whether one VFIO device can load another's state.

    An address is an mdev's UUID, PARENT/TYPE_ID, a PCI function, a path below /sys,
    version:STRING, inventory:FILE#ADDRESS, or HOST:ADDRESS for a host of the fleet
    that VFIOCOMPAT_FLEET names.

    Exit status: 0 compatible, or the data was produced; 1 incompatible; 2 usage;
    3 undetermined; 4 could not complete.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its code; no exception leaves it."""
    _mend_streams()
    try:
        code = run(sys.argv[1:] if args is None else args)
    except Exception as error:  # noqa: BLE001 - of telling another
        code = ExitCode.BUG
        with contextlib.suppress(OSError):
            sys.stderr.write(f"vfiocompat: this is a bug in vfiocompat: {error!r}\n")
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # The interpreter would flush again, and exit with 120 where that fails; and to take
    # all modules apart costs it more time than many a command.
    os._exit(code)


def _mend_streams() -> None:
    """Make stdin, stdout and stderr usable, whatever the caller has closed.

    What is closed goes to /dev/null; otherwise the next pipe would get its number.
    What an encoding cannot say is escaped.
    """
    for number, name, mode in (
        (0, "stdin", "r"),
        (1, "stdout", "w"),
        (2, "stderr", "w"),
    ):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(args: Sequence[str]) -> int:
    """Run the program and give its exit code."""
    settings = Settings()
    wait_at_most(settings.timeout)
    if "_VFIOCOMPAT_COMPLETE" in os.environ:
        from vfiocompat.commands import completion  # noqa: PLC0415 - only for a shell

        completion.begin(settings)
    try:
        result = cli.main(list(args), "vfiocompat", standalone_mode=False, obj=settings)
        settings.tell_of_libraries()
    except SystemExit as error:  # from click's completion, with 1 where it fails
        return ExitCode.USAGE if error.code else ExitCode.DONE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug must not look like a verdict
        return _report(_known(error, verbose=settings.verbose), args)
    return result if isinstance(result, int) else ExitCode.DONE


def _known(error: Exception, *, verbose: bool) -> VfiocompatError:
    """Give one of our own errors for any; the traceback of a bug only if verbose."""
    if isinstance(error, click.ClickException):
        from vfiocompat.commands.usage import usage_error  # noqa: PLC0415 - rare

        return usage_error(error)
    if isinstance(error, OSError):
        return VfiocompatError(f"cannot go on: {error}")
    known = error if isinstance(error, VfiocompatError) else Bug.of_exception(error)
    if isinstance(known, Bug) and not verbose:
        return Bug(
            known.summary, hint="run it again with -v, and report what it prints"
        )
    return known


def _report(error: VfiocompatError, args: Sequence[str]) -> int:
    """Say on stderr, or in a document on stdout, why there is no result."""
    if _wants_json(args):
        from vfiocompat.output.errors import error_document  # noqa: PLC0415 - rare

        try:
            Settings().print_document(error_document(error))
            sys.stdout.flush()
        except BrokenPipeError:
            pass
        except OSError:  # it may be what the error is about
            tell(error_lines(error.record))
    else:
        tell(error_lines(error.record))
    return error.exit_code


def _wants_json(args: Sequence[str]) -> bool:
    """Whether JSON was asked for, even if the command line is wrong otherwise."""
    ours = [*itertools.takewhile(lambda arg: arg != "--", args)]
    pairs = zip(ours, [*ours[1:], ""], strict=True)
    return any(
        arg == "--format=json" or (arg, following) == ("--format", "json")
        for arg, following in pairs
    )
