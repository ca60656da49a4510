"""Who is a member (SPEC.md section 10, Federation)."""

import judge
from blake3 import blake3
from cddl import Bad, Statement, decode, signed_bytes
from judge import require
from party import cbor, code
from suite import digest, verifies

NAME_BYTES_MAX, EXPELLED_MAX, MEMBERS_MAX, CHANGES_MAX, CHANGE_BYTES_MAX = 200, 4096, 1024, 64, 20 * 1024
REASON_BYTES_MAX, WISHES_MAX = 1000, 16


def ascending(items):
    return all(a < b for a, b in zip(items, items[1:]))


class View:
    """A view that says what views may say. [FED-2]"""

    def __init__(self, body):
        members, expelled = body[5], body.get(6, [])
        require((body[2] == 0) == (3 not in body), "BadPlace")
        require(2 <= body[4] <= 16, "BadThreshold")
        require(ascending([m[1] for m in members]), "Unsorted")
        require(members, "NobodyLeft")
        require(len({m[4] for m in members}) == len(members), "SharedKey")
        require(len(members) <= MEMBERS_MAX and len(set(expelled)) <= EXPELLED_MAX, "TooLarge")
        require(len(set(expelled)) == len(expelled) and not {m[1] for m in members} & set(expelled), "Expelled")
        for m in members:
            require(m[3] != "patient", "Relay")
            require(m[5] <= 40, "TooManyRotations")
            require(1 <= len(m[2].encode()) <= NAME_BYTES_MAX, "BadName")
        self.body, self.members, self.expelled = body, members, expelled
        numbered = [{**m, 3: code("role", m[3])} for m in members]
        self.bytes = cbor({**body, 5: numbered})
        self.id = blake3(self.bytes, derive_key_context="chartmesh/1/view").digest()
        n = len(members)
        self.f = min(body[4] - 1, (n - 1) // 3)
        self.q = (n + self.f) // 2 + 1
        self.sponsors, self.votes = min(body[4], n), (n - 1 + self.f) // 2 + 1

    @classmethod
    def first(cls, charter):
        """[FED-1]"""
        require(charter[1] == 1, "UnknownVersion")
        require(1 <= len(charter[2].encode()) <= NAME_BYTES_MAX, "BadName")
        first = cls({1: charter.id, 2: 0, 4: charter[4], 5: [charter[3]], 6: []})
        judge.check(charter, charter[3][4])
        return first

    def member(self, party):
        return next((m for m in self.members if m[1] == party), None)

    def speaker(self, number):
        """[FED-11]"""
        return (int.from_bytes(self.id[:8], "big") + number) % 2**64 % len(self.members)

    def successor(self, change):
        """[FED-10]"""
        applications, rotations = change[1], change[5]
        rotating = [r[1] for r in rotations]
        rotating = [p for i, p in enumerate(rotating) if i == 0 or rotating[i - 1] != p]
        expelled = [one[1] for one in change[2]]
        lists = [[a[2][1] for a in applications], expelled, change[4], rotating]
        require(all(map(ascending, lists)), "Unsorted")
        parties = [p for one in lists for p in one]
        require(len(set(parties)) == len(parties), "TwiceConcerned")
        parts = len(applications) + len(change[2]) + (3 in change) + len(change[4]) + len(rotations)
        require(parts, "ChangesNothing")
        require(all(len(one[2].encode()) <= REASON_BYTES_MAX for one in change[2]), "TooLarge")
        require(parts <= CHANGES_MAX and len(cbor(change)) <= CHANGE_BYTES_MAX, "TooLarge")
        k = change.get(3, self.body[4])
        require(3 not in change or k != self.body[4], "ChangesNothing")
        for party in change[4]:
            require(self.member(party), "NotMember")
        for party in expelled:
            require(party not in self.expelled, "Expelled")
        gone = set(expelled) | set(change[4])
        members = {m[1]: m for m in self.members if m[1] not in gone}
        for a in applications:
            members[a[2][1]] = self.admitted(a)
        for r in rotations:
            require(r[1] in members, "NotMember")
            m = members[r[1]]
            follows = r[2] == m[5] + 1 and digest(r[3]) == m[6] and not r[5]
            require(follows and verifies(r[3], r.signed, r.signature), "BadRotation")
            members[r[1]] = {**m, 4: r[3], 5: r[2], 6: r[4]}
        listed = (self.expelled + expelled)[-EXPELLED_MAX:]
        return View({1: self.body[1], 2: self.body[2] + 1, 3: self.id, 4: k,
                     5: [members[p] for p in sorted(members)], 6: listed})

    def admitted(self, application):
        federation, m = application[1], application[2]
        require(federation == self.body[1], "OtherFederation")
        require(m[1] not in self.expelled, "Expelled")
        known = self.member(m[1])
        require(known != m, "ChangesNothing")
        require(not known or (known[4], known[5], known[6]) == (m[4], m[5], m[6]), "KeyChanged")
        return m

    def sealed(self, seal):
        """[FED-15]"""
        require(seal[1] == self.id, "OtherView")
        successor = self.successor(seal[2])
        places = [by[1] for by in seal[4]]
        require(len(places) == self.q and ascending(places) and places[-1] < len(self.members), "NoQuorum")
        signed = signed_bytes("commit", cbor({1: self.id, 2: seal[3], 3: successor.id}))
        for by in seal[4]:
            require(verifies(self.members[by[1]][4], signed, by[2]), "BadSignature")
        return successor

    def ballot(self, data):
        """A member's, in this view. [FED-7]"""
        found = Statement("ballot", data)
        require(found[1] == self.id, "OtherView")
        author = self.member(found[2])
        require(author, "NotMember")
        applicants, expelled = [a[2][1] for a in found[4]], [one[1] for one in found[5]]
        bounds = len(applicants) <= WISHES_MAX and len(expelled) <= WISHES_MAX and found[6] in (None, *range(2, 17))
        reasons = all(len(one[2].encode()) <= REASON_BYTES_MAX for one in found[5])
        ordered = ascending(applicants) and ascending(expelled)
        require(bounds and reasons and ordered and found[2] not in expelled, "BadBallot")
        judge.check(found, author[4])
        signed = [verifies(a[2][4], a.signed, a.signature) for a in found[4]]
        require(all(signed), "BadBallot")
        return found

    def tally(self, ballots):
        """What they pass, or nothing. [FED-9]"""
        expelled = {}
        for ballot in ballots:
            for one in ballot[5]:
                expelled.setdefault(one[1], set()).add(ballot[2])
        expelled = sorted(p for p, by in expelled.items() if len(by) >= self.votes and p not in self.expelled)
        wanted = {ballot[6] for ballot in ballots} - {None, self.body[4]}
        passed = [k for k in sorted(wanted) if sum(ballot[6] == k for ballot in ballots) >= self.q]
        left = sorted(ballot[2] for ballot in ballots if ballot[7] and ballot[2] not in expelled)
        best = {}
        for application in {a.id: a for ballot in ballots for a in ballot[4]}.values():
            sponsors = {ballot[2] for ballot in ballots if application.id in [a.id for a in ballot[4]]}
            by, party = sponsors - set(expelled), application[2][1]
            rank = (-len(by), application.id)
            if len(by) >= self.sponsors and party not in expelled and party not in left:
                if party not in best or rank < best[party][0]:
                    best[party] = (rank, application)
        change = {1: [best[p][1] for p in sorted(best)], 2: [{1: p, 2: ""} for p in expelled], 4: left, 5: []}
        if passed:
            change[3] = passed[0]
        try:
            return self.successor(change)
        except Bad:
            return None


def view(data):
    return View(decode("view", data))


def seal(data):
    return decode("seal", data)
