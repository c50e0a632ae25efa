"""Only the worker loads the Gemini SDK."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IN_FLOWER = "from app.celery_app import celery; celery.loader.import_default_modules()"


def _loads_gemini(script: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {script}; print('google.genai' in sys.modules)"],
        env={
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": "postgresql://app@localhost/app",
            "REDIS_URL": "redis://localhost",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.endswith("True\n")


@pytest.mark.parametrize("script", ["import app.main", IN_FLOWER], ids=["api", "flower"])
def test_api_and_flower_do_not_load_the_gemini_sdk(script: str) -> None:
    """It costs 24 MB and 0.3 s to 0.8 s per process."""
    assert not _loads_gemini(script)


def test_a_worker_loads_the_gemini_sdk() -> None:
    """Shows that the test above can fail."""
    assert _loads_gemini("import app.bootstrap.worker")
