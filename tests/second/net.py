"""libp2p over TCP as far as SPEC.md section 9 needs it: multistream-select 1.0.0, Noise XX, Yamux. These three
are libp2p's own specifications; nothing of Chartmesh is here but that a peer's key is an Ed25519 key ([NET-1])."""

import hashlib
import hmac
import socket
import struct
import threading

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from suite import public_of, verifies

PATIENCE = 30  # seconds that a read waits; every read of one stream is bounded by it


class NotAvailable(Exception):
    """The other side answered `na`: it does not speak the protocol, with us."""


class Ended(Exception):
    """The other side ended the stream or the connection before all was read."""


class Tcp:
    def __init__(self, address):
        parts = address.strip("/").split("/")  # /ip4/127.0.0.1/tcp/4001, perhaps more behind it
        self.socket = socket.create_connection((parts[1], int(parts[3])), PATIENCE)
        self.socket.settimeout(None)

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise Ended
            data += more
        return data

    def write(self, data):
        self.socket.sendall(data)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was closed from the other side
        self.socket.close()


# multistream-select: each message is a varint length, then text and a line feed.

SELECT = "/multistream/1.0.0"


def put_line(channel, *lines):
    data = [line.encode() + b"\n" for line in lines]
    assert all(len(line) < 128 for line in data), "one byte of varint is enough for our names"
    channel.write(b"".join(bytes([len(line)]) + line for line in data))


def get_line(channel):
    length, shift = 0, 0
    while True:
        byte = channel.read(1)[0]
        length, shift = length | (byte & 127) << shift, shift + 7
        if byte < 128:
            break
    return channel.read(length).decode().rstrip("\n")


def select(channel, protocol):
    put_line(channel, SELECT, protocol)
    if get_line(channel) != SELECT or get_line(channel) != protocol:
        raise NotAvailable(protocol)


def offer(channel, protocols):
    """The other side selects; gives what it chose."""
    if get_line(channel) != SELECT:
        raise Ended
    put_line(channel, SELECT)
    while True:
        wanted = get_line(channel)
        if wanted in protocols:
            put_line(channel, wanted)
            return wanted
        put_line(channel, "na")


# Noise_XX_25519_ChaChaPoly_SHA256, with libp2p's payload.


