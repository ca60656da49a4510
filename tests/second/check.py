#!/usr/bin/env python3
"""A second implementation of SPEC.md, written from that page: judges every vector and says what differs.

Usage: check.py, with the packages of requirements.txt. Exit status 0: everything agrees.
"""

import json
import sys
from pathlib import Path

from mnemonic import Mnemonic

import bulk
import judge
import words
from cddl import DOMAINS, GRAMMAR, Bad, Statement, _table, decode
from codes import Code, card_of, commitment, number_of, proven, transcript, unpack
from judge import Keys, require
from members import View
from party import cbor
from suite import (compartment_id, derive, digest, entry_id, expand, extract, file_len, hpke_open, kem_id, keys_of, open_object, open_padded, padded_len,
                   public_of, seal, unwrap, verifies, xwing)

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors"
unhex = bytes.fromhex
KINDS = list(GRAMMAR.rules["kind"][1].values())
REASONS = {row[1]: int(row[0]) for row in _table("reasons")}
count, wrong = 0, []


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def agree(what, found, expected):
    global count
    count += 1
    if found != expected:
        wrong.append(f"{what}: found {found}, expected {expected}")


def outcome(run):
    """What `run` refuses with; None when it does not."""
    try:
        run()
    except Bad as bad:
        return str(bad)


def encoding():
    for case in vectors("encoding/good"):
        agree(f"encoding {case['name']}", outcome(lambda: decode(case["type"], unhex(case["bytes"]))), None)
    for case in vectors("encoding/bad") + vectors("encoding/first"):
        agree(f"encoding {case['name']}", outcome(lambda: decode(case["type"], unhex(case["bytes"]))), case["error"])


def statements():
    def verify(case):
        statement = Statement(case["type"], unhex(case["statement"]))
        judge.check(statement, unhex(case["public"]))
        return statement

    for case in vectors("statement/good") + vectors("backup/statements"):
        agree(f"{case['type']} id", verify(case).id.hex(), case["id"])
        agree(f"{case['type']} domain", DOMAINS[case["type"]][0], case["domain"])
    for case in vectors("statement/bad"):
        agree(f"statement {case['name']}", outcome(lambda: verify(case)), case["error"])


def entropy_of(words):
    """[ID-5]"""
    words, english = words.lower().split(), Mnemonic("english")
    require(len(words) == 24, "WordCount")
    require(all(word in english.wordlist for word in words), "UnknownWord")
    require(english.check(" ".join(words)), "Checksum")
    return bytes(english.to_entropy(" ".join(words)))


def institution():
    """[ID-16]"""
    made = vectors("identity/institution")
    root = extract(b"chartmesh/1/institution", entropy_of(made["words"]))
    publics = []
    for keys in made["keys"]:
        number = keys["number"].to_bytes(4, "big")
        signing, kem = (expand(root, b"chartmesh/1/institution-" + which + number) for which in (b"id", b"kem"))
        publics.append(public_of(signing))
        found = signing.hex(), publics[-1].hex(), kem.hex(), xwing(kem)[0].hex()
        agree("institution's keys", found, (keys["signing"], keys["public"], keys["kem"], keys["kem_public"]))
    for log, number in (made["log"], 0), (made["rotated"], 1):
        keys = Keys.read(unhex(log))
        found = keys.party.hex(), keys.keys, keys.committed
        agree("institution's log", found, (made["party"], publics[: number + 1], digest(publics[number + 1])))


