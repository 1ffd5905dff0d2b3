# SPDX-License-Identifier: Apache-2.0
"""The lab's certificate authorities, by the openssl command: every certificate right, or wrong in one way."""
import dataclasses
import datetime
import itertools
import pathlib
import subprocess
import threading

KEYS = {
    "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
}
AUTHORITY = ["basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"]

CONFIG = """
[ca]
default_ca = d
[d]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = {digest}
policy = p
unique_subject = no
email_in_dn = no
[p]
organizationName = optional
commonName = optional
[e]
{extensions}
"""


def openssl(*words, **options):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


@dataclasses.dataclass
class Issued:
    """A certificate with its key; `issuer` is an Issued, too (None: signed by itself)."""
    pem: str
    key: pathlib.Path
    issuer: "Issued"
    file: pathlib.Path

    def chain(self):
        """All that a server should send: this one and each issuer but the root."""
        found, one = [], self
        while one and one.issuer:
            found.append(one.pem)
            one = one.issuer
        return found or [self.pem]


@dataclasses.dataclass
class Files:
    """What a server is given: a PEM file with its chain, and the key."""
    chain: pathlib.Path
    key: pathlib.Path
    leaf: Issued


class Certificates:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.numbers, self.lock, self.keys = itertools.count(), threading.Lock(), {}
        self.root = self.issue("OpenALB lab root", authority=True, days=(-1, 3650), key_name="root")
        self.middle = self.issue("OpenALB lab intermediate", authority=True, issuer=self.root, days=(-1, 1800))
        self.stranger = self.issue("A root nobody trusts", authority=True, days=(-1, 3650))

    def key(self, kind, name=None):
        """One key of each kind serves all certificates of a run; `name` asks for one of its own."""
        with self.lock:
            file = self.keys.get((kind, name))
            if not file:
                file = self.keys[(kind, name)] = self.folder / f"{name or kind}.key"
                openssl("genpkey", *KEYS[kind], "-out", file)
            return file

    def issue(self, subject, names=(), issuer=None, *, authority=False, days=(-1, 90), digest="sha256", key="ec",
              key_name=None, usage="digitalSignature", extended="serverAuth", more=(), organization=None):
        """A certificate from `days[0]` to `days[1]` days after today; names empty: no subjectAltName."""
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        own_key = self.key(key, key_name or (f"authority{folder.name}" if authority else None))
        lines = list(AUTHORITY) if authority else [
            "basicConstraints=critical,CA:false", f"keyUsage=critical,{usage}", "subjectKeyIdentifier=hash"]
        if extended and not authority:
            lines.append(f"extendedKeyUsage={extended}")
        if issuer:
            lines.append("authorityKeyIdentifier=keyid")
        if names:
            lines.append("subjectAltName=" + ",".join(
                f"IP:{one}" if one.replace(".", "").isdigit() or ":" in one else f"DNS:{one}" for one in names))
        names_of_lines = {line.split("=")[0] for line in more}
        lines = [line for line in lines if line.split("=")[0] not in names_of_lines] + list(more)
        config, request, file = folder / "ca.cnf", folder / "request", folder / "certificate.pem"
        config.write_text(CONFIG.format(folder=folder, digest=digest, extensions="\n".join(lines)))
        (folder / "index").touch()
        words = [f"/O={organization}/CN={subject}" if organization else f"/CN={subject}"]
        openssl("req", "-new", "-key", own_key, "-subj", words[0], "-out", request)
        by = ["-cert", issuer.file, "-keyfile", issuer.key] if issuer else ["-selfsign", "-keyfile", own_key]
        openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "e", "-in", request, "-out", file,
                "-startdate", _date(days[0]), "-enddate", _date(days[1]), *by)
        return Issued(file.read_text(), own_key, issuer, file)

    def files(self, leaf, chain=None):
        """The files for a server that sends this chain (PEM texts; None: the right one)."""
        path = leaf.file.with_name(f"chain{next(self.numbers)}.pem")
        path.write_text("".join(chain or leaf.chain()))
        return Files(path, leaf.key, leaf)

    def site(self, *names, **changes):
        """Files of a certificate for these names from the lab's intermediate, right but for `changes`."""
        issuer = changes.pop("issuer", self.middle)
        subject = changes.pop("subject", names[0] if names else "nobody")
        return self.files(self.issue(subject[:64], names, issuer, **changes))

    def staple(self, leaf, revoked):
        """An OCSP answer for this certificate, in DER."""
        folder = leaf.file.parent
        request, answer, index = folder / "ocsp.req", folder / "ocsp.der", folder / "ocsp.index"
        serial = openssl("x509", "-in", leaf.file, "-noout", "-serial").decode().strip().split("=")[1]
        ends = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=90)).strftime("%y%m%d%H%M%SZ")
        state = ("R", ends, _date(-1)[2:]) if revoked else ("V", ends, "")
        index.write_text("\t".join([*state, serial, "unknown", "/CN=x"]) + "\n")
        openssl("ocsp", "-issuer", leaf.issuer.file, "-cert", leaf.file, "-no_nonce", "-reqout", request)
        openssl("ocsp", "-index", index, "-CA", leaf.issuer.file, "-rsigner", leaf.issuer.file, "-rkey",
                leaf.issuer.key, "-reqin", request, "-respout", answer, "-ndays", "7")
        return answer


def _date(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
