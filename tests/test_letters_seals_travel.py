"""Images of seals reach every box that prints their letters: the hub from its sites, sites from the hub."""

import hashlib
from pathlib import Path

from appliance.blobs import here, wants
from appliance.blobs.keeping import DiskBlobs
from appliance.events import Fact
from appliance.letters import travelling
from appliance.letters.register import ISSUED
from appliance.letters.seals import Seals, checked
from appliance.letters.table import SEAL_SET
from appliance.places import Places
from appliance.store.store import Store
from sync.blob_frames import Ask, encode
from tests.seal_image import seal_png
from tests.test_blob_bulk import FAR, NOW_S, Loop, hub, turn

IMAGE = checked(seal_png())
DIGEST = hashlib.sha256(IMAGE).hexdigest()
UNITS_SEAL = Fact(
    SEAL_SET, {"owner": "lamp", "sha256": DIGEST, "size": len(IMAGE), "by": "9000", "name": "n"}, b""
)


def letter(seal: str, **more: object) -> Fact:
    """A letter as another box issued it."""
    return Fact(ISSUED, {"document": {"form": "official", "title": "t", "blocks": [], "seal": seal}, **more})


def heard(store: Store, folder: Path, site: int, *facts: Fact) -> None:
    """Events of another box arrive."""
    far = Store(folder / "far" / "box.db", site, bind=False)
    with far.connection(), store.connection():
        store.take(far.record(*facts))


def test_the_hub_fetches_the_seal_a_site_set_for_a_unit_and_keeps_it_for_ever(tmp_path: Path) -> None:
    wire = Loop({DIGEST: IMAGE})
    store, bulk = hub(tmp_path, wire)
    heard(store, tmp_path, FAR, UNITS_SEAL)
    turn(bulk, wire, 5)
    seals = Seals(store, tmp_path / "seals")
    assert seals.image(DIGEST) == IMAGE
    with store.connection():
        here.prune(store, DiskBlobs(tmp_path / "blobs"), NOW_S + 10**9)
    assert seals.image(DIGEST) == IMAGE
    bulk.close()


def test_the_hub_fetches_the_centres_own_seal_of_a_site_by_the_letter_that_bears_it(tmp_path: Path) -> None:
    wire = Loop({DIGEST: IMAGE})
    store, bulk = hub(tmp_path, wire)
    heard(store, tmp_path, FAR, *(letter(DIGEST, seal_size=len(IMAGE)) for _ in range(3)))
    turn(bulk, wire, 5)
    assert Seals(store, tmp_path / "seals").image(DIGEST) == IMAGE
    assert wire.asked == 1
    bulk.close()


def test_a_site_wants_seals_of_its_hub_and_gives_its_own(tmp_path: Path) -> None:
    where = Places(tmp_path / "site").make()
    store = Store(where.database, FAR, bind=False)
    heard(store, tmp_path, 0, UNITS_SEAL)
    with store.connection():
        assert travelling.follow(store) == 1
        (want,) = wants.upcoming(store, NOW_S)[0]
    assert (want.sha256, want.size, want.rank) == (DIGEST, len(IMAGE), wants.SEAL)

    wire = Loop({})
    hubs, bulk = hub(tmp_path / "hub", wire)
    Seals(hubs, tmp_path / "hub/seals").keep(DIGEST, IMAGE)
    wire.hear(encode(Ask(bytes.fromhex(DIGEST), 0, len(IMAGE))))
    turn(bulk, wire, 2)
    assert [given.data for given in wire.given] == [IMAGE]  # type: ignore[union-attr]
    bulk.close()


def test_a_seal_that_is_also_a_file_of_a_ticket_is_taken_from_there(tmp_path: Path) -> None:
    wire = Loop({})
    store, bulk = hub(tmp_path, wire)
    file = tmp_path / "file"
    file.write_bytes(IMAGE)
    DiskBlobs(tmp_path / "blobs").put(DIGEST, file)
    with store.connection():
        wants.kept(store, DIGEST, len(IMAGE), NOW_S)
    heard(store, tmp_path, FAR, UNITS_SEAL)
    turn(bulk, wire, 2)
    assert Seals(store, tmp_path / "seals").image(DIGEST) == IMAGE
    assert wire.asked == 0
    bulk.close()


def test_what_names_no_image_is_passed_over(tmp_path: Path) -> None:
    wire = Loop({})
    store, bulk = hub(tmp_path, wire)
    good = letter(DIGEST, seal_size=len(IMAGE))
    heard(store, tmp_path, FAR, letter(""), letter("../../etc"), letter("ab" * 32, seal_size=10**12), good)
    turn(bulk, wire, 2)
    assert wire.asked == 1
    bulk.close()