def identity():
    phrase = vectors("identity/phrase")
    entropy = entropy_of(phrase["words"])
    agree("entropy", entropy.hex(), phrase["entropy"])
    root = extract(b"chartmesh/1/phrase", entropy)
    for signing in phrase["signing"]:
        seed = expand(root, b"chartmesh/1/id" + signing["number"].to_bytes(4, "big"))
        agree("signing seed", (seed.hex(), public_of(seed).hex()), (signing["seed"], signing["public"]))
    c, records = phrase["compartment"], expand(root, b"chartmesh/1/records" + phrase["records_root"]["generation"].to_bytes(4, "big"))
    agree("records root", records.hex(), phrase["records_root"]["root"])
    seed = expand(records, b"chartmesh/1/compartment" + c["kind"].to_bytes(2, "big") + c["epoch"].to_bytes(4, "big"))
    public = xwing(seed)[0]
    made = cbor({1: c["kind"], 2: c["generation"], 3: c["epoch"], 4: public})
    agree("compartment", (seed.hex(), public.hex(), compartment_id(made).hex()), (c["seed"], c["public"], c["id"]))
    for bad in phrase["bad"]:
        agree("phrase", outcome(lambda: entropy_of(bad["words"])), bad["error"])
    institution()
    for case in vectors("identity/log"):
        agree(f"log {case['name']}", outcome(lambda: Keys.read(unhex(case["log"]))), case["error"])
        if not case["error"]:
            keys = Keys.read(unhex(case["log"]))
            found = keys.party.hex(), keys.current, [key.hex() for key in keys.keys]
            agree(f"log {case['name']}", found, (case["party"], case["current"], case["keys"]))
    for case in vectors("identity/forks"):
        known, shown = (Keys.read(unhex(case[name])) for name in ("known", "shown"))
        agree(f"fork {case['name']}", outcome(lambda: known.merged(shown)), case["error"])
        counts = known if case["error"] else known.merged(shown)
        agree(f"fork {case['name']}", counts.keys, Keys.read(unhex(case["counts"])).keys)
    for case in vectors("identity/certificates") + vectors("capability/revocations") + vectors("record/misfiled"):
        keys, now = Keys.read(unhex(case["signer"])), case["now_ms"]
        statement = Statement(case["type"], unhex(case["statement"]))
        run = {"node-certificate": lambda: judge.certificate(statement, keys, now),
               "relay-certificate": lambda: judge.certificate(statement, keys, now),
               "key-ring": lambda: judge.key_ring(statement, keys, now),
               "treats": lambda: judge.treats(statement, keys, now, KINDS),
               "misfiled": lambda: judge.misfiled(statement, keys, now),
               "revocation-state": lambda: judge.revocation_state(statement, keys),
               "card": lambda: judge.card(statement, keys)}[case["type"]]
        agree(f"{case['type']} {case['name']}", outcome(run), case["error"])


def content(n):
    return bytes(i % 251 for i in range(n))


def changed(file, change):
    if change == "nothing":
        return file
    (what, by), chunks = *change.items(), [file[at : at + 65536] for at in range(0, len(file), 65536)]
    if what == "xor":
        return file[: by["offset"]] + bytes([file[by["offset"]] ^ by["with"]]) + file[by["offset"] + 1 :]
    if what == "cut_to":
        return file[: by["len"]]
    if what == "append":
        return file + unhex(by["hex"])
    if what == "swap_chunks":
        a, b = by["first"], by["second"]
        chunks[a], chunks[b] = chunks[b], chunks[a]
    elif what == "repeat_chunk":
        chunks.insert(by["index"], chunks[by["index"]])
    else:
        del chunks[by["index"]]
    return b"".join(chunks)


def objects():
    made = {}
    for case in vectors("object/good"):
        key = unhex(case["data_key"])
        file = made[case["name"]] = seal(key, unhex(case["salt"]), content(case["plaintext_len"]))
        facts = padded_len(case["plaintext_len"]), len(file), digest(file).hex()
        agree(f"object {case['name']}", facts, (case["padded_len"], case["file_len"], case["id"]))
        aes_key, commitment = keys_of(key, file)
        agree(f"object {case['name']}", (aes_key.hex(), commitment.hex()), (case["aes_key"], case["commitment"]))
        opened = open_object(key, unhex(case["id"]), case["plaintext_len"], file)
        agree(f"object {case['name']}", opened == content(case["plaintext_len"]), True)
    for case in vectors("object/bad"):
        file = changed(made[case["made_from"]], case["change"])
        run = lambda: open_object(unhex(case["data_key"]), unhex(case["id"]), case["plaintext_len"], file)
        agree(f"object {case['name']}", outcome(run), case["error"])
    for case in vectors("object/padding"):
        agree("padding", padded_len(case["plaintext_len"]), case["padded_len"])


