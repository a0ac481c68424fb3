"""Everything a Mosquitto needs to be the broker of a network of boxes, as files to copy to its machine.

Mosquitto 2.0.11 of Debian 12 and newer. Nothing of ours lasts in a broker, so it writes nothing
to its disk; it lets in only who has a certificate of the hub, and everybody only to topics of
their own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.network.authority import Authority, Issued, key_pem, new_key
from appliance.network.papers import KEY_MODE, PUBLIC_MODE, write

FOLDER = "/etc/mosquitto/hotline"
"""Where the files stand on the broker's machine."""
PORT = 8883
CONFIGURATION = """\
# The broker of a network of Hotline Boxes; made by `hotline broker files`.
listener {port}{address}
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
crlfile {folder}/crl.pem
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder}/acl

# The boxes keep everything themselves; here nothing lasts.
persistence false
max_queued_messages 1000
max_queued_bytes 67108864
max_inflight_messages 20
max_packet_size 262144
memory_limit 1073741824
max_keepalive 120
max_connections 4000

# Without it a single event waits 40 ms for its acknowledgement.
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
"""
ACL = """\
# %u is the CN of the certificate: 007 for site 7, 000 for the hub.
pattern write v1/s/%u/up/#
pattern write v1/s/%u/bup/#
pattern write v1/s/%u/st
pattern read v1/s/%u/dn/#
pattern read v1/s/%u/bdn/#
pattern read v1/s/000/st
# The hub, which is the only one to be heard by others.
user 000
topic read v1/s/+/up/#
topic read v1/s/+/bup/#
topic read v1/s/+/st
topic write v1/s/+/dn/#
topic write v1/s/+/bdn/#
topic write v1/s/000/st
"""
DROP_IN = """\
# /etc/systemd/system/mosquitto.service.d/hotline.conf
[Service]
ExecStart=
ExecStart=/usr/sbin/mosquitto -c {folder}/mosquitto.conf
LimitNOFILE=65536
Restart=always
RestartSec=1
"""
FETCH = """\
#!/bin/sh
# Fetches the hub's list of revoked certificates and has the broker read it; nothing happens
# unless the hub's authority signed it and it is newer than the one in force.
set -eu
cd "${{HOTLINE_FOLDER:-{folder}}}"
trap 'rm -f crl.fresh' EXIT
curl -fsS -m 20 --max-filesize 1000000 -o crl.fresh "${{HOTLINE_HUB:-{hub}}}/enrol/crl.pem"
openssl crl -in crl.fresh -CAfile ca.pem -noout 2>&1 | grep -q '^verify OK'
number() {{ echo $((0x$(openssl crl -in "$1" -noout -crlnumber | sed 's/.*=//; s/^0x//'))); }}
[ "$(number crl.fresh)" -ge "$(number crl.pem)" ]
if ! cmp -s crl.fresh crl.pem; then
  chmod 644 crl.fresh
  mv crl.fresh crl.pem
  ${{HOTLINE_RELOAD:-systemctl reload mosquitto}}
fi
"""
SERVICE = """\
# /etc/systemd/system/hotline-broker-crl.service
[Unit]
Description=Hotline Box: fetch the hub's list of revoked certificates for the broker
After=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/sh {folder}/fetch-crl.sh
"""
TIMER = """\
# /etc/systemd/system/hotline-broker-crl.timer
[Unit]
Description=Hotline Box: look for revoked certificates every minute

[Timer]
OnBootSec=1min
OnUnitActiveSec=1min

[Install]
WantedBy=timers.target
"""
STEPS = """\
The broker's files are in {out}. On the broker's machine, as root, in a copy of that folder:

  apt install mosquitto openssl curl
  install -d -o mosquitto -g mosquitto -m 750 {folder}
  install -o mosquitto -g mosquitto -m 644 mosquitto.conf acl ca.pem broker.pem crl.pem fetch-crl.sh {folder}
  install -o mosquitto -g mosquitto -m 600 broker.key {folder}
  install -D -m 644 hotline.conf /etc/systemd/system/mosquitto.service.d/hotline.conf
  install -m 644 hotline-broker-crl.service hotline-broker-crl.timer /etc/systemd/system
  systemctl daemon-reload && systemctl enable --now hotline-broker-crl.timer && systemctl restart mosquitto

Delete the copies of broker.key that are left. In the hub's hotline.toml, in [sync], write how the
hub and how the sites reach the broker, then `systemctl restart hotline-sync hotline-web`:

  brokers = ["{name}:{port}"]

Sites are connected on the hub's page Box, "Enrol a site".
"""


def write_all(
    out: Path,
    authority: Authority,
    names: Sequence[str],
    hub: str,
    now_s: float,
    port: int = PORT,
    address: str = "",
    folder: str = FOLDER,
) -> Issued:
    """Write the files of one broker, with a key of its own; return its certificate.

    `names` are the names and addresses sites use, `hub` is the hub's web address as the broker's
    machine reaches it, `address` where to listen (empty: everywhere).
    """
    key = new_key()
    issued = authority.broker([*names], key, now_s)
    places = {"folder": folder, "port": port, "hub": hub, "address": f" {address}" if address else ""}
    texts: Mapping[str, str] = {
        "mosquitto.conf": CONFIGURATION.format(**places),
        "acl": ACL,
        "hotline.conf": DROP_IN.format(**places),
        "fetch-crl.sh": FETCH.format(**places),
        "hotline-broker-crl.service": SERVICE.format(**places),
        "hotline-broker-crl.timer": TIMER,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write(out / name, text.encode(), PUBLIC_MODE)
    write(out / "broker.key", key_pem(key), KEY_MODE)
    write(out / "broker.pem", issued.certificate, PUBLIC_MODE)
    write(out / "ca.pem", authority.certificate, PUBLIC_MODE)
    write(out / "crl.pem", authority.crl.read_bytes(), PUBLIC_MODE)
    return issued
