# SPDX-License-Identifier: Apache-2.0
"""The lab's name servers: what they say is a table, and so is how they misbehave.

World holds zones and knows every record. A Recursive server answers from all zones (and from what
it remembers wrongly), an Authoritative one from its own zones with the AA bit. Both take a
`fault` per name: silence, an rcode, an answer only with checking disabled.
"""
import contextlib
import ipaddress
import select
import socket
import struct
import threading
import time

A, NS, CNAME, SOA, PTR, AAAA, OPT, SVCB, HTTPS = 1, 2, 5, 6, 12, 28, 41, 64, 65
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
HOPS = 12

SILENT = "silent"             # no answer at all
BOGUS = "bogus"               # SERVFAIL unless the question disables checking (a broken DNSSEC chain)
IPV6_SILENT = "ipv6-silent"   # no answer to AAAA questions


def labels(name):
    return [part for part in name.lower().rstrip(".").split(".") if part]


def wire_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in labels(name)) + b"\0"


def _parameter(key, value):
    return struct.pack("!HH", key, len(value)) + value


def https_record(priority=1, target=".", alpn=(), port=None, hints=(), no_default=False):
    """The content of an HTTPS record [RFC 9460]; parameters in the order of their keys."""
    data = struct.pack("!H", priority) + wire_name(target)
    if alpn:
        data += _parameter(1, b"".join(bytes([len(one)]) + one.encode() for one in alpn))
    if no_default:
        data += _parameter(2, b"")
    if port:
        data += _parameter(3, struct.pack("!H", port))
    four = b"".join(socket.inet_aton(one) for one in hints if ":" not in one)
    six = b"".join(ipaddress.ip_address(one).packed for one in hints if ":" in one)
    if four:
        data += _parameter(4, four)
    if six:
        data += _parameter(6, six)
    return data


def _rdata(kind, value):
    if kind in (A, AAAA):
        return ipaddress.ip_address(value).packed
    if kind in (NS, CNAME, PTR):
        return wire_name(value)
    if kind == SOA:
        return wire_name(value) + wire_name("admin." + value) + struct.pack("!IIIII", 1, 7200, 900, 86400, 60)
    return value


class Zone:
    def __init__(self, name, servers):
        """servers: {"ns1.example.test": "198.18.0.54", ...}, as the parent delegates."""
        self.name, self.servers = name.lower(), servers
        self.records = {}   # (name, type) -> [(value, ttl), ...]
        self.names = {self.name}
        self.own_servers = None  # what the zone itself says of its servers, if other than the parent

    def add(self, name, kind, *values, ttl=300):
        self.records.setdefault((name.lower(), kind), []).extend((value, ttl) for value in values)
        parts = labels(name)
        self.names.update(".".join(parts[i:]) for i in range(len(parts)))

    def remove(self, name, kind):
        self.records.pop((name.lower(), kind), None)

    def look(self, name, kind):
        authority = [(self.name, SOA, self.name, 60)]
        if name == self.name and kind == NS:
            return Reply(answers=[(name, NS, one, 300) for one in self.own_servers or self.servers])
        if name == self.name and kind == SOA:
            return Reply(answers=authority)
        if name in self.servers:
            return Reply(answers=[(name, A, self.servers[name], 300)] if kind == A else (), authority=authority)
        owner = name if name in self.names else self._wildcard(name)
        if owner is None:
            return Reply(NXDOMAIN, authority=authority)
        for what in (kind, CNAME):
            if (owner, what) in self.records:
                return Reply(answers=[(name, what, value, ttl) for value, ttl in self.records[(owner, what)]])
        return Reply(authority=authority)

    def _wildcard(self, name):
        parts = labels(name)
        stars = ("*." + ".".join(parts[i:]) for i in range(1, len(parts)))
        return next((star for star in stars if star in self.names), None)


class Reply:
    def __init__(self, rcode=NOERROR, answers=(), authority=(), more=(), aa=False):
        self.rcode, self.aa = rcode, aa
        self.answers, self.authority, self.more = list(answers), list(authority), list(more)


class World:
    def __init__(self):
        self.zones = {}
        self.lock = threading.RLock()

    def zone(self, name, servers):
        with self.lock:
            self.zones[name.lower()] = zone = Zone(name, servers)
            return zone

    def drop(self, zone):
        with self.lock:
            self.zones.pop(zone.name, None)

    def zones_of(self, name):
        """The zones that the name lies in, the nearest first."""
        parts = labels(name)
        found = (self.zones.get(".".join(parts[i:])) for i in range(len(parts)))
        return [zone for zone in found if zone]

    def look(self, name, kind, zone=None):
        """One step without following: a Reply from the zone of the name (or from this one)."""
        zone = zone or next(iter(self.zones_of(name)), None)
        return zone.look(name, kind) if zone else Reply(NXDOMAIN)


