"""What agents do with secrets and personal data: each flow is recorded, holds no raw value, and replays exactly."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

import replaykit
from tests.e2e.planted_server import Answer, Server
from tests.sanitizer.leaks import all_texts, pieces

jwt = pytest.importorskip("jwt")

JSON = (("content-type", "application/json"),)
PASSWORD = "Tr0ub4dor" + "-and-3-Horses"
ACCESS, REFRESH, SECOND = (
    "at-" + "Q7mZp2Lx9Kd4Vb8Nc3Rf",
    "rt-" + "W5hJ8sT2yG6uE1oA4iPz",
    "at-" + "B9nM3cX7vL1kD5jF2gHq",
)
CARD, IBAN, PHONE = "5500 0055 5555 5559", "DE89370400440532013000", "+49 30 9018 2233"
CUSTOMER = "3f2b8c1e-9d47-4a6b-8e05-7c1d2f9ab364"


class Flow:
    """A server with prepared answers, in turn, and a client for it."""

    def __init__(self, store: Path, answers: list[Any], library: Any = httpx) -> None:
        prepared = {
            number: Answer(200, JSON, (answer if isinstance(answer, bytes) else json.dumps(answer).encode(),))
            for number, answer in enumerate(answers)
        }
        self.server = Server(prepared)
        self.url = self.server.url
        self._store, self._library = store, library
        self.client: Any = None

    def both(self, act: Callable[[Flow], Any], *secrets: str) -> tuple[Any, Any]:
        """What the agent came to when it was recorded, and in the exact replay with the server gone."""
        with replaykit.record("flow", store=self._store) as run:
            then = self._run(act)
            run.finish(output=json.loads(json.dumps(then)))
        asked = self.server.count
        self.server.close()
        assert run.packet_path is not None
        stored = all_texts(file.read_bytes() for file in self._store.rglob("*") if file.is_file())
        for secret in secrets:
            assert [piece for piece in pieces(secret) if piece in stored] == []
        with replaykit.replay(run.packet_path) as rerun:
            now = self._run(act)
            rerun.finish(output=json.loads(json.dumps(now)))
        report = rerun.report
        assert report.ok
        assert {item.level for item in report.interactions} == {0}
        assert (report.unused, report.refused, self.server.count) == ((), (), asked)
        return then, now

    def _run(self, act: Callable[[Flow], Any]) -> Any:
        with self._library.Client(verify=False, trust_env=False, base_url=self.url) as self.client:
            return act(self)

    def ask(self, number: int, text: str) -> str:
        """What a model says to a text."""
        body = {"model": "m", "messages": [{"role": "user", "content": text}]}
        answer = self.client.post(f"/{number}/v1/chat/completions", json=body).json()
        return str(answer["choices"][0]["message"]["content"])


def says(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]}


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def flow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Flow]]:
    made: list[Flow] = []

    def make(*answers: Any) -> Flow:
        made.append(Flow(tmp_path / "store", list(answers), request.param))
        return made[-1]

    yield make


TOKENS = {"access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer", "expires_in": 3600}


@pytest.mark.parametrize("kind", ["data", "json"])
def test_login_and_refresh(flow: Callable[..., Flow], kind: str) -> None:
    def act(flow: Flow) -> list[str]:
        credentials = {"username": "maria", "password": PASSWORD, "grant_type": "password"}
        tokens = flow.client.post("/0/oauth/token", **{kind: credentials}).json()
        first = {"authorization": f"Bearer {tokens['access_token']}"}
        order = flow.client.get("/1/orders/7", headers=first).json()
        renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        renewed = flow.client.post("/2/oauth/token", **{kind: renewal}).json()
        second = {"authorization": f"Bearer {renewed['access_token']}"}
        again = flow.client.get("/3/orders/8", headers=second, params={"who": order["owner"]}).json()
        assert tokens["access_token"] != renewed["access_token"]
        return [order["status"], again["status"], flow.ask(4, f"The session {renewed['access_token']} is open.")]

    stage = flow(
        TOKENS,
        {"status": "sent", "owner": "maria"},
        {"access_token": SECOND, "expires_in": 3600},
        {"status": "open"},
        says("Good."),
    )
    then, now = stage.both(act, PASSWORD, ACCESS[3:], REFRESH[3:], SECOND[3:])

    assert then == now == ["sent", "open", "Good."]


SIGNATURE = "f3a9c2e17b5d48066e1d0c9b8a7f5e4d3c2b1a09f8e7d6c5b4a3928170f6e5d4"
SIGNED = {
    "s3": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F20251119%2Feu-west-1%2Fs3%2Faws4_request"
    f"&X-Amz-Date=20251119T101500Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}",
    "azure": "sv=2024-11-04&se=2025-11-19T12%3A00%3A00Z&sr=b&sp=r"
    "&sig=Zp7Qm%2Bx2Lk9Vd4Bn8Cr3Tf6Hw1Js5Yg0Ua%2FEo2Ii4Pq%3D",
    "gcs": f"X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=svc%40acme-prod.iam.gserviceaccount.com%2F20251119"
    f"%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Expires=900&X-Goog-Signature={SIGNATURE * 2}",
}
SIGNED_SECRETS = {
    "s3": ("AK" + "IAQ7MZP2LX6KD4VB5N", SIGNATURE),
    "azure": ("Zp7Qm+x2Lk9Vd4Bn8Cr3Tf6Hw1Js5Yg0Ua/Eo2Ii4Pq=",),
    "gcs": (SIGNATURE,),
}


@pytest.mark.parametrize("cloud", list(SIGNED))
def test_signed_link_that_was_handed_out(flow: Callable[..., Flow], cloud: str) -> None:
    """The link is fetched as it came: the server checks it over the wire, the replay by its stand-ins."""
    query = SIGNED[cloud].replace("{id}", SIGNED_SECRETS["s3"][0])
    stage = flow({}, {"rows": [1, 2]}, says("Two rows."))
    link = f"{stage.url}/1/bucket/report.csv?{query}"
    stage.server._answers[0] = Answer(200, JSON, (json.dumps({"file": {"download_url": link}}).encode(),))

    def act(flow: Flow) -> Any:
        found = flow.client.get("/0/files/7").json()["file"]["download_url"]
        rows = flow.client.get(found).json()["rows"]
        names = [name for name, _ in urllib.parse.parse_qsl(urllib.parse.urlsplit(found).query)]
        return [rows, names, flow.ask(2, f"Look at {found}")]

    then, now = stage.both(act, *SIGNED_SECRETS[cloud])

    assert then == now
    assert any(name.lower().endswith(("signature", "sig")) for name in then[1])


def test_token_that_the_agent_reads_with_pyjwt(flow: Callable[..., Flow]) -> None:
    """Its claims are used in the next call: on replay they are the stand-ins that this call holds."""
    claims = {
        "sub": "user-8f14e45fceea167a",
        "email": "maria.lopez@haus-lopez.org",
        "name": "Maria Lopez",
        "iss": "https://login.acme.io",
        "aud": "orders",
        "exp": 1893456000,
        "scope": "read write",
    }
    token = jwt.encode(claims, "k" * 40, algorithm="HS256", headers={"kid": "key-1"})

    def act(flow: Flow) -> Any:
        given = flow.client.post("/0/token", json={"code": "ok"}).json()["id_token"]
        said = jwt.decode(given, options={"verify_signature": False, "verify_exp": False}, audience="orders")
        assert jwt.get_unverified_header(given)["kid"] == "key-1"
        assert said["iss"] == claims["iss"]
        headers = {"authorization": f"Bearer {given}"}
        profile = flow.client.get(f"/1/users/{said['sub']}", params={"mail": said["email"]}, headers=headers).json()
        answer = flow.ask(2, f"{said['name']} <{said['email']}> is {profile['level']} until {said['exp']}")
        return {"claims": said, "answer": answer}

    then, now = flow({"id_token": token}, {"level": "gold"}, says("Hello.")).both(
        act, claims["sub"][5:], "maria.lopez@haus-lopez", "Maria Lopez", token.rpartition(".")[2]
    )

    assert then["claims"] == claims
    assert now["claims"] != claims
    assert {name: now["claims"][name] for name in ("iss", "aud", "exp", "scope")} == {
        name: claims[name] for name in ("iss", "aud", "exp", "scope")
    }
    assert len(now["claims"]["email"]) == len(claims["email"])


def passes_luhn(number: str) -> bool:
    digits = [int(char) for char in number if char.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return len(digits) > 12 and sum(doubled) % 10 == 0


def passes_mod97(account: str) -> bool:
    turned = account.replace(" ", "")[4:] + account.replace(" ", "")[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def passes_for_a_phone(number: str) -> bool:
    return number.startswith("+") and 8 <= sum(char.isdigit() for char in number) <= 15


def test_numbers_that_the_agent_checks(flow: Callable[..., Flow]) -> None:
    """A stand-in that fails the agent's own check would send it down another path."""
    import uuid

    customer = {"id": CUSTOMER, "card": CARD, "iban": IBAN, "phone": PHONE, "mail": "j.smith@acme-mail.org"}

    def act(flow: Flow) -> Any:
        found = flow.client.get("/0/customers/7").json()
        checks = [
            passes_luhn(found["card"]),
            passes_mod97(found["iban"]),
            passes_for_a_phone(found["phone"]),
            str(uuid.UUID(found["id"])) == found["id"],
            found["mail"].count("@") == 1,
        ]
        assert all(checks), "not taken"
        paid = flow.client.post("/1/pay", json={"card": found["card"].replace(" ", ""), "iban": found["iban"]}).json()
        return [checks, paid, flow.ask(2, f"Paid with {found['card']} of {found['phone']}"), found["card"]]

    then, now = flow(customer, {"paid": True}, says("Thanks.")).both(
        act, CARD[4:], CARD.replace(" ", "")[4:], IBAN[4:], PHONE[3:], "j.smith@acme-mail"
    )

    assert then[:3] == now[:3]
    assert then[3] != now[3]


