"""How gunicorn serves the pages: one process, many threads, and streams that end when it is told to stop."""

import ctypes
import os
import signal
import threading
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1

bind = os.environ["HOTLINE_WEB_BIND"]
wsgi_app = "web.wsgi:app"
worker_class = "gthread"
workers = 1
threads = 128
timeout = 60
graceful_timeout = 3
keepalive = 30
control_socket_disable = True
worker_tmp_dir = "/dev/shm"
accesslog = None
errorlog = "-"
loglevel = "warning"
limit_request_line = 8190
limit_request_fields = 60


def post_fork(_: Any, __: Any) -> None:
    """Have the kernel tell the worker to stop when gunicorn itself was killed: nobody else would."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def post_worker_init(worker: Any) -> None:
    """End open streams as soon as the worker is told to stop: they would hold it back until the timeout."""
    from web.wsgi import app

    live = app.extensions["box"].live
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        before = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, before: Any = before) -> None:
            threading.Thread(target=live.close, daemon=True).start()
            if callable(before):
                before(number, frame)

        signal.signal(number, stop)
