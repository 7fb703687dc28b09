"""The leaderboard as one page of HTML: a pure function of its tables, with nothing to load from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..schema import TARGETS
from .table import R2, RMSE, number
from .views import comparison_cells

if TYPE_CHECKING:
    from .leaderboard import Leaderboard
    from .table import Entry, Table

ABOUT = (
    "How well do models predict the daily carbon fluxes of land at flux towers that they have never seen? GPP is gross "
    "primary production, RECO ecosystem respiration, NEE net ecosystem exchange [gC m-2 d-1]."
)
MADE_UP = "SYNTHETIC: made-up towers. No number of the tables marked so says anything about the Earth."
STYLE = """
:root { color-scheme: light dark; --ink: #1c2420; --soft: #5d6a63; --line: #dde3df; --page: #fbfcfa; --card: #fff;
  --leaf: #2f7d4f; --tint: #e8f3ec; --warn: #8a4b00; --warn-tint: #fff3e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ece8; --soft: #9aa8a0; --line: #313a35; --page: #141816;
  --card: #1b211e; --leaf: #6cc48f; --tint: #20332a; --warn: #ffc37a; --warn-tint: #3a2a14; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0 0 .25rem; font-size: clamp(1.6rem, 5vw, 2.3rem); letter-spacing: -.02em; }
h2 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 48rem; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--leaf); }
pre { margin: .6rem 0; padding: .7rem .9rem; overflow-x: auto; background: var(--tint); border-radius: .5rem; }
nav { display: flex; flex-wrap: wrap; gap: .4rem; margin: 1.2rem 0; }
nav a { padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .88rem;
  text-decoration: none; background: var(--card); }
section { margin: 1.2rem 0; padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .8rem; }
.soft { color: var(--soft); font-size: .88rem; }
.warn { padding: .6rem .9rem; border-radius: .5rem;
  color: var(--warn); background: var(--warn-tint); font-weight: 600; }
