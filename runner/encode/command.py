"""The command `run.py encode`: pictures become a lesson on disk, by one process or several."""

import argparse
import os

from ..places import Places
from ..problems import say
from ..setup import Wanted, prepare
from ..train.launch import started
from ..train.seats import STOPPED, seat_in
from ..train.together import process
from . import hosts
from .encoding import ENCODING
from .options import check


def encode(places: Places, options: argparse.Namespace) -> int:
    """encode pictures once for trainings of many steps or pictures, into files that train reads as it goes"""
    seat = None if options.here else seat_in(os.environ)  # what starts an engine on machines may count them, too
    check(options, seat)
    options.out = options.out.resolve()  # a process may be in another folder
    if seat is not None:
        return process(places, options, seat, ENCODING)
    if options.here:
        return hosts.encode(options)
    host = prepare(places, Wanted(options.comfyui, options.python, miniature=not options.base_model))
    if not options.base_model:
        say("No --base-model is given: this is a trial with small models with random weights.")
    if hosts.wanted(options):
        return hosts.in_engine(places, options, host)
    status = started(places, host, options, options.gpus)
    if status == STOPPED:
        say("Run the same command again: it goes on where it stopped, with any number of processes.")
    return status
