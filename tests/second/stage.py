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

    def __call__(self, *words):
        done = subprocess.run([*self.command, *words], capture_output=True, text=True)
        require(done.returncode == 0, f"chartmesh {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout else None


def dial(ours, given):
    """To the node that a code names, over TCP."""
    node = given[3][0]
    address = next(a for a in node[2] if "/tcp/" in a)
    return Connection(ours, node[1], address)


def flipped(statement):
    return statement.bytes[:-1] + bytes([statement.bytes[-1] ^ 1])
