"""Codes, what proves them, and the number that two people compare (SPEC.md section 9, Codes, and section 10, Enrolment)."""

import base64
import re

from cddl import Bad, decode
from judge import require
from party import make
from suite import derive, digest, expand, extract, public_of, verifies


def unpack(text, letter, kind):
    """What stands in `cm-i-…`, `cm-e-…` or `cm-p-…`."""
    found = re.fullmatch("cm-([iep])-([A-Za-z0-9_-]*)", "".join(text.split()))
    require(found, "NotACode")
    require(found[1] == letter, "OtherKind")
    try:
        data = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    except ValueError:
        raise Bad("Damaged") from None
    require(digest(data[:-4])[:4] == data[-4:], "Damaged")
    try:
        return decode(kind, data[:-4])
    except Bad:
        raise Bad("Malformed") from None


def pack(data, letter):
    return f"cm-{letter}-" + base64.urlsafe_b64encode(data + digest(data)[:4]).decode().rstrip("=")


class Code:
    """An invite (`i`) or an enrolment (`e`), and the key that follows from its secret."""

    def __init__(self, text, letter):
        claims = unpack(text, letter, "code")
        self.text, self.letter = text, letter
        self.giver, self.secret, self.nodes, self.until = (claims[n] for n in (1, 2, 3, 4))
        self.stands = claims.get(5)  # where whoever gave it out stood
        require(1 <= len(self.nodes) <= 8, "Malformed")
        prk = extract(b"chartmesh/1/code", self.secret + self.giver)
        self.seed = expand(prk, letter.encode())
        self.public = public_of(self.seed)
        self.id = id_of(self.public)


def id_of(public):
    return digest(public)[:16]


def card_of(patient, relay):
    return pack(make("patient-card", {1: patient, 2: relay}), "p")


def proven(proof, session):
    """[COD-3]: the id of the code that a proof holds for, whoever gave it out; None where it is not of this session, which
    is party, node and nonce of who proves it, then of who hears it."""
    holds = [proof[n] for n in range(2, 8)] == session and verifies(proof[1], proof.signed, proof.signature)
    return id_of(proof[1]) if holds else None


# [COD-6]


def commitment(r, patient, institution):
    return derive("chartmesh/1/sas-commit", r + patient + institution)


def transcript(institution, relay, enrol):
    """`enrol` is its encoding."""
    return digest(institution + relay + digest(enrol))


def number_of(institution, relay, enrol, s, r):
    hashed = derive("chartmesh/1/sas", transcript(institution, relay, enrol) + s + r)
    return f"{int.from_bytes(hashed[:8], 'big') % 10**6:06}"
