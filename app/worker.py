"""A worker process: its services, polls and heartbeat on one asyncio loop in a thread."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, NoReturn, Protocol
from uuid import UUID, uuid4

import structlog
import uvloop
from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.concurrency.solo import TaskPool as SoloPool
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from app.bootstrap.refusal import StartRefusedError
from app.config import Settings, get_settings, refuse_to_start
from app.errors import ServiceUnavailable
from app.kit.background import TaskSet, run_forever
from app.task_events import TaskEvents

if TYPE_CHECKING:
    from app.bootstrap.worker import WorkerServices
    from app.services.generation.reply_reports import ReplyReport

_HEARTBEAT_SECONDS = 5.0
_STOP_MARGIN_SECONDS = 10.0
_CLOSE_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Worker:
    """Generates replies on its own loop, on behalf of Celery's threads, which wait for them."""

    def __init__(self, settings: Settings, *, slots: int, task_events: TaskEvents) -> None:
        self._settings = settings
        self._task_events = task_events
        self._slots = slots
        self._id: UUID = uuid4()
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._services: WorkerServices | None = None
        self._draining = asyncio.Event()
        self._stopped = asyncio.Event()
        self._work = TaskSet("worker")
        self._thread = threading.Thread(target=self._run, name="worker-loop", daemon=True)

    def start(self) -> None:
        """Open the services on the loop; returns once they are ready, or raises their error."""
        self._thread.start()
        self._ready.result()

    def answer(self, reply_id: UUID) -> ReplyReport | None:
        """Generate a reply, from any thread; returns once this worker has finished with it.

        The report is None if this worker did not claim the reply, or could not record its outcome.
        """
        if self._loop is None:
            raise RuntimeError("the worker is not started")
        return asyncio.run_coroutine_threadsafe(self._answer(reply_id), self._loop).result()

    def sync_event(self, event_id: str) -> None:
        """Start processing a Stripe event in the background, from any thread."""
        if self._loop is None:
            raise RuntimeError("the worker is not started")
        self._loop.call_soon_threadsafe(self._start_event, event_id)

    def begin_draining(self) -> None:
        """Claim nothing new; after `SHUTDOWN_GRACE_SECONDS` release the replies that still run."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._draining.set)

    def stop(self) -> None:
        """Drain, close the services and stop the loop."""
        self.begin_draining()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(timeout=self._settings.shutdown_grace_seconds + _STOP_MARGIN_SECONDS)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        except BaseException as error:
            if self._ready.done():
                log.exception("worker_loop_failed")
                os._exit(1)  # without its loop the process does no work but seems alive
            self._ready.set_exception(error)

    async def _main(self) -> None:
        # Flower imports the tasks, and this module with them: only a worker loads the model's client.
        from app.bootstrap.worker import worker_services  # noqa: PLC0415

        self._loop = asyncio.get_running_loop()
        async with worker_services(
            self._settings,
            slots=self._slots,
            start=self._work.start,
            is_stopping=self._draining.is_set,
            publish_report=self._task_events.publish,
        ) as services:
            self._services = services
            background = TaskSet("worker-background")
            background.start(run_forever(services.leases.keep, name="leases"))
            background.start(run_forever(self._beat, name="heartbeat"))
            background.start(run_forever(services.dispatcher.run, name="dispatcher"))
            background.start(self._poll(services.account_erasure.erase_due))
            background.start(self._poll(services.room_erasure.erase_due))
            background.start(self._poll(services.inbox.process_stale))
            background.start(self._poll(services.periodic.run_due))
            if self._settings.metrics_port:
                # Only a worker with this port loads a web server.
                from app.http_server.metrics_port import serve_metrics  # noqa: PLC0415

                serve = partial(serve_metrics, self._settings.metrics_port, services.monitoring.metrics)
                background.start(run_forever(serve, name="metrics"))
            # Full collections then check the objects of tasks alone, so they are cheap and frequent. A task
            # that claims nothing leaves a cycle of 70 KB, with the copy of a traceback that Celery makes.
            gc.freeze()
            self._ready.set_result(None)
            log.info("worker_started", worker_id=str(self._id), slots=self._slots)
            await self._draining.wait()
            await self._drain()
            await self._stopped.wait()
            await background.close(_CLOSE_SECONDS)
            await self._work.close(_CLOSE_SECONDS)  # before the services that it uses
            await self._remove_heartbeat()
        log.info("worker_stopped", worker_id=str(self._id))

    async def _answer(self, reply_id: UUID) -> ReplyReport | None:
        if self._draining.is_set():
            return None
        with self._the_services.reports.awaiting(reply_id) as awaited:
            await self._the_services.dispatcher.process(reply_id)
        return awaited.report

    def _start_event(self, event_id: str) -> None:
        if not self._draining.is_set():
            self._work.start(self._the_services.inbox.process(event_id))

    async def _drain(self) -> None:
        log.info("worker_draining", replies=len(self._work))
        leases = self._the_services.leases
        self._the_services.dispatcher.drain()
        await self._work.wait(self._settings.shutdown_grace_seconds)
        leases.stop_all()
        await self._work.wait(_STOP_MARGIN_SECONDS)

    async def _poll(self, process_due: Callable[[], Coroutine[object, object, None]]) -> None:
        """Process one kind of due row until the process drains; needs only the database, not Redis."""
        while not self._draining.is_set():
            pause = self._settings.reply_poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
            await asyncio.sleep(pause)
            await asyncio.wait({self._work.start(process_due())})  # failures are logged; leases expire

    async def _beat(self) -> None:
        while True:
            try:
                async with self._the_services.uow.begin() as tx:
                    await tx.workers.beat(worker_id=self._id, hostname=socket.gethostname())
            except ServiceUnavailable:
                log.warning("heartbeat_not_written")
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _remove_heartbeat(self) -> None:
        try:
            async with self._the_services.uow.begin() as tx:
                await tx.workers.remove(self._id)
        except ServiceUnavailable:
            log.warning("heartbeat_not_removed")

    @property
    def _the_services(self) -> WorkerServices:
        if self._services is None:
            raise RuntimeError("the worker is not started")
        return self._services


class _StartingWorker(Protocol):
    """The attributes of Celery's worker that this module reads; its published types lack both."""

    pool_cls: type
    concurrency: int


_worker: Worker | None = None


def current_worker() -> Worker:
    """Return the worker of this process."""
    if _worker is None:
        raise RuntimeError("no worker runs in this process")
    return _worker


@celeryd_after_setup.connect
def _start(instance: _StartingWorker, **_: object) -> None:
    """Open the services before Celery consumes."""
    global _worker  # noqa: PLW0603  # Celery's signals leave no other place for the process's one worker
    if issubclass(instance.pool_cls, PreforkPool):
        _refuse("This worker runs all replies on one loop: use --pool=threads (the default) or solo.")
    slots = 1 if issubclass(instance.pool_cls, SoloPool) else instance.concurrency
    try:
        _worker = Worker(get_settings(), slots=slots, task_events=TaskEvents(instance))
        _worker.start()
    except StartRefusedError as refused:
        _refuse(str(refused))
    except Exception as error:
        # Celery only logs an error of a signal's handler; it would then report "ready" and fail every task.
        log.debug("worker_start_failed", exc_info=True)
        _refuse(f"The worker cannot start: {type(error).__name__}: {error}")


def _refuse(problem: str) -> NoReturn:
    refuse_to_start(problem)
    raise SystemExit(1)


@worker_shutting_down.connect
def _drain(**_: object) -> None:
    if _worker is not None:
        _worker.begin_draining()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    if _worker is not None:
        _worker.stop()