class Server:
    """A name server on port 53 of an address, UDP and TCP; `answer` belongs to the subclasses."""

    def __init__(self, world, address):
        self.world, self.address = world, address
        self.faults = {}      # name (or "" for all) -> SILENT, BOGUS, IPV6_SILENT or an rcode
        self.asked = []       # (name, type), in order
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        self.wake, self.stop = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        self.stop.close()
        self.thread.join(10)
        for one in (self.udp, self.tcp, self.wake):
            one.close()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp, self.wake], [], [])
            if self.wake in ready:
                return
            with contextlib.suppress(OSError, struct.error, IndexError, UnicodeDecodeError):
                if self.udp in ready:
                    data, source = self.udp.recvfrom(4096)
                    reply = self.reply(data)
                    if reply:
                        self.udp.sendto(reply, source)
                if self.tcp in ready:
                    self._tcp(self.tcp.accept()[0])

    def _tcp(self, conn):
        with conn:
            conn.settimeout(2)
            size = struct.unpack("!H", conn.recv(2, socket.MSG_WAITALL))[0]
            reply = self.reply(conn.recv(size, socket.MSG_WAITALL))
            if reply:
                conn.sendall(struct.pack("!H", len(reply)) + reply)

    def reply(self, data):
        number, flags, questions = struct.unpack_from("!HHH", data)
        if flags & 0x8000 or questions != 1:
            return None
        at, parts = 12, []
        while data[at]:
            parts.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        kind = struct.unpack_from("!H", data, at + 1)[0]
        question, name = data[12:at + 5], ".".join(parts)
        self.asked.append((name, kind))
        with self.world.lock:
            fault = self.fault(name)
            if fault == SILENT or (fault == IPV6_SILENT and kind == AAAA):
                return None
            if isinstance(fault, int) or (fault == BOGUS and not flags & 0x10):
                reply = Reply(fault if isinstance(fault, int) else SERVFAIL)
            else:
                reply = self.answer(name, kind)
        extra = b"\0" + struct.pack("!HHIH", OPT, 1232, 0, 0) if data[10:12] != b"\0\0" else b""
        sections = reply.answers + reply.authority + reply.more
        recursive = 0x80 if isinstance(self, Recursive) else 0
        head = 0x8000 | (0x400 if reply.aa else 0) | (flags & 0x110) | recursive | reply.rcode
        body = b"".join(wire_name(owner) + struct.pack("!HHIH", what, 1, ttl, len(_rdata(what, value)))
                        + _rdata(what, value) for owner, what, value, ttl in sections)
        return (struct.pack("!HHHHHH", number, head, 1, len(reply.answers), len(reply.authority),
                            len(reply.more) + bool(extra))
                + question + body + extra)

    def fault(self, name):
        parts = labels(name)
        for i in range(len(parts) + 1):
            fault = self.faults.get(".".join(parts[i:]))
            if fault is not None:
                return fault
        return None


class Recursive(Server):
    """Follows aliases over all zones; `remembered` are answers it should have forgotten."""

    def __init__(self, world, address):
        self.remembered = {}   # (name, type) -> (values, moment at which the TTL ends)
        super().__init__(world, address)

    def remember(self, name, kind, values, ttl):
        with self.world.lock:
            self.remembered[(name.lower(), kind)] = (values, time.monotonic() + ttl)

    def answer(self, name, kind):
        answers = []
        for _ in range(HOPS):
            reply = self._step(name, kind)
            answers += reply.answers
            if reply.rcode or not reply.answers or reply.answers[0][1] == kind or reply.answers[0][1] != CNAME:
                return Reply(reply.rcode, answers, reply.authority)
            name = reply.answers[0][2].lower().rstrip(".")
        return Reply(SERVFAIL)

    def _step(self, name, kind):
        values, end = self.remembered.get((name, kind), (None, 0))
        left = int(end - time.monotonic())
        if values is not None and left > 0:
            return Reply(answers=[(name, kind, value, left) for value in values])
        return self.world.look(name, kind)


class Authoritative(Server):
    """Answers for the zones whose delegation names its address; refuses all others."""

    def answer(self, name, kind):
        delegated = None
        for zone in self.world.zones_of(name):
            if self.address in zone.servers.values():
                if delegated:
                    return Reply(authority=[(delegated.name, NS, one, 300) for one in delegated.servers],
                                 more=[(one, A, address, 300) for one, address in delegated.servers.items()])
                reply = zone.look(name, kind)
                reply.aa = True
                return reply
            delegated = zone
        return Reply(REFUSED)
