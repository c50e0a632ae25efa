"""Each process loads the libraries that it needs, and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_API = """
import asyncio
import uvicorn.main
from app.main import app

async def start():
    async with app.router.lifespan_context(app):
        pass

asyncio.run(start())
"""
_WORKER = """
import asyncio
from app.celery_app import celery
from app.bootstrap.worker import worker_services
from app.config import get_settings

async def start():
    hooks = {"start": None, "is_stopping": None, "publish_report": None}
    async with worker_services(get_settings(), slots=1, **hooks):
        pass

celery.loader.import_default_modules()
asyncio.run(start())
"""
_FLOWER = "from app.celery_app import celery; celery.loader.import_default_modules()"
_GEMINI = "app.gemini_client.google"
_TRACES = {"app.tracing.recording", "opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf"}


def _loaded(script: str) -> set[str]:
    """Return the modules that a process has loaded once it is started, without any server."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport sys\nprint(*sys.modules)"],
        env={
            "PYTHONPATH": str(ROOT),
            "ENVIRONMENT": "test",
            "DATABASE_URL": "postgresql://app@127.0.0.1:1/app",
            "REDIS_URL": "redis://127.0.0.1:1",
            "GEMINI_API_KEY": "key",
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("script", "needed", "unneeded"),
    [
        (
            _API,
            {"fastapi", "sqlalchemy", "app.main"},
            {"celery", "kombu", "alembic", "stripe", "requests", "google.genai", _GEMINI, *_TRACES},
        ),
        (
            _WORKER,
            {"celery", "sqlalchemy", _GEMINI},
            {
                "fastapi",
                "starlette",
                "uvicorn",
                "alembic",
                "stripe",
                "google.genai",
                *_TRACES,
            },
        ),
        (
            _FLOWER,
            {"celery", "app.tasks"},
            {"fastapi", "alembic", "stripe", "google.genai", _GEMINI, *_TRACES},
        ),
    ],
    ids=["api", "worker", "flower"],
)
def test_a_process_loads_only_what_it_needs(script: str, needed: set[str], unneeded: set[str]) -> None:
    """Red when one import comes back.

    Celery costs a process 7 MB, Alembic 7, Stripe's SDK 10, FastAPI 15; and all cost time.
    """
    loaded = _loaded(script)
    assert loaded >= needed
    assert loaded & unneeded == set()