def permissions():
    def run(case):
        links = judge.parse_chain(unhex(case["chain"]))
        patient, revocations = Keys.read(unhex(case["patient_keys"])), judge.Revocations()
        for data in case["revocation_states"]:
            newest = Statement("revocation-state", unhex(data))
            judge.revocation_state(newest, patient)
            revocations.merge(newest, case["now_ms"])
        if case["freshness"]:
            word, relay = Statement("freshness", unhex(case["freshness"])), Keys.read(unhex(case["relay_keys"]))
            revocations.confirm(newest, word, relay, patient.party, case["now_ms"])
        treats = case["treats"] and Statement("treats", unhex(case["treats"]))
        if treats and not verifies(patient.keys[-1], treats.signed, treats.signature):
            treats = None
        institutions = {k.party: k for k in map(Keys.read, map(unhex, case["institution_keys"]))}
        request = {"node": unhex(case["node"]), "hash": unhex(case["request_hash"]), "operation": case["operation"],
                   "purpose": case["purpose"], "bytes": case["bytes"],
                   "targets": [(unhex(t["entry"]), unhex(t["compartment"])) for t in case["targets"]]}
        verifier = {"me": unhex(case["verifier"]), "now_ms": case["now_ms"], "nonce": unhex(case["nonce"]),
                    "nodes": {unhex(n["node"]): unhex(n["institution"]) for n in case["nodes"]},
                    "used": {unhex(u["token"]): (u["bytes"], u["entries"]) for u in case["used"]}}
        proof = case["proof"] and Statement("proof", unhex(case["proof"]))
        return judge.permission(links, proof, request, verifier, patient, institutions, revocations, treats)

    for case in vectors("capability/good"):
        agree(f"permission {case['name']}", run(case).id.hex(), case["leaf"])
    for case in vectors("capability/bad"):
        reason = outcome(lambda: run(case))
        agree(f"permission {case['name']}", reason, case["reason"])
        told = "not-valid" if REASONS.get(reason, 0) <= 13 else reason
        agree(f"permission {case['name']}", told, case["told_to_the_far_side"])
    sealed = vectors("capability/sealed")
    g, w = sealed["grant"], sealed["wrap"]
    grant = decode("grant", unhex(g["grant"]))
    agree("the key of a grant", grant[3], kem_id(xwing(unhex(g["recipient_seed"]))[0]))
    opened = hpke_open(unhex(g["recipient_seed"]), b"chartmesh/1/grant", grant[1][-1].id, grant[2])
    keys = decode("grant-keys", opened, 24 * 1024)
    for part, name in ((1, "entries"), (2, "compartments")):
        agree("grant", {id_.hex(): key.hex() for id_, key in keys[part]}, g[name])
    key = unwrap(unhex(w["recipient_seed"]), unhex(w["party"]), unhex(w["object"]), unhex(w["wrap"]))
    agree("wrap", key.hex(), w["data_key"])


def explained():
    """[CAP-13], [CAP-18]: also of the permissions that are judged, as far as their bytes are some."""
    made = vectors("capability/explained")
    cases = [(case, unhex(case["chain"]), made["now_ms"]) for case in made["cases"]]
    judged = vectors("capability/good") + vectors("capability/bad")
    cases += [(case, unhex(case["chain"]), case["now_ms"]) for case in judged if case["sentences"]]
    for case, chain, now in cases:
        agree(f"explained {case['name']}", words.explain(judge.parse_chain(chain), made["names"], now), case["sentences"])
    for case in made["cases"]:
        text = case["text"]
        agree(f"text {case['name']}", words.write(unhex(case["chain"])), text)
        spaced = words.read(f" {text[:40]}\n{text[40:]}==\n")
        agree(f"text {case['name']}", [link.id for link in spaced], [link.id for link in words.read(text)])
    forms = {"depth": lambda n: words.times(int(n)), "max_staleness": lambda n: words.duration(int(n)),
             "exp, nbf, iat": lambda n: words.date(int(n)),
             "aud, institutions": lambda n: words.listed(["Alder", "Birch", "Cedar"][: int(n)])}
    for claim, holds, read in _table("words"):
        if claim in forms:
            agree(f"words of {claim}", forms[claim](holds), read)


