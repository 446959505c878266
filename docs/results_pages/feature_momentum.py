"""Tables and figures of ``docs/results/feature-momentum.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, number, rewritten, times

SETS = {
    "tolokers": "tolokers, ROC-AUC",
    "noisy": "generated, accuracy",
    "musae-github": "musae-github, accuracy",
    "coauthor-physics": "coauthor-physics, accuracy",
}
FANS = ["1", "2", "5", "10"]


def momentum_row(data: str, layers: int, fan_out: str, arm: str) -> dict[str, Any] | None:
    rows = read("feature_momentum")["rows"]
    found = [
        row for row in rows if (row["data"], row["layers"], row["fan_out"], row["arm"]) == (data, layers, fan_out, arm)
    ]
    return found[0] if found else None


def momentum(data: str, layers: int, fan_out: int | str, arm: str = "momentum", seeds: bool = False) -> str:
    """A test score: mean ± standard deviation, with the number of seeds if there are not five or `seeds`."""
    row = momentum_row(data, layers, str(fan_out), arm)
    if row is None:
        return ""
    count = row["seeds"]
    return rewritten(row["test"]) + (f" ({count})" if count != 5 or seeds else "")


def momentum_mean(data: str, layers: int, fan_out: int | str, arm: str = "momentum") -> str:
    return momentum(data, layers, fan_out, arm).split(" ")[0]


def full_runs(data: str, layers: int) -> list[float]:
    """Test scores of the runs on all neighbours, by seed."""
    runs = read("feature_momentum")["runs"]
    return [run["test"] for run in runs if (run["dataset"], run["arm"], run["num_layers"]) == (data, "full", layers)]


def momentum_scores() -> str:
    head = ["", "layers", "", "1 neighbour", "2", "5", "10", "all neighbours"]
    arms = {"plain": "plain", "exact": "plain, exact first layer", "momentum": "momentum"}
    rows = []
    for data, title in SETS.items():
        for layers in sorted({row["layers"] for row in read("feature_momentum")["rows"] if row["data"] == data}):
            for arm, name in arms.items():
                cells = [momentum(data, layers, fan, arm) for fan in FANS]
                if any(cells):
                    full = momentum(data, layers, "all", "full") if arm == "momentum" else ""
                    rows.append([title, str(layers), name, *cells, full])
                    title = ""
    return markdown(head, rows)


def momentum_chosen() -> str:
    head = ["", "layers", "neighbours", "γ", "gradient", "learning rate"]
    rows = []
    for row in read("feature_momentum")["rows"]:
        if row["arm"] == "momentum" and row["layers"] <= 3:
            gradient = row["gradient"].replace("_", "-")
            rows.append(
                [
                    SETS[row["data"]].split(",")[0],
                    str(row["layers"]),
                    row["fan_out"],
                    f"{row['gamma']:g}",
                    gradient,
                    f"{row['lr']:g}",
                ]
            )
    return markdown(head, rows)


COSTED = {"reddit2-sized": "Reddit2's size", "noisy": "generated, 30,000 nodes", "tolokers": "tolokers, 11,758 nodes"}


def step_cost(data: str, arm: str, fan_out: str) -> dict[str, Any]:
    return one(read("feature_momentum")["costs"], data=data, arm=arm, fan_out=fan_out)


def step_ms(data: str, arm: str, fan_out: str) -> str:
    return number(step_cost(data, arm, fan_out)["ms"])


def step_times(data: str, fan_out: str = "1,1,1", arm: str = "momentum") -> str:
    """How many times faster than plain [25, 10, 10]."""
    return times(step_cost(data, "plain", "25,10,10")["ms"] / step_cost(data, arm, fan_out)["ms"])


def momentum_costs() -> str:
    head = ["graph", "neighbours", "", "ms per step", "faster than [25, 10, 10]", "MiB"]
    arms = [
        ("25,10,10", "plain"),
        ("10,10,10", "plain"),
        ("5,5,5", "plain"),
        ("1,1,1", "plain"),
        ("1,1,1", "momentum"),
        ("2,2,2", "momentum"),
    ]
    rows = []
    for data, title in COSTED.items():
        for fan_out, arm in arms:
            row = step_cost(data, arm, fan_out)
            rows.append(
                [
                    title,
                    fan_out.replace(",", ", "),
                    arm,
                    number(row["ms"]),
                    step_times(data, fan_out, arm),
                    f"{row['memory_mib']:,.0f}",
                ]
            )
            title = ""
    return markdown(head, rows)
