"""What the name of a column says, in whatever language and case, and what only looks like it."""

from __future__ import annotations

import re

import pytest

from confiture_sync.detect.names import CONTEXTUAL, HARMLESS, STRONG
from confiture_sync.detect.patterns import PATTERNS
from confiture_sync.detect.words import is_of_people, name_class, words_of

PERSONAL = {
    "email": "email eMail E_MAIL email_address billing_email workEmail email2 courriel correo_electronico adresse_mail "
    "emial",
    "phone": "phone phone_number mobilePhone phones tel fax telefon_nummer téléphone celular HomePhone msisdn phone_no",
    "name": "first_name lastName FULL_NAME surname prénom nom_de_famille Vorname apellidos cognome achternaam "
    "card_holder customerName contact_name",
    "username": "username user_name screenName Benutzername nom_utilisateur",
    "address": "address address2 street_address billing_address addressLine1 Straße adresse calle indirizzo adresss",
    "birth": "dob birth_date dateOfBirth date_of_birth date_de_naissance Geburtsdatum fecha_nacimiento",
    "national-id": "ssn social_security_number national_id passport_no tax_id license_plate codice_fiscale bsn NIR",
    "card": "credit_card card_number ccNumber cvv2 kreditkarte",
    "bank": "iban bank_account account_number bic konto_nummer",
    "secret": "password password_hash api_key accessToken session_id motDePasse otp_secret reset_token",
    "ip": "ip ip_address last_ip clientIP ipv4 remote_addr",
    "mac": "mac mac_address hwAddress",
    "sensitive": "diagnosis blood_type sexual_orientation",
}
HARMLESS_NAMES = (
    "email_verified emailVerifiedAt email_count phone_type address_id address_type token_count tokens max_tokens title "
    "product_name file_name host_name company country state city description notes amount quantity unit_price composer "
    "special_features fulltext created_at updated_at customer_id user_id reports_to support_rep_id bytes rating body "
    "web_address wallet_address password_changed_at mail_template domain rate trace embassy mission phonebook_id "
    "session_count secretary classname telescope mailing_list_id ip_count race_time lane pathname"
)  # fmt: skip


@pytest.mark.parametrize(("what", "names"), PERSONAL.items())
def test_personal_wherever_it_stands(what: str, names: str) -> None:
    found = {name: name_class(name) for name in names.split()}
    assert {name: (named.what, named.strong) for name, named in found.items() if named} == dict.fromkeys(
        found, (what, True)
    )


def test_harmless() -> None:
    found = {name: name_class(name) for name in HARMLESS_NAMES.split()}
    assert [name for name, named in found.items() if named and named.strong] == []


@pytest.mark.parametrize(
    "name", ["zip", "lat", "longitude", "gender", "salary", "age", "avatar_url", "display_name", "login"]
)
def test_personal_in_a_table_of_people(name: str) -> None:
    named = name_class(name)
    assert named is not None
    assert not named.strong


def test_words() -> None:
    """Snake and camel case, capitals, digits, accents, and letters that have no accent to lose."""
    assert words_of("Billing_eMailAddress2") == ("billing", "e", "mail", "address")
    assert words_of("userIPAddress") == ("user", "ip", "address")
    assert words_of("Prénom-Größe") == ("prenom", "grosse")
    assert words_of("2024") == ()
    assert name_class("") is None
    assert name_class("123") is None


def test_tables_of_people() -> None:
    """The last word says what the rows are."""
    assert [is_of_people(name) for name in ("users", "app_users", "Kunden", "user_groups", "employee_types", "x")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_the_names_can_be_found() -> None:
    """They are compared with words put together: one with a capital, a digit or a space would never be met."""
    for name in (*STRONG, *CONTEXTUAL, *HARMLESS):
        assert "".join(words_of(name)) == name
    assert len(STRONG) > 200
    assert not set(STRONG) & set(CONTEXTUAL)
    assert not set(STRONG) & HARMLESS


def test_as_few_expressions_as_the_server_keeps_compiled() -> None:
    """It keeps 32 (src/backend/utils/adt/regexp.c); with one more each row compiles all: 100 times slower."""
    sql = " ".join(pattern.sql for pattern in PATTERNS)
    literals = set(re.findall(r"(~\*?|FROM|regexp_replace\(v,)\s+E?('(?:[^']|'')*')", sql))
    assert 15 < len(literals) < 30
