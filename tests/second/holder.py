"""A hospital that records entries, keeps them and shows them to whom the patient permits (SPEC.md sections 6, 7 and 10)."""

import os

import bulk
import judge
from cddl import Bad, decode
from check import contents_bytes
from judge import Keys, require
from party import Institution, code, make, now_ms, refused, sign
from suite import compartment_id, digest, entry_id, seal, session_begin, session_id, wrap


class Holder(Institution):
    def __init__(self, name):
        super().__init__(name, "hospital")
        self.bundles, self.files, self.tickets, self.lines = [], {}, {}, []
        self.sessions = {}  # by patient and compartment: the session and its key
        self.revocations = judge.Revocations()

    def keep(self, file):
        self.files[digest(file)] = file
        return digest(file)

    def record(self, patient, kind, title, content):
        """An entry with one content, sealed to the patient's compartment of its kind."""
        salt, key, manifest_key, now = os.urandom(16), os.urandom(32), os.urandom(32), now_ms()
        entry = entry_id({6: self.party, 2: salt})
        to = next(c for c in patient.told if c[1] == code("kind", kind))
        public, compartment = to[4], compartment_id(make("compartment", to))
        file = seal(key, os.urandom(24), content)
        keys = {1: self.keep(file), 2: len(file), 3: len(content), 4: key, 5: "text/plain", 6: title}
        manifest = {1: entry, 2: code("kind", kind), 3: title, 4: now, 5: "Dr Python", 6: [keys], 7: []}
        sealed = seal(manifest_key, os.urandom(24), make("manifest", manifest))
        contents = [{1: keys[1], 2: keys[2]}]
        session, by = self.session(patient.party, public, compartment)
        sealed_to = {1: compartment, 2: session_id(make("session", session)), 3: wrap(by, manifest_key)}
        claims = {1: patient.party, 2: salt, 3: sealed_to, 4: digest(sealed), 5: digest(contents_bytes(contents)),
                  6: self.party, 7: 0, 8: now}
        self.bundles.append({1: sign("label", claims, self.seed), 2: contents, 3: sealed})
        return self.bundles[-1]

    def session(self, patient, public, compartment):
        """[WRP-5]"""
        if (patient, compartment) not in self.sessions:
            session = {1: patient, 2: compartment, 3: self.party, 4: now_ms()}
            session[5], session[6], by = session_begin(public, session)
            self.sessions[patient, compartment] = session, by
        return self.sessions[patient, compartment]

    def named(self, bundles):
        """[WRP-4]: the sessions that bundles name."""
        ids = {b[1][3][2] for b in bundles}
        found = {session_id(make("session", s)): s for s, _ in self.sessions.values()}
        return [found[id_] for id_ in sorted(ids)]

    def note(self, leaf, request, who, entries, reason=None):
        """[LOG-1]: the line comes before the answer."""
        before = digest(self.lines[-1]) if self.lines else bytes(32)
        action = code("action", "read-refused" if reason else "read")
        line = {1: len(self.lines) + 1, 2: now_ms(), 3: action, 4: who, 5: request[6], 6: code("purpose", request[7]),
                7: entries, 8: len(entries), 9: leaf[7], 10: reason and refused(reason), 11: os.urandom(16), 12: before}
        self.lines.append(make("line", line))

    def answer(self, envelope, connection):
        kind, body = decode("body", envelope[7])
        if (kind, body[0]) != (4, 6):
            return b""
        request, patient, leaf = body[1], Keys(body[1][4]), body[1][3][-1]
        if request[5].get(1):
            judge.revocation_state(request[5][1], patient)
            self.revocations.merge(request[5][1], now_ms())
        asked = {"node": envelope[5], "hash": digest(envelope[7]), "operation": "read", "purpose": request[7], "bytes": 0,
                 "targets": []}
        verifier = {"me": self.party, "now_ms": now_ms(), "nonce": connection.nonce, "used": {},
                    "nodes": {connection.mux.node: connection.party}}
        try:
            judge.permission(request[3], envelope[8], asked, verifier, patient, self.known, self.revocations)
        except Bad as bad:
            self.note(leaf, request, connection.party, [], str(bad))
            raise
        scope = leaf[303]
        shown = [b for b in self.bundles if b[1][1] == patient.party
                 and (entry_id(b[1]) in scope.get(1, []) or b[1][3][1] in scope.get(2, []))]
        self.note(leaf, request, connection.party, [entry_id(b[1]) for b in shown])
        ticket = os.urandom(16)
        self.tickets[ticket] = connection.mux.node, {c[1] for b in shown for c in b[2]}
        head = {1: self.party, 2: 0, 3: patient.party, 4: len(self.lines), 5: digest(self.lines[-1]), 6: now_ms(), 7: 0}
        return make("read-answer", {1: shown, 2: ticket, 4: [self.introduction()], 5: sign("log-head", head, self.seed),
                                    7: self.named(shown)})

    def give(self, stream, node):
        """[NET-8], [NET-10]"""
        stream.write(b"\x01")
        while True:
            request = bulk.asked(stream)
            require(not isinstance(request, int), f"a request that is refused with {request}")
            ticket, wanted, start = request
            whose, objects = self.tickets.get(ticket, (None, ()))
            if whose != node or wanted not in objects:
                stream.write(b"\0\x01")
                continue
            bulk.give(stream, self.files[wanted], start)
