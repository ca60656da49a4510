"""The road of a record, at a running node: enrolment, permissions, reading both ways, the access log."""

import os
import time
from pathlib import Path

import judge
from bulk import BATCH, pull
from cddl import REFUSALS, Bad, Statement, decode
from check import contents_bytes, open_manifest
from codes import Code, card_of, commitment, number_of
from judge import require
from members import View
from party import BULK, Institution, code, make, now_ms, sign
from patient import Patient
from stage import dial, fact, flipped, refusal
from suite import compartment_id, digest, entry_id, hpke_open, manifest_key, open_object, session_id, verifies


def chart(person, relay, name, contents):
    """A chart at the node with entries, and a patient of ours; our relay has proven the chart's code and may begin."""
    subject = person("patient", "new", name)["subject"]
    folder = Path(person.command[-1]) / "live"
    folder.mkdir(exist_ok=True)
    for file, content in contents.items():
        (folder / file).write_bytes(content)
        person("record", "import", subject, str(folder / file), "--user", "Dr Mori")
    given = Code(person("patient", "enrol", subject)["code"], "e")
    far = dial(relay, given)
    fact("our relay proves an enrolment code", far.hello(given) is None)
    return subject, given, far, Patient(relay.party)


def begin(far, given, patient):
    """[COD-6]: what the relay commits itself to, to be revealed; and the number of the two people."""
    r, relay = os.urandom(32), far.ours.party
    said = {1: given.id, 2: patient.log, 3: commitment(r, patient.party, far.party)}
    s = decode("enrolment-answer", far.send([2, [1, said]]))[1]
    return reveal(patient, r), number_of(far.party, relay, make("enrol", said), s, r)


def reveal(patient, r):
    return [2, [3, {1: patient.party, 2: r}]]


def accepted(patient):
    return [2, [5, {1: patient.log, 2: patient.ring, 3: {}, 4: patient.told}]]


def hears(relay, patient, kind):
    """What the node says of a patient: 4, confirmed, or 6, undone."""
    relay.wait_for(f"message {kind}", lambda m: m[0] == 2 and m[1][0] == kind and m[1][1][1] == patient.party)


def other_than(number):
    return f"{(int(number) + 1) % 10**6:06}"


def no_enrolment(person, relay):
    """[COD-4], [COD-7]: whoever has a code, and is not the patient at the desk, gets nowhere."""
    print("no enrolment")
    contents = {"note.txt": b"nobody else's business"}
    subject, given, far, patient = chart(person, relay, "Sato Ken", contents)

    def refused(what, message, reason):
        fact(f"{what}: {reason}", (refusal(lambda: far.send(message)) or "").startswith(f"{reason}: "))

    def enrol_with(code_id):
        return [2, [1, {1: code_id, 2: patient.log, 3: bytes(32)}]]

    unproven = Code(person("patient", "enrol", person("patient", "new", "Sato Mei")["subject"])["code"], "e")
    refused("enrolment with an unknown code", enrol_with(os.urandom(16)), "not-found")
    refused("with another one than it has proven", enrol_with(unproven.id), "not-found")
    true, number = begin(far, given, patient)
    refused("with one that is used up", enrol_with(given.id), "not-found")
    refused("what it did not commit itself to", reveal(patient, os.urandom(32)), "not-authentic")
    refused("`accepted` before there is a number", accepted(patient), "not-permitted")
    far.send(true)
    refused("and before the desk has compared it", accepted(patient), "not-permitted")
    tries = [person.fails("patient", "compare", subject, other_than(number)) for _ in range(3)]
    hears(relay, patient, 6)
    fact("a third wrong number undoes it", all(tries))
    fact("then the right one is of no use", person.fails("patient", "compare", subject, number))
    refused("and `accepted` is too late", accepted(patient), "not-found")
    far.close()

    other = patient
    subject, given, far, patient = chart(person, relay, "Sato Jun", contents)
    far.send(begin(far, given, patient)[0])
    for what, card in (("another patient", (os.urandom(32), relay.party)), ("another relay", (patient.party, os.urandom(32)))):
        fact(f"a card of {what} is refused at the desk", person.fails("patient", "compare", subject, "--card", card_of(*card)))
    person("patient", "compare", subject, "--card", card_of(patient.party, relay.party))
    hears(relay, patient, 4)
    fact("the patient's card stands for the number: confirmed")
    refused("`accepted` for another patient", accepted(other), "not-found")
    late = dial(Institution("Late Relay", "patient"), given)
    fact("somebody else who proves the code, too: already-done", late.hello(given)[0] == "already-done")
    refused("nothing goes on with it", accepted(patient), "wrong-state")
    person("patient", "cancel", subject)
    hears(relay, patient, 6)
    fact("before the desk has taken it back")
    refused("and then", accepted(patient), "not-found")
    fact("nothing was announced in all that", not any(m[0] == 3 for m in relay.heard))
    for connection in (far, late):
        connection.close()


