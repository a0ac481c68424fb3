"""SIP: phones register, trunks carry calls in and out, each call on a `SipLine`.

Read `message`, `transaction`, `dialog`, then `usage` and `leg` with `answering`, `dialing` and
`fork`; then `layer` and `core`, which put them together without a socket, `trunk` and `trunks`,
`guard`, which decides who is heard; and `endpoint` with `streams`, which own the sockets.
"""
