"""What the parts of live.py share: facts that must hold, and the person at the node."""

import json
import subprocess
import sys

from cddl import Bad
from judge import require
from net import Ended, NotAvailable
from party import Connection

facts = []


def fact(what, holds=True):
    if not holds:
        sys.exit(f"NOT SO: {what}")
    facts.append(what)
    print(f"  {what}", flush=True)


def refusal(run):
    """What `run` is refused with, in the words of whichever side refuses."""
    try:
        run()
    except Bad as bad:
        return str(bad)
    except NotAvailable:
        return "na"
    except Ended:
        return "ended"


class Person:
    """At the node's keyboard."""

    def __init__(self, program, folder):
        self.command = [program, "--json", "--dir", folder]

    def run(self, *words):
        return subprocess.run([*self.command, *words], capture_output=True, text=True)

    def fails(self, *words):
        return self.run(*words).returncode != 0

    def __call__(self, *words):
        done = self.run(*words)
        require(done.returncode == 0, f"chartmesh {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout else None


def address_of(addresses):
    return next(a for a in addresses if "/tcp/" in a)


def dial(ours, given):
    """To the node that a code names, over TCP."""
    node = given.nodes[0]
    return Connection(ours, node[1], address_of(node[2]))


def flipped(statement):
    return statement.bytes[:-1] + bytes([statement.bytes[-1] ^ 1])
