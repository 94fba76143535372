"""``--login spn`` with a certificate, in every form in which people have one."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from kubeauth.options.settings import Settings
from kubeauth.providers._entra.certificate import load_certificate
from kubeauth.testing import Application, Simulator

if TYPE_CHECKING:
    from harness import Program

PASSWORD = "pässword-of-the-key"
DAY = dt.timedelta(days=1)
TOKEN = "/oauth2/v2.0/token"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    name: str, signer: str = "", begins: dt.timedelta = -DAY, ends: dt.timedelta = DAY
) -> x509.Certificate:
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, signer or name)]))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .public_key(rsa_key(name).public_key())
        .sign(rsa_key(signer or name), hashes.SHA256())
    )


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def key_pem(name: str, form: PrivateFormat = PrivateFormat.PKCS8, password: str = "") -> bytes:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return rsa_key(name).private_bytes(Encoding.PEM, form, locked)


def pfx(leaf: x509.Certificate, password: str | None, *others: x509.Certificate) -> bytes:
    locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(
        b"name", rsa_key("leaf"), leaf, list(others) or None, locked
    )


@pytest.fixture(scope="module")
def leaf() -> x509.Certificate:
    return certificate("leaf", "intermediate")


@pytest.fixture(scope="module")
def chain(leaf: x509.Certificate) -> tuple[x509.Certificate, ...]:
    return leaf, certificate("intermediate", "root"), certificate("root")


@pytest.fixture
def flags(sim: Simulator, app: Application, leaf: x509.Certificate) -> tuple[str, ...]:
    """Flags of a service principal that ``leaf`` is registered for."""
    app.add_certificate(pem(leaf))
    return ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certificate"


class TestRenewed:
    def test_the_valid_one_of_two_for_one_key(
        self, program: Program, flags: tuple[str, ...], leaf: x509.Certificate, file: Path
    ) -> None:
        """As renewing leaves them: the old one first, in the same file."""
        old = certificate("leaf", "intermediate", begins=-9 * DAY, ends=-DAY)
        file.write_bytes(pem(old, leaf) + key_pem("leaf"))
        ran = program.get_token(*flags, "--client-certificate", str(file))
        assert ran.status["token"]

    def test_an_old_one_alone_is_named(
        self, program: Program, flags: tuple[str, ...], file: Path
    ) -> None:
        older, old = (certificate("leaf", begins=-9 * DAY, ends=-n * DAY) for n in (5, 2))
        file.write_bytes(pem(older, old) + key_pem("leaf"))
        ran = program.get_token(*flags, "--client-certificate", str(file))
        assert f"expired on {old.not_valid_after_utc:%Y-%m-%d}" in ran.error


class TestForms:
    def test_a_key_in_der(
        self, program: Program, flags: tuple[str, ...], leaf: x509.Certificate, file: Path
    ) -> None:
        file.write_bytes(pem(leaf))
        key = file.with_suffix(".der")
        key.write_bytes(
            rsa_key("leaf").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        )
        files = ("--client-certificate", str(file), "--client-certificate-key", str(key))
        assert program.get_token(*flags, *files).status["token"]

    @pytest.mark.parametrize("password", [None])
    def test_a_password_that_is_there_for_nothing(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
        password: str | None,
    ) -> None:
        """A variable that is always set must not spoil a file that needs none."""
        file.write_bytes(pfx(leaf, password))
        ran = program.get_token(
            *flags, "--client-certificate", str(file), AZURE_CLIENT_CERTIFICATE_PASSWORD="x"
        )
        assert ran.status["token"]

    @pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    @pytest.mark.parametrize("password", ["", PASSWORD])
    def test_pem(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
        form: PrivateFormat,
        password: str,
    ) -> None:
        file.write_bytes(key_pem("leaf", form, password) + pem(leaf))
        ran = program.get_token(
            *flags,
            *("--client-certificate", str(file)),
            *(("--client-certificate-password", password) if password else ()),
        )
        assert ran.status["token"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_pem_in_an_encoding_of_windows(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
        encoding: str,
    ) -> None:
        text = (key_pem("leaf") + pem(leaf)).decode().replace("\n", "\r\n")
        file.write_bytes(text.encode(encoding))
        assert program.get_token(*flags, "--client-certificate", str(file)).status["token"]

    @pytest.mark.parametrize("password", [None, PASSWORD])
    @pytest.mark.parametrize("name", ["c.pfx", "C.PFX", "c.p12", "c.pem"])
    def test_pkcs12_whatever_the_file_is_called(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        tmp_path: Path,
        name: str,
        password: str | None,
    ) -> None:
        file = tmp_path / name
        file.write_bytes(pfx(leaf, password))
        secret = {} if password is None else {"AZURE_CLIENT_CERTIFICATE_PASSWORD": password}
        ran = program.get_token(*flags, "--client-certificate", str(file), **secret)
        assert ran.status["token"]

    @pytest.mark.parametrize("password", ["", PASSWORD])
    def test_certificate_and_key_in_two_files(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        tmp_path: Path,
        password: str,
    ) -> None:
        one, two = tmp_path / "tls.crt", tmp_path / "tls.key"
        one.write_bytes(pem(leaf))
        two.write_bytes(key_pem("leaf", password=password))
        ran = program.get_token(
            *(*flags, "--client-certificate", str(one), "--client-certificate-key", str(two)),
            AZURE_CLIENT_CERTIFICATE_PASSWORD=password,
        )
        assert ran.status["token"]

    def test_a_binary_certificate_beside_its_key(
        self, program: Program, flags: tuple[str, ...], leaf: x509.Certificate, tmp_path: Path
    ) -> None:
        one, two = tmp_path / "tls.cer", tmp_path / "tls.key"
        one.write_bytes(leaf.public_bytes(Encoding.DER))
        two.write_bytes(key_pem("leaf"))
        pair = ("--client-certificate", str(one), "--client-certificate-key", str(two))
        assert program.get_token(*flags, *pair).status["token"]

    def test_a_password_for_nothing_does_no_harm(
        self, program: Program, flags: tuple[str, ...], leaf: x509.Certificate, file: Path
    ) -> None:
        file.write_bytes(key_pem("leaf") + pem(leaf))
        ran = program.get_token(
            *(*flags, "--client-certificate", str(file)), AZURE_CLIENT_CERTIFICATE_PASSWORD="x"
        )
        assert ran.status["token"]

    @pytest.mark.parametrize(
        "names",
        [
            (
                "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE",
                "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD",
            ),
            ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
            ("ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PASSWORD"),
        ],
        ids=["AAD", "AZURE", "ARM"],
    )
    def test_from_variables(
        self,
        program: Program,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
        names: tuple[str, str],
    ) -> None:
        file.write_bytes(pfx(leaf, PASSWORD))
        terraform = ("--use-azurerm-env-vars",) if names[0].startswith("ARM") else ()
        ran = program.get_token(*flags, *terraform, **{names[0]: str(file), names[1]: PASSWORD})
        assert ran.status["token"]

    def test_the_certificate_counts_where_a_secret_is_given_too(
        self,
        program: Program,
        sim: Simulator,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
    ) -> None:
        file.write_bytes(pfx(leaf, None))
        ran = program.get_token(
            *(*flags, "--client-certificate", str(file), "--client-secret", "unused")
        )
        assert ran.status["token"]
        assert "client_secret" not in sim.requests[-1].form


class TestAssertion:
    @pytest.mark.parametrize("form", ["pem", "pem out of order", "pkcs12"])
    def test_carries_thumbprint_and_whole_chain(
        self, chain: tuple[x509.Certificate, ...], file: Path, form: str
    ) -> None:
        if form == "pkcs12":
            file.write_bytes(pfx(chain[0], None, *reversed(chain[1:])))
        else:
            order = reversed(chain) if form == "pem out of order" else chain
            file.write_bytes(pem(*order) + key_pem("leaf"))
        now = time.time()
        loaded = load_certificate(Settings(client_certificate=str(file)), now)
        sent = loaded.assertion("me", "https://authority/token", now, adfs=False)
        header = jwt.get_unverified_header(sent)
        wanted = [c.public_bytes(Encoding.DER) for c in chain]
        assert [b64decode(each) for each in header["x5c"]] == wanted
        digest = hashlib.sha256(wanted[0]).digest()
        assert jwt.utils.base64url_decode(header["x5t#S256"]) == digest
        key = rsa_key("leaf").public_key()
        claims = jwt.decode(sent, key, ["PS256"], audience="https://authority/token")
        assert claims["exp"] - claims["iat"] <= 600
        assert claims["iss"] == claims["sub"] == "me"

    def test_speaks_the_older_form_to_ad_fs(self, leaf: x509.Certificate, file: Path) -> None:
        file.write_bytes(pem(leaf) + key_pem("leaf"))
        loaded = load_certificate(Settings(client_certificate=str(file)), time.time())
        sent = loaded.assertion("me", "https://fs/adfs/token", time.time(), adfs=True)
        digest = hashlib.sha1(leaf.public_bytes(Encoding.DER)).digest()
        assert jwt.utils.base64url_decode(jwt.get_unverified_header(sent)["x5t"]) == digest
        jwt.decode(sent, rsa_key("leaf").public_key(), ["RS256"], audience="https://fs/adfs/token")

    def test_shows_no_key(self, leaf: x509.Certificate, file: Path) -> None:
        file.write_bytes(pem(leaf) + key_pem("leaf"))
        loaded = load_certificate(Settings(client_certificate=str(file)), time.time())
        assert repr(loaded) == "SigningCertificate()"

    def test_costs_one_request(
        self,
        program: Program,
        sim: Simulator,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
    ) -> None:
        file.write_bytes(pem(leaf) + key_pem("leaf"))
        sim.reject_replayed_assertions = True
        for _ in range(2):
            flag = ("--client-certificate", str(file), "--force-refresh")
            assert program.get_token(*flags, *flag).status["token"]
        assert sim.requests.count(service="entra", path=TOKEN) == 2


def ec_pem() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class TestRefusedBeforeTheNetwork:
    @pytest.mark.parametrize(
        ("content", "password", "said"),
        [
            (lambda c: key_pem("leaf", password=PASSWORD) + pem(c), "", "encrypted"),
            (lambda c: key_pem("leaf", password=PASSWORD) + pem(c), "wrong-one", "decrypted"),
            (
                lambda c: key_pem("leaf", PrivateFormat.TraditionalOpenSSL, PASSWORD) + pem(c),
                "wrong-one",
                "decrypted",
            ),
            (lambda c: pfx(c, PASSWORD), "", "encrypted"),
            (lambda c: pfx(c, PASSWORD), "wrong-one", "decrypted"),
            (lambda c: key_pem("other") + pem(c), "", "belongs to none"),
            (lambda c: ec_pem() + pem(c), "", "EC"),
            (lambda c: pem(c), "", "no private key"),
            (lambda c: key_pem("leaf"), "", "no certificate"),
            (lambda c: b"", "", "neither PEM nor PKCS#12"),
            (lambda c: b"\x30\x82garbage", "", "no PKCS#12 file"),
            (
                lambda c: key_pem("leaf") + pem(c).replace(b"MII", b"AAA", 1),
                "",
                "damaged",
            ),
            (lambda c: key_pem("leaf").replace(b"MII", b"AAA", 1) + pem(c), "", "cannot be read"),
            (
                lambda c: key_pem("leaf") + pem(certificate("leaf", begins=-9 * DAY, ends=-DAY)),
                "",
                "expired on",
            ),
            (
                lambda c: key_pem("leaf") + pem(certificate("leaf", begins=DAY, ends=9 * DAY)),
                "",
                "valid from",
            ),
        ],
    )
    def test_each_has_its_sentence(
        self,
        program: Program,
        sim: Simulator,
        flags: tuple[str, ...],
        leaf: x509.Certificate,
        file: Path,
        content,
        password: str,
        said: str,
    ) -> None:
        file.write_bytes(content(leaf))
        ran = program.get_token(
            *(*flags, "--client-certificate", str(file)),
            AZURE_CLIENT_CERTIFICATE_PASSWORD=password,
        )
        assert said in ran.error and str(file) in ran.error
        assert ran.code == 2 and "wrong-one" not in ran.stderr
        assert len(sim.requests) == 0

    def test_a_file_that_is_not_there(self, program: Program, flags: tuple[str, ...]) -> None:
        ran = program.get_token(*flags, "--client-certificate", "/nonexistent/c.pem")
        assert "/nonexistent/c.pem (No such file" in ran.error

    def test_neither_secret_nor_certificate(self, program: Program, flags: tuple[str, ...]) -> None:
        ran = program.get_token(*flags)
        assert "--client-certificate or --client-secret is required" in ran.error
        assert "AZURE_CLIENT_CERTIFICATE_PATH" in ran.stderr


def test_a_certificate_that_is_not_registered(
    program: Program, flags: tuple[str, ...], file: Path
) -> None:
    file.write_bytes(key_pem("other") + pem(certificate("other")))
    ran = program.get_token(*flags, "--client-certificate", str(file))
    assert "AADSTS700027" in ran.error and "register" in ran.stderr


def test_a_kept_token_does_not_cover_for_another_certificate(
    program: Program, flags: tuple[str, ...], leaf: x509.Certificate, file: Path
) -> None:
    file.write_bytes(key_pem("leaf") + pem(leaf))
    assert program.get_token(*flags, "--client-certificate", str(file)).status["token"]
    file.write_bytes(key_pem("other") + pem(leaf))
    assert "belongs to none" in program.get_token(*flags, "--client-certificate", str(file)).error
