# SPDX-License-Identifier: Apache-2.0
"""Colours can be read whatever a terminal's background is, and mean one thing."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem
from rich.style import Style

from vfiocompat.output.terminal import STYLES

COLORED = {
    name: color
    for name, style in STYLES.items()
    if (color := Style.parse(style).color) is not None
}
_LEAST = 3.8
"""The contrast that each has at least; 4.6 is the most that one can have on both."""

BACKGROUNDS = {"white": 1.0, "black": 0.0}


def luminance(red: int, green: int, blue: int) -> float:
    """Give the relative luminance of a colour as WCAG 2.1 defines it."""
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in (red, green, blue))
    ]
    return sum(
        part * weight
        for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True)
    )


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("name", COLORED)
def test_a_colour_is_read_on_any_background(name: str, background: str) -> None:
    light, dark = sorted(
        (luminance(*COLORED[name].get_truecolor()), BACKGROUNDS[background]),
        reverse=True,
    )
    contrast = (light + 0.05) / (dark + 0.05)
    assert contrast >= _LEAST, f"{contrast:.2f}"
    assert Style.parse(STYLES[name]).bold


def test_each_verdict_has_a_colour_of_its_own_even_of_eight() -> None:
    verdicts = "compatible", "incompatible", "undetermined", "one way"
    numbers = [
        COLORED[name].downgrade(ColorSystem.STANDARD).number for name in verdicts
    ]
    assert numbers == [2, 1, 3, 5]  # green, red, yellow, magenta
    assert COLORED["error"] == COLORED["incompatible"]
    assert COLORED["warning"] == COLORED["undetermined"]