KEY = "sk-proj-" + "Zp7QmXx2Lk9Vd4Bn8Cr3Tf6Hw1Js5Yg0UaEo2Ii4Pq"
DOCUMENT = f"Set up the service with the key {KEY} and then start it."


@pytest.mark.parametrize("is_agents", [True, False], ids=["the agent's own", "handed out"])
@pytest.mark.parametrize("key", [None, "the-project-key-41"], ids=["no key", "key"])
def test_document_cut_through_the_midst_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_agents: bool, key: str | None
) -> None:
    """Wherever it is cut, nothing of eight characters is left of the key, and the replay sends the same prompt."""
    if key is not None:
        monkeypatch.setenv("REPLAYKIT_KEY", key)
    start, end = DOCUMENT.index(KEY), DOCUMENT.index(KEY) + len(KEY)
    cuts = range(start, end + 1)
    stage = Flow(tmp_path / "store", [{"text": DOCUMENT}, *(says("So.") for _ in range(len(cuts) + 1))])

    def act(flow: Flow) -> Any:
        document = flow.client.get("/0/documents/7").json()["text"]
        if is_agents:
            document = DOCUMENT
            flow.ask(1, document)
        return [flow.ask(number, document[:cut]) for number, cut in enumerate(cuts, 1)]

    stage.both(act, KEY[len("sk-proj-") :])


