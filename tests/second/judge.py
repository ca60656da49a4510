"""Key logs, certificates and permissions (SPEC.md sections 5 and 7)."""

from cddl import Bad, decode
from suite import digest, verifies

TOLERANCE_MS, DAY_MS = 120_000, 86_400_000


def check(statement, key):
    if not verifies(key, statement.signed, statement.signature):
        raise Bad("BadSignature")


def require(holds, error):
    if not holds:
        raise Bad(error)


class Keys:
    """A key log that verified. [ID-1], [ID-2]"""

    def __init__(self, log):
        first, rotations = log[1], log[2]
        require(len(rotations) <= 64, "TooLong")
        require(first[1] == 1 and first[2] == 1, "UnknownSuite")
        check(first, first[3])
        self.party, self.keys, self.kept, committed = first.id, [first[3]], [], first[4]
        for n, rotation in enumerate(rotations, 1):
            require(rotation[1] == self.party, "OtherParty")
            require(rotation[2] == n, "OutOfOrder")
            require(digest(rotation[3]) == committed, "NotCommitted")
            require(len(rotation[5]) <= 1024, "TooLong")
            require(n == 1 or rotation[6] >= rotations[n - 2][6], "BackInTime")
            check(rotation, rotation[3])
            self.keys.append(rotation[3])
            self.kept.append(set(rotation[5]))
            committed = rotation[4]
        self.committed, self.rotations = committed, [rotation.id for rotation in rotations]

    @classmethod
    def read(cls, data):
        return cls(decode("key-log", data))

    def merged(self, shown):
        """What counts when another log is shown. [ID-3]"""
        require(self.party == shown.party, "OtherParty")
        require(all(a == b for a, b in zip(self.rotations, shown.rotations)), "Forked")
        return max(self, shown, key=lambda keys: keys.current)

    @property
    def current(self):
        return len(self.keys) - 1

    def keeps(self, number, token):
        """[ID-4]"""
        return all(token in kept for kept in self.kept[number:])

    def of(self, party, number):
        return self.keys[number] if party == self.party and number <= self.current else None


def _current(statement, keys, party, number):
    key = keys.of(party, number)
    require(key is not None, "UnknownKey")
    require(number == keys.current, "OldKey")
    check(statement, key)


def certificate(c, keys, now):
    """[ID-7], [ID-8]"""
    _current(c, keys, c[1], c[2])
    require(c[4] <= now + TOLERANCE_MS, "NotYet")
    require(c[5] > now, "Expired")
    require(c[5] - c[4] <= 30 * DAY_MS, "TooLong")


def key_ring(ring, keys, now):
    """[ID-9]"""
    order = [c[1] for c in ring[6]]
    require(len(order) <= 64 and all(a < b for a, b in zip(order, order[1:])), "BadCompartments")
    require(ring[5] - ring[4] <= 30 * DAY_MS and ring[4] <= now + 7 * DAY_MS, "BadDates")
    _current(ring, keys, ring[1], ring[2])


def treats(t, keys, now, kinds):
    """[AUT-1]"""
    order = [kinds.index(kind) for kind in t[6]]
    require(all(a < b for a, b in zip(order, order[1:])), "BadKinds")
    require(t[4] <= now + 7 * DAY_MS, "BadDates")
    _current(t, keys, t[1], t[2])


def misfiled(m, keys, now):
    """[REC-10]"""
    order = m[5]
    require(0 < len(order) <= 1000 and all(a < b for a, b in zip(order, order[1:])), "BadEntries")
    require(m[6] <= now + TOLERANCE_MS, "BadDate")
    _current(m, keys, m[1], m[2])


def revocation_state(s, keys):
    """[CAP-15]"""
    ids = [revoked[1] for revoked in s[6]]
    require(len(ids) <= 2048 and all(a < b for a, b in zip(ids, ids[1:])), "BadList")
    _current(s, keys, s[1], s[2])


def card(c, keys):
    """[ID-10]"""
    try:
        _current(c, keys, c[1], c[2])
        require(c[7] - c[6] <= 52 * DAY_MS, "too long")
    except Bad:
        raise Bad("NotAuthentic") from None


class Revocations:
    """[CAP-16]"""

    def __init__(self):
        self.ids, self.min_iat, self.issued = set(), 0, 0

    def merge(self, state, now):
        self.ids |= {revoked[1] for revoked in state[6]}
        self.min_iat = max(self.min_iat, state[5])
        if state[4] <= now + TOLERANCE_MS:
            self.issued = max(self.issued, state[4])

    def confirm(self, newest, word, relay, patient, now):
        """[CAP-17]: the relay says that a state is the newest."""
        theirs = (word[1], word[2], word[3]) == (patient, relay.party, len(relay.keys) - 1)
        signed = theirs and verifies(relay.keys[-1], word.signed, word.signature)
        if signed and word[4] == newest.id and word[5] <= now + TOLERANCE_MS:
            self.issued = max(self.issued, word[5])