.wide { margin: .7rem -1.1rem 0; padding: 0 1.1rem; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .45rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { position: sticky; left: 0; min-width: 7rem; max-width: 15rem; padding-left: 0;
  text-align: left; white-space: normal; overflow-wrap: anywhere; background: var(--card); }
tr.best td:first-child { font-weight: 650; }
tr.other td { color: var(--soft); }
tbody th { padding-top: 1rem; text-align: left; font-weight: 600; }
td small { display: block; color: var(--soft); font-size: .78rem; }
td b { color: var(--leaf); font-weight: 650; }
.bar { position: relative; display: block; width: 6.5rem; height: .35rem; margin: .3rem 0 .1rem auto;
  border-radius: .2rem; background: var(--line); }
.bar i { position: absolute; top: 0; bottom: 0; border-radius: .2rem; background: var(--leaf); opacity: .45; }
.bar u { position: absolute; top: -.1rem; bottom: -.1rem;
  width: .18rem; margin-left: -.09rem; background: var(--leaf); }
details { margin-top: .8rem; }
summary { cursor: pointer; color: var(--leaf); font-size: .9rem; }
""".strip()


def page(board: Leaderboard, submissions: str | None = None) -> str:
    """Return the page.

    Parameters
    ----------
    board : Leaderboard
    submissions : str, optional, the https address of the repository that takes submissions as pull requests
    """
    tables = [*board.tables]
    parts = [
        f"<h1>CarbonBench leaderboard</h1>\n<p>{escape(ABOUT)}</p>",
        f'<p class="warn">{escape(MADE_UP)}</p>' if any(table.synthetic for table in tables) else "",
        _links(tables),
        *(_section(table, f"t{i}") for i, table in enumerate(tables)),
        *(_standing(standing.title, standing.cells()) for standing in board.standings),
        _reading(board.notes),
        _submit(submissions),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>CarbonBench leaderboard</title>\n<style>\n{STYLE}\n</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _links(tables: list[Table]) -> str:
    named = [f'<a href="#t{i}">{escape(_name(table))}</a>' for i, table in enumerate(tables)]
    return f"<nav>{''.join(named)}</nav>" if len(named) > 1 else ""


def _name(table: Table) -> str:
    mark = "SYNTHETIC " if table.synthetic else ""
    return f"{mark}{table.group['protocol']} · {table.group['feature_set']}"


def _section(table: Table, anchor: str) -> str:
    g = table.group
    about = (
        f"Feature set <code>{escape(g['feature_set'])}</code>, "
        f"protocol <code>{escape(g['protocol_digest'][:12])}</code>, data <code>{escape(g['data_digest'][:12])}</code>."
    )
    missing = [f"<li>{escape(label)}: not run, {escape(why)}</li>" for label, why in table.not_run.items()]
    return (
        f'<section id="{anchor}">\n<h2>{escape(_name(table))}</h2>\n<p class="soft">{about}</p>\n{_table(table)}\n'
        f"{_not_run(missing)}{_compared(table)}</section>"
    )


def _table(table: Table) -> str:
    columns = [_r2_cells(table, target) for target in TARGETS]
    ranked = [(i, entry) for i, entry in enumerate(table.entries) if not entry.unranked]
    other = [(i, entry) for i, entry in enumerate(table.entries) if entry.unranked]
    best = table.tied() or {entry.label for _, entry in ranked[:1]}
    lines = [_line(entry, [c[i] for c in columns], "best" if entry.label in best else "") for i, entry in ranked]
    lines += _ceilings(table)
    if other:
        lines.append(f'<tr><th colspan="{3 + len(R2) + len(RMSE)}">Not ranked</th></tr>')
        lines += [_line(entry, [c[i] for c in columns], "other") for i, entry in other]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("model", *R2, *RMSE, "towers", "seeds"))
    return _framed(head, lines)


def _r2_cells(table: Table, target: str) -> list[str]:
    """Return a cell per entry: the median, its interval as text and as a bar from 0 to 1, and whether it is tied."""
    intervals, tied, cells = table.intervals(target, "r2"), table.tied(target), []
    for entry in table.entries:
        value = entry.value(f"{target}.r2.q50")
        text = number(value)
        if entry.unranked or entry.label not in intervals:
            cells.append(f"<td>{text}</td>")
            continue
        low, high = intervals[entry.label].low, intervals[entry.label].high
        mark = " <b title='may be as good as the best'>=</b>" if entry.label in tied else ""
        cells.append(f"<td>{text}{mark}{_bar(value, low, high)}<small>[{low:.2f}, {high:.2f}]</small></td>")
    return cells


def _bar(value: float, low: float, high: float) -> str:
    at, left, right = (100 * min(max(v, 0.0), 1.0) for v in (value, low, high))
    dot = f'<u style="left:{at:.1f}%"></u>' if 0 <= value <= 1 else ""
    return f'<span class="bar"><i style="left:{left:.1f}%;width:{right - left:.1f}%"></i>{dot}</span>'


def _line(entry: Entry, r2: list[str], kind: str) -> str:
    why = f"<small>{escape(entry.unranked)}</small>" if entry.unranked else ""
    rest = [*(number(entry.value(key)) for key in RMSE.values()), str(entry.rows[0]["n_sites"]), str(len(entry.rows))]
    cells = "".join(f"<td>{text}</td>" for text in rest)
    return f'<tr class="{kind}"><td>{escape(entry.label)}{why}</td>{"".join(r2)}{cells}</tr>'


def _ceilings(table: Table) -> list[str]:
    rest = "<td></td>" * (len(RMSE) + 2)
    return [
        f'<tr class="other"><td>noise ceiling: {escape(kind)}</td>'
        f"{''.join(f'<td>{number(value)}</td>' for value in values)}{rest}</tr>"
        for kind, values in table.ceilings.items()
    ]


def _not_run(items: list[str]) -> str:
    return f'<ul class="soft">{"".join(items)}</ul>\n' if items else ""


def _compared(table: Table) -> str:
    cells = comparison_cells(table)
    return f"<details><summary>Beside the best</summary>{_plain(cells)}</details>\n" if cells else ""


def _standing(title: str, cells: list[list[str]]) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{_plain(cells)}\n</section>"


def _plain(cells: list[list[str]]) -> str:
    head, *lines = cells
    rows = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines]
    named = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return _framed(named, rows)


def _framed(head: str, lines: list[str]) -> str:
    body = "\n".join(lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _reading(notes: list[str]) -> str:
    said = "".join(f"<p>{escape(note)}</p>" for note in notes)
    bars = "<p>Bars go from 0 to 1: the interval, and the median as a line.</p>"
    return f'<section class="soft">\n<h2>How to read it</h2>\n{said}{bars}\n</section>'


def _submit(address: str | None) -> str:
    where = f'<a href="{escape(address)}">{escape(address)}</a>' if address else "the repository of results"
    return (
        "<section>\n<h2>Submit</h2>\n<p>Copy <code>results/TEMPLATE</code> to "
        "<code>results/PROTOCOL/NAME</code>, fill in <code>submission.yaml</code>, add "
        "<code>predictions.parquet</code> (<code>site_id, date, gpp, reco, nee</code>), and check it:</p>\n"
        "<pre><code>carbonbench score --submission results/PROTOCOL/NAME</code></pre>\n"
        f"<p>Then open a pull request to {where}. A model that has seen measurements of test towers is shown and not "
        "ranked.</p>\n</section>"
    )
