"""Texts of an agent's ordinary day that look like secrets or personal data, and are neither."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from random import Random

from tests.sanitizer.cases import NAMES, Case, filled, number, prose

_FORMS = {
    "order": "Order #<n8> has shipped",
    "long order": "Order <n12> has shipped",
    "order with groups": "order <n3>-<n7>-<n7>",
    "price": "$<1-999>,<n3>,<n3>.<d2> of $<1-99>,<n3>",
    "european price": "<1-999>.<n3>.<n3>,00 EUR",
    "unix time": '"created":<1600000000-1900000000>',
    "unix milliseconds": "at <1600000000000-1900000000000> ms",
    "iso time": "2025-<10-12>-<10-28>T10:<10-59>:00+02:00",
    "date": "<10-28>.<10-12>.<1990-2030> 10:30",
    "american date": "<1-12>/<1-28>/<1990-2030>",
    "range of years": "from <1990-2010>-<2011-2030>",
    "completion": "chatcmpl-<a29>",
    "tool call": "call_<a24>",
    "message": "msg_01<a22>",
    "response": "resp_<x48>",
    "request": "req_<x32>",
    "sha256": "<x64>",
    "git": "commit <x40>",
    "md5": 'ETag: W/"<x32>"',
    "trace": "00-<x32>-<x16>-01",
    "version": "v<0-20>.<0-30>.<0-99>.<0-200>",
    "bare version": "<0-9>.<0-30>.<0-30>.<0-9>",
    "package": "pip install acme==<10-99>.<10-99>.<100-250>.<10-99>",
    "browser": "Mozilla/5.0 Chrome/<100-140>.0.0.0 Safari/537.36",
    "coordinates": "<-0>59.<n6>, <1-179>.<n6>",
    "float": "score 0.<n16>",
    "private address": "10.<0-255>.<0-255>.<1-254> 192.168.1.<1-254> 172.16.<0-9>.<1-9>",
    "documentation address": "203.0.113.<1-254> 2001:db8::<1-9999> ::1 127.0.0.1",
    "documentation mail": "user<1-99>@example.com",
    "time of day": "<10-23>:<10-59>:<10-59>.<100-999>",
    "table": "<n3> <n3> <n3> <n3> <n3> <n3>\n<n3> <n3> <n3> <n3> <n3> <n3>",
    "table of years": "<1990-2030> <1990-2030> <1990-2030> <1990-2030>",
    "csv row": "<n1>,<n6>,<n3>,<n5>,<n4>,<n2>,<n6>",
    "code": "for i in range(<n4>): x[<n2>] += <n3> - <n4>",
    "hex colour": "color: #<x6>; margin: <1-9>px <1-9>px",
    "isbn": "ISBN 978-<0-9>-<10-99>-<n6>-<0-9>",
    "model": "gpt-4o-mini-2024-<10-12>-<10-28>",
    "usage": '"usage": {"prompt_tokens": <n5>, "completion_tokens": <n4>}',
    "diff": "@@ -<n4>,<1-9> +<n4>,<1-9> @@\n+<n10>",
    "cache key": '"prompt_cache_key": "<x32>", "partition_key": "<l24>"',
    "port": "http://localhost:<1024-65535>/v1/<n6>",
    "article": "https://news.acme.org/2025/<10-12>/<n9>-title-<n8>.html",
    "getter": "password = settings.db_password\ntoken = get_token(<n2>)",
    "password in code": "if (password == null) return hash(password, <n2>); token = tokens[<1-9>];",
}
_PLACEHOLDERS = ("<your key>", "${TOKEN}", "xxxxxxxxxxxx", "YOUR_API_KEY", "********")
_PLACES = ("{}", "{prose}: {}", "{} {prose}")


def negative_cases(random: Random) -> Iterator[Case]:
    """One of each kind, some of them in JSON."""
    made = {kind: filled(random, form.replace("<-0>", random.choice(["", "-"]))) for kind, form in _FORMS.items()}
    made["uuid"] = str(uuid.UUID(int=random.getrandbits(128), version=4))
    made["picture"] = "data:image/png;base64," + base64.b64encode(random.randbytes(300)).decode()
    made["placeholder"] = f'{random.choice(NAMES)}="{random.choice(_PLACEHOLDERS)}"'
    made["talk of secrets"] = f"The {random.choice(['password', 'token', 'api key'])} is required: {prose(random)}"
    made["prose"] = f"{prose(random)} {number(random, random.randint(1, 6))} {prose(random)}"
    for kind, text in made.items():
        text = random.choice(_PLACES).replace("{prose}", prose(random)).replace("{}", text)
        yield Case("negative", kind, json.dumps({"content": text}) if random.random() < 0.4 else text)
