# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what a diagnostic code means."""

from __future__ import annotations

import contextlib
import os

import click

import vfiocompat
from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.commands.options import Settings, common_options
from vfiocompat.errors import UsageError, nearest
from vfiocompat.output.explain import (
    CODE_COLUMNS,
    ExplainDocument,
    ExplainedCode,
    code_rows,
    explanation_lines,
)

__all__ = ["command"]


@click.command("explain")
@click.argument("code", required=False)
@click.option("--list", "every", is_flag=True, help="List every code.")
@common_options
@click.pass_obj
def command(settings: Settings, code: str | None, every: bool) -> None:  # noqa: FBT001 - click's
    """Explain a diagnostic code.

    Say what it means, how to confirm it by hand, and how to mend it.
    """
    if (code is None) != every:
        raise UsageError("give either a CODE or --list")
    wanted = list(CODES) if code is None else [_known(code.upper())]
    if settings.json:
        explained = [_explained(each) for each in wanted]
        settings.print_document(ExplainDocument(codes=explained))
    elif every:
        settings.print_rows(CODE_COLUMNS, code_rows(wanted))
    else:
        settings.print_lines(explanation_lines(_explained(wanted[0])))


def _known(code: str) -> Code:
    with contextlib.suppress(ValueError):
        return codes.code_of(code)
    close = nearest(code, CODES, 1, likeness=0) or list(CODES)
    raise UsageError(
        f"there is no code {code!r}",
        hint=f"the nearest is {close[0]}; 'vfiocompat explain --list' shows all",
    )


def _explained(code: Code) -> ExplainedCode:
    """Read what a code means, which people edit as text."""
    folder = os.path.join(os.path.dirname(vfiocompat.__file__), "explanations")
    with open(os.path.join(folder, f"{code}.txt"), encoding="utf-8") as file:
        text = file.read().rstrip("\n")
    return ExplainedCode(code, CODES[code].severity, CODES[code].summary, text)
