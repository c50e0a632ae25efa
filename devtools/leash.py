"""Become another program that dies with its parent; run as a script, see processes.start().

A preexec_fn could do the same, but is unsafe (and deprecated) in a process that has threads.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Arguments: death signal (0: none), parent's pid, uid and gid (0: stay), then the program."""
    death_signal, parent, uid, gid = (int(argument) for argument in sys.argv[1:5])
    program = sys.argv[5:]
    if uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)  # after setuid, which clears it
        if os.getppid() != parent:
            sys.exit("the parent has already ended")
    os.execv(program[0], program)  # noqa: S606 - becomes the program, no shell wanted


if __name__ == "__main__":
    main()
