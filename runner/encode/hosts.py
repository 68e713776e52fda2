"""`--hosts` and `--address`: the stretches of a lesson go to the hosts of an engine, here or in its cluster."""

import argparse
import sys

from ..batch.course import Course
from ..batch.options import NO_ENGINE, cluster_of, hosts_of
from ..batch.there import engine_python, there
from ..comfyui import Host, existing_host
from ..places import Places
from ..problems import say
from . import options as encode_options
from .encoding import told


def wanted(options: argparse.Namespace) -> bool:
    """Whether hosts of an engine are asked for."""
    return hosts_of(options) not in (None, NO_ENGINE)


def in_engine(places: Places, options: argparse.Namespace, host: Host) -> int:
    """Run this command in the Python that has the engine; the exit status."""
    words = [*options.words[1:], "--comfyui", host.tree, "--python", host.python]
    return there(engine_python(places), "runner.encode", words)


def encode(options: argparse.Namespace) -> int:
    """Encode on the hosts of an engine, of which this is the driver; 0, or SOME_ERRORS."""
    from . import engine

    host = existing_host(options.comfyui, options.python)
    pool = engine.Pool(hosts_of(options), options.cards_per_host, cluster_of(options))
    words = tuple(encode_options.words_for(options))
    plan = engine.Plan(str(host.tree), str(host.python), words, options.timeout, pool)
    # One host is asked before the engine begins: what is wrong with pictures, models or the lesson is told once.
    with plan.encoder() as encoder:
        begun = encoder.begin()
    pictures, count = begun["pictures"], begun["stretches"]
    say(f"{pictures} pictures, in {count} files of up to {options.per_shard}; {len(begun['made'])} are there")
    left = sorted(set(range(count)) - set(begun["made"]))
    if left:
        done = sum(min(options.per_shard, pictures - number * options.per_shard) for number in begun["made"])
        engine.encode_all(left, plan, Course(sys.stdout, pictures, 0, before=done, kind="pictures"))
    with plan.encoder() as encoder:
        listed = encoder.end(count)
    return told(options, listed["pictures"], listed["errors"])
