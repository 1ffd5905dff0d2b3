# SPDX-License-Identifier: Apache-2.0
"""Class Lab is what all rows share (network, name servers, authorities, browser); class Stage is where one
scene is built, and what it ends."""
import contextlib
import dataclasses
import itertools
import pathlib
import socket
import threading

import harness
from lab import browser, certificates, dns, network, servers

HOST_LINES = {"shop-in-hosts.lab.test": "198.18.255.15"}  # the hosts file is fixed before anything runs
LOOPBACK_PLACES = 700


@dataclasses.dataclass
class Scene:
    """What is asked of whom: the URL, the doctor's options, how the browser goes there."""
    url: str
    options: list = dataclasses.field(default_factory=list)   # of `openalb doctor`
    browser: dict = dataclasses.field(default_factory=dict)   # of Browser.visit
    environment: dict = dataclasses.field(default_factory=dict)  # of the doctor
    look: object = None   # a function that gives the Visit, in place of the shared browser


@dataclasses.dataclass
class Place:
    """A name and the address it leads to."""
    name: str
    address: str

    def url(self, port=8443, scheme="https", path="/"):
        usual = {"https": 443, "http": 80}[scheme]
        return f"{scheme}://{self.name}{'' if port == usual else f':{port}'}{path}"


def loopback_place(number):
    """Without a namespace nobody asks our name server: names and addresses are agreed on beforehand."""
    return Place(f"site{number}.lab.test", f"127.{96 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}")


class Lab:
    """world: "dual" (IPv4 and IPv6), "v4" (no IPv6), or "loopback" (no namespace)."""

    def __init__(self, folder, world):
        self.folder, self.world = pathlib.Path(folder), world
        self.folder.mkdir(parents=True)
        self.inside = world != "loopback"
        self.pki = certificates.Certificates(self.folder / "pki")
        self.lock, self.numbers, self.places = threading.Lock(), itertools.count(1), itertools.count()
        arguments = []
        if self.inside:
            hosts = [f"{address} {name}" for name, address in HOST_LINES.items()]
            self.router = network.build(self.folder, hosts, ipv6=world == "dual")
            self.pools = {net: network.addresses(net) for net in network.LOCAL + network.ROUTED}
            self._name_servers()
        else:
            places = [loopback_place(number) for number in range(LOOPBACK_PLACES)]
            arguments.append("--host-resolver-rules=" + ",".join(f"MAP {one.name} {one.address}" for one in places))
        self.arguments = arguments
        self.browser = browser.Browser(self.folder / "browser", self.pki.root.file, arguments)

    def _name_servers(self):
        """test. and lab.test., dev., and Amazon's names, all from our servers. Chromium asks for
        google.com, of 8.8.8.8 too, to find out what is wrong with a name."""
        self.names = dns.World()
        registry, own = "198.18.0.55", network.NAMESERVER
        self.names.zone("test", {"a.nic.test": registry})
        self.names.zone("dev", {"a.nic.dev": registry})
        self.names.zone("com", {"a.nic.com": registry})
        self.zone = self.names.zone("lab.test", {"ns1.lab.test": own})
        self.names.zones["com"].add("google.com", dns.A, network.HERE)
        self.router.set("8.8.8.8", network.Forward(network.RESOLVER))
        self.router.set("8.8.4.4", network.Forward(network.RESOLVER))
        self.amazon = self.names.zone("amazonaws.com", {"ns1.amazonaws.com": own})
        self.resolver = dns.Recursive(self.names, network.RESOLVER)
        self.name_servers = [dns.Authoritative(self.names, registry), dns.Authoritative(self.names, own)]

    def close(self):
        self.browser.close()
        if self.inside:
            for one in [self.resolver, *self.name_servers]:
                one.close()


