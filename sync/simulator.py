"""Whole networks of a hub and sites in virtual time, with everything that goes wrong in the world.

``hotline simulate sync --seed 1 --runs 500`` plays 500 worlds. The boxes are real: real stores in
files, real protocol machines; only clock, wire, power and disks are played. One seed is one world:
the same seed plays the same faults. A broken promise prints its seed, and the smallest world that
still breaks it; ``--scene`` plays that one again.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sync.simulation.oracle import Broken
from sync.simulation.scene import Faults, Scene
from sync.simulation.shrinking import Played, shrink
from sync.simulation.world import World


def play(seed: int, faults: Faults | None = None) -> Played:
    """Play one world from its seed, with its own mix of faults or a given one."""
    return play_scene(Scene.draw(seed, faults))


def play_scene(scene: Scene) -> Played:
    """Play one world; what breaks a promise is told, not raised."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None, prefix="sync-world-") as folder:
        world = World(scene, Path(folder))
        broken = ""
        try:
            world.run()
        except Broken as error:
            broken = str(error)
        finally:
            world.close()
        return Played(scene, broken, world.now, world.acts, world.sent, world.crashes, world.restores)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play worlds; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="hotline simulate sync", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--runs", type=int, default=100, help="how many seeds")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes play")
    parser.add_argument("--scene", help="one world as it was printed, instead of seeds")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for a smaller world that fails")
    options = parser.parse_args(arguments)
    if options.scene:
        try:
            played = play_scene(Scene.from_json(options.scene))
        except ValueError as error:
            parser.error(f"this is no scene: {error}")
        _tell(played)
        return 1 if played.broken else 0
    began = time.monotonic()
    worlds = []
    for played in _played(range(options.seed, options.seed + options.runs), options.jobs):
        worlds.append(played)
        if played.broken:
            print(f"seed {played.scene.seed}: {played.broken}", flush=True)
            if not options.no_shrink:
                _tell(shrink(played, play_scene))
    took_s = time.monotonic() - began
    failures = sum(bool(played.broken) for played in worlds)
    print(
        f"{len(worlds)} worlds from seed {options.seed}, {failures} broken,"
        f" {sum(p.sent for p in worlds)} frames, {sum(p.crashes for p in worlds)} crashes,"
        f" {sum(p.restores for p in worlds)} restores, {len(worlds) / took_s * 60:.0f} runs/min"
    )
    return 1 if failures else 0


def _played(seeds: Sequence[int], jobs: int) -> Iterator[Played]:
    """Play worlds one after another, or some at once; they come in the order of their seeds."""
    if jobs < 2:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play, seeds, chunksize=5)


def _tell(played: Played) -> None:
    """Say what happened in a world, and how it is played again."""
    print(f"  {played.broken or 'every promise was kept'}, after {played.at_s:.1f} s of")
    print(f"  {' '.join(played.acts)}")
    print(f"  hotline simulate sync --scene '{played.scene.to_json()}'", flush=True)


if __name__ == "__main__":
    sys.exit(main())
