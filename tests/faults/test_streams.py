"""Streams cut repeatedly, across two API processes, while Redis is emptied and a worker is killed."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import CarefulClient
from tests.faults.proxy import Proxy
from tests.support.listener import Listener
from tests.support.user import User

_CUT_SECONDS = 0.3
_MAX_CUTS = 200
_SPOKEN = "[sandbox:unicode] [sandbox:pieces=100] [sandbox:pace=60]"


@contextmanager
def _cut_again_and_again(proxies: list[Proxy]) -> Iterator[None]:
    """Abort all connections of these proxies repeatedly for the duration of the block."""
    over = threading.Event()

    def cut() -> None:
        for _ in range(_MAX_CUTS):
            if over.wait(_CUT_SECONDS):
                return
            for proxy in proxies:
                proxy.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        yield
    finally:
        over.set()
        cutter.join(10)


@contextmanager
def _meanwhile(break_something: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=break_something)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)


def _listen_to_the_end(listener: Listener, somewhere: list[User], entry: Entry) -> int:
    """Reconnect after every cut, alternating API processes; return the number of reconnects."""
    address = f"/chatroom/{entry.room}/message/{entry.reply_id}/events"
    for times, user in enumerate(itertools.cycle(somewhere)):
        with contextlib.suppress(httpx.TransportError):
            listener.listen(user, address, seconds=10)
        if listener.has_ended:
            return times
        assert times < _MAX_CUTS, listener.kinds
    raise AssertionError("cycle() does not end")


@contextmanager
def _two_api_processes(environment: Environment) -> Iterator[list[Proxy]]:
    second = environment.stack.start_api()
    process = environment.stack.processes[-1]
    ports = [int(url.rpartition(":")[2]) for url in (environment.stack.base_url, second)]
    with Proxy(ports[0]) as one, Proxy(ports[1]) as other:
        yield [one, other]
    process.kill()


def _hear(
    environment: Environment, proxies: list[Proxy], user: User, entry: Entry, *, fault: threading.Event
) -> None:
    """Follow a reply through cuts and the fault, and compare the received text with the stored one."""
    listener = Listener()
    somewhere = [user.at(f"http://127.0.0.1:{proxy.port}") for proxy in proxies]
    with _cut_again_and_again(proxies):
        cuts = _listen_to_the_end(listener, somewhere, entry)
    row = environment.wait_until_completed(entry)
    assert fault.is_set()
    assert listener.text.encode() == str(row["content"]).encode()
    assert listener.events[-1].data["content"] == row["content"]
    ids = [event.id for event in listener.events]
    assert ids == sorted(set(ids))
    assert cuts > 1


def test_a_client_cut_every_300_ms_receives_exactly_the_stored_reply(
    environment: Environment, scale: Scale
) -> None:
    """The client alternates two API processes, with a FLUSHALL in between.

    Red when a stream does not continue at the character that `Last-Event-ID` names.
    """
    times = scale.times(2, 20)
    environment.workers(1)
    user, client = environment.user(), CarefulClient(Ledger())
    with _two_api_processes(environment) as proxies:
        for _ in range(times):
            entry = client.send(user, user.open_room(), _SPOKEN)
            emptied = threading.Event()

            def empty(entry: Entry = entry, emptied: threading.Event = emptied) -> None:
                environment.wait_for_call(entry)
                environment.wait_for_pieces(entry, 40)
                environment.stack.redis.flushall()
                emptied.set()

            with _meanwhile(empty):
                _hear(environment, proxies, user, entry, fault=emptied)
    environment.account("listener cut every 300 ms, FLUSHALL", times, client.ledger)


def test_a_client_cut_every_300_ms_shows_only_the_answer_of_the_second_worker(
    environment: Environment, scale: Scale
) -> None:
    """Red without `restart` after an attempt with text: the client shows the beginning twice."""
    times = scale.times(1, 10)
    user, client = environment.user(), CarefulClient(Ledger())
    with _two_api_processes(environment) as proxies:
        for _ in range(times):
            environment.workers(2)
            entry = client.send(user, user.open_room(), _SPOKEN)
            killed = threading.Event()

            def kill(entry: Entry = entry, killed: threading.Event = killed) -> None:
                environment.wait_for_call(entry)
                environment.wait_for_pieces(entry, 40)
                for worker in environment.workers(2):
                    if environment.running(worker) > 0:
                        worker.kill()
                killed.set()

            with _meanwhile(kill):
                _hear(environment, proxies, user, entry, fault=killed)
            assert environment.reply(entry.reply_id)["attempt"] == 2
    environment.account("listener cut every 300 ms, worker killed", times, client.ledger)
