"""Flow control of one connection, in both directions."""

import asyncio
import fcntl
import struct
import termios

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """uvicorn's flow control, which also pauses reading while received bytes wait to be parsed."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = False

    def hold(self, *, is_held: bool) -> None:
        """Pause reading, or continue unless uvicorn has paused it."""
        if is_held != self._is_held:
            self._is_held = is_held
            if not self.read_paused:
                self._switch(is_on=not is_held)

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            if not self._is_held:
                self._switch(is_on=False)

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            if not self._is_held:
                self._switch(is_on=True)

    def _switch(self, *, is_on: bool) -> None:
        if not self._transport.is_closing():
            (self._transport.resume_reading if is_on else self._transport.pause_reading)()


def unsent_bytes(transport: asyncio.Transport) -> int:
    """Return the bytes that the client has not acknowledged; 0 if this process has handed all to the kernel.

    Includes the kernel's send buffer: the kernel may accept no more until megabytes of it are free.
    """
    waiting = transport.get_write_buffer_size()
    if not waiting:
        return 0
    try:
        held = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return waiting  # the kernel does not support TIOCOUTQ
    return waiting + int(struct.unpack("i", held)[0])
