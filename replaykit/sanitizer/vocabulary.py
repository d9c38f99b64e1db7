"""The words that names of secrets and of personal data are made of. Data; each is a word as `split_name` gives it."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whole words of a name, as it is split below: `apiKey`, `api_key` and `API-KEY` are all ("api", "key").
STRONG_WORDS = _words("apikey apikeys authorization hapikey passcode passphrase passwd password passwords pwd secret")
LOOSE_WORDS = _words("credential credentials")
WEAK_WORDS = _words("appid auth bearer csrf jwt otp pass pw secrets totp xsrf")
FAINT_WORDS = _words("code key session sessionid sid")
# The last word of a header, but for how it was made: `X-My-Auth`, `X-Hub-Signature-256`.
HEADER_WORDS = _words("assertion auth authentication hmac jwt sig signature")
ALGORITHMS = _words("base ed md rsa sha v")
KEY_OWNERS = _words(
    "access account api app application auth encryption private secret service shared signing subscription webhook"
)
# `token` alone is weak, a cursor's (`next_page_token`) is none at all.
TOKEN_OWNERS = _words("access api auth bearer bot csrf deploy id jwt oauth personal refresh security session user xsrf")
CURSORS = _words("continuation cursor next page pagination prev previous resume sync")
CODE_OWNERS = _words("auth authorization mfa otp totp verification")
PASS_OWNERS = _words(
    "admin database db email ftp imap login mail mongo mysql pg postgres proxy rabbitmq redis root smtp user"
)
# What else is called a key, or a pass.
KINDS_OF_KEY = _words(
    "arrow artifact bucket cache column composite config content context data dedup dedupe dict dictionary document "
    "enter entity event feature field file flag foreign group grouping hash header host hot id idempotency image "
    "index issue item join json key label language layout locale lookup lru map memory message meta metadata metric "
    "name namespace natural object openapi option page param parent partition path position primary project prompt "
    "property public publishable query range react record redis registry request resource response result route "
    "routing row s3 schema segment session shard shortcut sort span state storage store table task thread tool "
    "trace translation tree type unique url user variable vault verification version workflow"
)
KINDS_OF_PASS = _words(
    "back backward band boarding by final first forward gate high last low multi next num of rail render season "
    "second single test tests"
)
PERSONAL_WORDS = _words(
    "aadhaar bsn cardnumber cellphone cpf curp dni fax iban ip itin mobile msisdn nif nino nric passport "
    "personnummer pesel phone phonenumber ssn telephone tfn whatsapp"
)
# What may follow without changing what the value is: `api_key_2`, `secret_value`, `password_base64`.
QUALIFIERS = _words("b base hash id pem plain primary raw secondary string value")
# Inside of an object that a secret's name announces, these say no more than that here is its value.
VALUE_FIELDS = _words("data pass plain plaintext raw stringvalue v val value")
# Fields that hold the name of the value beside them.
ANNOUNCERS = _words("field header id key label name option param parameter property setting variable")
OWNERS = _words("auth secrets tokens")
# What has numbers as long as a card's: in JSON, a number in such a field is of it.
NUMBERED_THINGS = _words(
    "at bytes checksum count created date duration hash id ids index invoice nonce ns number offset order ref row "
    "seed seq sequence serial size sku sum time timestamp total tracking ts uid updated us uuid version"
)
PERSONAL_PAIRS = frozenset(
    {
        *("account number", "card number", "credit card", "debit card", "id card", "routing number"),
        *("driver license", "driving license", "license number", "medicare number", "nhs number"),
        *("national id", "national insurance", "social security", "steuer id", "tax id", "tax number"),
        *("client ip", "source ip", "user ip", "ip addr", "ip address", "remote addr"),
    }
)
"""Two words that mean one of somebody only together."""

PERSONAL_KINDS = frozenset({"card", "email", "iban", "ip", "national_id", "personal_number", "phone"})
"""Kinds of findings that are somebody's personal data, and not a credential."""
