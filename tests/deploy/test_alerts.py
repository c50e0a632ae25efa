"""The alert rules: valid, tested one by one, and explained in the runbook."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it publishes no types

from tests.deploy.monitoring import (
    RULES,
    alerts,
    copy_of_the_configuration,
    documented,
    names_in,
    promtool,
    recorded,
    rules,
    series_of,
)
from tests.support.process import ROOT

ALERTS = sorted(alerts())


def test_prometheus_accepts_the_configuration(tmp_path: Path) -> None:
    folder = copy_of_the_configuration(tmp_path)
    checked = promtool("check", "config", "prometheus.yml", folder=folder)
    assert checked.returncode == 0, checked.stderr
    assert "1 rule files found" in checked.stdout


def test_the_scrape_jobs_have_the_names_that_the_rules_expect() -> None:
    configuration = yaml.safe_load((RULES.parent / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    assert set(jobs) == {"chat-api", "chat-worker"}
    for job in jobs.values():
        assert job["authorization"]["credentials_file"] == "metrics-token"


def test_the_rules_are_valid() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name, folder=RULES.parent)
    assert checked.returncode == 0, checked.stderr


def test_each_alert_fires_on_its_series_only() -> None:
    """Red when a threshold, a label, a text or a guard against few events is changed."""
    tested = promtool("test", "rules", "alerts.test.yml", folder=RULES.parent)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_that_is_removed_fails_its_test(name: str, tmp_path: Path) -> None:
    """Red when an alert has no test in which it fires."""
    folder = copy_of_the_configuration(tmp_path)
    content = yaml.safe_load(RULES.read_text())
    for group in content["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != name]
    (folder / RULES.name).write_text(yaml.safe_dump(content))
    file = folder / "alerts.test.yml"
    cases = yaml.safe_load(file.read_text())
    cases["tests"] = [
        test
        for test in cases["tests"]
        if any(case["alertname"] == name for case in test.get("alert_rule_test", ()))
    ]
    file.write_text(yaml.safe_dump(cases))
    tested = promtool("test", "rules", "alerts.test.yml", folder=folder)
    assert tested.returncode != 0
    assert f"alertname: {name}, time:" in tested.stdout + tested.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_silent_on_some_series_that_come_close(name: str) -> None:
    tests = yaml.safe_load((RULES.parent / "alerts.test.yml").read_text())["tests"]
    silent = [
        case
        for test in tests
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == name and not case["exp_alerts"]
    ]
    assert silent


def test_there_are_ten_alerts_with_texts_that_name_their_values() -> None:
    assert len(ALERTS) == 10
    for name, alert in alerts().items():
        assert alert["labels"]["severity"] in {"critical", "warning"}
        annotations = alert["annotations"]
        assert set(annotations) == {"summary", "description", "runbook_url"}
        assert "$value" in annotations["description"], name


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_section_in_the_runbook(name: str) -> None:
    """Red when the runbook lacks the alert, one of the four parts, or the anchor of the link."""
    runbook = (ROOT / "docs/runbook.md").read_text()
    sections = re.split(r"^## ", runbook, flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(f"{name}\n")]
    for part in ("Meaning", "First look", "Cure", "Over"):
        assert f"**{part}.**" in section, part
    assert alerts()[name]["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"


def test_the_runbook_explains_no_alert_that_does_not_exist() -> None:
    headings = re.findall(r"^## (Chat\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert sorted(headings) == ALERTS


def test_the_rules_read_only_documented_metrics_and_their_own_records() -> None:
    """Red when a rule misspells a metric."""
    known = {"up"} | recorded()
    for name, metric in documented().items():
        known |= series_of(name, metric.kind)
    for rule in rules():
        assert names_in(rule["expr"]) <= known, rule


def test_the_rules_select_only_labels_that_the_metrics_have() -> None:
    """Red when a rule misspells a label: its selector would match nothing."""
    for rule in rules():
        for metric, selector in re.findall(r"\b(chat_\w+)\{([^}]*)\}", rule["expr"]):
            labels = set(re.findall(r"(\w+)\s*[=!]", re.sub(r'"[^"]*"', "", selector)))
            # Prometheus renames a metric's own label `job`.
            own = {"exported_job" if label == "job" else label for label in _documented_of(metric)}
            assert labels <= own, (metric, labels)


def _documented_of(series: str) -> frozenset[str]:
    found: dict[str, Any] = {
        part: metric.labels for name, metric in documented().items() for part in series_of(name, metric.kind)
    }
    labels: frozenset[str] = found[series]
    return labels
