"""Strict decoding (SPEC.md sections 3 and 4), driven by the CDDL that stands in SPEC.md itself."""

import re
from pathlib import Path

from blake3 import blake3

SPEC = (Path(__file__).parents[2] / "SPEC.md").read_text()
LIST_MAX, DEPTH_MAX = 4096, 8


class Bad(Exception):
    """Bytes that are no such value; the argument is the refusal's name."""


def _blocks():
    return "\n".join(re.findall(r"```cddl\n(.*?)```", SPEC, re.S))


TOKEN = re.compile(r"=>|\.\.|\.size|\.cbor|#6\.18|h'[0-9a-f]*'|\d+|[a-zA-Z][a-zA-Z0-9-]*|[][{}()&?/,:<>*=]")


class Grammar:
    """The rules by name. A type is a tuple whose first item says its form."""

    def __init__(self):
        text = _blocks()
        self.sets = set(re.findall(r"^([a-z-]+) *= .*; set", text, re.M))
        self.never_empty = set(re.findall(r"^([a-z-]+) *= .*; never empty", text, re.M))
        self.tokens = TOKEN.findall(re.sub(r";.*", "", text))
        self.at, self.rules = 0, {}
        while self.at < len(self.tokens):
            name = self.take()
            if self.peek() == "<":  # the two generic rules are section 4's, built in below
                while self.at < len(self.tokens) and not self._begins_rule():
                    self.at += 1
                continue
            self.take("=")
            self.rules[name] = self.choice()

    def _begins_rule(self):
        return re.match(r"[a-z]", self.peek()) and self.tokens[self.at + 1 : self.at + 2] in (["="], ["<"]) and (
            self.tokens[self.at + 1] == "=" or self.tokens[self.at + 4 : self.at + 5] == ["="])

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected=None):
        token = self.tokens[self.at]
        assert expected in (None, token), f"{expected} expected, {token} found at {self.tokens[self.at-5:self.at+5]}"
        self.at += 1
        return token

    def choice(self):
        types = [self.type()]
        while self.peek() == "/":
            self.take()
            types.append(self.type())
        if types[0][0] == "variant":
            return ("choice", {code: body for _, code, body in types})
        assert len(types) == 1
        return types[0]

    def type(self):
        token = self.take()
        if token == "{":
            return self.map()
        if token == "[":
            return self.array()
        if token == "&":
            return self.codes()
        if self.peek() == "<":
            self.take()
            inner = self.type()
            self.take(">")
            return (token, inner)
        if self.peek() == ".size":
            self.take()
            if self.peek() == "(":
                self.take(), self.take(), self.take("..")
                size = int(self.take())
                self.take(")")
            else:
                size = int(self.take())
            return (token, size)
        return ("name", token)

    def map(self):
        fields = {}
        while self.peek() != "}":
            optional = self.peek() == "?"
            if optional:
                self.take()
            key = int(self.take())
            self.take("=>")
            fields[key] = (self.type(), optional)
            if self.peek() == ",":
                self.take()
        self.take("}")
        return ("map", fields)

    def array(self):
        least, most, first = 0, LIST_MAX, self.peek()
        if first.isdigit() and self.tokens[self.at + 1] != "*":  # a variant of a choice
            code, body = int(self.take()), None
            if self.peek() == ",":
                self.take()
                body = self.type()
            self.take("]")
            return ("variant", code, body)
        if first == "*" or first.isdigit():
            least = int(self.take()) if first.isdigit() else 0
            self.take("*")
            most = int(self.take()) if self.peek().isdigit() else None
            item = self.type()
            self.take("]")
            return ("list", item, least, most)
        items = [self.type()]
        while self.peek() == ",":
            self.take()
            items.append(self.type())
        self.take("]")
        return ("tuple", items)

    def codes(self):
        names = {}
        self.take("(")
        while self.peek() != ")":
            name = self.take()
            self.take(":")
            names[int(self.take())] = name
            if self.peek() == ",":
                self.take()
        self.take(")")
        return ("codes", names)


GRAMMAR = Grammar()


def _table(name):
    body = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end -->", SPEC, re.S).group(1)
    rows = [line.strip("| \n").split(" | ") for line in body.strip().splitlines()]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


# The reasons of refusals, by their numbers.
REFUSALS = {int(row[0]): row[1] for row in _table("refusal-reasons")}
DOMAINS = {row[0]: (row[1], int(row[2])) for row in _table("domains")}
PREFIX, PROTECTED = bytes.fromhex("d28443a10132a0"), bytes.fromhex("a10132")


def head(major, n):
    for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")


def bstr(data):
    return head(2, len(data)) + data


def signed_bytes(kind, payload):
    """What is signed, and whose hash is the statement's id. [STM-2]"""
    domain = DOMAINS[kind][0].encode()
    return head(4, 4) + head(3, 10) + b"Signature1" + bstr(PROTECTED) + bstr(domain) + bstr(payload)


