# SPDX-License-Identifier: Apache-2.0
"""Man pages are built into the wheel whole, so that each can be read on its own.

What several pages say stands once, in man/common, and the pages in man/ take it in by
roff's own request `.so FILE`. `man -M man PAGE` follows that in a checkout. Where pages
are installed there is no place for files that are not pages, so the build follows it.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["ManPages", "whole_page"]

_REQUEST = re.compile(r"^\.so (\S+)\n", re.MULTILINE)


def whole_page(page: Path) -> str:
    """Give a page's text with what its `.so` requests name in their place."""
    tree = page.parent.parent
    return _REQUEST.sub(lambda found: (tree / found[1]).read_text(), page.read_text())


class ManPages(BuildHookInterface):  # type: ignore[type-arg] # of any builder
    """Adds the pages of man/ to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Write the whole pages to where the wheel takes them from."""
        self._tree = TemporaryDirectory()
        for page in Path(self.root, "man").glob("man[1-9]/*"):
            place = Path(self._tree.name, page.parent.name, page.name)
            place.parent.mkdir(exist_ok=True)
            place.write_text(whole_page(page))
        build_data["shared_data"][self._tree.name] = "share/man"

    def finalize(self, version: str, build_data: dict[str, Any], artifact: str) -> None:  # noqa: ARG002 - hatchling's
        """Remove them again."""
        self._tree.cleanup()
