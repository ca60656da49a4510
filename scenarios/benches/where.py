"""Where the simulator's time goes: reads what `perf script -F ip,sym` says and gives each sample to one purpose.

    scripts/bench where

A sample belongs to the first of these that any function on its stack does: cryptography before storage and
coding, since both call none, and whoever calls them is not what is asked.
"""

import collections
import sys

PURPOSES = [
    ("signatures checked", ("verify_strict", "stand_in::verifies")),
    ("signatures made", ("try_multipart_sign", "raw_sign", "SigningKey", "stand_in::KeyPair")),
    ("keys agreed on (X-Wing)", ("ml_kem", "x_wing", "module_lattice", "montgomery", "keccak", "shake", "stand_in")),
    ("sealing and key derivation", ("aes", "ghash", "polyval", "hkdf", "sha2::sha256")),
    ("curve arithmetic, no caller seen", ("curve25519", "ed25519", "sha512")),
    ("hashes (BLAKE3)", ("blake3",)),
    ("coding (CBOR)", ("codec::", "ciborium")),
    ("storage", ("store::", "engine::disk", "rows::")),
    ("checkers and measures", ("scenarios::check", "scenarios::measure", "scenarios::watch")),
    ("allocation, no caller seen", ("malloc", "realloc", "free", "memmove", "memcmp", "unlink_chunk")),
]

counts = collections.Counter()
stack = []


def count():
    text = " ".join(stack)
    if stack:
        purposes = (name for name, marks in PURPOSES if any(mark in text for mark in marks))
        counts[next(purposes, "the rest: rules, queue, links")] += 1


for line in sys.stdin:
    if line.strip():
        stack.append(line.strip())
    else:
        count()
        stack = []
count()
total = sum(counts.values())
print(f"{total} samples")
for name, number in counts.most_common():
    print(f"{100 * number / total:5.1f} %  {name}")
