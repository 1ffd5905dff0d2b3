# SPDX-License-Identifier: Apache-2.0
"""The lab's network: a namespace without a way out, and a router of our own inside it.

Every address of LOCAL belongs to the namespace (a `local` route, so that no address is ever added
while a browser runs: that would abort its navigations). What is sent to an address of ROUTED goes
through a TUN device to class Router, which drops, rejects, resets, delays or narrows, per address
and port. Nothing leaves: the namespace has no other device than a veth pair tied to itself.
"""
import dataclasses
import fcntl
import heapq
import ipaddress
import os
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time

LOCAL = ("198.18.0.0/16", "10.77.0.0/16", "11.77.0.0/16", "fd00:1ab::/64")
ROUTED = ("198.19.0.0/16", "10.78.0.0/16")
SYN_RETRIES = 3   # 15 s of waiting instead of 133, and more than the 10 s that OpenALB gives a target
HERE, HERE6 = "198.18.0.1", "fd00:1ab::1"
RESOLVER, NAMESERVER = "198.18.0.53", "198.18.0.54"


class Unavailable(Exception):
    """This machine does not allow a namespace (args: why)."""


def command():
    """The words before a command that give it namespaces of its own, which die with it."""
    words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL"]
    for more in ([], ["--map-root-user"]):
        trial = subprocess.run([*words, *more, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
        if trial.returncode == 0:
            return [*words, *more]
    raise Unavailable(trial.stderr.strip() or f"unshare ended with {trial.returncode}")


def _run(*words):
    subprocess.run(words, check=True, capture_output=True, text=True)


def build(folder, hosts, ipv6=True):
    """Makes the network of the namespace this process is in; `hosts` are lines of the hosts file."""
    # LeakSanitizer finds its own process in /proc, which shows the ids of another namespace.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    _run("ip", "link", "set", "lo", "up")
    # Chromium calls a machine with nothing but loopback "disconnected"; addrgenmode: a late
    # link-local address would abort navigations.
    _run("ip", "link", "add", "lab0", "type", "veth", "peer", "name", "lab1")
    for name in ("lab0", "lab1"):
        _run("ip", "link", "set", name, "addrgenmode", "none")
        _run("ip", "link", "set", name, "up")
    _run("ip", "address", "add", f"{HERE}/32", "dev", "lab0")
    if ipv6:
        _run("ip", "address", "add", f"{HERE6}/128", "dev", "lab0", "nodad")
    for net in LOCAL:
        if ":" not in net or ipv6:
            _run("ip", *_family(net), "route", "add", "local", net, "dev", "lo")
    router = Router(ipv6)
    _sysctl("net/ipv4/tcp_syn_retries", SYN_RETRIES)
    _sysctl("net/ipv4/ip_unprivileged_port_start", 0)
    if ipv6:  # a `local` route alone does not let one bind
        _sysctl("net/ipv6/ip_nonlocal_bind", 1)
    files = {"/etc/resolv.conf": f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n",
             "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n" + "".join(f"{line}\n" for line in hosts)}
    for number, (path, text) in enumerate(files.items()):
        own = pathlib.Path(folder) / f"etc{number}"
        own.write_text(text)
        _run("mount", "--bind", str(own), os.path.realpath(path))
    return router


def _family(net):
    return ["-6"] if ":" in net else []


def _sysctl(name, value):
    pathlib.Path("/proc/sys", name).write_text(str(value))


# ---- what the router does with an address ----

class Rule:
    """Drops every packet; subclasses do better."""

    def packet(self, router, packet):
        pass


class Drop(Rule):
    pass


@dataclasses.dataclass
class Reject(Rule):
    """An ICMP error: 1 host unreachable, 3 port unreachable, 13 administratively prohibited."""
    code: int

    def packet(self, router, packet):
        router.icmp_error(packet, self.code)


@dataclasses.dataclass
class Ports(Rule):
    """Each port its own rule."""
    rules: dict
    other: Rule = dataclasses.field(default_factory=Drop)

    def packet(self, router, packet):
        self.rules.get(packet.port, self.other).packet(router, packet)


@dataclasses.dataclass
class Forward(Rule):
    """On to a local address, `delay` seconds each way; answers above `largest` bytes get lost
    without a word (the path MTU black hole)."""
    to: str
    delay: float = 0
    largest: int = 65535

    def packet(self, router, packet):
        router.forward(packet, self)


class Packet:
    """A TCP or UDP packet over IPv4 as the TUN device gives it."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.head = (data[0] & 15) * 4
        self.protocol = data[9]
        self.source, self.target = data[12:16], data[16:20]
        self.source_port, self.port = struct.unpack_from("!HH", data, self.head)

    def readdress(self, source, target):
        """The packet with other addresses, checksums made anew."""
        data = bytearray(self.data)
        data[12:16], data[16:20] = source, target
        data[10:12] = b"\0\0"
        data[10:12] = checksum(data[:self.head])
        at = self.head + {socket.IPPROTO_TCP: 16, socket.IPPROTO_UDP: 6}[self.protocol]
        data[at:at + 2] = b"\0\0"
        pseudo = data[12:20] + struct.pack("!BBH", 0, self.protocol, len(data) - self.head)
        data[at:at + 2] = checksum(pseudo + data[self.head:])
        return bytes(data)


def checksum(data):
    if len(data) % 2:
        data = data + b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


class Router:
    """Reads what is sent to ROUTED; rules[address] says what becomes of it, silence otherwise."""

    SETIFF, NAME, TUN_NO_PI = 0x400454CA, "lab2", 0x1001

    def __init__(self, ipv6):
        self.rules = {}
        self.flows = {}   # (far address, client's port, port) -> (client's address, local address, rule)
        self.late = []    # heap of (when, number, packet)
        self.number = 0
        self.lock = threading.Lock()
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, self.SETIFF, struct.pack("16sH22x", self.NAME.encode(), self.TUN_NO_PI))
        _run("ip", "link", "set", self.NAME, "addrgenmode", "none")
        _run("ip", "link", "set", self.NAME, "mtu", "1500", "up")
        for net in ROUTED + ("default",):
            if ":" not in net:
                _run("ip", "route", "add", net, "dev", self.NAME, "src", HERE)
        if ipv6:
            _run("ip", "-6", "route", "add", "default", "dev", self.NAME, "src", HERE6)
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, address, rule):
        with self.lock:
            self.rules[socket.inet_aton(address)] = rule

    def clear(self, address):
        with self.lock:
            self.rules.pop(socket.inet_aton(address), None)

    def _serve(self):
        while True:
            wait = max(0, self.late[0][0] - time.monotonic()) if self.late else None
            if select.select([self.tun], [], [], wait)[0]:
                self._take(os.read(self.tun, 65536))
            while self.late and self.late[0][0] <= time.monotonic():
                os.write(self.tun, heapq.heappop(self.late)[2])

    def _take(self, data):
        if data[0] >> 4 != 4 or data[9] not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
            return
        packet = Packet(data)
        flow = self.flows.get((bytes(packet.target), packet.port, packet.source_port))
        if flow and flow[1] == packet.source:
            self._back(packet, flow)
            return
        with self.lock:
            rule = self.rules.get(bytes(packet.target))
        if rule:
            rule.packet(self, packet)

    def _back(self, packet, flow):
        client, _, rule = flow
        if len(packet.data) <= rule.largest:
            self._send(packet.readdress(bytes(packet.target), client), rule.delay)

    def _send(self, data, delay):
        if delay:
            self.number += 1
            heapq.heappush(self.late, (time.monotonic() + delay, self.number, data))
        else:
            os.write(self.tun, data)

    def forward(self, packet, rule):
        local = socket.inet_aton(rule.to)
        self.flows[(bytes(packet.target), packet.source_port, packet.port)] = (bytes(packet.source), local, rule)
        self._send(packet.readdress(bytes(packet.target), local), rule.delay)

    def icmp_error(self, packet, code):
        body = struct.pack("!BBHI", 3, code, 0, 0) + bytes(packet.data[:packet.head + 8])
        body = body[:2] + checksum(body) + body[4:]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, socket.IPPROTO_ICMP, 0,
                           bytes(packet.target), bytes(packet.source))
        os.write(self.tun, head[:10] + checksum(head) + head[12:] + body)


def addresses(net, first=256):
    """Endless fresh addresses of a network, from its `first` on."""
    net = ipaddress.ip_network(net)
    for number in range(first, net.num_addresses - 1):
        if number % 256 not in (0, 255):
            yield str(net[number])
