"""SIP: phones register, calls come in and go out, each on a `SipLine`.

Read `message`, `transaction`, `dialog`, then `leg` with `answering` and `dialing`, then
`core`, which puts them together without a socket, and `endpoint`, which owns the socket.
"""
