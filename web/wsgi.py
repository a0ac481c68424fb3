"""The application as gunicorn loads it: the box is named by the environment."""

import os

from appliance.configuration import load
from appliance.places import places
from web.application import create_app
from web.daemon import overridden

_places = places().make()
app = create_app(_places, overridden(load(_places), os.environ))
