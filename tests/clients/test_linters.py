"""The linters of the field find nothing to complain about in the OpenAPI document."""

import json
from pathlib import Path

from tests.clients.tools import Tools


def test_redocly_finds_nothing_in_its_strict_rules(tools: Tools, document: Path) -> None:
    printed = tools.npm_findings(
        "redocly", "lint", "--extends=recommended-strict", "--format=json", str(document)
    )
    problems = json.loads(printed)["problems"]
    assert [(each["ruleId"], each["location"][0]["pointer"]) for each in problems] == []


def test_spectral_finds_nothing_in_its_rules_for_openapi(tools: Tools, document: Path) -> None:
    rules = tools.folder / "spectral.yaml"
    rules.write_text('extends: ["spectral:oas"]\n')
    printed = tools.npm_findings("spectral", "lint", "--quiet", "-r", str(rules), "-f", "json", str(document))
    assert [(each["code"], each["path"]) for each in json.loads(printed)] == []