def staleness_ms(leaf, treats, now):
    """[CAP-10]: how old the news may be; `treats` was verified."""
    if leaf[307] is not None:
        return leaf[307] * 1000
    treated = treats and (treats[1], treats[3]) == (leaf[2], leaf[8][3]) and (treats[5] is None or now < treats[5])
    return float("inf") if treated else 7 * DAY_MS


def parse_chain(data):
    """[CAP-1]"""
    require(len(data) <= 8192, "chain-too-long")
    try:
        return decode("chain", data)
    except Bad as bad:
        # At the outermost array only the number of links can be too many within these bytes.
        too_long = str(bad) == "TooLarge" or str(bad) == "TooMany" and data[0] & 31 > 3
        raise Bad("chain-too-long" if too_long else "malformed") from None


def subset(child, parent):
    return parent is None or child is not None and set(child) <= set(parent)


def at_most(child, parent):
    return parent is None or child is not None and child <= parent


def narrows(parent, child):
    """[CAP-5]"""
    require(child[301] == parent.id and child[2] == parent[2], "broken-chain")
    allowed, further = parent[306], child[306]
    delegated = child[1] == parent[8][3] and allowed is not None and child[8][3] in allowed[2]
    require(delegated and (further is None or further[1] < allowed[1] and subset(further[2], allowed[2])),
            "delegation-not-allowed")
    scopes = all(set(child[303].get(n, [])) <= set(parent[303].get(n, [])) for n in (1, 2))
    within = scopes and subset(child[302], parent[302]) and subset(child[3], parent[3])
    bounds = all(at_most(child[key], parent[key]) for key in (304, 307, 308))
    window = child[5] >= parent[5] and child[4] <= parent[4]
    require(within and bounds and window and child[305] == parent[305], "child-exceeds-parent")


def permission(links, proof, request, verifier, patient, institutions, revocations, treats=None):
    """[CAP-3]: raises the first reason; `institutions` are the keys of those that are known."""
    for link in links:
        delegation = link[306]
        require(link[5] < link[4] and link[302] and (delegation is None or delegation[1] in (1, 2)), "malformed")
    require(proof is not None, "proof-missing")
    require(links[0][2] == patient.party, "wrong-patient")
    issuers = {**institutions, patient.party: patient}
    for at, link in enumerate(links):
        keys = patient if at == 0 else institutions.get(link[1])
        key = keys and keys.of(link[1], link[300])
        require(key, "unknown-issuer")
        require(verifies(key, link.signed, link.signature), "bad-signature")
    require(verifies(request["node"], proof.signed, proof.signature), "proof-forged")

    leaf, now = links[-1], verifier["now_ms"]
    require(proof[1] == leaf.id, "proof-for-another-token")
    require(proof[3] == verifier["me"], "proof-for-another-verifier")
    require(proof[4] == verifier["nonce"], "proof-replayed")
    require(proof[2] == request["hash"], "proof-for-another-request")
    require(verifier["nodes"].get(request["node"]) == leaf[8][3], "not-the-grantee")

    require(links[0][301] is None, "broken-chain")
    for parent, child in zip(links, links[1:]):
        narrows(parent, child)
    for link in links:
        require(issuers[link[1]].keeps(link[300], link[7]), "old-key")
    for link in links:
        require(now + TOLERANCE_MS >= max(link[5], link[6]) * 1000, "not-yet-valid")
        require(link[4] * 1000 > now, "expired")
        require((link[4] - min(link[5], link[6])) * 1000 <= 90 * DAY_MS, "valid-too-long")
    require(not any(link[7] in revocations.ids for link in links), "revoked")
    require(links[0][6] >= revocations.min_iat, "issued-before-min-iat")
    news = max(revocations.issued, links[0][6] * 1000)
    require(now - news <= staleness_ms(leaf, treats, now), "stale-revocations")

    require(leaf[3] is None or verifier["me"] in leaf[3], "wrong-audience")
    require(request["operation"] in leaf[302], "operation-not-permitted")
    require(request["purpose"] in (None, leaf[305]), "wrong-purpose")
    scope = leaf[303]
    covered = all(entry in scope.get(1, []) or compartment in scope.get(2, []) for entry, compartment in request["targets"])
    require(covered, "out-of-scope")
    if request["operation"] in ("write", "keep"):
        used = verifier["used"]
        for link in links:
            spent, entries = used.get(link[7], (0, 0))
            require(link[304] is None or spent + request["bytes"] <= link[304], "quota-exceeded")
            require(link[308] is None or entries + len(request["targets"]) <= link[308], "quota-exceeded")
    return leaf
