"""Pulling sealed objects, verified as they come (SPEC.md section 9, bulk).

The BLAKE3 package hashes whole inputs only; a part of a tree needs the compression function itself."""

import struct

from judge import require

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
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


def build(data, first=0, n=None, root=True):
    """The tree of an object's groups: each node its first group, how many, its hash, its children."""
    n = n or max(1, -(-len(data) // GROUP))
    if n == 1:
        part = data[first * GROUP : (first + 1) * GROUP]
        return first, 1, tree_hash(part, first * GROUP // CHUNK, root), ()
    left = left_of(n)
    children = build(data, first, left, False), build(data, first + left, n - left, False)
    return first, n, pair_hash(children[0][2] + children[1][2], root), children


def batch_end(at, length):
    return min(length, (at // BATCH + 1) * BATCH)


def give(stream, data, start, tree=None):
    """The answer for one object."""
    tree, at = tree or build(data), start
    stream.write(struct.pack(">HQ", 0, len(data)))

    def pairs(node, end):
        first, n, _, children = node
        if not children or first + n <= start // GROUP:
            return b""
        begins = at <= max(first * GROUP, start) < end
        own = children[0][2] + children[1][2] if begins else b""
        return own + pairs(children[0], end) + pairs(children[1], end)

    while at < len(data):
        end = batch_end(at, len(data))
        stream.write(b"\0\0" + pairs(tree, end) + data[at:end])
        at = end


def asked(stream):
    """The next request: ticket, object and start, or the code with which it is refused. [NET-8]"""
    length, = struct.unpack(">H", stream.read(2))
    require(length <= 256, "ended")
    body = stream.read(length)
    if body[:1] != b"\x01":
        return 5
    if length != 57:
        return 3
    start, = struct.unpack(">Q", body[49:])
    return (body[1:17], body[17:49], start) if start % GROUP == 0 else 4


def serve(stream, ticket, here, trees):
    """Answers all that is asked with this ticket of objects by their ids."""
    while stream.data:
        request = asked(stream)
        if not isinstance(request, int):
            shown, wanted, start = request
            data = here.get(wanted)
            request = 1 if shown != ticket else 2 if data is None else 4 if start and start >= len(data) else 0
        if request:
            stream.write(struct.pack(">H", request))
            require(request != 3, "ended")
        else:
            give(stream, data, start, trees[wanted])


def pull(stream, ticket, object_id, listed, start=0):
    """An object on a bulk stream, from `start` on, `listed` bytes long as its label's contents say. [NET-9]"""
    stream.write(struct.pack(">HB", 57, 1) + ticket + object_id + struct.pack(">Q", start))

    def go_on():
        code, = struct.unpack(">H", stream.read(2))
        require(code == 0, f"bulk refusal {code}")

    go_on()
    require(struct.unpack(">Q", stream.read(8))[0] == listed, "another length than listed")
    pending = [(0, max(1, -(-listed // GROUP)), object_id, True)]  # subtrees whose hash is known, the next one last
    data, at = b"", start
    while at < listed:
        go_on()
        end, ready, later = batch_end(at, listed), [], []
        while pending:  # in pre-order, leaving what belongs to later batches
            first, n, expected, root = pending.pop()
            if (first + n) * GROUP <= start:
                continue
            if max(first * GROUP, start) >= end:
                later.append((first, n, expected, root))
            elif n == 1:
                ready.append((first, expected, root))
            else:
                pair = stream.read(64)
                require(pair_hash(pair, root) == expected, "a pair is not the object's")
                left = left_of(n)
                pending += [(first + left, n - left, pair[32:], False), (first, left, pair[:32], False)]
        pending = later[::-1]
        for first, expected, root in ready:
            part = stream.read(min(GROUP, listed - first * GROUP))
            require(tree_hash(part, first * GROUP // CHUNK, root) == expected, "a group is not the object's")
            data += part
        at = end
    return data
