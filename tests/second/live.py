#!/usr/bin/env python3
"""A second implementation meets a running node over the network: says hello, proves codes, joins its federation, enrols a
patient, mints a permission, reads with it, and is refused where SPEC.md says so.

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
from codes import Code
from holder import Holder
from judge import DAY_MS
from members import View
from party import BULK, CONTROL, HELLO, HELLO_MAX, PROVE, Connection, Institution, cbor, code, make, now_ms, sign
from stage import Person, address_of, dial, fact, facts, flipped, refusal
from suite import public_of


def shut(far):
    return [refusal(lambda: far.mux.open(p)) for p in (CONTROL, BULK)] == ["na", "na"]


def hellos(ours, given):
    """Section 9: who is let in, and who is not."""
    print("hello")
    far, (node, addresses) = dial(ours, given), given.nodes[0].values()
    fact("the node proves its key, Noise and Yamux stand", far.mux.node == node)
    said = refusal(lambda: Connection(ours, os.urandom(32), address_of(addresses)))
    fact("a node other than the code names is not spoken to", said == "ended")
    fact("before hello, control and bulk do not exist", shut(far))
    fact("a stranger without a code is refused: not-permitted", far.hello()[0] == "not-permitted")

    def too_long():
        stream = far.mux.open(HELLO)
        stream.write(struct.pack(">I", HELLO_MAX + 1))
        stream.read(1)

    fact("a hello above 16 KiB ends the stream, its body unread", refusal(too_long) == "ended")
    purpose, other = [2, given.id], Institution("Another Hospital", "hospital")
    good = ours.hello(far.nonce, purpose)
    fact("an altered signature is not answered", refusal(lambda: far.say(flipped(good))) == "ended")
    stolen = other.hello(far.nonce, purpose)
    fact("another node's hello is not answered", refusal(lambda: far.say(stolen)) == "ended")
    certificate, hour = ours.certificate, 3_600_000
    ours.certificate = other.certificate
    fact("nor is one that brings another node's certificate", refusal(lambda: far.hello(given)) == "ended")
    for what, issued, expires in (("expired", -2 * hour, -hour), ("future", hour, 2 * hour), ("too long", 0, 31 * DAY_MS)):
        times = {4: now_ms() + issued, 5: now_ms() + expires}
        ours.certificate = sign("node-certificate", {1: ours.party, 2: 0, 3: ours.node, **times}, ours.seed)
        fact(f"certificate, {what}: not-authentic", far.hello(given)[0] == "not-authentic")
    ours.certificate = certificate
    card = {n: ours.card[n] for n in range(2, 8)}
    ours.card, kept = sign("card", {**card, 1: ours.party, 4: code("role", ours.card[4])}, other.seed), ours.card
    fact("a card signed by somebody else: not-authentic", far.hello(given)[0] == "not-authentic")
    ours.card = kept
    fact("the gate is as shut as before", shut(far))
    far.close()


def codes(person, ours, given):
    """[COD-1] to [COD-4]: a code's secret is proven, and sent to nobody."""
    print("codes")
    far, other, seed = dial(ours, given), Institution("Another Hospital", "hospital"), os.urandom(32)
    fact("a code-id of its own making is refused: not-permitted", far.speak(os.urandom(16))[0] == "not-permitted")
    fact("one of the node's is answered by its hello: prove it", far.speak(given.id) == PROVE)
    fact("whom the code names answers: log, certificate, card and signature verify", far.party == given.giver)
    fact("no gate is open by it", shut(far))
    own = far.proof(given, v1=public_of(seed), seed=seed)
    fact("a proof of a code of its own making: not-permitted", far.prove(own)[0] == "not-permitted")
    false = {
        "signed by another key": {"seed": seed},
        "of another session of the node's": {"v7": os.urandom(16)},
        "of another session of ours": {"v4": os.urandom(16)},
        "made by a stranger": {"v2": other.party, "v3": other.node},
        "for another institution": {"v5": other.party},
        "for another node": {"v6": other.node},
    }
    for what, claims in false.items():
        fact(f"a proof {what}: not-permitted", far.prove(far.proof(given, **claims))[0] == "not-permitted")
    thief = dial(other, given)
    stolen = thief.speak(given.id) == PROVE and thief.prove(far.proof(given))
    fact("a true one in a stranger's hello: not-permitted", stolen[0] == "not-permitted")
    thief.close()
    fact("nor is one open by any of these", shut(far))
    fact("the proof opens it, and the node answers its own hello", far.hello(given) is None)
    print(f"    {far.peer[2][3]}, {far.peer[2][4]}, {far.party.hex()[:8]}")

    seen = Code(person("federation", "invite")["code"], "i")
    first, second = (dial(Institution(name, "hospital"), seen) for name in ("First Hospital", "Second Hospital"))
    fact("another code is proven by somebody", first.hello(seen) is None)
    fact("a second one that proves it is refused: already-done", second.hello(seen)[0] == "already-done")
    fact("and finds the gate shut", shut(second))
    said = refusal(lambda: first.send([1, [1, applying(first.ours, seen)]]))
    fact("then nothing goes on with it: wrong-state", said.startswith("wrong-state: "))
    for connection in (first, second):
        connection.close()
    return far