def field(number, data):
    """A length-delimited field of a protobuf; ours are all shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def fields(data):
    found = {}
    while data:
        number, length = data[0] >> 3, data[1]
        assert data[0] & 7 == 2 and length < 128, "only short byte strings are expected"
        found[number], data = data[2 : 2 + length], data[2 + length :]
    return found


KEY_PROTOBUF = bytes.fromhex("08011220")  # type Ed25519, data of 32 bytes
STATIC = b"noise-libp2p-static-key:"


class Cipher:
    def __init__(self, key):
        self.aead, self.n = ChaCha20Poly1305(key), 0

    def nonce(self):
        self.n += 1
        return bytes(4) + struct.pack("<Q", self.n - 1)


def hkdf2(key, ikm):
    prk = hmac.digest(key, ikm, "sha256")
    first = hmac.digest(prk, b"\x01", "sha256")
    return first, hmac.digest(prk, first + b"\x02", "sha256")


class Noise:
    """A secured channel to the node `expected`; `Ended` when another one is there."""

    def __init__(self, channel, seed, expected):
        self.channel, self.left = channel, b""
        self.ck = self.h = b"Noise_XX_25519_ChaChaPoly_SHA256"  # 32 bytes: it is its own hash
        self.cipher = None
        self.mix_hash(b"")
        e, s = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        e_public, s_public = (k.public_key().public_bytes_raw() for k in (e, s))
        self.mix_hash(e_public)
        self.mix_hash(b"")
        self.put(e_public)

        answer = self.get()
        re = answer[:32]
        self.mix_hash(re)
        self.mix_key(e, re)
        rs = self.unseal(answer[32:80])
        self.mix_key(e, rs)
        payload = fields(self.unseal(answer[80:]))
        key = payload[1]
        if key[:4] != KEY_PROTOBUF or not verifies(key[4:], STATIC + rs, payload[2]):
            raise Ended("the static key is not signed by an Ed25519 identity")
        self.node = key[4:]
        if self.node != expected:
            channel.close()
            raise Ended("another node is there")

        last = self.seal(s_public)
        self.mix_key(s, re)
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(STATIC + s_public)
        last += self.seal(field(1, KEY_PROTOBUF + public_of(seed)) + field(2, signature))
        self.put(last)
        to, fro = hkdf2(self.ck, b"")
        self.sending, self.receiving = Cipher(to), Cipher(fro)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, ours, theirs):
        shared = ours.exchange(X25519PublicKey.from_public_bytes(theirs))
        self.ck, key = hkdf2(self.ck, shared)
        self.cipher = Cipher(key)

    def seal(self, data):
        sealed = self.cipher.aead.encrypt(self.cipher.nonce(), data, self.h)
        self.mix_hash(sealed)
        return sealed

    def unseal(self, sealed):
        data = self.cipher.aead.decrypt(self.cipher.nonce(), sealed, self.h)
        self.mix_hash(sealed)
        return data

    def put(self, data):
        self.channel.write(struct.pack(">H", len(data)) + data)

    def get(self):
        return self.channel.read(struct.unpack(">H", self.channel.read(2))[0])

    def read(self, n):
        while len(self.left) < n:
            self.left += self.receiving.aead.decrypt(self.receiving.nonce(), self.get(), None)
        data, self.left = self.left[:n], self.left[n:]
        return data

    def write(self, data):
        for at in range(0, len(data), 65000):  # a message has at most 65,535 bytes, its tag among them
            self.put(self.sending.aead.encrypt(self.sending.nonce(), data[at : at + 65000], None))


# Yamux.

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
WINDOW_BYTES = 256 * 1024


class Stream:
    def __init__(self, mux, number):
        self.mux, self.number = mux, number
        self.buffer, self.ended, self.reset, self.may_send = bytearray(), False, False, WINDOW_BYTES
        self.changed = threading.Condition()

    def wait(self, ready):
        with self.changed:
            if not self.changed.wait_for(lambda: ready() or self.ended or self.reset, PATIENCE):
                raise TimeoutError("nothing came for 30 s")
            if not ready():
                raise Ended

    def read(self, n):
        self.wait(lambda: len(self.buffer) >= min(n, WINDOW_BYTES))
        with self.changed:
            data = bytes(self.buffer[:n])
            del self.buffer[:n]
        self.mux.frame(WINDOW, 0, self.number, len(data))
        return data if len(data) == n else data + self.read(n - len(data))

    def write(self, data):
        while data:
            self.wait(lambda: self.may_send and not self.reset)
            part, data = data[: min(self.may_send, 16384)], data[min(self.may_send, 16384) :]
            self.may_send -= len(part)
            self.mux.frame(DATA, 0, self.number, len(part), part)

    def close(self):
        """Our half: nothing more is written."""
        self.mux.frame(DATA, FIN, self.number, 0)


class Mux:
    """A connection to the node `expected` at an address. `serve(stream)` runs for every stream that comes in."""

    def __init__(self, address, seed, expected, serve):
        self.tcp = Tcp(address)
        select(self.tcp, "/noise")
        self.channel = Noise(self.tcp, seed, expected)
        select(self.channel, "/yamux/1.0.0")
        self.node, self.serve = self.channel.node, serve
        self.streams, self.next, self.closed, self.writing = {}, 1, False, threading.Lock()
        threading.Thread(target=self.run, daemon=True).start()

    def frame(self, kind, flags, number, length, data=b""):
        with self.writing:
            try:
                self.channel.write(struct.pack(">BBHII", 0, kind, flags, number, length) + data)
            except OSError:
                raise Ended from None

    def open(self, protocol):
        stream, self.next = Stream(self, self.next), self.next + 2
        self.streams[stream.number] = stream
        self.frame(WINDOW, SYN, stream.number, 0)
        select(stream, protocol)
        return stream

    def run(self):
        try:
            while True:
                self.take(*struct.unpack(">BBHII", self.channel.read(12)))
        except (Ended, OSError):
            self.closed = True
            for stream in self.streams.values():
                self.change(stream, reset=True)

    def take(self, _version, kind, flags, number, length):
        if kind == PING:
            if flags & SYN:
                self.frame(PING, ACK, 0, length)
            return
        if kind == GO_AWAY:
            raise Ended
        data = self.channel.read(length) if kind == DATA else b""
        if flags & SYN:
            self.streams[number] = Stream(self, number)
            self.frame(WINDOW, ACK, number, 0)
            threading.Thread(target=self.serve, args=(self.streams[number],), daemon=True).start()
        if stream := self.streams.get(number):
            self.change(stream, data, length if kind == WINDOW else 0, bool(flags & FIN), bool(flags & RST))

    @staticmethod
    def change(stream, data=b"", window=0, ended=False, reset=False):
        with stream.changed:
            stream.buffer += data
            stream.may_send += window
            stream.ended |= ended
            stream.reset |= reset
            stream.changed.notify_all()

    def close(self):
        self.tcp.close()
