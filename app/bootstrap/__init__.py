"""The one wiring: settings → resources and services; the API and the worker use the same."""

from app.bootstrap.api import ApiServices, api_services
from app.bootstrap.worker import WorkerServices, worker_services

__all__ = ["ApiServices", "WorkerServices", "api_services", "worker_services"]
