# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what a diagnostic code means."""

from __future__ import annotations

import click

from vfiocompat.commands.options import Settings, common_options
from vfiocompat.diagnostics import CODES
from vfiocompat.errors import UsageError
from vfiocompat.output.documents import explain_document
from vfiocompat.output.text import CODE_COLUMNS, code_rows, explanation_lines

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
    codes = list(CODES) if code is None else [_known(code.upper())]
    if settings.json:
        settings.print_document(explain_document(codes))
    elif every:
        settings.print_rows(CODE_COLUMNS, code_rows(codes))
    else:
        settings.print_lines(explanation_lines(codes[0]))


def _known(code: str) -> str:
    if code in CODES:
        return code
    import difflib  # noqa: PLC0415 - costs start-up time, and only mistakes need it

    nearest = difflib.get_close_matches(code, CODES, n=1, cutoff=0) or list(CODES)
    raise UsageError(
        f"there is no code {code!r}",
        hint=f"the nearest is {nearest[0]}; 'vfiocompat explain --list' shows all",
    )
