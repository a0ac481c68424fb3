"""Peers that agree: the sync protocol without I/O, its MQTT shell, the hub side and the simulator."""

import appliance as appliance  # before peewee: see there
