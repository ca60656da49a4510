"""What people read of a permission, and the text in which they hand it on (SPEC.md section 7). [CAP-13], [CAP-18]"""

import base64
import re
import unicodedata
from datetime import datetime, timedelta, timezone

from cddl import GRAMMAR, _table
from judge import parse_chain, require

TIME_MAX_MS, NAME_SHOWN = 2**64 - 1, 100
FOUR_CENTURIES = 146_097 * 86_400
WORDS = {(claim, holds): words for claim, holds, words in _table("words")}
CODES = {name: {text: number for number, text in GRAMMAR.rules[name][1].items()} for name in ("operation", "purpose")}


def listed(items):
    *before, last = items
    return f"{', '.join(before)} and {last}" if before else last


def duration(seconds):
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0 and (seconds or size == 1):
            return f"{seconds // size} {unit}{'' if seconds == size else 's'}"


def date(seconds):
    """Python's years end with 9999: whole cycles of the calendar are taken out, and their years added again."""
    cycles, rest = divmod(min(seconds * 1000, TIME_MAX_MS) // 1000, FOUR_CENTURIES)
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=rest)
    return f"{at.year + 400 * cycles:04}{at:-%m-%d %H:%M} UTC"


def times(depth):
    return {1: "once", 2: "twice in a row"}.get(depth, f"{depth} times in a row")


def counted(ids, one, many):
    short = [id_.hex()[:8] for id_ in ids]
    return [f"{one} {short[0]}" if len(short) == 1 else f"{len(short)} {many} {listed(short)}"] if short else []


def scope(entries, compartments):
    whole = counted(compartments, "all of the compartment", "compartments, all of each:")
    return listed(counted(entries, "the entry", "entries") + [f"{part}, with what is added to it later" for part in whole])


def shown(party, names):
    name = "".join(" " if unicodedata.category(c) == "Cc" else c for c in names.get(party.hex(), ""))[:NAME_SHOWN]
    return name if name.strip() else f"party {party.hex()[:8]}"


def explain(links, names, now_ms):
    """The sentences, as the table of claims has them."""
    sentences = []
    for at, link in enumerate(links, 1):
        if len(links) > 1:
            sentences.append(f"Link {at} of {len(links)}:")
        party = lambda id_: shown(id_, names)
        parties = lambda ids: listed([party(id_) for id_ in ids])
        delegation = link[306] or {1: 0, 2: []}
        values = {
            "iss": lambda: party(link[1]), "sub": lambda: party(link[2]), "aud": lambda: parties(link[3]),
            "exp": lambda: date(link[4]), "nbf": lambda: date(link[5]), "iat": lambda: date(link[6]),
            "cti": lambda: link[7].hex(), "cnf": lambda: party(link[8][3]), "key": lambda: str(link[300]),
            "parent": lambda: link[301].hex()[:8],
            "operations": lambda: listed([WORDS["operations", f"[{CODES['operation'][one]}]"] for one in link[302]]),
            "scope": lambda: scope(link[303].get(1, []), link[303].get(2, [])), "quota": lambda: str(link[304]),
            "quota_entries": lambda: str(link[308]),
            "purpose": lambda: WORDS["purpose", str(CODES["purpose"][link[305]])],
            "depth": lambda: times(delegation[1]), "institutions": lambda: parties(delegation[2]),
            "max_staleness": lambda: duration(link[307]),
        }
        for key, _, sentence, *otherwise in _table("explain"):
            when, _, other = (otherwise or [""])[0].partition(": ")
            otherwise_holds = {"absent": link[int(key)] is None, "past": link[4] * 1000 <= now_ms,
                               "future": link[5] * 1000 > now_ms}.get(when)
            template = other if otherwise_holds else sentence
            sentences.append(re.sub(r"{(\w+)}", lambda found: values[found[1]](), template))
    return sentences


def read(text):
    """A permission that somebody handed on as text."""
    digits = "".join(text.split()).rstrip("=")
    data = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    require(write(data) == digits, "its last digit is not in its one form")
    return parse_chain(data)


def write(chain):
    return base64.urlsafe_b64encode(chain).rstrip(b"=").decode()
