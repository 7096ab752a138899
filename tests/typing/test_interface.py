# SPDX-License-Identifier: Apache-2.0
"""A program that knows the interface by `import vfiocompat` alone.

`make typing` holds its types, and the comments that ignore an error are errors
themselves where there is none.
"""

from __future__ import annotations

from typing import assert_type

import pytest

import vfiocompat
from vfiocompat import (
    Basis,
    CheckResult,
    Code,
    Diagnostic,
    Library,
    ParseDocument,
    Verdict,
    VfiocompatError,
    codes,
)


def worst(result: CheckResult) -> Diagnostic | None:
    """Take a record apart."""
    assert_type(result.verdict, Verdict)
    assert_type(result.basis, Basis)
    assert_type(result.source, vfiocompat.AddressRecord)
    assert_type(result.source.version, str | None)
    assert_type(result.source.origin, vfiocompat.Origin | None)
    errors = [each for each in result.diagnostics if each.severity == "error"]
    assert_type(errors, list[Diagnostic])
    return errors[0] if errors else None


def told(tables: Library, source: str, destination: str) -> Code | str:
    """Handle each kind of trouble."""
    try:
        found = worst(vfiocompat.check(source, destination, tables=tables))
    except vfiocompat.InvalidVersion as error:
        assert_type(error.position, int)
        return f"byte {error.position}"
    except (vfiocompat.UsageError, vfiocompat.TableError) as error:
        assert_type(error.summary, str)
        assert_type(error.hint, str | None)
        return type(error).__name__
    except VfiocompatError as error:
        assert_type(error.record, vfiocompat.ErrorRecord)
        return error.code
    return "" if found is None else found.code


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("version:8086-a", ""),
        ("version:10de-x", codes.VENDOR_DIFFERS),
        ("version:", "byte 0"),
        ("!", "InvalidAddress"),
        ("inventory:/none.json#p/t", codes.INVENTORY_UNUSABLE),
    ],
)
def test_a_program_handles_every_kind_of_trouble(
    destination: str, expected: Code | str
) -> None:
    tables = assert_type(vfiocompat.load_tables(), Library)

    assert told(tables, "version:8086-a", destination) == expected


def test_a_program_reads_a_vendor() -> None:
    parsed = assert_type(vfiocompat.parse("8086-x"), ParseDocument)
    assert_type(parsed.vendor, vfiocompat.Vendor | None)

    assert parsed.vendor is not None
    assert_type(parsed.vendor.id, str)
    assert parsed.vendor.id == "0x8086"


def test_a_mistake_in_a_program_is_seen_by_its_type_checker() -> None:
    with pytest.raises(AttributeError):
        vfiocompat.TableEror  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(TypeError):
        vfiocompat.evaluate("8086-a")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        vfiocompat.parse("8086-a").vendr  # type: ignore[attr-defined]  # noqa: B018