def streams_of_messages(far, given):
    """Section 8: numbers, outcomes, and what closes a gate."""
    print("messages")
    told = make("body", [1, [3, {1: given.stands, 2: [], 3: [], 4: [], 6: []}]])
    envelope = far.envelope(told)
    kind, answer = far.post(envelope)
    only = kind == 2 and answer[1] == "not-permitted"
    fact("gossip is answered by a signed outcome, not-permitted: a code is for what it is for", only)
    fact("said again, the same outcome again", far.post(envelope) == (kind, answer))
    fact("another number is out of order, with the one awaited", far.post(far.envelope(told, number=7)) == (3, 2))
    far.ours.streams[far.party][1] = 2  # number 1 is done
    altered = Statement("envelope", flipped(far.envelope(told)))
    fact("an altered envelope is not answered", refusal(lambda: far.post(altered)) == "ended")
    unknown = far.envelope(cbor([99, {}]))
    fact("nor is a body of a kind that there is not", refusal(lambda: far.post(unknown)) == "ended")

    old, ours = far.peer[5], far.ours
    second = dial(ours, given)
    said = second.hello(given)
    fact("a second connection is of the same session: its nonce is the same", said is None and second.peer[5] == old)
    second.close()
    far.close()
    for _ in range(20):  # until the node has seen both end
        time.sleep(0.5)
        far = dial(ours, given)
        if far.hello(given) is None and far.peer[5] != old:
            break
        far.close()
    fact("in the next session the node has a new nonce", far.peer[5] != old)
    replayed = far.envelope(told, nonce=old)
    said = refusal(lambda: far.post(replayed))
    fact("an envelope with the old one closes the gate", said in ("ended", "answered with no bytes"))
    far = dial(ours, given)
    fact("then control is `na` again", refusal(lambda: far.mux.open(CONTROL)) == "na")
    fact("until the next hello", far.hello(given) is None)
    return far


def applying(ours, given):
    """Section 10, `apply`: as what we want to come in."""
    anchor = given.stands
    member = {1: ours.party, 2: ours.name, 3: code("role", "hospital"), 4: public_of(ours.seed), 5: 0,
              6: ours.log[1][4]}
    return {1: given.id, 2: anchor, 3: sign("application", {1: anchor[1], 2: member, 3: now_ms()}, ours.seed)}


def federation(person, far, given):
    """Section 10: we apply with the invite, are admitted, and judge the seal that says so."""
    print("federation")
    ours, anchor = far.ours, given.stands
    apply = applying(ours, given)
    said = refusal(lambda: far.send([1, [1, {**apply, 1: os.urandom(16)}]]))
    fact("an application with an unknown code: not-found", said.startswith("not-found: "))
    unproven = Code(person("federation", "invite")["code"], "i")
    said = refusal(lambda: far.send([1, [1, {**apply, 1: unproven.id}]]))
    fact("with another one than we have proven: not-found", said.startswith("not-found: "))
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
    ours, invite = Holder("Python Hospital"), Code(person("federation", "invite")["code"], "i")
    hellos(ours, invite)
    far = codes(person, ours, invite)
    far = streams_of_messages(far, invite)
    far = federation(person, far, invite)
    relay = Institution("Python Relay", "patient")
    road.no_enrolment(person, relay)
    relay_far, patient, contents = road.enrol(person, relay)
    token, entries = road.reading(far, patient, contents)
    road.refused_permissions(far, relay_far, patient, token, entries)
    road.access_log(relay_far, patient)
    road.the_node_reads(person, far, relay_far, patient)
    print(f"{len(facts)} facts")


if __name__ == "__main__":
    main()
