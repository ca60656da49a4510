"""Institutions and their nodes, made from SPEC.md sections 5, 8 and 9: what they say, and what they take from others."""

import os
import struct
import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import judge
from cddl import DOMAINS, GRAMMAR, PREFIX, PROTECTED, REFUSALS, Bad, Statement, bstr, decode, head
from judge import DAY_MS, Keys, require
from net import Ended, Mux, NotAvailable, offer
from suite import digest, public_of, verifies, xwing

HELLO, CONTROL, BULK = (f"/chartmesh/{name}/1" for name in ("hello", "control", "bulk"))
HELLO_MAX, WELCOME_MAX, ASKED_MAX, ANSWERED_MAX = 16 << 10, 66 << 10, 1 << 20, 10 << 20
PROVE = "prove it"  # hello-reply 4: the code is the far side's, and no gate is open


def now_ms():
    return time.time_ns() // 1_000_000


def refused(reason):
    """A permission refused for the reason of this name; 0 where the table has none. [REF-1]"""
    number = next((n for n, name in REFUSALS.items() if name == reason), 0)
    return {1: code("refusal-code", "bad-permission"), 2: number, 3: []}


def code(kind, name):
    """The number of a plain code."""
    return next(n for n, text in GRAMMAR.rules[kind][1].items() if text == name)


