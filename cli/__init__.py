"""The `seqgen` command."""

import signal
import sys
import threading


def _ours() -> bool:
    """Return whether this process is the command, and not something that imports it."""
    # "-m" is what `python -m` leaves there until it has found the module.
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2] if sys.argv else ""
    return name in ("seqgen", "seqgen.exe", "seqgen-script.py", "-m")


if (
    _ours()
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    # Until `main` has a handler of its own, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
