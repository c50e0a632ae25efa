"""A worker process: one asyncio loop in a thread, with the services on it, its poll and its heartbeat."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

import structlog
import uvloop
from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.concurrency.solo import TaskPool as SoloPool
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from app.bootstrap.refusal import StartRefusedError
from app.config import Settings, get_settings
from app.errors import ServiceUnavailable
from app.kit.background import run_forever
from app.task_events import TaskEvents

if TYPE_CHECKING:
    from app.bootstrap.worker import WorkerServices
    from app.services.generation.reply_reports import ReplyReport

_HEARTBEAT_SECONDS = 5.0
_STOP_MARGIN_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Worker:
    """Runs replies on its own loop; Celery's threads hand them over and wait."""

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
        self._work: set[asyncio.Task[object]] = set()
        self._thread = threading.Thread(target=self._run, name="worker-loop", daemon=True)

    def start(self) -> None:
        """Open the services on the loop; returns when they are ready, or raises what went wrong."""
        self._thread.start()
        self._ready.result()

    def answer(self, reply_id: UUID) -> ReplyReport | None:
        """Work on a reply, from any thread; returns when this worker is done with it.

        The report is None if it has not worked on it, or could not record what came of it.
        """
        if self._loop is None:
            raise RuntimeError("the worker is not started")
        return asyncio.run_coroutine_threadsafe(self._answer(reply_id), self._loop).result()

    def sync_event(self, event_id: str) -> None:
        """Work on an event of Stripe's in the background, from any thread; returns at once."""
        if self._loop is None:
            raise RuntimeError("the worker is not started")
        asyncio.run_coroutine_threadsafe(self._sync_event(event_id), self._loop)

    def begin_draining(self) -> None:
        """Take nothing new; give what runs `SHUTDOWN_GRACE_SECONDS`, then hand it back."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._draining.set)

    def stop(self) -> None:
        """Drain, close and end the loop."""
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
                os._exit(1)  # without its loop the process would only pretend to work
            self._ready.set_exception(error)

    async def _main(self) -> None:
        # Flower imports the tasks, and this module with them: only a worker loads the model's SDK.
        from app.bootstrap.worker import worker_services  # noqa: PLC0415

        self._loop = asyncio.get_running_loop()
        async with worker_services(
            self._settings,
            slots=self._slots,
            start=self._start,
            is_stopping=self._draining.is_set,
            publish_report=self._task_events.publish,
        ) as services:
            self._services = services
            background = [
                asyncio.create_task(run_forever(services.leases.keep, name="leases")),
                asyncio.create_task(run_forever(self._beat, name="heartbeat")),
                asyncio.create_task(run_forever(services.dispatcher.run, name="dispatcher")),
                asyncio.create_task(self._poll(services.erasure.erase_due)),
                asyncio.create_task(self._poll(services.room_erasure.erase_due)),
                asyncio.create_task(self._poll(services.inbox.work_off_forgotten)),
                asyncio.create_task(self._poll(services.periodic.run_due)),
            ]
            self._ready.set_result(None)
            log.info("worker_started", worker_id=str(self._id), slots=self._slots)
            await self._draining.wait()
            await self._drain()
            await self._stopped.wait()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._say_goodbye()
        log.info("worker_stopped", worker_id=str(self._id))

    async def _answer(self, reply_id: UUID) -> ReplyReport | None:
        if self._draining.is_set():
            return None
        with self._the_services.reports.awaiting(reply_id) as awaited:
            await self._the_services.dispatcher.process(reply_id)
        return awaited.report

    async def _sync_event(self, event_id: str) -> None:
        if not self._draining.is_set():
            await self._track(self._guard(self._the_services.inbox.work_off(event_id)))

    def _track(self, work: Coroutine[object, object, object]) -> asyncio.Task[object]:
        """Start work that a shutdown waits for."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    def _start(self, work: Coroutine[object, object, None]) -> None:
        """Begin work that a shutdown waits for; if it crashes, that is logged."""
        self._track(self._guard(work))

    async def _drain(self) -> None:
        log.info("worker_draining", replies=len(self._work))
        leases = self._the_services.leases
        self._the_services.dispatcher.drain()
        await self._wait_for_work(self._settings.shutdown_grace_seconds)
        leases.stop_all()
        await self._wait_for_work(_STOP_MARGIN_SECONDS)

    async def _wait_for_work(self, seconds: float) -> None:
        """Until nothing runs any more, also of what was claimed when the draining began."""
        until = time.monotonic() + seconds
        while self._work and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._work, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    async def _poll(self, look: Callable[[], Coroutine[object, object, None]]) -> None:
        """Look for one kind of work in the database again and again, also while Redis is away."""
        while not self._draining.is_set():
            pause = self._settings.reply_poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
            await asyncio.sleep(pause)
            await self._track(self._guard(look()))

    async def _guard(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("work_crashed")  # a lease runs out, and somebody tries again

    async def _beat(self) -> None:
        while True:
            try:
                async with self._the_services.uow.begin() as tx:
                    await tx.workers.beat(worker_id=self._id, hostname=socket.gethostname())
            except ServiceUnavailable:
                log.warning("heartbeat_not_written")
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _say_goodbye(self) -> None:
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
    """What this module reads of Celery's worker; its published types leave both out."""

    pool_cls: type
    concurrency: int


_worker: Worker | None = None


def current_worker() -> Worker:
    """The worker of this process."""
    if _worker is None:
        raise RuntimeError("no worker runs in this process")
    return _worker


@celeryd_after_setup.connect
def _start(instance: _StartingWorker, **_: object) -> None:
    """Celery is about to consume: have the services ready."""
    global _worker  # noqa: PLW0603  # Celery's signals leave no other place for the process's one worker
    if issubclass(instance.pool_cls, PreforkPool):
        raise SystemExit(
            "This worker runs all replies on one loop: use --pool=threads (the default) or solo."
        )
    slots = 1 if issubclass(instance.pool_cls, SoloPool) else instance.concurrency
    try:
        _worker = Worker(get_settings(), slots=slots, task_events=TaskEvents(instance))
        _worker.start()
    except StartRefusedError as refused:
        raise SystemExit(str(refused)) from None
    except Exception as error:
        # Celery only logs what a signal's handler raises; it would say "ready" and fail every job.
        log.debug("worker_start_failed", exc_info=True)
        raise SystemExit(f"The worker cannot start: {type(error).__name__}: {error}") from error


@worker_shutting_down.connect
def _drain(**_: object) -> None:
    if _worker is not None:
        _worker.begin_draining()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    if _worker is not None:
        _worker.stop()
