#!/usr/bin/env python3
"""A second implementation meets a running node over the network: says hello, joins its federation, enrols a patient,
mints a permission, reads with it, and is refused where SPEC.md says so.

Usage: live.py PROGRAM DIR
PROGRAM is `chartmesh`, which stands for the person at the node; DIR is that of a running node, a hospital in no
federation. Exit status 0: everything went as SPEC.md says. Packages: requirements.txt.
"""

import os
import struct
import sys
import time

import judge
import road
from cddl import Statement, decode
from holder import Holder
from judge import DAY_MS
from members import View
from party import BULK, CONTROL, HELLO, HELLO_MAX, Institution, cbor, code, make, now_ms, read_code, sign
from stage import Person, dial, fact, facts, flipped, refusal
from suite import public_of


def hellos(ours, given):
    """Section 9: who is let in, and who is not."""
    print("hello")
    far, secret = dial(ours, given), given[2]
    fact("the node proves its key, Noise and Yamux stand", far.mux.node == given[3][0][1])
    wrong = {3: [{1: os.urandom(32), 2: given[3][0][2]}]}
    fact("a node other than the code names is not spoken to", refusal(lambda: dial(ours, wrong)) == "ended")

    def shut(far):
        return [refusal(lambda: far.mux.open(p)) for p in (CONTROL, BULK)] == ["na", "na"]

    fact("before hello, control and bulk do not exist", shut(far))
    fact("a stranger without a code is refused: not-permitted", far.hello()[0] == "not-permitted")
    fact("so is one with a secret of its own making", far.hello(os.urandom(16))[0] == "not-permitted")

    def too_long():
        stream = far.mux.open(HELLO)
        stream.write(struct.pack(">I", HELLO_MAX + 1))
        stream.read(1)

    fact("a hello above 16 KiB ends the stream, its body unread", refusal(too_long) == "ended")
    purpose, other = [2, secret], Institution("Another Hospital", "hospital")
    good = ours.hello(far.nonce, purpose)
    fact("an altered signature is not answered", refusal(lambda: far.say(flipped(good))) == "ended")
    stolen = other.hello(far.nonce, purpose)
    fact("another node's hello is not answered", refusal(lambda: far.say(stolen)) == "ended")
    certificate, hour = ours.certificate, 3_600_000
    ours.certificate = other.certificate
    fact("nor is one that brings another node's certificate", refusal(lambda: far.hello(secret)) == "ended")
    for what, issued, expires in (("expired", -2 * hour, -hour), ("future", hour, 2 * hour), ("too long", 0, 31 * DAY_MS)):
        times = {4: now_ms() + issued, 5: now_ms() + expires}
        ours.certificate = sign("node-certificate", {1: ours.party, 2: 0, 3: ours.node, **times}, ours.seed)
        fact(f"certificate, {what}: not-authentic", far.hello(secret)[0] == "not-authentic")
    ours.certificate = certificate
    card = {n: ours.card[n] for n in range(2, 7)}
    ours.card, kept = sign("card", {**card, 1: ours.party, 4: code("role", ours.card[4])}, other.seed), ours.card
    fact("a card signed by somebody else: not-authentic", far.hello(secret)[0] == "not-authentic")
    ours.card = kept
    fact("the gate is as shut as before", shut(far))

    fact("with the code's secret the node answers its own hello", far.hello(secret) is None)
    fact("its key log, certificate, card and signature verify", far.party == given[1])
    print(f"    {far.peer[2][3]}, {far.peer[2][4]}, {far.party.hex()[:8]}")
    return far


def code_position(given):
    """Where whoever gave the code out stood, but in another federation: nothing comes of it."""
    return {**given[5], 1: bytes(32)}


