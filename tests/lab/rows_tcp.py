# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: ports that are closed, silent, rejected, or somebody else's."""
from lab import network, servers
from lab.row import Table, error, page
from lab.stage import Place, Scene

ROWS = Table(needs=("namespace",))
REFUSED = error("ERR_CONNECTION_REFUSED")
TIMED_OUT = error("ERR_CONNECTION_TIMED_OUT")
PROTOCOL = error("ERR_SSL_PROTOCOL_ERROR")


def gated(stage, rule, broken, port=8443, open_ports=(443,)):
    """A good site behind the router, on its port and on 443; `rule` for the port when broken."""
    name, inner = stage.name(), stage.address()
    for one in {port, *open_ports}:
        stage.site(Place(name, inner), one)
    through = network.Forward(inner)
    ports = {**{one: through for one in open_ports}, port: rule if broken else through}
    outer = stage.routed(network.Ports(ports, network.Reject(3)))
    stage.point(name, outer)
    return Place(name, outer)


@ROWS.row("TCP-01", "Nothing listens on the port", "nginx on 443 only, nothing on 8443", REFUSED, needs=())
def nothing_listens(stage, broken):
    place = stage.site(port=9443)
    if not broken:
        stage.site(place)
    return Scene(place.url())


@ROWS.row("TCP-01/icmp", "A firewall answers for a closed port with ICMP port unreachable",
          "the router rejects 8443 with ICMP type 3 code 3; 443 answers", REFUSED)
def port_unreachable(stage, broken):
    return Scene(gated(stage, network.Reject(3), broken).url())


@ROWS.row("TCP-02", "SYN to the port is dropped, as by a security group",
          "the router drops what goes to 8443; 443 answers", TIMED_OUT, slow=True)
def dropped(stage, broken):
    return Scene(gated(stage, network.Drop(), broken).url())


@ROWS.row("TCP-04", "An appliance rejects with ICMP host unreachable", "ICMP type 3 code 1 from the router",
          error("ERR_ADDRESS_UNREACHABLE"))
def host_unreachable(stage, broken):
    return Scene(gated(stage, network.Reject(1), broken).url())


@ROWS.row("TCP-04/prohibited", "An appliance rejects with ICMP administratively prohibited",
          "ICMP type 3 code 13 from the router", error("ERR_ADDRESS_UNREACHABLE"))
def prohibited(stage, broken):
    return Scene(gated(stage, network.Reject(13), broken).url())


@ROWS.row("TCP-05", "Large packets get lost on the way: a path MTU black hole",
          "the router loses answers above 1,000 bytes without a word", error("ERR_TIMED_OUT"), slow=True)
def black_hole(stage, broken):
    place = stage.site()
    name = stage.name()
    files = stage.pki.site(name)
    stage.site(Place(name, place.address), 8444, files=files)
    outer = stage.routed(network.Forward(place.address, largest=1000 if broken else 65535))
    stage.point(name, outer)
    return Scene(Place(name, outer).url(8444))


def speaks_first(banner):
    def make(stage, broken):
        if not broken:
            return Scene(stage.site().url())
        place = stage.place()
        stage.listen(place.address, 8443, servers.say(banner, after=False, end="hold"))
        return Scene(place.url())
    return make


MYSQL = b"\x4a\0\0\0\x0a8.0.36\0" + b"\x08\0\0\0" + b"abcdefgh\0" + b"\xff\xff\xff\x02\0\xff\xdf\x15" + b"\0" * 10 + \
        b"ijklmnopqrst\0caching_sha2_password\0"
for variant, title, banner in (
        ("", "An SSH server listens on the port", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        ("smtp", "A mail server listens on the port", b"220 mail.lab.test ESMTP ready\r\n"),
        ("mysql", "A database listens on the port", MYSQL)):
    ROWS.row(f"TCP-06/{variant}".rstrip("/"), title, "a socket that speaks first, with that greeting", PROTOCOL,
             needs=(), twin="CRT-01")(speaks_first(banner))


@ROWS.row("TCP-07", "The port accepts and closes at once", "a socket that sends FIN as soon as it accepts",
          error("ERR_CONNECTION_CLOSED"), needs=(), twin="CRT-01")
def closes(stage, broken):
    if not broken:
        return Scene(stage.site().url())
    place = stage.place()
    stage.listen(place.address, 8443, servers.close_at_once)
    return Scene(place.url())


@ROWS.row("TCP-08", "The port accepts and resets at once", "a socket that sends RST as soon as it accepts",
          error("ERR_CONNECTION_RESET"), needs=(), twin="CRT-01")
def resets(stage, broken):
    if not broken:
        return Scene(stage.site().url())
    place = stage.place()
    stage.listen(place.address, 8443, servers.reset_at_once)
    return Scene(place.url())


@ROWS.row("TCP-09", "The load balancer is internal: private addresses, nothing answers from here",
          "A record in 10/8, where the router drops everything", TIMED_OUT, slow=True)
def internal(stage, broken):
    name, inner = stage.name(), stage.address()
    stage.site(Place(name, inner))
    outer = stage.routed(network.Drop() if broken else network.Forward(inner), "10.78.0.0/16")
    stage.point(name, outer)
    return Scene(Place(name, outer).url())


@ROWS.row("TCP-10", "One node of the load balancer is unreachable",
          "two addresses, both given with --lb; SYN to one of them is dropped", page())
def dead_node(stage, broken):
    place = stage.site()
    second = stage.routed(network.Drop() if broken else network.Forward(place.address))
    stage.point(place.name, second)
    return Scene(place.url(), ["--lb", f"{place.address},{second}"])