def enrol(person, relay):
    """Section 10: our relay brings a patient, two people compare a number; what the hospital had recorded is announced."""
    print("enrolment")
    contents = {"note.txt": b"seen today, all is well", "scan.bin": os.urandom(700_000)}
    subject, given, far, patient = chart(person, relay, "Sato Aiko", contents)
    true, number = begin(far, given, patient)
    far.send(true)
    shown = {str(value) for begun in person("patient", "enrolments") for value in begun.values()}
    secret = {number, f"{number[:3]} {number[3:]}", str(int(number))}
    fact("the node shows that it waits for a number, and not which", patient.party.hex() in shown and not shown & secret)
    fact("a wrong one at the desk is refused", person.fails("patient", "compare", subject, other_than(number)))
    person("patient", "compare", subject, number)
    hears(relay, patient, 4)
    fact("ours is the number, and the node says so: confirmed")
    time.sleep(1)
    fact("so far it announced nothing", not any(m[0] == 3 for m in relay.heard))
    answer = decode("accepted-answer", far.send(accepted(patient)))
    fact("the patient accepts, too, and is enrolled")
    judge.certificate(answer[1], relay.known[far.party], now_ms())
    fact("the member certifies our relay", answer[1][3] == relay.party and answer[1][1] == far.party)
    relay.relay_certificate = answer[1]
    follow = decode("follow", answer[2])
    at = View(follow[2])
    for seal in follow[3]:
        at = at.sealed(seal)
    fact("and brings its federation, from the view that the code names", View(follow[2]).id == given.stands[3])
    fact("in which it is a member", at.member(far.party))

    def announced():
        bundles = [b for m in relay.heard if m[0] == 3 and m[1][1][1] == patient.party for b in m[1][1][2]]
        return len(bundles) == len(contents) and bundles

    def sessions():
        return [s for m in relay.heard if m[0] == 3 and m[1][1][1] == patient.party for s in m[1][1][3]]

    with relay.arrived:
        require(relay.arrived.wait_for(announced, 60), "waited in vain for the entries")
    opened = {manifest[6][0][6] for b in announced() if (manifest := entry(b, sessions(), patient.compartments, relay.known))}
    fact("both entries are announced, and their manifests open with our patient's keys", opened == set(contents))
    late = dial(Institution("Late Relay", "patient"), given)
    fact("whoever proves the code now is too late: already-done", late.hello(given)[0] == "already-done")
    return far, patient, contents


def entry(bundle, sessions, compartments, institutions):
    """[REC-1] to [REC-4]: the manifest of an entry, with the keys of the compartments."""
    label, sealed = bundle[1], bundle[3]
    author = institutions[label[6]].of(label[6], label[7])
    require(author and verifies(author, label.signed, label.signature), "bad-signature")
    require(digest(contents_bytes(bundle[2])) == label[5], "other-contents")
    require(digest(sealed) == label[4], "other-manifest")
    by_id = {session_id(make("session", session)): session for session in sessions}
    manifest = open_manifest(manifest_key(compartments[label[3][1]], label, by_id), sealed)
    listed = [(c[1], c[2]) for c in bundle[2]] == [(c[1], c[2]) for c in manifest[6]]
    require(manifest[1] == entry_id(label) and listed, "other-label")
    return manifest


