"""A certificate authority of our own, for servers on loopback that speak TLS, well or badly."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NOW = datetime.now(UTC)


class Authority:
    """An authority, whose own certificate is the file `bundle`."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = count(1)
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "practice authority")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.bundle = folder / "authority.pem"
        itself = self._certificate(self._key, None, since=-400, until=400)
        self.bundle.write_bytes(itself.public_bytes(Encoding.PEM))

    def server(self, host="127.0.0.1", *, since=-1, until=1):
        """A server's side of TLS, with a certificate for an address, valid from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(key, host, since=since, until=until)
        file = self._folder / f"server-{next(self._numbers)}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(self, key, host, *, since, until):
        itself = host is None
        # Pythons of late take only authorities that say what they may do, and certificates that say who signed them.
        extensions = [
            (x509.BasicConstraints(ca=itself, path_length=None), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
            (x509.KeyUsage(not itself, *[False] * 4, itself, itself, *[False] * 2), True),
        ]
        if not itself:
            extensions.append((x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), True))
        made = (
            x509.CertificateBuilder()
            .subject_name(self._name if itself else x509.Name([]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=since))
            .not_valid_after(NOW + timedelta(days=until))
        )
        for extension, critical in extensions:
            made = made.add_extension(extension, critical=critical)
        return made.sign(self._key, SHA256())