def cbor(value):
    """Section 3. Choices are lists, codes are numbers, statements and whatever is nested in bytes are bytes."""
    if isinstance(value, bool):
        return bytes([0xF5 if value else 0xF4])
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, Statement):
        return bstr(value.bytes)
    if isinstance(value, bytes):
        return bstr(value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    items = sorted((key, item) for key, item in value.items() if item is not None)
    return head(5, len(items)) + b"".join(head(0, key) + cbor(item) for key, item in items)


def make(kind, value):
    """Encodes, and reads it strictly again: what we make must be what the grammar says."""
    data = cbor(value)
    decode(kind, data)
    return data


def sign(kind, claims, seed):
    """[STM-1] to [STM-3]"""
    payload = cbor(claims)
    aad = DOMAINS[kind][0].encode()
    signed = head(4, 4) + head(3, 10) + b"Signature1" + bstr(PROTECTED) + bstr(aad) + bstr(payload)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(signed)
    return Statement(kind, PREFIX + bstr(payload) + bstr(signature))


def inception(seed, next_seed):
    """A key log of one statement, and its party."""
    first = sign("inception", {1: 1, 2: 1, 3: public_of(seed), 4: digest(public_of(next_seed)), 5: bytes(32)}, seed)
    return {1: first, 2: []}, first.id


def put_frame(stream, data):
    """[NET-2]"""
    stream.write(struct.pack(">I", len(data)) + data)


def get_frame(stream, limit):
    length = struct.unpack(">I", stream.read(4))[0]
    require(length <= limit, "TooLarge")  # [NET-3]
    return stream.read(length)


def get_answer(stream, limit):
    status = stream.read(1)[0]
    require(status == 0, {1: "refused", 2: "busy"}.get(status, "unknown status"))
    return get_frame(stream, limit)


class Institution:
    """One with a single node. Its keys live as long as the object."""

    def __init__(self, name, role):
        self.seed, self.kem_seed, self.node_seed = (os.urandom(32) for _ in range(3))
        self.name, self.node = name, public_of(self.node_seed)
        self.log, self.party = inception(self.seed, os.urandom(32))
        now = now_ms()
        kem = xwing(self.kem_seed)[0]
        claims = {1: self.party, 2: 0, 3: name, 4: code("role", role), 5: kem, 6: now, 7: now + 52 * DAY_MS}
        self.card = sign("card", claims, self.seed)
        self.certificate = self.certify(self.node, now)
        self.relay_certificate = None
        self.streams, self.known, self.heard = {}, {}, []
        self.arrived = threading.Condition()

    def certify(self, node, now):
        claims = {1: self.party, 2: 0, 3: node, 4: now, 5: now + 7 * DAY_MS}
        return sign("node-certificate", claims, self.seed)

    def hello(self, nonce, purpose, seed=None):
        claims = {1: self.log, 2: self.card, 3: self.certificate, 4: [], 5: nonce, 6: purpose,
                  9: now_ms()}
        if self.relay_certificate:
            claims[7] = self.relay_certificate
        return sign("hello", claims, seed or self.node_seed)

    def introduction(self):
        return {1: self.log, 2: self.card, 3: [{1: self.node, 2: []}]}

    def take_hello(self, data, node):
        """[NET-5], [NET-6]: the far side's statement, and the keys of its institution."""
        said = data if isinstance(data, Statement) else Statement("hello", data)
        require(said[3][3] == node, "the certificate is for another node")
        judge.check(said, node)
        keys = Keys(said[1])
        known = self.known.get(keys.party)
        require(known is None or known.keys == keys.keys[: len(known.keys)], "Forked")
        judge.certificate(said[3], keys, now_ms())
        judge.card(said[2], keys)
        require(said[2][1] == said[3][1] == keys.party, "somebody else's card")
        self.known[keys.party] = keys
        return said, keys

    def answer(self, _envelope, _connection):
        """The answer to a message; a holder has more to say."""
        return b""

    def give(self, stream, _node):
        """A bulk stream was opened to us; we keep nothing."""
        stream.write(b"\x02")

    def wait_for(self, what, find):
        """The first message heard, from now or before, in which `find` finds something."""
        with self.arrived:
            held = []
            if not self.arrived.wait_for(lambda: [held.append(f) for m in self.heard if (f := find(m))] or held, 60):
                raise TimeoutError(f"waited in vain for {what}")
            return held[0]


class Connection:
    """From a node of ours to another one, over which both may say hello and send messages."""

    def __init__(self, ours, far, address):
        """`far` is the node's id: if another one is there, nothing is said to it."""
        self.ours, self.nonce = ours, os.urandom(16)
        self.met, self.peer = None, None  # what the far side's hello said; the same, once it let us in
        self.mux = Mux(address, ours.node_seed, far, self.serve)

    def request(self, protocol, data, limit):
        for _ in range(40):
            stream = self.mux.open(protocol)
            try:
                put_frame(stream, data)
                return get_answer(stream, limit)
            except Bad as bad:
                if str(bad) != "busy":
                    raise
                time.sleep(0.5)  # strangers may say five hellos a second
            finally:
                stream.close()
        raise Bad("busy")

    def say(self, statement):
        """Says a hello, whatever it is, and gives the refusal, `PROVE`, or None; a welcome opens our gate, too."""
        answer = self.request(HELLO, getattr(statement, "bytes", statement), WELCOME_MAX)
        kind, body = decode("hello-reply", answer)
        if kind == 2:
            return body[1], body[2]
        require(kind in (1, 4), "we were expelled")
        self.met, keys = self.ours.take_hello(body, self.mux.node)
        require(self.met[6][0] == 1, "a welcome brings no code")
        self.party = keys.party
        if kind == 4:
            return PROVE
        self.peer = self.met

    def speak(self, code_id):
        return self.say(self.ours.hello(self.nonce, [2, code_id]))

    def hello(self, given=None):
        """As somebody known, or with a code: it is spoken of, and proven where that is asked for. [COD-2]"""
        said = self.speak(given.id) if given else self.say(self.ours.hello(self.nonce, [1]))
        return self.prove(self.proof(given)) if said == PROVE else said

    def proof(self, given, **more):
        """[COD-3]; `more` are other claims than the right ones, or another seed."""
        require(self.party == given.giver, "not whom the code names")
        seed = more.pop("seed", given.seed)
        claims = {1: given.public, 2: self.ours.party, 3: self.ours.node, 4: self.nonce, 5: self.party, 6: self.mux.node,
                  7: self.met[5], **{int(key[1:]): value for key, value in more.items()}}
        return sign("code-proof", claims, seed)

    def prove(self, proof):
        return self.say(self.ours.hello(self.nonce, [3, proof]))

    def envelope(self, body, proof=None, nonce=None, number=None):
        """The next message of our stream to the party at the other end."""
        stream = self.ours.streams.setdefault(self.party, [os.urandom(16), 1])
        claims = {1: {1: self.ours.party, 2: stream[0], 3: number or stream[1]}, 2: self.party, 3: now_ms(),
                  4: stream[1] - 1, 5: self.ours.node, 6: nonce or self.peer[5], 7: body, 8: proof}
        return sign("envelope", claims, self.ours.node_seed)

    def post(self, envelope):
        """[MSG-5]: the signed outcome, checked against what was sent."""
        answer = self.request(CONTROL, envelope.bytes, ANSWERED_MAX)
        require(answer, "answered with no bytes")
        outcome = Statement("outcome", answer)
        require(outcome[1] == envelope[1] and outcome[2] == self.party, "an outcome of something else")
        require(outcome[3] == digest(envelope[7]), "an outcome of another body")
        judge.check(outcome, self.mux.node)
        return outcome[5]

    def send(self, body, proof=None):
        """One message; gives the answer's bytes, or raises the refusal. `proof` are claims of a proof of possession,
        of which those that are missing are filled in as they should be."""
        data = make("body", body)
        if proof:
            proof = sign("proof", {2: digest(data), 3: self.party, 4: self.peer[5], **proof}, self.ours.node_seed)
        kind, result = self.post(self.envelope(data, proof))
        require(kind != 3, "out of order")
        self.ours.streams[self.party][1] += 1
        if kind == 2:
            raise Bad(f"{result[1]}: {REFUSALS.get(result[2], result[2])}")
        return result

    # What the other side asks of us.

    def serve(self, stream):
        try:
            protocol = offer(stream, [HELLO, CONTROL, BULK] if self.peer else [HELLO])
            if protocol == BULK:
                return self.ours.give(stream, self.mux.node)
            take = self.take_hello if protocol == HELLO else self.take_envelope
            answer = take(get_frame(stream, HELLO_MAX if protocol == HELLO else ASKED_MAX))
            stream.write(b"\0")
            put_frame(stream, answer)
            stream.close()
        except (Ended, Bad, NotAvailable, TimeoutError):
            pass  # the other side gave up, or what it sent is answered by silence

    def take_hello(self, data):
        self.met, keys = self.ours.take_hello(data, self.mux.node)
        self.party, self.peer = keys.party, self.met
        return make("hello-reply", [1, self.ours.hello(self.nonce, [1])])

    def take_envelope(self, data):
        """[MSG-1]. We are never down between two messages, so none comes twice and the watermark decides nothing."""
        said = Statement("envelope", data)
        require(said[5] == self.mux.node and verifies(said[5], said.signed, said.signature), "not the node's")
        require(said[1][1] == self.party and said[2] == self.ours.party and said[6] == self.nonce, "not for us")
        with self.ours.arrived:
            self.ours.heard.append(decode("body", said[7]))
            self.ours.arrived.notify_all()
        try:
            result = [1, self.ours.answer(said, self)]
        except Bad as bad:
            result = [2, refused(str(bad))]
        claims = {1: said[1], 2: self.ours.party, 3: digest(said[7]), 4: now_ms(), 5: result}
        return sign("outcome", claims, self.ours.node_seed).bytes

    def close(self):
        self.mux.close()