def tables():
    """What people read of a permission, as far as it stands in SPEC.md."""
    made = vectors("capability/tables")
    sentences = [[str(c["key"]), c["claim"], c["sentence"]] + [f"{o['when']}: {o['sentence']}" for o in [c["otherwise"]] if o]
                 for c in made["claims"]]
    agree("explain", _table("explain"), sentences)
    agree("reasons", _table("reasons"), [[str(r["code"]), r["name"], r["sentence"]] for r in made["reasons"]])
    for name, listed in (("operation", "operations"), ("purpose", "purposes")):
        agree(listed, GRAMMAR.rules[name][1], {item["code"]: item["name"] for item in made[listed]})
        claim = {"operation": "operations", "purpose": "purpose"}[name]
        for item in made[listed]:
            holds = f"[{item['code']}]" if name == "operation" else str(item["code"])
            agree(listed, words.WORDS[claim, holds], item["words"])


def bundles():
    made = vectors("record/bundles")

    def run(case):
        bundle, author = decode("bundle", unhex(case["bundle"])), Keys.read(unhex(case["author_keys"]))
        label, sealed = bundle[1], bundle[3]
        key = author.of(label[6], label[7])
        require(key, "unknown-key")
        require(verifies(key, label.signed, label.signature), "bad-signature")
        require(len(bundle[2]) <= 256, "too-many")
        require(digest(contents_bytes(bundle[2])) == label[5], "other-contents")
        require(len(sealed) <= 65536 and digest(sealed) == label[4], "other-manifest")
        key = unwrap(unhex(made["compartment_seed"]), label[1], label[4], bundle[4])
        told = decode("compartment", unhex(made["compartment"]))
        agree("its key", told[4], xwing(unhex(made["compartment_seed"]))[0])
        agree("compartment of the label", compartment_id(unhex(made["compartment"])), label[3])
        agree("data key", key.hex(), made["data_key"])
        manifest = open_manifest(key, sealed)
        listed = [(c[1], c[2]) for c in manifest[6]]
        require(manifest[1] == entry_id(label) and listed == [(c[1], c[2]) for c in bundle[2]], "other-label")
        return manifest

    for case in made["cases"]:
        agree(f"bundle {case['name']}", outcome(lambda: run(case)), case["error"])
    inner = run(made["cases"][0])[6][0]
    plain = open_object(inner[4], inner[1], inner[3], unhex(made["content_file"]))
    agree("content", plain.hex(), made["content"])


def contents_bytes(contents):
    from cddl import bstr, head

    return head(4, len(contents)) + b"".join(b"\xa2\x01" + bstr(c[1]) + b"\x02" + head(0, c[2]) for c in contents)


