# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: certificates, each wrong in one way."""
from lab import servers
from lab.certificates import openssl
from lab.row import Table, error, page
from lab.stage import Place, Scene

ROWS = Table()


def refused(name):
    return error(f"ERR_{name}", code=(f"NET::ERR_{name}",))


NAME, AUTHORITY, DATE, INVALID = map(refused, (
    "CERT_COMMON_NAME_INVALID", "CERT_AUTHORITY_INVALID", "CERT_DATE_INVALID", "CERT_INVALID"))


def site(title, how, browser, name, **more):
    """A row whose twin is nginx with a good certificate; the decorated function gives the bad files."""
    def take(files):
        def make(stage, broken):
            place = stage.place()
            return Scene(stage.site(place, files=files(stage, place.name) if broken else None).url())
        twin = "" if name == "CRT-01" else "CRT-01"
        ROWS.row(name, title, how, browser, twin=twin, **more)(make)
        return files
    return take


@site("The default certificate is shown: none has the name", "nginx, certificate for another name", NAME, "CRT-01")
def other_name(stage, name):
    return stage.pki.site("default.lab.test")


@ROWS.row("CRT-02", "The address was typed instead of the name", "nginx, certificate with the name only", NAME)
def by_address(stage, broken):
    place = stage.place()
    names = [place.name] if broken else [place.name, place.address]
    stage.site(place, files=stage.pki.site(*names))
    return Scene(f"https://{place.address}:8443/")


@ROWS.row("CRT-02/balancer", "The load balancer's own DNS name was typed",
          "a name under elb.amazonaws.com, certificate for the site's name", NAME, needs=("namespace",))
def by_balancer_name(stage, broken):
    place = stage.place()
    balancer = Place(stage.name("web-", "us-east-1.elb.amazonaws.com"), place.address)
    stage.point(balancer.name, balancer.address, zone=stage.lab.amazon)
    stage.site(place, name="_")
    return Scene((balancer if broken else place).url())


@ROWS.row("CRT-03", "A wildcard does not reach two labels down", "nginx, certificate for *.ZONE, name a.b.ZONE", NAME,
          needs=("namespace",))
def two_labels(stage, broken):
    zone = stage.serve_zone(stage.zone())
    place = Place(f"{'a.b' if broken else 'b'}.{zone.name}", stage.address())
    stage.point(place.name, place.address, zone=zone)
    return Scene(stage.site(place, files=stage.pki.site(f"*.{zone.name}")).url())


@ROWS.row("CRT-03/apex", "A wildcard does not cover the bare domain", "nginx, certificate for *.ZONE, name ZONE", NAME,
          needs=("namespace",))
def apex(stage, broken):
    zone = stage.serve_zone(stage.zone())
    place = Place(zone.name, stage.address())
    stage.point(place.name, place.address, zone=zone)
    names = [f"*.{zone.name}"] if broken else [f"*.{zone.name}", zone.name]
    return Scene(stage.site(place, files=stage.pki.site(*names)).url())


@site("The name stands only in the subject (CN)", "nginx, certificate without subjectAltName; curl accepts it", NAME,
      "CRT-03/cn")
def common_name_only(stage, name):
    return stage.pki.site(subject=name)


@site("The intermediate certificate is missing", "nginx that sends the leaf alone", AUTHORITY, "CRT-04")
def incomplete(stage, name):
    leaf = stage.pki.site(name).leaf
    return stage.pki.files(leaf, [leaf.pem])


@ROWS.row("CRT-04/aia", "The intermediate is missing, and the leaf says where it is",
          "nginx that sends the leaf alone, whose AIA names a web server with the intermediate", page(),
          needs=("namespace",))
