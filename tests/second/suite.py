"""The cryptography of SPEC.md: strict Ed25519, X-Wing in HPKE, sealed objects."""

import hashlib
import hmac

from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from kyber_py.ml_kem import ML_KEM_768

from cddl import Bad, bstr, head

P = 2**255 - 19
ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303021422
# y of the eight points of small order: neutral, order 2, order 4 (y = 0), order 8.
SMALL_ORDER_Y = {0, 1, P - 1, ORDER_8, P - ORDER_8}


def digest(data):
    return blake3(data).digest()


def derive(context, data, length=32):
    return blake3(data, derive_key_context=context).digest(length)


def entry_id(label):
    """[REC-9]"""
    return derive("chartmesh/1/entry-id", label[6] + label[2], 16)


def compartment_id(encoded):
    """[ID-6]: of the encoded map."""
    return derive("chartmesh/1/compartment-id", encoded, 16)


def kem_id(public):
    """[CAP-12]"""
    return digest(public)[:16]


def small_order(point):
    return (int.from_bytes(point, "little") & (1 << 255) - 1) % P in SMALL_ORDER_Y


def verifies(key, message, signature):
    """[STM-5]. The library refuses s above the order and recomputes R; small orders are ours."""
    if small_order(key) or small_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def public_of(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def extract(salt, ikm):
    return hmac.digest(salt, ikm, "sha256")


def expand(prk, info, length=32):
    return HKDFExpand(hashes.SHA256(), length, info).derive(prk)


# X-Wing and HPKE, section 6.

SUITE = b"HPKE" + bytes.fromhex("647a00010002")


def xwing(seed):
    raw = hashlib.shake_256(seed).digest(96)
    ek, dk = ML_KEM_768._keygen_internal(raw[:32], raw[32:64])
    x = X25519PrivateKey.from_private_bytes(raw[64:])
    return ek + x.public_key().public_bytes_raw(), dk, x


def encapsulate(public):
    ss_m, kem_ct = ML_KEM_768.encaps(public[:1184])
    x = X25519PrivateKey.generate()
    x_ct, ss_x = x.public_key().public_bytes_raw(), x.exchange(X25519PublicKey.from_public_bytes(public[1184:]))
    return kem_ct + x_ct, combine(ss_m, ss_x, x_ct, public[1184:])


def decapsulate(seed, encapsulated):
    public, dk, x = xwing(seed)
    kem_ct, x_ct = encapsulated[:1088], encapsulated[1088:]
    ss_m, ss_x = ML_KEM_768.decaps(dk, kem_ct), x.exchange(X25519PublicKey.from_public_bytes(x_ct))
    return combine(ss_m, ss_x, x_ct, public[1184:])


def hpke_open(seed, info, aad, sealed):
    key, nonce, _ = schedule(decapsulate(seed, sealed[:1120]), info)
    return AESGCM(key).decrypt(nonce, sealed[1120:], aad)


def hpke_seal(public, info, aad, plain):
    encapsulated, shared = encapsulate(public)
    key, nonce, _ = schedule(shared, info)
    return encapsulated + AESGCM(key).encrypt(nonce, plain, aad)


def combine(ss_m, ss_x, x_ct, x_public):
    return hashlib.sha3_256(ss_m + ss_x + x_ct + x_public + bytes.fromhex("5c2e2f2f5e5c")).digest()


def schedule(shared, info):
    """RFC 9180's key schedule in base mode: the key and the nonce of the first message, and what exports secrets."""

    def labeled_extract(salt, label, ikm):
        return extract(salt, b"HPKE-v1" + SUITE + label + ikm)

    def labeled_expand(prk, label, context, length):
        return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + context, length)

    context = b"\0" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    exporter = labeled_expand(secret, b"exp", context, 32)
    key, nonce = labeled_expand(secret, b"key", context, 32), labeled_expand(secret, b"base_nonce", context, 12)
    return key, nonce, lambda of: labeled_expand(exporter, b"sec", of, 32)


# Sealing sessions, section 10.


def session_id(encoded):
    """[WRP-2]: of the encoded map."""
    return derive("chartmesh/1/session-id", encoded, 16)


def session_info(session, public):
    """[WRP-1]"""
    ids = b"".join(bytes([n]) + bstr(session[n]) for n in (1, 2, 3))
    return b"chartmesh/1/session" + digest(public) + head(5, 4) + ids + b"\x04" + head(0, session[4])