def ask(far, chain, patient, purpose="treatment", proven=True, **more):
    """A read with a permission, whose leaf our proof names; gives the answer or raises the refusal's reason."""
    request = {1: os.urandom(16), 2: patient.party, 3: chain, 4: patient.log, 5: {}, 6: "Dr Python", 7: code("purpose", purpose),
               9: []}
    proof = {1: chain[-1].id, **{int(key[1:]): value for key, value in more.items()}} if proven else None
    try:
        return decode("read-answer", far.send([4, [6, request]], proof))
    except Bad as bad:
        raise Bad(str(bad).removeprefix("bad-permission: ")) from None


def reading(far, patient, contents):
    """Sections 6, 7 and 9: a permission minted here lets us read there what the patient's keys open."""
    print("permission")
    ours = far.ours
    token = patient.mint(ours.party)
    grant = patient.grant(token, ours.card[5])
    sealed = hpke_open(ours.kem_seed, b"chartmesh/1/grant", token.id, grant[2])
    compartments = dict(decode("grant-keys", sealed, 24 * 1024)[2])
    fact("a grant carries the keys to us", compartments == patient.compartments)
    answer = ask(far, [token], patient)
    fact("the node answers a read with our token and proof", len(answer[1]) == len(contents))
    head = answer[5]
    judge.check(head, ours.known[far.party].keys[0])
    fact("with the signed head of its access log", head[1] == far.party and head[3] == patient.party)

    stream = far.mux.open(BULK)
    fact("bulk has room", stream.read(1) == b"\x01")
    found = {}
    for bundle in answer[1]:
        for ref in entry(bundle, answer[7], compartments, ours.known)[6]:
            file = pull(stream, answer[2], ref[1], ref[2])
            found[ref[6]] = open_object(ref[4], ref[1], ref[3], file)
            fact(f"{ref[6]}: {ref[2]} bytes pulled, each group verified, opened")
            if ref[2] > BATCH:
                start = BATCH - (48 << 10)
                rest = pull(stream, answer[2], ref[1], ref[2], start)
                fact(f"and pulled again from {start} on", rest == file[start:])
    fact("they are what was recorded", found == contents)
    said = refusal(lambda: pull(stream, os.urandom(16), ref[1], ref[2]))
    fact("a ticket of our own making pulls nothing", said == "bulk refusal 1")
    return token, [entry_id(bundle[1]) for bundle in answer[1]]


def refused_permissions(far, relay_far, patient, token, entries):
    """[CAP-3] to [CAP-10], as the node judges them: each with the reason it may tell."""
    print("refused permissions")
    ours, hour = far.ours.party, 3600
    now = now_ms() // 1000

    def told(token, reason, what=None, **more):
        said = refusal(lambda: ask(far, [token], patient, **more))
        fact(f"{what}: {reason}" if what else reason, said == reason)

    told(token, "not-valid", "no proof", proven=False)
    told(token, "not-valid", "the proof names another verifier", v3=ours)
    told(token, "not-valid", "the proof names another nonce", v4=os.urandom(16))
    told(token, "not-valid", "the proof is for another request", v2=bytes(32))
    told(Statement("token", flipped(token)), "not-valid", "an altered token")
    told(patient.mint(relay_far.ours.party), "not-valid", "somebody else's token")
    told(token, "wrong-purpose", purpose="research")
    told(patient.mint(ours, v3=[ours]), "wrong-audience")
    told(patient.mint(ours, v302=[code("operation", "keep")]), "operation-not-permitted")
    told(patient.mint(ours, v4=now - 1, v5=now - hour), "expired")
    told(patient.mint(ours, v5=now + hour, v4=now + 2 * hour), "not-yet-valid")
    told(patient.mint(ours, v4=now + 91 * 86400), "valid-too-long")
    told(patient.mint(ours, v6=now - 120, v307=60), "stale-revocations")
    some = ask(far, [patient.mint(ours, entries[:1])], patient)
    fact("a token for one entry shows that entry only", [entry_id(b[1]) for b in some[1]] == entries[:1])

    other = relay_far.ours
    first = patient.mint(ours, v306={1: 1, 2: [other.party]})
    claims = {n: first[n] for n in (2, 4, 5, 6, 303)}
    narrower = {**claims, 1: ours, 7: os.urandom(16), 8: {3: other.party}, 300: 0, 301: first.id,
                302: [code("operation", "read")], 305: code("purpose", "treatment")}
    second = sign("token", narrower, far.ours.seed)
    fact("passed on once, another institution reads with it", len(ask(relay_far, [first, second], patient)[1]) == len(entries))
    wider = sign("token", {**narrower, 4: first[4] + 1}, far.ours.seed)
    said = refusal(lambda: ask(relay_far, [first, wider], patient))
    fact("a link longer than its parent: child-exceeds-parent", said.startswith("child-exceeds-parent"))

    state = patient.revoke(token)
    relay_far.send([6, [1, {1: patient.log, 2: patient.ring, 3: {1: state}, 4: []}]])
    told(token, "revoked")