def incomplete_with_address(stage, broken):
    place, depot = stage.place(), stage.place()
    data = openssl("x509", "-in", stage.pki.middle.file, "-outform", "DER")
    stage.listen(depot.address, 80, servers.pages(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/pkix-cert\r\nContent-Length: %d\r\n\r\n" % len(data) + data))
    files = stage.pki.site(place.name, more=[f"authorityInfoAccess=caIssuers;URI:http://{depot.name}/middle.crt"])
    if broken:
        files = stage.pki.files(files.leaf, [files.leaf.pem])
    return Scene(stage.site(place, files=files).url())


@site("The certificate is signed by itself", "nginx, self-signed certificate", AUTHORITY, "CRT-05")
def self_signed(stage, name):
    return stage.pki.site(name, issuer=None)


@site("A private authority that nobody trusts", "nginx, a chain with its root, which is not installed", AUTHORITY,
      "CRT-05/private-root")
def untrusted(stage, name):
    leaf = stage.pki.site(name, issuer=stage.pki.stranger).leaf
    return stage.pki.files(leaf, [leaf.pem, stage.pki.stranger.pem])


@site("The chain belongs to another issuer", "nginx that sends the leaf with a foreign intermediate", AUTHORITY,
      "CRT-04/foreign-chain")
def foreign_chain(stage, name):
    leaf = stage.pki.site(name).leaf
    return stage.pki.files(leaf, [leaf.pem, stage.pki.stranger.pem])


@site("The certificate has expired", "nginx, a leaf that ended 3 days ago", DATE, "CRT-07")
def expired(stage, name):
    return stage.pki.site(name, days=(-90, -3))


@site("The intermediate certificate has expired", "nginx, good leaf, intermediate that ended 3 days ago", DATE,
      "CRT-07/intermediate")
def expired_issuer(stage, name):
    issuer = stage.pki.issue("An expired intermediate", issuer=stage.pki.root, authority=True, days=(-900, -3))
    return stage.pki.site(name, issuer=issuer)


@site("The certificate is not yet valid", "nginx, a leaf that begins in 3 days", DATE, "CRT-08")
def not_yet(stage, name):
    return stage.pki.site(name, days=(3, 90))


@site("The chain is in the wrong order, with the root in it", "nginx that sends leaf, root, intermediate", page(),
      "CRT-09", note=True)
def disorder(stage, name):
    leaf = stage.pki.site(name).leaf
    return stage.pki.files(leaf, [leaf.pem, stage.pki.root.pem, stage.pki.middle.pem])


@site("The certificate is for clients only", "nginx, extendedKeyUsage clientAuth", INVALID, "CRT-10")
def client_only(stage, name):
    return stage.pki.site(name, extended="clientAuth")


@site("The key usage forbids signing", "nginx, RSA certificate with keyEncipherment only; curl opens it",
      error("ERR_SSL_KEY_USAGE_INCOMPATIBLE"), "CRT-10/key-usage")
def no_signature(stage, name):
    return stage.pki.site(name, key="rsa", usage="keyEncipherment")


@ROWS.row("CRT-11", "The certificate is signed with SHA-1", "nginx, leaf signed with SHA-1", INVALID)
def weak_hash(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name, digest="sha1" if broken else "sha256")
    return Scene(stage.site(place, files=files, extra="ssl_ciphers DEFAULT:@SECLEVEL=0;").url())


@ROWS.row("CRT-11/rsa1024", "The key is RSA with 1024 bits", "nginx, RSA-1024 under a private root", page())
def weak_key(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name, key="rsa1024" if broken else "rsa", usage="digitalSignature,keyEncipherment")
    return Scene(stage.site(place, files=files, extra="ssl_ciphers DEFAULT:@SECLEVEL=0;").url())


@site("The intermediate may not sign for this name", "nginx, nameConstraints of the intermediate exclude it", INVALID,
      "CRT-12")
def constrained(stage, name):
    issuer = stage.pki.issue("A constrained intermediate", issuer=stage.pki.root, authority=True, days=(-1, 900),
                             more=["nameConstraints=critical,permitted;DNS:elsewhere.test"])
    return stage.pki.site(name, issuer=issuer)


@site("The issuer is not an authority", "nginx, the intermediate has CA:false", INVALID, "CRT-12/not-ca")
def not_an_authority(stage, name):
    issuer = stage.pki.issue("No authority", issuer=stage.pki.root, days=(-1, 900), key_name="no-authority",
                             usage="digitalSignature", extended=None)
    return stage.pki.site(name, issuer=issuer)


@ROWS.row("CRT-13", "The certificate was revoked, and the server says so itself",
          "nginx that staples an OCSP answer \"revoked\"; curl opens it", refused("CERT_REVOKED"))
def revoked(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name)
    staple = stage.pki.staple(files.leaf, broken)
    return Scene(stage.site(place, files=files, extra=f"ssl_stapling on; ssl_stapling_file {staple};").url())


@site("No browser signs with this type of key", "nginx, P-521 key; curl opens it",
      error("ERR_SSL_VERSION_OR_CIPHER_MISMATCH"), "CRT-14")
def odd_key(stage, name):
    return stage.pki.site(name, key="p521")


@site("The certificate demands a staple that is not sent", "nginx, TLS feature status_request without OCSP staple",
      page(), "CRT-15")
def must_staple(stage, name):
    return stage.pki.site(name, more=["tlsfeature=status_request"])


@ROWS.row("CRT-17", "Certificates differ from address to address",
          "two A records; the second machine shows a certificate for another name",
          error("ERR_CERT_COMMON_NAME_INVALID", "PAGE"), needs=("namespace",))
def uneven(stage, broken):
    place = stage.site()
    second = Place(place.name, stage.address())
    stage.site(second, files=stage.pki.site("old.lab.test") if broken else None)
    stage.point(place.name, second.address)
    return Scene(place.url())


@site("The certificate ends in a few days", "nginx, a leaf with 5 days left", page(), "CRT-18")
def ends_soon(stage, name):
    return stage.pki.site(name, days=(-85, 5))


@ROWS.row("LBC-07", "The right certificate is attached to 443, not to this listener",
          "nginx with the right certificate on 443 and a placeholder on 8443", NAME, needs=("namespace",))
def other_listener(stage, broken):
    place = stage.site(port=443)
    stage.site(place, files=stage.pki.site("placeholder.lab.test") if broken else None)
    return Scene(place.url())