def test_arguments_in_json_in_json(flow: Callable[..., Flow]) -> None:
    """As tools get them: a text of JSON in which there is a text of JSON."""
    inner = {"to": "bob.jones@acme-mail.org", "auth": {"password": PASSWORD}, "body": json.dumps({"iban": IBAN})}
    call = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": json.dumps(inner)}}
    asked = says("")
    asked["choices"][0]["message"]["tool_calls"] = [call]
    results: list[str] = []

    @replaykit.tool(effect="write")
    def send(arguments: dict[str, Any]) -> str:
        results.append(arguments["to"])
        return json.dumps({"sent": {"to": arguments["to"], "raw": json.dumps(arguments)}})

    def act(flow: Flow) -> Any:
        body = {"model": "m", "messages": [{"role": "user", "content": "send it"}]}
        message = flow.client.post("/0/v1/chat/completions", json=body).json()["choices"][0]["message"]
        arguments = json.loads(message["tool_calls"][0]["function"]["arguments"])
        assert passes_mod97(json.loads(arguments["body"])["iban"])
        result = send(arguments)
        body["messages"] += [message, {"role": "tool", "tool_call_id": "call_1", "content": result}]
        answer = flow.client.post("/1/v1/chat/completions", json=body).json()
        return [answer["choices"][0]["message"]["content"], json.loads(json.loads(result)["sent"]["raw"])["to"]]

    then, now = flow(asked, says("Sent.")).both(act, PASSWORD, IBAN[4:], "bob.jones@acme-mail")

    assert then[0] == now[0] == "Sent."
    assert then[1] == "bob.jones@acme-mail.org" != now[1]
    assert results == ["bob.jones@acme-mail.org"]


def test_basic_credentials_and_their_base64_elsewhere(flow: Callable[..., Flow]) -> None:
    def act(flow: Flow) -> Any:
        pair = base64.b64encode(f"maria:{PASSWORD}".encode()).decode()
        first = flow.client.get("/0/login", auth=("maria", PASSWORD)).json()
        return [first, flow.client.post("/1/audit", json={"header": f"Basic {pair}"}).json()]

    flow({"ok": True}, {"ok": 1}).both(act, PASSWORD)