class Statement:
    """A statement as received: well formed, its signature not yet checked."""

    def __init__(self, kind, data):
        _, limit = DOMAINS[kind]
        if len(data) > limit:
            raise Bad("TooLarge")
        if not data.startswith(PREFIX):
            raise Bad("Truncated" if PREFIX.startswith(data) else "Invalid")
        reader = Reader(data[len(PREFIX):])
        payload, self.signature = reader.bytes(), reader.bytes()
        reader.finish()
        if len(self.signature) != 64:
            raise Bad("WrongLength")
        self.bytes, self.kind, self.payload = data, kind, payload
        self.claims = decode(kind, payload, limit)
        self.signed = signed_bytes(kind, payload)
        self.id = blake3(self.signed).digest()

    def __getitem__(self, key):
        return self.claims.get(key)


class Reader:
    """Reads deterministic CBOR as a type of the grammar says."""

    def __init__(self, data):
        self.data, self.at, self.depth = data, 0, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        if n > self.left():
            raise Bad("Truncated")
        self.at += n
        return self.data[self.at - n : self.at]

    def finish(self):
        if self.left():
            raise Bad("Trailing")

    def header(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info in (28, 29, 30) or info == 31 and major in (0, 1, 6):
            raise Bad("Syntax")
        if info == 31:
            raise Bad("Indefinite" if major < 6 else "WrongType")
        if info < 24:
            return major, info
        n = int.from_bytes(self.take(1 << info - 24), "big")
        # Of a simple value the two bytes count as those of an integer; a float has the length that it has.
        if n < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24] and (major < 7 or info == 24):
            raise Bad("NotShortest")
        return (major, n) if major < 7 else (8, n)

    def expect(self, major):
        found, n = self.header()
        if found != major:
            raise Bad("WrongType")
        return n

    def bytes(self):
        return self.take(self.expect(2))

    def enter(self, major, width):
        n = self.expect(major)
        if self.depth == DEPTH_MAX:
            raise Bad("TooDeep")
        self.depth += 1
        if n * width > self.left():
            raise Bad("Truncated")
        return n

    def value(self, kind, name=""):
        form = kind[0]
        if form == "name":
            if kind[1] in GRAMMAR.rules:
                return self.value(GRAMMAR.rules[kind[1]], kind[1])
            if kind[1] == "bool":
                major, n = self.header()
                if major != 7 or n not in (20, 21):
                    raise Bad("WrongType")
                return n == 21
            return {"uint": lambda: self.expect(0), "bytes": self.bytes}[kind[1]]()
        if form == "uint":
            n = self.expect(0)
            if n >> 8 * kind[1]:
                raise Bad("TooMany")
            return n
        if form == "bytes":
            data = self.bytes()
            if len(data) != kind[1]:
                raise Bad("WrongLength")
            return data
        if form == "tstr":
            data = self.take(self.expect(3))
            try:
                text = data.decode()
            except UnicodeDecodeError:
                raise Bad("NotUtf8") from None
            if len(data) > kind[1]:
                raise Bad("TooMany")
            return text
        if form == "codes":
            n = self.expect(0)
            if n not in kind[1]:
                raise Bad("UnknownVariant")
            return kind[1][n]
        if form == "statement":
            return Statement(kind[1][1], self.bytes())
        return getattr(self, form)(kind, name)

    def list(self, kind, name):
        n = self.enter(4, 1)
        if n < kind[2]:
            raise Bad("Invalid")
        if kind[3] is not None and n > kind[3]:
            raise Bad("TooMany")
        items = []
        for _ in range(n):
            before = self.at
            items.append((self.value(kind[1]), self.data[before : self.at]))
            if name in GRAMMAR.sets and len(items) > 1 and items[-2][1] >= items[-1][1]:
                raise Bad("Invalid")
        self.depth -= 1
        return [item for item, _ in items]

    def tuple(self, kind, _):
        if self.enter(4, 1) != len(kind[1]):
            raise Bad("Invalid")
        items = [self.value(item) for item in kind[1]]
        self.depth -= 1
        return items

    def choice(self, kind, _):
        n = self.enter(4, 1)
        if n == 0:
            raise Bad("Invalid")
        code = self.expect(0)
        if code not in kind[1] or n != (2 if kind[1][code] else 1):
            raise Bad("UnknownVariant")
        body = self.value(kind[1][code]) if kind[1][code] else None
        self.depth -= 1
        return code, body

    def map(self, kind, name):
        found, last = {}, -1
        for _ in range(self.enter(5, 2)):
            key = self.expect(0)
            if key <= last:
                raise Bad("DuplicateKey" if key == last else "UnsortedKey")
            if key not in kind[1]:
                raise Bad("UnknownKey")
            found[key], last = self.value(kind[1][key][0]), key
        self.depth -= 1
        if any(not optional and key not in found for key, (_, optional) in kind[1].items()):
            raise Bad("MissingKey")
        if name in GRAMMAR.never_empty and not found:
            raise Bad("Invalid")
        return found


def decode(name, data, limit=1 << 20):
    """All of `data` as a value of the type `name`."""
    if len(data) > limit:
        raise Bad("TooLarge")
    reader = Reader(data)
    value = reader.value(("name", name))
    reader.finish()
    return value