def the_node_reads(person, far, relay_far, patient):
    """The other way round: the node asks our patient, gets permissions of our making, and reads from us."""
    print("the node reads here")
    holder, relay = far.ours, relay_far.ours
    letters = [b"seen here, too\n" * 60_000, b"and once more"]
    kinds = ("reports", "documents")
    bundles = [holder.record(patient, kind, "A letter", letter) for kind, letter in zip(kinds, letters)]
    asked = person("request", "download", "--patient", patient.party.hex(), "--user", "Dr Mori", "--message", "please")
    wanted = relay.wait_for("the request", lambda m: m[0] == 4 and m[1][0] == 1 and m[1][1])
    fact("the node asks our patient", wanted[2] == patient.party and wanted[1].hex() == asked["request"])
    kem = relay_far.peer[2][5]
    by_entry = patient.mint(relay_far.party, [entry_id(bundles[0][1])])
    by_compartment = patient.mint(relay_far.party, v303={2: [bundles[1][1][3][1]]})
    grants = [patient.grant(token, kem, bundles, holder.named(bundles)) for token in (by_entry, by_compartment)]
    given = {1: wanted[1], 2: patient.log, 3: patient.ring, 4: {1: patient.state}, 5: grants, 6: [holder.introduction()],
             7: [told for told in patient.told if compartment_id(make("compartment", told)) in by_compartment[303][2]]}
    relay_far.send([4, [3, given]])
    received = {grant["token"] for grant in person("consent", "grants")}
    fact("it takes two permissions: an entry's, a compartment's", received == {t[7].hex() for t in (by_entry, by_compartment)})
    person("request", "fetch", asked["request"], "--from", holder.name, "--wait", "--timeout", "1m", "--user", "Dr Mori")
    folder = Path(person.command[-1]) / "live"
    for number, (bundle, letter) in enumerate(zip(bundles, letters)):
        fetched = folder / f"fetched-{number}"
        show = ["record", "show", patient.party.hex(), entry_id(bundle[1]).hex(), "--content", "1", "--user", "Dr Mori"]
        person(*show, "--out", str(fetched))
        fact(f"{bundle[2][0][2]} bytes went there, and open", fetched.read_bytes() == letter)


def access_log(relay_far, patient):
    """[LOG-1] to [LOG-3]: who saw what, as the patient's relay obtains it."""
    print("access log")
    answer = decode("lines-answer", relay_far.send([7, [1, {1: patient.party, 2: {1: 0, 2: 0}}]]))
    head, before = answer[2], bytes(32)
    judge.check(head, relay_far.ours.known[relay_far.party].keys[0])
    for number, line in enumerate(answer[1], 1):
        require(line[1] == number and line[12] == before, "Broken")
        why = line.get(10) and {**line[10], 1: code("refusal-code", line[10][1])}
        codes = {**line, 3: code("action", line[3]), 6: line.get(6) and code("purpose", line[6]), 10: why}
        before = digest(make("line", codes))
    fact(f"{len(answer[1])} lines, each with the hash of the one before", (head[7], head[4], head[5]) == (0, len(answer[1]), before))
    reasons = {REFUSALS[line[10][2]] for line in answer[1] if line[3] == "read-refused"}
    wanted = {"proof-missing", "proof-for-another-verifier", "proof-replayed", "proof-for-another-request", "bad-signature",
              "not-the-grantee", "wrong-purpose", "wrong-audience", "expired", "revoked", "child-exceeds-parent"}
    fact("the refused reads are there, with their real reasons", wanted <= reasons)