def open_manifest(key, sealed):
    """[OBJ-7]"""
    from cddl import Reader

    chunks = -(-len(sealed) // 65536)
    plain = open_padded(key, sealed, len(sealed) - 64 - 16 * chunks)
    reader = Reader(plain)
    manifest = reader.value(("name", "manifest"))
    require(padded_len(reader.at) == len(plain) and not any(plain[reader.at :]), "padding")
    return manifest


def root(entries, depth=0):
    """[CAT-1]"""
    if len(entries) <= 64:
        return digest(b"\0" + b"".join(id_ + label for id_, label in entries))
    nibble = lambda id_: id_[depth // 2] >> (0 if depth % 2 else 4) & 15
    return digest(b"\x01" + b"".join(root([e for e in entries if nibble(e[0]) == n], depth + 1) for n in range(16)))


def catalogues():
    made = vectors("record/catalogues")
    relay = Keys.read(unhex(made["relay_keys"]))

    def run(section):
        catalogue, entries = section[1], [(e[1], e[2]) for e in section[3]]
        require(all(a[0] < b[0] for a, b in zip(entries, entries[1:])), "Unordered")
        whole = (catalogue[7], catalogue[8]) == (len(entries), root(entries))
        require(catalogue[6] is not None or whole, "OtherEntries")
        require((catalogue[1], catalogue[2]) == (unhex(made["patient"]), unhex(made["relay"])), "OtherRelay")
        require(catalogue[5] <= made["now"] + judge.TOLERANCE_MS, "BadDate")
        require(catalogue[4] <= made["now"] + 7 * judge.DAY_MS, "BadDate")
        key = relay.of(catalogue[2], catalogue[3])
        require(key, "UnknownKey")
        judge.check(catalogue, key)

    for case in made["cases"]:
        section = decode("section", unhex(case["section"]))
        agree(f"catalogue {case['name']}", (outcome(lambda: run(section)), section[1].id.hex()), (case["error"], case["id"]))


def fingerprints():
    """[ID-15]"""
    words = Mnemonic("english").wordlist
    for case in vectors("identity/fingerprints")["cases"]:
        value = derive("chartmesh/1/fingerprint", unhex(case["party"]))
        for _ in range(65_535):
            value = digest(value)
        number = int.from_bytes(value[:11], "big")
        agree("words", " ".join(words[number >> 11 * (7 - place) & 2047] for place in range(8)), case["words"])
        digits = f"{number:027}"
        agree("digits", " ".join(digits[at : at + 3] for at in range(0, 27, 3)), case["digits"])


def hello():
    made = vectors("hello/hello")
    member, now, hearer = Keys.read(unhex(made["member_keys"])), made["now_ms"], made["hearer"]
    given_out = {code.id for text in made["codes"] if (code := Code(text, "e")).until > now}
    us = [unhex(hearer[n]) for n in ("institution", "node", "nonce")]
    texts = {"Truncated": "the bytes end within a value"}

    def run(node, data):
        said = Statement("hello", data)
        require(said[3][3] == node, "the certificate is for another node")
        require(verifies(node, said.signed, said.signature), "the signature is not the node's")
        keys = Keys(said[1])
        judge.certificate(said[3], keys, now)
        require(outcome(lambda: judge.card(said[2], keys)) is None, "the card is not signed with the current key")
        kind, shown = said[6]
        shows = said[7]
        by_relay = shows and shows[3] == keys.party and outcome(lambda: judge.certificate(shows, member, now)) is None
        by_proof = kind == 3 and proven(shown, [keys.party, node, said[5], *us]) in given_out
        by_code = kind == 2 and shown in given_out
        require(by_relay or by_proof or by_code, "nothing that opens the gate")
        return {"institution": keys.party.hex(), "name": said[2][3], "role": said[2][4], "node": node.hex(),
                "certificate_expires_ms": said[3][5], "addresses": said[4], "nonce": said[5].hex(),
                "gate": "open" if by_relay or by_proof else "prove"}

    for case in made["cases"]:
        node, data = unhex(case["node"]), unhex(case["hello"])
        found = outcome(lambda: run(node, data))
        agree(f"hello {case['name']}", texts.get(found, found), case["error"])
        if not found:
            agree(f"hello {case['name']}", run(node, data), case["conclusion"])
    for name, number in (("welcome", 1), ("prove", 4)):
        code, said = decode("hello-reply", unhex(made["replies"][name]))
        agree(name, (code, said[5].hex()), (number, "0e" * 16))
    agree("refused", decode("hello-reply", unhex(made["replies"]["refused"]))[1][1], "not-permitted")


def codes():
    made, number = vectors("code/codes"), vectors("code/number")
    for case in made["codes"]:
        code = Code(case["text"], case["letter"])
        found = {"letter": code.letter, "text": code.text, "institution": code.giver.hex(), "secret": code.secret.hex(),
                 "nodes": [{"node": node[1].hex(), "addresses": node[2]} for node in code.nodes],
                 "expires_ms": code.until, "anchor": code.stands and {"federation": code.stands[1].hex(), "number": code.stands[2], "view": code.stands[3].hex()},
                 "public_key": code.public.hex(), "id": code.id.hex()}
        agree(f"code {case['letter']}", found, case)
    for case in made["bad"]:
        agree(f"code {case['name']}", outcome(lambda: Code(case["text"], case["letter"])), case["error"])
    card = made["card"]
    agree("card", unpack(card["text"], "p", "patient-card"), {1: unhex(card["patient"]), 2: unhex(card["relay"])})
    agree("card", card_of(unhex(card["patient"]), unhex(card["relay"])), card["text"])

    at = {name: unhex(value) for name, value in number.items() if name != "number"}
    enrol = decode("enrol", at["enrol"])
    committed = commitment(at["relays_random"], at["patient"], at["institution"])
    agree("commitment", (committed, enrol[3]), (at["commitment"], at["commitment"]))
    agree("patient of the enrolment", Keys(enrol[2]).party, at["patient"])
    t = transcript(at["institution"], at["relay"], at["enrol"])
    agree("transcript", t, at["transcript"])
    found = number_of(at["institution"], at["relay"], at["enrol"], at["institutions_random"], at["relays_random"])
    agree("number", found, f"{number['number']:06}")


def messages():
    made = vectors("message/messages")
    sent = Statement("envelope", unhex(made["messages"][0]["envelope"]))
    texts = {"UnknownVariant": "unknown Body 99"}

    def run(case):
        envelope, node = Statement("envelope", unhex(case["envelope"])), unhex(case["node"])
        require(envelope[5] == node, "the message is from another node")
        decode("body", envelope[7])
        require(verifies(node, envelope.signed, envelope.signature), "the signature is not the node's")

    for case in made["messages"]:
        found = outcome(lambda: run(case))
        agree(f"message {case['name']}", texts.get(found, found), case["error"])
    agree("proof covers the body", sent[8][2], digest(unhex(made["body"])))
    for case in made["outcomes"]:
        o = Statement("outcome", unhex(case["outcome"]))
        named = o[1] == sent[1] and o[2] == sent[2] and o[3] == digest(sent[7])
        signed = verifies(unhex(made["receiver_node"]), o.signed, o.signature)
        agree(f"outcome {case['name']}", named and signed, case["answers"])


def membership():
    made = vectors("membership/views")
    at = View.first(Statement("charter", unhex(made["charter"])))
    agree("federation", at.body[1].hex(), made["federation"])
    agree("first view", at.id.hex(), made["first"])
    for case in made["steps"]:
        at = at.sealed(decode("seal", unhex(case["seal"])))
        what = f"view {case['name']}"
        agree(what, (at.bytes.hex(), at.id.hex()), (case["view"], case["id"]))
        numbers = [at.f, at.q, at.sponsors, at.votes]
        agree(what, numbers, [case[name] for name in ("faults", "quorum", "sponsors", "votes")])
        agree(what, [at.speaker(number) for number in range(4)], case["speakers"])
    made = vectors("membership/ballots")
    at = View(decode("view", unhex(made["view"])))
    for case in made["cases"]:
        found = at.tally([at.ballot(unhex(data)) for data in case["ballots"]])
        agree(f"ballots {case['name']}", found and found.id.hex(), case["successor"])
    made = vectors("membership/seals")
    at = View(decode("view", unhex(made["view"])))
    for case in made["cases"]:
        judged = outcome(lambda: at.sealed(decode("seal", unhex(case["seal"]))))
        agree(f"seal {case['name']}", judged, case["error"])


    made = vectors("membership/flaws")
    at = View(decode("view", unhex(made["view"])))
    for part, one, run in (("charters", "charter", lambda data: View.first(Statement("charter", data))),
                           ("views", "view", lambda data: View(decode("view", data))), ("ballots", "ballot", at.ballot)):
        for case in made[part]:
            agree(f"{one} {case['name']}", outcome(lambda: run(unhex(case[one]))), case["error"])


class Sent:
    """A bulk stream on which everything was sent already."""

    def __init__(self, data=b""):
        self.data, self.written = data, b""

    def read(self, n):
        require(len(self.data) >= n, "ended")
        out, self.data = self.data[:n], self.data[n:]
        return out

    def write(self, data):
        self.written += data


def streams():
    """[NET-8], [NET-9]: as the one that gives, and as the one that takes."""
    made = vectors("bulk/streams")
    content = {one["length"]: bytes((7 * i + i // 251) % 256 for i in range(one["length"])) for one in made["objects"]}
    here = {unhex(one["id"]): content[one["length"]] for one in made["objects"]}
    for id_, data in here.items():
        agree("object of a stream", digest(data), id_)
    trees = {id_: bulk.build(data) for id_, data in here.items()}

    for case in made["streams"]:
        parts = [unhex(part["bytes"]) if "bytes" in part else content[part["object"]][part["from"] : part["to"]]
                 for part in case["answer"]]
        expected, what = b"".join(parts), f"stream {case['name']}"
        agree(what, digest(expected).hex(), case["digest"])
        stream = Sent(unhex(case["asked"]))
        ended = outcome(lambda: bulk.serve(stream, unhex(made["ticket"]), here, trees))
        agree(what, (digest(stream.written), ended), (digest(expected), "ended" if case["ends"] else None))
        asked = case["asked"]
        if len(asked) == 118 and len(expected) > 2:
            id_, start = unhex(asked[38:102]), int(asked[102:], 16)
            found = bulk.pull(Sent(expected), unhex(made["ticket"]), id_, len(here[id_]), start)
            agree(what, found == here[id_][start:], True)


def access_log():
    made = vectors("access_log/chains")

    def run(case):
        at, before = (case["before"]["volume"], case["before"]["seq"]), unhex(case["before"]["hash"])
        for data in map(unhex, case["lines"]):
            line = decode("line", data)
            begins = line.get(16)
            if begins:
                require(begins[1] > at[0], "OldVolume")
                require(line[1] == 1 and (begins[2][1], begins[2][2]) == at, "Missing")
            else:
                require(line[1] == at[1] + 1, "Missing")
            require(line[12] == before, "Broken")
            at, before = (begins[1] if begins else at[0], line[1]), digest(data)
        head = Statement("log-head", unhex(case["head"]))
        judge.check(head, unhex(made["holder_public"]))
        empty = (head[4], head[5]) == (0, bytes(32)) and head[7] > at[0]
        require(empty or (head[7], head[4], head[5]) == (*at, before), "WrongHead")

    for case in made["cases"]:
        agree(f"log {case['name']}", outcome(lambda: run(case)), case["error"])


def countersigned():
    """[HEA-1]"""
    made = vectors("access_log/countersigned")
    reader, holder = (Keys.read(unhex(made[name])) for name in ("reader_keys", "holder_keys"))

    def run(shown):
        key, head = reader.of(shown[1], shown[2]), shown[3]
        require(key, "OtherReader")
        judge.check(shown, key)
        key = holder.of(head[1], head[2])
        require(key and verifies(key, head.signed, head.signature), "NotTheHolders")

    for case in made["cases"]:
        shown = Statement("countersigned", unhex(case["statement"]))
        agree(f"countersigned {case['name']}", (outcome(lambda: run(shown)), shown.id.hex()), (case["error"], case["id"]))


def main():
    sections = (encoding, statements, identity, fingerprints, objects, permissions, explained, tables, bundles, catalogues, hello,
                codes, messages, membership, streams, access_log, countersigned)
    for section in sections:
        before = count
        section()
        print(f"{section.__name__}: {count - before} facts")
    for line in wrong:
        print("DIFFERS", line)
    print(f"{count} facts, {len(wrong)} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
