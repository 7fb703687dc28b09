"""A leakage report in words: in full, or in one line for the card."""

from __future__ import annotations

from .errors import first_few
from .leakage import SAME


def describe(report: dict) -> str:
    """Return a report as text, a line or a few for each question."""
    lines = [f"{report['test_towers']} test towers against {report['train_towers']} training towers"]
    lines += [*_say_identities(report["identities"]), *_say_distance(report["distance"])]
    for by, found in report["classes"].items():
        unseen = ", ".join(f"{label} ({n})" for label, n in found["unseen"].items()) or "none"
        lines.append(
            f"{by}: test classes that training lacks (towers): {unseen}; {found['seen_towers']} towers of seen"
        )
    return "\n".join([*lines, *_say_tables(report)])


def summary(report: dict) -> str:
    """Return a report in one line, for the card."""
    distance, drivers, days = report["distance"], report["drivers"], report["days"]
    said = [f"{report['test_towers']} test towers, {len(report['identities']['shared'])} of them in training"]
    if distance:
        shares = ", ".join(f"{share:.0%} within {km} km" for km, share in distance["within"].items())
        said.append(f"nearest training tower: {shares}, median {distance['quantiles']['50']:.0f} km")
    if drivers:
        said.append(f"{drivers['test_towers']} share a driver series with one")
    if days and days["towers"]:
        said.append(f"{days['share']:.0%} of test days within {days['window_days']} days of a training day")
    main = [(by, found) for by, found in report["classes"].items() if by != "koppen"]
    unseen = [f"{by} {'/'.join(found['unseen'])}" for by, found in main if found["unseen"]]
    return "; ".join([*said, f"classes not in training: {', '.join(unseen) or 'none'}"]) + "."


def _say_identities(found: dict) -> list[str]:
    lines = [f"towers on both sides: {first_few(found['shared'], 10) or 'none'}"]
    if found["aliases"]:
        lines.append("one tower under two ids: " + first_few((f"{a} = {b}" for a, b in found["aliases"]), 10))
    groups = ((column, found[column]) for column in SAME if column in found)
    return lines + [f"test towers that share their {column} with training: {len(ids)}" for column, ids in groups]


def _say_distance(found: dict | None) -> list[str]:
    if not found:
        return ["distance to the nearest training tower: not known, no coordinates"]
    quantiles = ", ".join(f"{q} % {km:.1f}" for q, km in found["quantiles"].items())
    shares = ", ".join(f"{share:.1%} within {km} km" for km, share in found["within"].items())
    closest = sorted(found["test"], key=lambda tower: tower["km"])[:5]
    lines = [
        f"distance to the nearest training tower [km], quantiles: {quantiles}",
        f"test towers with a training tower near: {shares}",
        "closest: " + ", ".join(f"{t['site_id']} to {t['nearest']} {t['km']:.1f} km" for t in closest),
    ]
    lacking = found["without_coordinates"]
    return lines + ([f"without coordinates: {first_few(lacking, 10)}"] if lacking else [])


def _say_tables(report: dict) -> list[str]:
    drivers, days, climate = report["drivers"], report["days"], report["climate"]
    if not drivers or not days:
        return ["drivers, days and climate: not compared, no tables were given"]
    sources = ", ".join(f"{source} {n}" for source, n in drivers["by_source"].items()) or "none"
    lines = [
        f"test towers that share a driver series with a training tower: {drivers['test_towers']}; by source: {sources}",
        f"test days less than {days['window_days']} days from a training day of the same tower: "
        f"{days['close_days']:,} of {days['test_days']:,}",
    ]
    if not climate:
        return [*lines, "climate distance: not known, no driver that most towers have"]
    lines.append(f"climate distance to the nearest training tower, median {climate['quantiles']['50']:.2f}")
    if climate["among_training"]:
        lines[-1] += (
            f"; among training towers {climate['among_training']['50']:.2f}, "
            f"{climate['beyond']:.0%} of test towers beyond their 95 %"
        )
    return [*lines, f"farthest: {', '.join(f'{site} {d:.2f}' for site, d in climate['farthest'].items())}"]