def streams_of_messages(far, given):
    """Section 8: numbers, outcomes, and what closes a gate."""
    print("messages")
    secret, told = given[2], make("body", [1, [3, {1: code_position(given), 2: [], 3: [], 4: [], 6: []}]])
    envelope = far.envelope(told)
    kind, answer = far.post(envelope)
    stands = decode("gossip-answer", answer).get(1)
    fact("a message is answered by a signed outcome, done", (kind, stands) == (1, given[5]))
    fact("said again, the same outcome again", far.post(envelope) == (kind, answer))
    fact("another number is out of order, with the one awaited", far.post(far.envelope(told, number=7)) == (3, 2))
    far.ours.streams[far.party][1] = 2  # number 1 is done
    altered = Statement("envelope", flipped(far.envelope(told)))
    fact("an altered envelope is not answered", refusal(lambda: far.post(altered)) == "ended")
    unknown = far.envelope(cbor([99, {}]))
    fact("nor is a body of a kind that there is not", refusal(lambda: far.post(unknown)) == "ended")

    old, ours = far.peer[5], far.ours
    second = dial(ours, given)
    said = second.hello(secret)
    fact("a second connection is of the same session: its nonce is the same", said is None and second.peer[5] == old)
    second.close()
    far.close()
    for _ in range(20):  # until the node has seen both end
        time.sleep(0.5)
        far = dial(ours, given)
        if far.hello(secret) is None and far.peer[5] != old:
            break
        far.close()
    fact("in the next session the node has a new nonce", far.peer[5] != old)
    replayed = far.envelope(told, nonce=old)
    said = refusal(lambda: far.post(replayed))
    fact("an envelope with the old one closes the gate", said in ("ended", "answered with no bytes"))
    far = dial(ours, given)
    fact("then control is `na` again", refusal(lambda: far.mux.open(CONTROL)) == "na")
    fact("until the next hello", far.hello(secret) is None)
    return far


def federation(person, far, given):
    """Section 10: we apply with the invite, are admitted, and judge the seal that says so."""
    print("federation")
    ours, anchor = far.ours, given[5]
    member = {1: ours.party, 2: ours.name, 3: code("role", "hospital"), 4: public_of(ours.seed), 5: 0,
              6: ours.log[1][4]}
    application = sign("application", {1: anchor[1], 2: member}, ours.seed)
    apply = {1: given[2], 2: anchor, 3: application}
    said = refusal(lambda: far.send([1, [1, {**apply, 1: os.urandom(16)}]]))
    fact("an application with an unknown code: not-found", said.startswith("not-found: "))
    follow = decode("follow", far.send([1, [1, apply]]))
    fact("an application with the invite is taken")
    founded, at = View.first(follow[1]), View(follow[2])
    fact("charter and view are those that the invite names", (follow[1].id, at.id) == (anchor[1], anchor[3]))
    fact("the node's institution founded it, alone", founded.id == at.id and at.member(far.party))
    person("federation", "admit", ours.party.hex())
    ours.wait_for("the next view", lambda m: m[0] == 1 and m[1][0] == 3 and m[1][1][1][2] == 1)
    follow = decode("follow", far.send([1, [4, {1: anchor, 2: False}]]))
    for seal in follow[3]:
        at = at.sealed(seal)
    fact("its seal verifies, and by it we are a member", at.member(ours.party) and at.member(far.party))
    listed = {p["party"]: p["status"] for p in person("federation", "members")["parties"]}
    fact("the node says so, too", listed[ours.party.hex()] == "member")
    far.close()
    far = dial(ours, given)
    fact("a member needs no code", far.hello() is None)
    return far


def main():
    person = Person(*sys.argv[1:3])
    person("federation", "found", "Kita")
    invite = read_code(person("federation", "invite")["code"])
    far = hellos(Holder("Python Hospital"), invite)
    far = streams_of_messages(far, invite)
    far = federation(person, far, invite)
    relay_far, patient, contents = road.enrol(person, Institution("Python Relay", "patient"))
    token, entries = road.reading(far, patient, contents)
    road.refused_permissions(far, relay_far, patient, token, entries)
    road.access_log(relay_far, patient)
    road.the_node_reads(person, far, relay_far, patient)
    print(f"{len(facts)} facts")


if __name__ == "__main__":
    main()
