"""Exit of a console script without the teardown of the interpreter."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process with an exit code, after all that a normal exit would wait for.

    Threads are joined, exit handlers run (loggers, pools of workers, temporary files) and the
    streams are flushed. Freeing modules and tensors one by one, which takes half a second after a
    generation, is left to the operating system.

    Called by console scripts only: it ends whatever process it is in.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # None where the process began with it closed
                stream.flush()
        except (OSError, ValueError):  # a closed pipe or stream, which `one_line_errors` has seen
            code = code or 1
    os._exit(code)
