#!/usr/bin/env python3
"""What was measured, as tables in Markdown: `report.py FILE.json` prints them, and `report.py FILE.json PICTURE` the
whole of docs/BENCHMARKS.md, which shows the picture that `plot` drew."""

import json
import statistics
import sys
from pathlib import Path

MIB = 1 << 20
# Beside the memory that it has by default, whatever the work.
PROGRAM = 32 * MIB
# A round in which others had more of the processors than this is not to be relied on.
QUIET = 0.1


def line(run):
    """One run in a line."""
    text = f"{run['wall']:.2f} s, CPU {run['cpu']:.2f} s, endpoint {run['endpoint_cpu']:.2f} s"
    text += f", {run['peak_sum'] / MIB:.0f} MiB, others {run['others']:.2f} s"
    if "first_byte" in run:
        text += f", first byte {run['first_byte'] * 1e3:.0f} ms"
    return text


def ratios(row, target):
    """In each round, how many times better ours is than the best of the others."""
    found = [row["contenders"][name] for name in target["against"] if name in row["contenders"]]
    ours = row["contenders"].get(target["ours"])
    metric = target["metric"]
    if not found or not ours:
        return []
    rounds = min(map(len, [ours, *found]))
    best = [min(runs[number][metric] for runs in found) for number in range(rounds)]
    return [best[number] / ours[number][metric] for number in range(rounds)]


def targets(result):
    """Every target with its ratios: (row's title, target, ratios)."""
    for row in result["rows"].values():
        for target in row["targets"]:
            yield row["title"], target, ratios(row, target)


def peak(result):
    """The most memory that any run of Sealift's command took, with the memory that it has by default."""
    runs = [run for row in result["rows"].values() for name, all_runs in row["contenders"].items()
            if name.startswith("sealift") and "--memory" not in name for run in all_runs]
    return max((run["peak_largest"] for run in runs), default=0)


def markdown(result):
    parts = [reached(result)]
    parts += [table(row) for row in result["rows"].values()]
    parts.append(about(result))
    return "\n".join(parts)


def reached(result):
    lines = ["| work | must be | at least | median | min–max | reached |", "|---|---|--:|--:|--:|---|"]
    for title, target, found in targets(result):
        if not found:
            continue
        median = statistics.median(found)
        verdict = "yes" if median >= target["at_least"] else "**no**"
        # A stored size is compared to a tenth of a percent.
        digits = 3 if target["metric"] == "stored" else 2
        spread = f"{min(found):.{digits}f}–{max(found):.{digits}f}"
        cells = [title, target["text"], f"{target['at_least']:g} ×", f"{median:.{digits}f} ×", spread, verdict]
        lines.append(row_of(cells))
    memory = result["memory"] + PROGRAM
    verdict = "yes" if peak(result) <= memory else "**no**"
    lines.append(f"| all of it | peak memory | ≤ {memory // MIB} MiB | {peak(result) / MIB:.0f} MiB | | {verdict} |")
    return "\n".join(lines) + "\n"


def row_of(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(row):
    """Medians of one row."""
    lines = [f"### {row['title'][0].upper()}{row['title'][1:]}\n"]
    has = {key for runs in row["contenders"].values() for run in runs for key in run}
    heads = ["", "wall", "CPU", "endpoint's CPU", "peak memory", "of which the largest process"]
    if "stored" in has:
        heads.append("stored")
    if row["targets"] and any(target["metric"] == "first_byte" for target in row["targets"]):
        heads.append("first byte")
    lines += ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for name, runs in row["contenders"].items():
        def median(metric):
            return statistics.median(run.get(metric, 0) for run in runs)

        cells = [name, f"{median('wall'):.2f} s", f"{median('cpu'):.2f} s", f"{median('endpoint_cpu'):.2f} s"]
        cells += [f"{median('peak_sum') / MIB:.0f} MiB", f"{median('peak_largest') / MIB:.0f} MiB"]
        if "stored" in heads:
            cells.append(f"{median('stored') / MIB:.1f} MiB")
        if "first byte" in heads:
            cells.append(f"{median('first_byte') * 1e3:.0f} ms")
        lines.append(row_of(cells))
    return "\n".join(lines) + "\n"


def about(result):
    """The conditions."""
    data = result["data"]
    files = data["files"]
    parts = [f"{count / MIB:.0f} MiB of {name} ({files[name]:,} files)" for name, count in data["bytes"].items()]
    runs = [run for row in result["rows"].values() for runs in row["contenders"].values() for run in runs]
    busy = [run for run in runs if run["others"] > QUIET * run["wall"]]
    versions = ", ".join(f"{name} ({version})" for name, version in result["versions"].items())
    return (
        f"\n{result['machine']}; {result['rounds']} rounds. Data: {' and '.join(parts)}. Versions: {versions}.\n"
        f"Runs during which something else took more than {QUIET:.0%} of a core: {len(busy)} of {len(runs)}.\n"
    )


def document(result, picture):
    return (
        "# Benchmarks\n\n"
        "Made by `benches/side-by-side/run`, on loopback: what the client costs,\n"
        "not what a network or a service does. "
        "[benches/README.md](../benches/README.md) says how it is measured. Of ratios, more is better.\n\n"
        f"![Time and CPU time of each tool]({picture})\n\n{markdown(result)}\n"
        # Written by hand, for the figures that are published.
        f"{(Path(__file__).parent / 'why.md').read_text()}"
    )


if __name__ == "__main__":
    measured = json.loads(Path(sys.argv[1]).read_text())
    print(document(measured, sys.argv[2]) if len(sys.argv) > 2 else markdown(measured), end="")
