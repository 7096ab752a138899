# SPDX-License-Identifier: Apache-2.0
"""The page of `report` in a browser: nothing is loaded, and nothing foreign runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.fleet.test_report import host, report
from tests.fleets import QAT_1, QAT_2, inventory
from tests.output.test_report import STEPS, hostile_fleet, several
from tests.simulate.conftest import cannot_test
from vfiocompat.output.report.page import page as page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

    Open = Callable[..., "Opened"]


class Opened:
    """A page in a tab, and what the browser has said and asked for."""

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.said: list[str] = []
        self.asked: list[str] = []
        tab.on("console", lambda message: self.said.append(message.text))
        tab.on("pageerror", lambda error: self.said.append(str(error)))
        tab.on("dialog", lambda dialog: self.said.append(dialog.message))
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        """Leave out what the page's policy has kept from being sent."""
        if request.failure == "csp":
            self.asked.remove(request.url)

    def texts(self, selector: str) -> list[str]:
        """Give the texts of all elements that can be seen."""
        found: list[str] = self.tab.eval_on_selector_all(selector, _VISIBLE)
        return found


_VISIBLE = "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"


@pytest.fixture(scope="module")
def browser(_processes: None) -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        cannot_test("chromium is not installed")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=False
        )
        yield found
        found.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a text as a page, in a tab of its own."""
    tabs = []

    def open_(
        text: str, *, width: int = 1280, height: int = 900, **more: object
    ) -> Opened:
        file = tmp_path / "page.html"
        file.write_text(text)
        size = {"width": width, "height": height}
        tab = browser.new_page(viewport=size, **more)  # type: ignore[arg-type]
        tabs.append(tab)
        opened = Opened(tab)
        tab.goto(file.as_uri())
        return opened

    yield open_
    for tab in tabs:
        tab.close()


SMALL = page_of(report(*several(2), inventory("empty")))
HOSTILE = page_of(hostile_fleet(), STEPS)
FOLDED = page_of(
    report(
        *(host(f"n{at}", QAT_1.replace("4924", f"{at:04}")) for at in range(1, 45)),
        *(host(f"m{at}", QAT_2.replace("4924", f"{at:04}")) for at in range(1, 16, 2)),
    )
)
"""A page of so many hosts that they are shown as groups, and maps as pictures."""

each_page = pytest.mark.parametrize(
    "text", [SMALL, HOSTILE, FOLDED], ids=["small", "hostile", "folded"]
)


@each_page
def test_nothing_is_asked_for_and_nothing_goes_wrong(show: Open, text: str) -> None:
    opened = show(text)
    opened.tab.wait_for_load_state("load")

    assert opened.said == []
    assert [url.partition(":")[0] for url in opened.asked] == ["file"]


def test_what_a_name_says_never_runs(show: Open) -> None:
    opened = show(HOSTILE)

    assert opened.tab.locator("img").count() == 0
    assert opened.tab.locator("script").count() == 1
    assert "</script><img src=x onerror=alert(1)>" in opened.tab.inner_text("main")
    assert opened.said == []


@pytest.mark.parametrize(
    "injected",
    [
        "<script>document.title = 'run'</script>",
        "<img src='data:,' onerror=\"document.title = 'run'\">",
        "<img src='https://example.org/x.png'>",
        "<iframe src='data:text/html,<script>parent.document.title = 1</script>'>",
        "<style>body { display: none }</style>",
        "<link rel=stylesheet href='https://example.org/x.css'>",
        "<base href='https://example.org/'>",
    ],
    ids=lambda text: text.partition(" ")[0].partition(">")[0],
)
def test_the_policy_holds_even_where_nothing_is_escaped(
    show: Open, injected: str
) -> None:
    opened = show(SMALL.replace("<main>", f"<main>{injected}", 1))
    opened.tab.wait_for_load_state("networkidle")

    assert opened.tab.title() == "Where the devices of this fleet can go"
    assert opened.tab.locator("h1").is_visible()
    assert {url.partition(":")[0] for url in opened.asked} <= {"file", "data"}
    assert "Content Security Policy" in "".join(opened.said)


@pytest.mark.parametrize(
    ("scheme", "rules"),
    [("light", None), ("dark", {"runOnly": ["color-contrast"]})],
    ids=["light", "dark"],
)
@each_page
def test_axe_finds_nothing(
    show: Open, text: str, scheme: str, rules: dict[str, list[str]] | None
) -> None:
    # High enough that all of it is drawn.
    opened = show(text, height=9_000, color_scheme=scheme)
    response = Axe().run(opened.tab, options=rules).response

    assert response["passes"]
    assert [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in response["violations"]
        if each["impact"] in {"serious", "critical"}
    ] == []


def test_hosts_can_be_searched(show: Open) -> None:
    opened = show(FOLDED)
    field = opened.tab.get_by_label("Search hosts:")
    field.fill("M1 nowhere")

    assert opened.texts("#hosts tbody th") == ["m1", "m11", "m13", "m15"]
    assert opened.texts("#hosts output") == ["4 of 52 shown"]
    field.fill("nothing")
    assert opened.texts("#hosts tbody tr") == []
    opened.tab.locator("#one-way a").first.click()
    assert opened.tab.locator("#groups tr:target").is_visible()
    field.fill("")
    assert opened.tab.locator("#hosts tbody tr:not([hidden])").count() == 52


def test_hosts_can_be_sorted_by_keyboard(show: Open) -> None:
    ages = ["2026-10-30T00:00:00Z", "2026-09-01T00:00:00Z", "2026-11-01T00:00:00Z"]
    hosts = [
        host(f"n{9 + at}", QAT_1 if at else QAT_2, taken_at=age)
        for at, age in enumerate(ages)
    ]
    opened = show(page_of(report(*hosts)))
    opened.tab.get_by_label("Search hosts:").focus()

    opened.tab.keyboard.press("Tab")  # the table can be scrolled
    opened.tab.keyboard.press("Tab")
    opened.tab.keyboard.press("Enter")
    heading = opened.tab.locator("#hosts thead th").first
    assert heading.get_attribute("aria-sort") == "ascending"
    assert opened.texts("#hosts tbody th") == ["n9", "n10", "n11"]
    assert (
        opened.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        == "solid"
    )

    opened.tab.get_by_label("Sort by Inventory").click()
    assert opened.texts("#hosts tbody th") == ["n11", "n9", "n10"]
    opened.tab.get_by_label("Sort by Inventory").press("Space")
    assert opened.texts("#hosts tbody th") == ["n10", "n9", "n11"]
    assert heading.get_attribute("aria-sort") is None


def test_a_link_to_a_row_that_a_search_hides_shows_it(show: Open) -> None:
    opened = show(FOLDED)
    opened.tab.get_by_label("Search groups of hosts that are alike:").fill("nothing")
    opened.tab.locator("#hosts a").first.click()

    assert opened.tab.locator("#groups tr:target").is_visible()


def test_a_page_is_complete_without_its_script(show: Open) -> None:
    opened = show(FOLDED, java_script_enabled=False)

    assert opened.tab.locator("#hosts tbody tr").count() == 52
    assert opened.tab.locator("button, input").count() == 0


@each_page
def test_nothing_sticks_out(show: Open, text: str) -> None:
    opened = show(text, height=9_000)
    for width in (360, 800, 1400):
        opened.tab.set_viewport_size({"width": width, "height": 9_000})

        assert opened.tab.evaluate("document.documentElement.scrollWidth") == width


def test_what_is_for_the_screen_only_is_not_printed(show: Open) -> None:
    opened = show(SMALL)
    opened.tab.emulate_media(media="print")

    assert opened.texts("nav, .tools, .skip") == []
    assert opened.texts("#hosts tbody th") == ["empty", "n000", "n001", "x"]
