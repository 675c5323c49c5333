"""`klingmock` on a leash: it stops when its standard input ends, and so never outlives whoever holds the other end."""

import os
import signal
import threading

from mockserver.cli import main


def _stop_at_the_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    main(prog_name="klingmock")