def session_begin(public, session):
    """[WRP-1]: keys 5 and 6 of a session, and its key."""
    encapsulated, shared = encapsulate(public)
    export = schedule(shared, session_info(session, public))[2]
    return encapsulated, export(b"chartmesh/1/session-check"), export(b"chartmesh/1/session-key")


def session_key(seed, session):
    """[WRP-1], [WRP-3]"""
    shared = decapsulate(seed, session[5])
    export = schedule(shared, session_info(session, xwing(seed)[0]))[2]
    if export(b"chartmesh/1/session-check") != session[6]:
        raise Bad("session-check")
    return export(b"chartmesh/1/session-key")


def wrap(kek, key):
    return aes_key_wrap(kek, key)


def unwrap(kek, wrapped):
    """[WRP-3]"""
    try:
        return aes_key_unwrap(kek, wrapped)
    except InvalidUnwrap:
        raise Bad("wrap") from None


def manifest_key(seed, label, sessions):
    """[WRP-3], [WRP-4]: by the seed of the label's compartment and the sessions that came along, by id."""
    session = sessions.get(label[3][2])
    if session is None:
        raise Bad("session.missing")
    if (session[1], session[2], session[3]) != (label[1], label[3][1], label[6]):
        raise Bad("session.other")
    return unwrap(session_key(seed, session), label[3][3])


# Sealed objects.

PIECE, CHUNK = 65520, 65536


def padded_len(n):
    if n > 1 << 40:
        raise Bad("TooLarge")
    if n <= 1024:
        return 1024
    e = n.bit_length() - 1
    unit = 1 << e - e.bit_length()
    return -(-n // unit) * unit


def file_len(padded):
    chunks = -(-(64 + padded) // PIECE)
    return 64 + padded + 16 * chunks


def keys_of(data_key, header):
    okm = HKDF(hashes.SHA256(), 64, header[:32], b"chartmesh/1/object").derive(data_key)
    return okm[:32], okm[32:]


def seal(data_key, salt, content):
    header = b"CMO1\x01\x10\0\0" + salt
    key, commitment = keys_of(data_key, header)
    laid = header + commitment + content + bytes(padded_len(len(content)) - len(content))
    pieces = [laid[at : at + PIECE] for at in range(0, len(laid), PIECE)]
    out = b""
    for i, piece in enumerate(pieces):
        clear, body = (piece[:64], piece[64:]) if i == 0 else (b"", piece)
        out += clear + AESGCM(key).encrypt(nonce(i, i + 1 == len(pieces)), body, None)
    return out


def nonce(i, last):
    return i.to_bytes(11, "big") + bytes([last])


def open_padded(data_key, file, padded):
    """Opens a file whose padded content should be `padded` bytes long."""
    want = file_len(padded)
    if len(file) < 64:
        raise Bad("Truncated")
    for ok, error in ((file[:4] == b"CMO1", "BadMagic"), (file[4] == 1, "UnknownSuite"),
                      (file[5] == 16, "UnknownChunkSize"), (file[6:8] == b"\0\0", "ReservedBits")):
        if not ok:
            raise Bad(error)
    key, commitment = keys_of(data_key, file[:64])
    if not hmac.compare_digest(commitment, file[32:64]):
        raise Bad("CommitmentMismatch")

    def opens(i, last, data):
        try:
            return AESGCM(key).decrypt(nonce(i, last), data, None)
        except (InvalidTag, ValueError):
            return None

    plain = b""
    for i in range(-(-want // CHUNK)):
        end = min(want, (i + 1) * CHUNK)
        part = file[max(i * CHUNK, 64) : end]
        opened = opens(i, end == want, part)
        if len(file) < end:
            raise Bad("LengthMismatch" if opens(i, True, part) is not None else "Truncated")
        if end == want and len(file) > want:
            raise Bad("TrailingData" if opened is not None else "LengthMismatch")
        if opened is None:
            raise Bad("ChunkAuthentication")
        plain += opened
    return plain


def open_object(data_key, object_id, length, file):
    plain = open_padded(data_key, file, padded_len(length))
    if any(plain[length:]):
        raise Bad("NonZeroPadding")
    if digest(file) != object_id:
        raise Bad("IdMismatch")
    return plain[:length]
