"""Read the rules, the dashboard and the documents of monitoring."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]  # it publishes no types

from tests.support.installed import installed
from tests.support.process import ROOT

RULES: Final = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD: Final = ROOT / "deploy/grafana/dashboard.json"
_ROW: Final = re.compile(
    r"^\| `(?P<name>chat_\w+)` \| (?P<kind>counter|gauge|histogram) \| (?P<labels>[^|]*) \| [^|]+ \|$",
    re.MULTILINE,
)
_STRINGS: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMES: Final = re.compile(r"\b(?:chat|process|python)_\w+|\bup\b|\bchat:[\w:]+")


@dataclass(frozen=True, slots=True)
class DocumentedMetric:
    """A row of the table in docs/monitoring.md."""

    kind: str
    labels: frozenset[str]


def rules() -> list[dict[str, Any]]:
    """Return all rules, of every group."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alert rules by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> set[str]:
    """Return the names of the series that rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels, without its rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard_expressions() -> Iterator[str]:
    """Yield every expression of the dashboard, with values in place of its variables."""
    texts = [target["expr"] for panel in panels() for target in panel["targets"]]
    texts += [annotation["expr"] for annotation in dashboard()["annotations"]["list"]]
    for text in texts:
        yield text.replace("$__rate_interval", "5m").replace("$model", ".*")


def names_in(expression: str) -> set[str]:
    """Return the names of the metrics that an expression reads."""
    return set(_NAMES.findall(_STRINGS.sub("", expression)))


def documented() -> dict[str, DocumentedMetric]:
    """Return the metrics that docs/monitoring.md lists."""
    rows = list(_ROW.finditer((ROOT / "docs/monitoring.md").read_text()))
    found = {
        row["name"]: DocumentedMetric(row["kind"], frozenset(re.findall(r"`(\w+)`", row["labels"])))
        for row in rows
    }
    assert len(found) == len(rows), "a metric is listed twice"
    return found


def series_of(name: str, kind: str) -> set[str]:
    """Return the names of the series that a metric exposes."""
    return {f"{name}_{part}" for part in ("bucket", "count", "sum")} if kind == "histogram" else {name}


def promtool(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool in a folder."""
    program = installed("promtool", package="prometheus")
    return subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def copy_of_the_configuration(folder: Path) -> Path:
    """Copy deploy/prometheus into a folder, with a token as an operator would add it."""
    copy = folder / "prometheus"
    shutil.copytree(RULES.parent, copy)
    (copy / "metrics-token").write_text("metrics-token-of-the-tests")
    return copy
