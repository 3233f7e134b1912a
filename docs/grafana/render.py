#!/usr/bin/env python3
"""Draws the dashboard's queries, as a Prometheus answers them. It is not Grafana's own rendering: it is for looking at what
the panels show where there is no Grafana. Needs matplotlib.

    render.py http://127.0.0.1:9090 MINUTES dashboard.png
"""
import json
import pathlib
import sys
import time
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates
import matplotlib.pyplot as plt

server, minutes, picture = sys.argv[1], float(sys.argv[2]), sys.argv[3]
dashboard = json.loads((pathlib.Path(__file__).parent / "sealift.json").read_text())
now = time.time()


def ask(kind, **parameters):
    url = f"{server}/api/v1/{kind}?{urllib.parse.urlencode(parameters)}"
    return json.load(urllib.request.urlopen(url))["data"]["result"]


def query_of(target):
    query = target["expr"].replace("$__rate_interval", "15s")
    for variable in ("operation", "bucket", "job_name"):
        query = query.replace(f"${variable}", ".*")
    return query


def name(target, labels):
    text = target["legendFormat"]
    for label in ("operation", "job_name", "bucket", "cause", "kind"):
        value = labels.get(label, "").rstrip("/").rsplit("/", 1)[-1]
        text = text.replace("{{" + label + "}}", value)
    return " ".join(text.split())


def shown(value, unit):
    if value != value:
        return "-"
    if unit == "s":
        return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min" if value < 86400 else f"{value / 86400:.1f} d"
    return f"{value:g}"


def colour(panel, value):
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return reached[-1] if reached else "black"


height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
figure = plt.figure(figsize=(16, height * 0.5))
for panel in dashboard["panels"]:
    at = panel["gridPos"]
    box = [at["x"] / 24 + 0.03, 1 - (at["y"] + at["h"]) / height + 0.025, at["w"] / 24 - 0.045, at["h"] / height - 0.05]
    axes = figure.add_axes(box)
    axes.set_title(panel["title"], fontsize=10, loc="left")
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if panel["type"] == "stat":
        axes.axis("off")
        values = [(name(t, one["metric"]), float(one["value"][1])) for t in panel["targets"] for one in ask("query", query=query_of(t))]
        for line, (who, value) in enumerate(values or [("no data", float("nan"))]):
            axes.text(0, 0.85 - line * 0.3, shown(value, unit), fontsize=14, color=colour(panel, value), va="center")
            axes.text(0.35, 0.85 - line * 0.3, who, fontsize=8, va="center")
        continue
    for target in panel["targets"]:
        for one in ask("query_range", query=query_of(target), start=now - minutes * 60, end=now, step=1):
            times = [matplotlib.dates.epoch2num(t) if hasattr(matplotlib.dates, "epoch2num") else t / 86400 for t, _ in one["values"]]
            axes.plot(times, [float(value) for _, value in one["values"]], label=name(target, one["metric"]), linewidth=1.2)
    axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M:%S"))
    axes.tick_params(labelsize=7)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=7, loc="upper left")
figure.text(0.01, 0.005, "Drawn from Prometheus' answers to the dashboard's queries by render.py; not Grafana's own rendering.", fontsize=8)
figure.savefig(picture, dpi=70)
