# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: names that lead nowhere, elsewhere, or astray."""
from lab import dns, network
from lab.dns import https_record
from lab.row import Table, error, page
from lab.stage import HOST_LINES, Place, Scene

ROWS = Table(needs=("namespace",))
NO_NAME = error("ERR_NAME_NOT_RESOLVED", code=("DNS_PROBE_FINISHED_NXDOMAIN", "DNS_PROBE_FINISHED_NO_INTERNET"))
PROTOCOL = error("ERR_SSL_PROTOCOL_ERROR")
NOWHERE6 = "2600:1f14::15"


def behind(stage, name, **more):
    """A good site for `name` at an address that the name need not lead to."""
    return stage.site(Place(name, stage.address()), **more)


@ROWS.row("DNS-01", "The name leads to the instance, past the load balancer",
          "A record with the address of an nginx that speaks plain HTTP on 8443; --lb names the load balancer",
          PROTOCOL)
def past_the_balancer(stage, broken):
    name = stage.name()
    balancer = behind(stage, name)
    instance = stage.plain(Place(name, stage.address()))
    stage.point(name, instance.address if broken else balancer.address)
    return Scene(balancer.url(), ["--lb", balancer.address])


@ROWS.row("DNS-01/closed", "The name leads to an instance that listens on 80 only",
          "A record with the address of an nginx on port 80; --lb names the load balancer",
          error("ERR_CONNECTION_REFUSED"))
def past_the_balancer_closed(stage, broken):
    name = stage.name()
    balancer = behind(stage, name)
    instance = stage.plain(Place(name, stage.address()), 80)
    stage.point(name, instance.address if broken else balancer.address)
    return Scene(balancer.url(), ["--lb", balancer.address])


@ROWS.row("DNS-01/other-certificate", "The name leads to an instance with a certificate of its own",
          "A record with the address of an nginx whose certificate bears another name; --lb names the load balancer",
          error("ERR_CERT_COMMON_NAME_INVALID", code=("NET::ERR_CERT_COMMON_NAME_INVALID",)))
def past_the_balancer_tls(stage, broken):
    name = stage.name()
    balancer = behind(stage, name)
    instance = behind(stage, name, files=stage.pki.site("instance.lab.test"))
    stage.point(name, instance.address if broken else balancer.address)
    return Scene(balancer.url(), ["--lb", balancer.address])


@ROWS.row("DNS-02", "The name does not exist", "the name servers say NXDOMAIN", NO_NAME)
def no_such_name(stage, broken):
    place = behind(stage, stage.name())
    if not broken:
        stage.point(place.name, place.address)
    return Scene(place.url())


@ROWS.row("DNS-03", "The parent still delegates to the old name servers",
          "the record exists on the new servers, the old ones do not have it; both agree who the new ones are",
          NO_NAME)
def old_delegation(stage, broken):
    old, new = stage.address(), stage.address()
    zone = stage.zone(servers={})
    first, second = f"ns-old.{zone.name}", f"ns-new.{zone.name}"
    name = f"www.{zone.name}"
    place = behind(stage, name)
    zone.servers = {first: old} if broken else {second: new}
    zone.own_servers = {second: new}
    stage.record(second, dns.A, new, zone=zone)
    after = dns.World()
    moved = after.zone(zone.name, {second: new})
    stage.point(name, place.address, zone=moved)
    if not broken:
        stage.point(name, place.address, zone=zone)
    stage.keep(dns.Authoritative(stage.lab.names, old))
    stage.keep(dns.Authoritative(after, new))
    return Scene(place.url())


@ROWS.row("DNS-04", "DNSSEC is broken", "the resolver says SERVFAIL unless checking is disabled", NO_NAME)
def bogus(stage, broken):
    place = stage.site()
    if broken:
        stage.fault(place.name, dns.BOGUS)
    return Scene(place.url())


@ROWS.row("DNS-04/lame", "The delegated name servers do not know the zone",
          "they refuse every question, so that the resolver says SERVFAIL", NO_NAME)
def lame(stage, broken):
    zone = stage.zone()
    place = behind(stage, f"www.{zone.name}")
    stage.point(place.name, place.address, zone=zone)
    if broken:
        stage.fault(place.name, dns.SERVFAIL)
        stage.serve_zone(zone, dns.World())
    else:
        stage.serve_zone(zone)
    return Scene(place.url())


@ROWS.row("DNS-05", "The alias leads to a load balancer that was deleted",
          "CNAME to a name under elb.amazonaws.com that does not exist", NO_NAME)
def deleted_balancer(stage, broken):
    place = behind(stage, stage.name())
    balancer = stage.name("web-", "us-east-1.elb.amazonaws.com")
    stage.record(place.name, dns.CNAME, balancer)
    if not broken:
        stage.point(balancer, place.address, zone=stage.lab.amazon)
    return Scene(place.url())


