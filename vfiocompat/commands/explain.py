# SPDX-License-Identifier: Apache-2.0
"""`vfiocompat explain`: what a code, an errno or a message of QEMU means."""

from __future__ import annotations

import contextlib
import os
import re
from errno import errorcode
from typing import TYPE_CHECKING

import click

import vfiocompat
from vfiocompat import codes
from vfiocompat.codes import CODES, Code
from vfiocompat.commands.arguments import CODE
from vfiocompat.commands.options import common_options
from vfiocompat.decision.errnos import meanings
from vfiocompat.errors import UsageError, errno_name, errno_number, nearest
from vfiocompat.output.explain import (
    CODE_COLUMNS,
    ExplainDocument,
    ExplainedCode,
    ExplainedErrno,
    code_rows,
    errno_lines,
    explanation_lines,
)
from vfiocompat.vm.messages import message_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.commands.settings import Settings

__all__ = ["command"]


@click.command("explain")
@click.argument("words", metavar="[CODE | ERRNO | MESSAGE]", nargs=-1, type=CODE)
@click.option("--list", "every", is_flag=True, help="List every code.")
@common_options
@click.pass_obj
def command(settings: Settings, words: Sequence[str], every: bool) -> None:  # noqa: FBT001 - click's
    """Explain a code, an errno or a message of QEMU.

    Say what a diagnostic code means, how to confirm it by hand, and how to mend it;
    what an errno such as EINVAL means where a version attribute is opened, read or
    written; or what QEMU has said of a migration that it refused, or that failed.
    """
    if bool(words) == every:
        raise UsageError("give either a CODE, an errno or a message, or --list")
    text = " ".join(words)
    errno = _errno(text)
    if errno is not None:
        wanted = list(
            dict.fromkeys(code for each in errno.calls.values() for code in each)
        )
    else:
        wanted = list(CODES) if every else [_known(text)]
    if settings.json:
        explained = [_explained(each) for each in wanted]
        settings.print_document(ExplainDocument(codes=explained, errno=errno))
    elif every:
        settings.print_rows(CODE_COLUMNS, code_rows(wanted))
    elif errno is not None:
        settings.print_lines(errno_lines(errno))
    else:
        settings.print_lines(explanation_lines(_explained(wanted[0])))


_ERRNO = re.compile(r"-?([0-9]{1,2})")
"""An errno as a number. One of three digits is that of a code."""


def _errno(name: str) -> ExplainedErrno | None:
    """Tell what an errno means, if it is the name of one, or its number."""
    if digits := _ERRNO.fullmatch(name):
        number = int(digits[1]) if int(digits[1]) in errorcode else None
    else:
        number = errno_number(name.upper())
    if number is None:
        return None
    text = os.strerror(number)
    return ExplainedErrno(errno_name(number), number, text, meanings(number))


def _known(text: str) -> Code:
    """Tell which code is meant, by itself or by what QEMU says."""
    code = text.upper()
    with contextlib.suppress(ValueError):
        return codes.code_of(code)
    if found := message_code(text):
        return found
    close = nearest(code, CODES, 1, likeness=0) or list(CODES)
    raise UsageError(
        f"there is no code, errno or known message of QEMU {text!r}",
        hint=f"the nearest is {close[0]}; 'vfiocompat explain --list' shows all",
    )


def _explained(code: Code) -> ExplainedCode:
    """Read what a code means, which people edit as text."""
    folder = os.path.join(os.path.dirname(vfiocompat.__file__), "explanations")
    with open(os.path.join(folder, f"{code}.txt"), encoding="utf-8") as file:
        text = file.read().rstrip("\n")
    return ExplainedCode(code, CODES[code].severity, CODES[code].summary, text)