class Stage:
    """Builds one scene; close() ends all that it started, the last one first."""

    def __init__(self, lab, label):
        self.lab, self.pki = lab, lab.pki
        self.label = label
        self.stack = contextlib.ExitStack()
        self.count = itertools.count()
        self.used = []
        self.root = lab.folder / "stages" / f"{next(lab.numbers)}-{label}"
        self.root.mkdir(parents=True)

    def close(self):
        self.stack.close()

    def keep(self, thing):
        self.stack.callback(thing.close)
        return thing

    def folder(self):
        made = self.root / str(next(self.count))
        made.mkdir()
        return made

    # -- addresses and names --
    def address(self, net="198.18.0.0/16"):
        with self.lab.lock:
            return next(self.lab.pools[net]) if self.lab.inside else self._loopback().address

    def address6(self):
        return self.address("fd00:1ab::/64")

    def routed(self, rule, net="198.19.0.0/16"):
        """An address behind the router, with what becomes of its packets."""
        address = self.address(net)
        self.lab.router.set(address, rule)
        self.stack.callback(self.lab.router.clear, address)
        return address

    def _loopback(self):
        place = loopback_place(next(self.lab.places))
        self.used.append(place)
        return place

    def place(self):
        """A fresh name that leads to a fresh address."""
        if not self.lab.inside:
            with self.lab.lock:
                return self._loopback()
        name, address = self.name(), self.address()
        self.point(name, address)
        return Place(name, address)

    def name(self, word="www", zone="lab.test"):
        with self.lab.lock:
            return f"{word}{next(self.lab.numbers)}.{zone}"

    def point(self, name, *addresses, zone=None, ttl=300):
        zone = zone or self.lab.zone
        with self.lab.names.lock:
            for address in addresses:
                zone.add(name, dns.AAAA if ":" in address else dns.A, address, ttl=ttl)

    def record(self, name, kind, *values, zone=None, ttl=300):
        with self.lab.names.lock:
            (zone or self.lab.zone).add(name, kind, *values, ttl=ttl)

    def forget(self, name, kind, zone=None):
        with self.lab.names.lock:
            (zone or self.lab.zone).remove(name, kind)

    def zone(self, label=None, servers=None, parent="test", world=None):
        """A zone of its own, delegated by its parent to a server of its own."""
        with self.lab.lock:
            name = f"{label or 'shop'}{next(self.lab.numbers)}.{parent}"
        servers = servers or {f"ns1.{name}": self.address()}
        zone = (world or self.lab.names).zone(name, servers)
        if world is None:
            self.stack.callback(self.lab.names.drop, zone)
        return zone

    def serve_zone(self, zone, world=None):
        for address in zone.servers.values():
            self.keep(dns.Authoritative(world or self.lab.names, address))
        return zone

    def fault(self, name, fault, server=None):
        """How the resolver (or another server) misbehaves for a name and all below it."""
        faults = (server or self.lab.resolver).faults
        faults[name] = fault
        self.stack.callback(faults.pop, name, None)

    def remember(self, name, kind, values, ttl):
        self.lab.resolver.remember(name, kind, values, ttl)

    # -- servers --
    def listen(self, address, port, script, tls=None):
        return self.keep(servers.Listener(address, port, script, tls))

    def nginx(self, blocks, ports, http=""):
        return self.keep(servers.nginx(self.folder(), blocks, ports, http))

    def apache(self, text, ports):
        return self.keep(servers.apache(self.folder(), text, ports))

    def haproxy(self, text, ports):
        return self.keep(servers.haproxy(self.folder(), text, ports))

    def s_server(self, address, port, files, *words):
        return self.keep(servers.s_server(self.folder(), address, port, files, *words))

    def site(self, place=None, port=8443, *, files=None, extra="", inside=None, listen="ssl http2", name=None,
             http=""):
        """A real nginx with a page over TLS; returns its place."""
        place = place or self.place()
        files = files or self.pki.site(place.name)
        inside = inside or 'return 200 "<title>Shop</title>It works";'
        where = f"[{place.address}]" if ":" in place.address else place.address
        self.nginx(f"server {{ listen {where}:{port} {listen}; server_name {name or place.name};"
                   f" ssl_certificate {files.chain}; ssl_certificate_key {files.key}; {extra}"
                   f" location / {{ {inside} }} }}", [(place.address, port)], http)
        return place

    def plain(self, place=None, port=8443, inside=None, extra=""):
        """A real nginx with a page in plain HTTP."""
        place = place or self.place()
        inside = inside or 'return 200 "<title>Shop</title>It works";'
        where = f"[{place.address}]" if ":" in place.address else place.address
        self.nginx(f"server {{ listen {where}:{port}; server_name {place.name}; {extra} location / {{ {inside} }} }}",
                   [(place.address, port)])
        return place

    def secure(self, script, place=None, port=8443, files=None, **context):
        """A scripted server inside a good TLS connection; returns its place."""
        place = place or self.place()
        files = files or self.pki.site(place.name)
        self.listen(place.address, port, script, servers.tls_context(files, **context))
        return place

    def target(self, script, tls=None):
        """A scripted web server behind a load balancer: (address, port)."""
        address = self.address()
        return address, self.listen(address, 0, script, tls).port

    def openalb(self, place, targets=(), *, listeners=None, group=None, attributes=None, more=None):
        """Our own load balancer at `place`: HTTPS on 8443 unless `listeners` says other."""
        resources = {"Certificate": harness.certificate(place.name), "Https": harness.listener(8443, "HTTPS")}
        if listeners is not None:
            resources = {"Certificate": harness.certificate(place.name), **listeners}
        document = harness.template(targets, logs=False, http=False, attributes=attributes, group=group,
                                    more={**resources, **(more or {})})
        return self.keep(servers.OpenAlb(self.folder(), document, place.address, self.pki, "elb.lab.test"))

    def profile(self, *urls, preferences=None):
        """A Chromium profile that has been at these URLs: (its folder, a function that visits with it)."""
        home = self.folder()
        if preferences:
            default = home / "profile/Default"
            default.mkdir(parents=True)
            (default / "Preferences").write_text(preferences)
        with contextlib.closing(browser.Browser(home, self.pki.root.file, self.lab.arguments)) as one:
            for url in urls:
                one.visit(url, own=False)

        def look(url):
            with contextlib.closing(browser.Browser(home, self.pki.root.file, self.lab.arguments)) as again:
                # first: the browser reads what it remembers while the first page is on its way
                return again.visit(url, own=False, first=[url])
        return home / "profile", look


def free_port(address):
    """A port of an address on which nothing listens."""
    with socket.create_server((address, 0)) as one:
        return one.getsockname()[1]