@ROWS.row("DNS-06", "The name has only IPv6 addresses, this machine only IPv4",
          "AAAA record alone, in a network without IPv6", NO_NAME, world="v4")
def only_ipv6(stage, broken):
    place = behind(stage, stage.name())
    stage.point(place.name, NOWHERE6)
    if not broken:
        stage.point(place.name, place.address)
    return Scene(place.url())


@ROWS.row("DNS-07", "The resolver answers with private addresses, the public servers with others",
          "the resolver holds 10.x for the name, and nothing answers there; the name servers say a public address",
          error("ERR_CONNECTION_TIMED_OUT"), slow=True)
def split_horizon(stage, broken):
    place = stage.site()
    if broken:
        stage.remember(place.name, dns.A, [stage.address("10.78.0.0/16")], 100000)
    return Scene(place.url())


@ROWS.row("DNS-08", "The resolver still holds the old address",
          "a TTL that counts down from 280 s; the old address speaks plain HTTP on the port", PROTOCOL)
def stale(stage, broken):
    place = stage.site()
    if broken:
        old = stage.plain(Place(place.name, stage.address()))
        stage.remember(place.name, dns.A, [old.address], 280)
    return Scene(place.url())


@ROWS.row("DNS-09", "The client's resolver does not answer for this name",
          "silence for the name alone; its name servers answer", NO_NAME, slow=True)
def silent_resolver(stage, broken):
    place = stage.site()
    if broken:
        stage.fault(place.name, dns.SILENT)
    return Scene(place.url())


@ROWS.row("DNS-09/filter", "The client's resolver filters the name",
          "the resolver says REFUSED; the name servers have the address", NO_NAME)
def filtering_resolver(stage, broken):
    place = stage.site()
    if broken:
        stage.fault(place.name, dns.REFUSED)
    return Scene(place.url())


@ROWS.row("DNS-10", "IPv6 leads to another machine than IPv4",
          "the AAAA record bears an old machine with plain HTTP on the port", PROTOCOL)
def old_ipv6(stage, broken):
    place = stage.site()
    six = Place(place.name, stage.address6())
    if broken:
        stage.plain(six)
    else:
        stage.site(six)
    stage.point(place.name, six.address)
    return Scene(place.url())


@ROWS.row("DNS-11", "One of several addresses is dead", "two A records; SYN to one of them is dropped", page())
def one_dead(stage, broken):
    place = stage.site()
    second = stage.routed(network.Drop() if broken else network.Forward(place.address))
    stage.point(place.name, second)
    return Scene(place.url())


@ROWS.row("DNS-12", "An HTTPS record of a former set-up names another port",
          "_8443._https.NAME with port=9443, where nothing listens; Chromium ignores it", page())
def https_record_of_old(stage, broken):
    place = stage.site()
    more = {"port": 9443} if broken else {}
    stage.record(f"_8443._https.{place.name}", dns.HTTPS, https_record(target=place.name, alpn=("h2",), **more))
    return Scene(place.url())


@ROWS.row("DNS-13", "A wildcard record catches a mistyped name",
          "*.ZONE leads to a machine whose certificate has only the right names",
          error("ERR_CERT_COMMON_NAME_INVALID", code=("NET::ERR_CERT_COMMON_NAME_INVALID",)))
def wildcard(stage, broken):
    zone = stage.serve_zone(stage.zone())
    address = stage.address()
    stage.record(f"*.{zone.name}", dns.A, address, zone=zone)
    stage.record(f"www.{zone.name}", dns.A, address, zone=zone)
    stage.site(Place(f"www.{zone.name}", address))
    return Scene(Place(f"{'wwe' if broken else 'www'}.{zone.name}", address).url())


@ROWS.row("DNS-14", "A CNAME record at the top of the zone", "CNAME beside the zone's own SOA and NS", page())
def cname_at_apex(stage, broken):
    zone = stage.serve_zone(stage.zone())
    place = behind(stage, zone.name)
    if broken:
        other = stage.name()
        stage.point(other, place.address)
        stage.record(zone.name, dns.CNAME, other, zone=zone)
    else:
        stage.record(zone.name, dns.A, place.address, zone=zone)
    return Scene(place.url())


@ROWS.row("DNS-15", "A line of the hosts file overrides the DNS",
          "/etc/hosts names a machine that speaks plain HTTP on the port", PROTOCOL)
def hosts_file(stage, broken):
    (name, address), = HOST_LINES.items()
    if broken:
        stage.plain(Place(name, address))
        place = behind(stage, name)
        stage.point(name, place.address)
        return Scene(place.url())
    return Scene(stage.site().url())
