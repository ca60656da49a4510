"""Pulling sealed objects, verified as they come (SPEC.md section 9, bulk).

The BLAKE3 package hashes whole inputs only; a part of a tree needs the compression function itself."""

import struct

from judge import require

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
CHUNK, GROUP, BATCH = 1024, 16 << 10, 512 << 10
MASK = 0xFFFFFFFF


def compress(cv, block, counter, flags):
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*cv, *IV[:4], counter & MASK, counter >> 32, len(block), flags]
    for _ in range(7):
        for at, (a, b, c, d) in enumerate(MIXES):
            v[a] = v[a] + v[b] + m[2 * at] & MASK
            v[d] ^= v[a]
            v[d] = v[d] >> 16 | v[d] << 16 & MASK
            v[c] = v[c] + v[d] & MASK
            v[b] ^= v[c]
            v[b] = v[b] >> 12 | v[b] << 20 & MASK
            v[a] = v[a] + v[b] + m[2 * at + 1] & MASK
            v[d] ^= v[a]
            v[d] = v[d] >> 8 | v[d] << 24 & MASK
            v[c] = v[c] + v[d] & MASK
            v[b] ^= v[c]
            v[b] = v[b] >> 7 | v[b] << 25 & MASK
        m = [m[i] for i in PERMUTATION]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def chunk_cv(data, number, root):
    blocks, cv = [data[at : at + 64] for at in range(0, len(data), 64)] or [b""], IV
    for at, block in enumerate(blocks):
        last = at + 1 == len(blocks)
        cv = compress(cv, block, number, (CHUNK_START if at == 0 else 0) | (CHUNK_END | root * ROOT if last else 0))
    return cv


def pair_hash(pair, root):
    return struct.pack("<8I", *compress(IV, pair, 0, PARENT | root * ROOT))


def left_of(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def tree_hash(data, first, root):
    """Of a part of an object that is a subtree: its first chunk has the number `first`."""
    chunks = max(1, -(-len(data) // CHUNK))
    if chunks == 1:
        return struct.pack("<8I", *chunk_cv(data, first, root))
    left = left_of(chunks)
    return pair_hash(tree_hash(data[: left * CHUNK], first, False) + tree_hash(data[left * CHUNK :], first + left, False), root)


class Pull:
    """Verifies the answer for one object from its beginning. [NET-9]"""

    def __init__(self, stream, object_id, length):
        self.stream, self.length, self.groups = stream, length, max(1, -(-length // GROUP))
        self.pending = [(0, self.groups, object_id, True)]  # subtrees whose hash is known, the next one last
        self.data = b""

    def batch(self):
        end = min(self.length, len(self.data) + BATCH)
        # The pairs come in pre-order of those nodes whose first group is in the batch: walk so, leaving what is later.
        ready, later = [], []
        while self.pending:
            first, n, expected, root = self.pending.pop()
            if first * GROUP >= end and self.length:
                later.append((first, n, expected, root))
            elif n == 1:
                ready.append((first, expected, root))
            else:
                pair = self.stream.read(64)
                require(pair_hash(pair, root) == expected, "a pair is not the object's")
                left = left_of(n)
                self.pending += [(first + left, n - left, pair[32:], False), (first, left, pair[:32], False)]
        self.pending = later[::-1]
        for first, expected, root in ready:
            part = self.stream.read(min(GROUP, self.length - len(self.data)))
            require(tree_hash(part, first * GROUP // CHUNK, root) == expected, "a group is not the object's")
            self.data += part


def pull(stream, ticket, object_id, listed):
    """All of an object on a bulk stream, `listed` bytes long as its label's contents say."""
    stream.write(struct.pack(">HB", 57, 1) + ticket + object_id + struct.pack(">Q", 0))
    code, = struct.unpack(">H", stream.read(2))
    require(code == 0, f"bulk refusal {code}")
    length, = struct.unpack(">Q", stream.read(8))
    require(length == listed, "another length than listed")
    pulling = Pull(stream, object_id, length)
    while len(pulling.data) < length:
        code, = struct.unpack(">H", stream.read(2))
        require(code == 0, f"bulk refusal {code}")
        pulling.batch()
    return pulling.data
