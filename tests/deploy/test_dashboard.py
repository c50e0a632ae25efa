"""The dashboard: every panel is complete, and Prometheus reads every expression."""

from itertools import pairwise
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # it publishes no types

from tests.deploy.monitoring import (
    DASHBOARD,
    dashboard,
    dashboard_expressions,
    documented,
    names_in,
    panels,
    promtool,
    recorded,
    series_of,
)

_OF_EVERY_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}


def test_every_panel_has_a_title_a_description_a_unit_and_legends() -> None:
    titles = [panel["title"] for panel in panels()]
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["legendFormat"], panel["title"]
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    assert {"Requests by status", "Time in the queue", "Redis memory", "Calls to Stripe"} <= set(titles)


def test_the_data_source_is_a_variable() -> None:
    """Red when an exported dashboard names the data source of the Grafana it came from."""
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels():
        for sourced in (panel, *panel["targets"]):
            assert sourced["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in dashboard()["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert all(0 <= x < 24 for x, _ in cells)
    assert all(first != second for first, second in pairwise(sorted(cells)))


def test_prometheus_reads_every_expression(tmp_path: Path) -> None:
    """Red when a panel's expression is broken, or has a variable that the dashboard does not define."""
    expressions = list(dict.fromkeys(dashboard_expressions()))
    assert not [expression for expression in expressions if "$" in expression]
    written = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": written}]}))
    checked = promtool("check", "rules", file.name, folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(expressions)} rules found" in checked.stdout


def test_the_dashboard_reads_only_documented_metrics_and_recorded_series() -> None:
    """Red when a panel misspells a metric."""
    known = {"up"} | recorded() | _OF_EVERY_PROCESS
    for name, metric in documented().items():
        known |= series_of(name, metric.kind)
    for expression in dashboard_expressions():
        assert names_in(expression) <= known, expression


def test_every_documented_metric_has_a_panel() -> None:
    """Red when a metric is added and nobody can see it."""
    seen = {name for expression in dashboard_expressions() for name in names_in(expression)}
    for name, metric in documented().items():
        assert seen & series_of(name, metric.kind) or name.startswith("chat_build_info"), name


def test_grafana_finds_the_dashboard_where_the_documents_mount_it() -> None:
    provisioned = yaml.safe_load((DASHBOARD.parent / "provisioning/dashboards/chat.yml").read_text())
    [provider] = provisioned["providers"]
    [source] = yaml.safe_load((DASHBOARD.parent / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert source["type"] == "prometheus"
    mount = f"deploy/grafana/dashboard.json:{provider['options']['path']}/chat.json:ro"
    assert mount in (DASHBOARD.parents[2] / "docs/monitoring.md").read_text()
