"""What a process tells systemd, where systemd asks (sd_notify(3))."""

import os
import socket


def tell_init(state: str) -> None:
    """Say how we are: READY=1, WATCHDOG=1, STOPPING=1; nothing happens where nobody asks."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as init:
            try:
                init.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
            except OSError:
                return  # systemd is busy: the next beat comes soon
