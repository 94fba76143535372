"""Draw docs/images from results.json and fleet.py: `python benchmarks/charts.py`.

The same numbers give the same bytes, with one version of matplotlib.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fleet
import matplotlib as mpl
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLOURS = {"kubeauth": "#2563eb", "azure-identity": "#9ca3af", "bare Python": "#d1d5db"}
CURVES = ("#9ca3af", "#d97706", "#60a5fa", "#1d4ed8")


def save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def bars(results: dict[str, Any], keys: tuple[str, ...], name: str, title: str) -> None:
    rows = [(f"{key}: {row['name']}", row) for key in keys for row in results[key]]
    figure, axes = pyplot.subplots(figsize=(8, 0.4 * len(rows) + 1))
    for place, (_, row) in enumerate(rows):
        kind = next((kind for kind in COLOURS if row["name"].startswith(kind)), "bare Python")
        drawn = axes.barh(-place, row["cpu"], color=COLOURS[kind])
        axes.bar_label(drawn, fmt="%.0f", padding=3)
    axes.set_yticks([-place for place in range(len(rows))], [label for label, _ in rows])
    axes.set_xlabel("processor time, ms (median)")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, name)


def curves(service: fleet.Service, name: str) -> None:
    figure, all_axes = pyplot.subplots(len(fleet.FLEETS), figsize=(8, 8), sharex=True)
    for axes, runners in zip(all_axes, fleet.FLEETS, strict=True):
        for policy, colour in zip(fleet.POLICIES, CURVES, strict=True):
            minutes = fleet.requests_per_minute(service, policy, runners)
            step = 10 if service.watched_minutes > 600 else 1
            peaks = [max(minutes[at : at + step]) for at in range(0, len(minutes), step)]
            hours = [at * step / 60 for at in range(len(peaks))]
            axes.plot(hours, peaks, label=policy.name, color=colour, linewidth=1.2)
        begins = service.fails_from / 3600
        axes.axvspan(begins, begins + service.fails_for / 3600, color="#fee2e2")
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylabel("requests per minute")
        axes.set_title(f"{runners:,} runners at {service.name}")
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0].legend(fontsize="small", loc="upper right")
    all_axes[-1].set_xlabel("hours; the service fails in the red time")
    save(figure, name)


def main() -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "kubeauth"
    mpl.rcParams["font.size"] = 9
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    IMAGES.mkdir(exist_ok=True)
    bars(results, ("spn", "workloadidentity", "msi"), "first-sign-in", "A first sign-in")
    bars(results, ("hit", "azurecli", "person"), "other-calls", "A hit, a tool, a person")
    bars(results, ("fifty", "two-hundred"), "at-once", "Many first calls at once, together")
    curves(fleet.ENTRA, "fleet-entra")
    curves(fleet.IMDS, "fleet-imds")


if __name__ == "__main__":
    main()
