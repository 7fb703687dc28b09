"""The page of the leaderboard: everything of its tables, nothing from elsewhere, nothing that runs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.report.page import page

from .test_leaderboard import board, row


class Reader(HTMLParser):
    """Collects what a browser would show and would fetch, and minds that tags close."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.rows, self.fetched, self.tags = [], [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data.strip()

    def models(self) -> list[str]:
        return [cells[0] for cells in self.rows if cells]


def test_models_stand_best_first_with_every_figure(tmp_path: Path) -> None:
    read = Reader(page(board(tmp_path, row("low", 0.1), row("high", 0.7))))
    header, high, low = read.rows[:3]
    assert header[0] == "model"
    assert high == ["high", "0.700", "0.400", "0.200", "1.800", "1.200", "1.100", "92", "1"]
    assert low[:2] == ["low", "0.100"]


def test_what_is_not_ranked_stands_apart_with_its_reason(tmp_path: Path) -> None:
    read = Reader(page(board(tmp_path, row("fair", 0.1), row("knows", 0.9, test_towers_seen=True))))
    assert read.models()[1:4] == ["fair", "Not ranked", "knowshas seen test towers"]


def test_planned_runs_without_a_row_are_named(tmp_path: Path) -> None:
    shared = {k: row("x")[k] for k in ("protocol", "data_digest", "feature_set")}
    planned = [{**shared, "model": "tcn", "label": "tcn", "preset": "default", "reason": "takes 3 hours"}]
    (tmp_path / "not_run.json").write_text(json.dumps(planned))
    assert "tcn: not run, takes 3 hours" in page(board(tmp_path, row("ridge")))


def test_names_from_rows_cannot_become_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    text = page(board(tmp_path, row(evil, protocol=evil, settings=f'{{"a": "{"<b>"}"}}'), row(evil, protocol=evil)))
    assert "<script" not in text
    assert "<b>" not in re.sub(r"<b title[^>]*>", "", text)
    assert "script" not in Reader(text).tags


def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path) -> None:
    text = page(board(tmp_path, row("a"), row("b", protocol="climate_holdout")))
    read = Reader(text)
    assert all(target.startswith("#") for target in read.fetched)
    assert read.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert "url(" not in text
    assert "@import" not in text
    # both protocols are reached by links to places of the page
    assert {target[1:] for target in read.fetched} <= set(re.findall(r'id="(\w+)"', text))


def test_it_says_where_submissions_go(tmp_path: Path) -> None:
    address = "https://example.org/results?a=1&b=2"
    assert Reader(page(board(tmp_path, row("a")), address)).fetched == [address]


@pytest.mark.parametrize("synthetic", [True, False])
def test_made_up_data_are_said_to_be_made_up(tmp_path: Path, synthetic: bool) -> None:
    assert ("SYNTHETIC" in page(board(tmp_path, row("a", synthetic=synthetic)))) == synthetic


def test_the_same_rows_give_the_same_page(tmp_path: Path) -> None:
    found = board(tmp_path, row("a"), row("b", 0.2))
    assert page(found) == page(found)


def test_measured_rows_show_their_intervals_and_ties() -> None:
    found = leaderboard(Path(__file__).parents[2] / "results")
    read = Reader(page(found))
    shown = [tuple(re.sub(r"\s", "", cell) for cell in cells[:2]) for cells in read.rows if len(cells) > 1]
    for table in found.tables:
        for entry in table.ranked:
            interval = table.intervals("gpp", "r2")[entry.label]
            tied = "=" if entry.label in table.tied() else ""
            cell = f"{entry.value('gpp.r2.q50'):.3f}{tied}[{interval.low:.2f},{interval.high:.2f}]"
            assert (re.sub(r"\s", "", entry.label), cell) in shown
