"""A patient whose keys follow from 24 words, and the permissions that it gives (SPEC.md sections 5 and 7)."""

import os
import time

from judge import DAY_MS
from party import code, inception, make, now_ms, sign
from suite import compartment_id, entry_id, expand, extract, hpke_seal, kem_id, manifest_key, session_id, xwing


class Patient:
    def __init__(self, relay):
        root = extract(b"chartmesh/1/phrase", os.urandom(32))  # the words' entropy; nobody needs the words here
        self.seed, after = (expand(root, b"chartmesh/1/id" + i.to_bytes(4, "big")) for i in (0, 1))
        self.log, self.party = inception(self.seed, after)
        records = expand(root, b"chartmesh/1/records" + bytes(4))
        seeds = {k: expand(records, b"chartmesh/1/compartment" + k.to_bytes(2, "big") + bytes(4)) for k in range(1, 15)}
        # What those are told who seal to them [ID-19], and their seeds by id.
        self.told = [{1: kind, 2: 0, 3: 0, 4: xwing(seed)[0]} for kind, seed in seeds.items()]
        ids = [compartment_id(make("compartment", told)) for told in self.told]
        self.compartments = dict(zip(ids, seeds.values()))
        now, self.states, self.state = now_ms(), 0, None
        listed = [{1: id_} for id_ in sorted(ids)]
        self.ring = sign("key-ring", {1: self.party, 2: 0, 3: 1, 4: now, 5: now + 30 * DAY_MS, 6: listed, 7: relay}, self.seed)

    def mint(self, grantee, entries=(), purpose="treatment", **more):
        """A permission of one link to read for an hour: some entries, or all there is."""
        now = int(time.time())
        scope = {1: sorted(entries)} if entries else {2: sorted(self.compartments)}
        claims = {1: self.party, 2: self.party, 4: now + 3600, 5: now, 6: now, 7: os.urandom(16), 8: {3: grantee}, 300: 0,
                  302: [code("operation", "read")], 303: scope, 305: code("purpose", purpose)}
        claims.update({int(key[1:]): value for key, value in more.items()})
        return sign("token", claims, self.seed)

    def grant(self, token, grantee_kem, bundles=(), sessions=()):
        """[CAP-12]: the permission, with the keys of those bundles that it names, and of every compartment it covers."""
        named, covered = token[303].get(1, []), sorted(token[303].get(2, []))
        entries = sorted([entry_id(b[1]), self.key_of(b, sessions)] for b in bundles if entry_id(b[1]) in named)
        keys = make("grant-keys", {1: entries, 2: [[id_, self.compartments[id_]] for id_ in covered]})
        return {1: [token], 2: hpke_seal(grantee_kem, b"chartmesh/1/grant", token.id, keys), 3: kem_id(grantee_kem)}

    def key_of(self, bundle, sessions):
        """[REC-3], [REC-4]: the manifest's data key."""
        label = bundle[1]
        by_id = {session_id(make("session", session)): session for session in sessions}
        return manifest_key(self.compartments[label[3][1]], label, by_id)

    def revoke(self, token):
        """[CAP-15]"""
        self.states += 1
        claims = {1: self.party, 2: 0, 3: self.states, 4: now_ms(), 5: 0, 6: [{1: token[7], 2: token[4]}]}
        self.state = sign("revocation-state", claims, self.seed)
        return self.state
