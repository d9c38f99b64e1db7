from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.errors import UsageError
from replaykit.wire import Call, classify, read_request, read_rules

ANTHROPIC = (("Anthropic-Version", "2023-06-01"),)
PLAIN = (("User-Agent", "python-httpx2/2.16"), ("Content-Type", "application/json"))
SENTRY = (("X-Sentry-Auth", "Sentry sentry_key=a"),)
GITHUB = "raw.githubusercontent.com"
PROTOBUF = (("content-type", "application/x-protobuf"),)
OTEL = (("User-Agent", "OTel-OTLP-Exporter-Python/1.45.2"), ("Content-Type", "application/json"))


@pytest.mark.parametrize(
    ("url", "name", "wire_format"),
    [
        ("https://api.openai.com/v1/chat/completions", "chat", "openai.chat"),
        ("https://api.deepseek.com/chat/completions", "chat", "openai.chat"),
        ("http://localhost:8000/v1/chat/completions/", "chat", "openai.chat"),
        ("https://router.huggingface.co/novita/v3/openai/chat/completions", "chat", "openai.chat"),
        ("https://api.openai.com/v1/responses", "chat", "openai.responses"),
        ("https://api.deepseek.com/responses", "chat", "openai.responses"),
        ("https://x.openai.azure.com/openai/responses?api-version=2", "chat", "openai.responses"),
        ("http://127.0.0.1:8787/proxy/openai/responses", "chat", "openai.responses"),
        ("https://chatgpt.com/backend-api/codex/responses", "chat", "openai.responses"),
        ("https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses", "chat", "openai.responses"),
        ("https://api.openai.com/v1/responses/input_tokens", "count_tokens", "openai.input_tokens"),
        ("https://api.openai.com/v1/embeddings", "embed", "openai.embeddings"),
        ("https://api.anthropic.com/v1/messages?beta=true", "chat", "anthropic.messages"),
        ("https://api.anthropic.com/v1/messages/count_tokens", "count_tokens", "anthropic.count_tokens"),
        ("https://gateway.example/anthropic/v1/messages", "chat", "anthropic.messages"),
    ],
)
def test_models_are_known_by_path(url: str, name: str, wire_format: str) -> None:
    assert classify("post", url) == Call("llm", name, "agent", wire_format)


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("https://x.openai.azure.com//openai/deployments/gpt-4o/chat/completions?api-version=1", "gpt-4o"),
        ("https://x.openai.azure.com/openai/deployments/small/embeddings", "small"),
        ("https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/"
         "claude-sonnet-4@20250514:streamRawPredict", "claude-sonnet-4@20250514"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-v2%3A1/invoke",
         "us.anthropic.claude-v2:1"),
    ],
)  # fmt: skip
def test_a_model_in_the_path_is_part_of_the_call(url: str, model: str) -> None:
    call = classify("POST", url, PLAIN)

    assert (call.boundary, call.model) == ("llm", model)


def test_the_model_of_the_path_fills_in_and_never_gets_lost() -> None:
    body = b'{"messages":[]}'

    assert read_request("anthropic.messages", body, "claude").model == "claude"
    assert read_request("openai.chat", b'{"messages":[],"model":"a"}', "b").options == {"path_model": "b"}
    assert read_request("openai.chat", b'{"messages":[],"model":"a"}', "a").options == {}


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        pytest.param("GET", "https://api.openai.com/v1/responses/resp_1", PLAIN, id="polling"),
        pytest.param("POST", "https://api.typeform.example/forms/7/responses", PLAIN, id="survey"),
        pytest.param("POST", "https://waba.example/v1/messages", PLAIN, id="messaging service"),
        pytest.param("POST", "http://localhost:11434/api/embeddings", PLAIN, id="Ollama's own format"),
        pytest.param("POST", "https://api.openai.com/v1/completions", PLAIN, id="plain completions"),
        pytest.param("POST", "https://shop.example/v1/metrics", PLAIN, id="metrics of a business"),
        pytest.param("POST", "https://shop.example/v1/traces", PLAIN, id="traces of a business"),
        pytest.param("POST", "https://shop.example/v1/logs", (), id="logs, headers unknown"),
        pytest.param("GET", "http://collector:4318/v1/metrics", PLAIN, id="metrics are read"),
        pytest.param("POST", "https://shop.example/batch/", PLAIN, id="batch of a business"),
        pytest.param("POST", "https://shop.example/api/public/ingestion", PLAIN, id="ingestion of a business"),
        pytest.param("POST", "https://shop.example/api/5/store/", PLAIN, id="store of a business"),
        pytest.param("POST", "https://us.i.posthog.com/flags/?v=2", PLAIN, id="feature flags"),
        pytest.param("POST", "https://app.posthog.com/api/projects/1/query/", PLAIN, id="analytics question"),
        pytest.param("POST", "https://api.smith.langchain.com/runs/query", PLAIN, id="runs are read"),
        pytest.param("GET", "https://api.smith.langchain.com/commits/a/b/latest", PLAIN, id="prompt from a hub"),
        pytest.param("GET", "https://cloud.langfuse.com/api/public/v2/prompts/x", PLAIN, id="prompt of Langfuse"),
        pytest.param("POST", "https://api.datadoghq.com/api/v1/events", PLAIN, id="an operations agent"),
        pytest.param("POST", "https://api.segment.io/v1/track", PLAIN, id="one event"),
        pytest.param("POST", "https://evil.example/?u=https://api.openai.com/v1/traces/ingest", PLAIN, id="in a query"),
        pytest.param("POST", "https://api.openai.com.evil.example/v1/traces/ingest", PLAIN, id="host as a prefix"),
        pytest.param("GET", "https://cars.example/v1/models?make=fiat", PLAIN, id="models of cars"),
        pytest.param("GET", "https://cars.example/models", PLAIN, id="models of cars, no version"),
        pytest.param("GET", "https://huggingface.co/api/models?search=bert", PLAIN, id="a search"),
        pytest.param("GET", "https://shop.example/health", PLAIN, id="health is content"),
        pytest.param("GET", "https://shop.example/oauth/token", PLAIN, id="token page is read"),
    ],
)  # fmt: skip
def test_the_agents_own_calls_stay_its_own(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> None:
    call = classify(method, url, headers)

    assert (call.boundary, call.call_class, call.wire_format) == ("http", "agent", None)


@pytest.mark.parametrize(
    ("call_class", "method", "url", "headers"),
    [
        ("telemetry", "POST", "https://api.openai.com/v1/traces/ingest", PLAIN),
        ("telemetry", "POST", "https://api.smith.langchain.com/runs/multipart", PLAIN),
        ("telemetry", "POST", "https://eu.api.smith.langchain.com/runs/batch", PLAIN),
        ("telemetry", "PATCH", "https://api.smith.langchain.com/runs/0198f0a2-1111-7222-8333-444455556666", PLAIN),
        ("telemetry", "POST", "https://us.i.posthog.com/batch/", PLAIN),
        ("telemetry", "POST", "https://o1.ingest.us.sentry.io/api/45/envelope/", PLAIN),
        ("telemetry", "POST", "https://sentry.acme.example/api/45/envelope/", SENTRY),
        ("telemetry", "POST", "https://collector.acme.example/v1/traces", PROTOBUF),
        ("telemetry", "POST", "https://collector.acme.example/otlp/v1/logs", OTEL),
        ("telemetry", "POST", "http://localhost:4318/v1/metrics", PLAIN),
        ("telemetry", "POST", "https://telemetry.crewai.com:4319/v1/traces", PLAIN),
        ("telemetry", "POST", "https://app.crewai.com/crewai_plus/api/v1/tracing/ephemeral/batches", PLAIN),
        ("telemetry", "POST", "https://us.cloud.langfuse.com/api/public/ingestion", PLAIN),
        ("telemetry", "POST", "https://http-intake.logs.us3.datadoghq.com/api/v2/logs", PLAIN),
        ("telemetry", "PUT", "http://localhost:8126/v0.5/traces", PLAIN),
        ("telemetry", "POST", "https://api.honeycomb.io/1/batch/agents", PLAIN),
        ("auth", "POST", "https://oauth2.googleapis.com/token", PLAIN),
        ("auth", "POST", "https://login.microsoftonline.com/tenant/oauth2/v2.0/token", PLAIN),
        ("auth", "POST", "https://sts.us-east-1.amazonaws.com/", PLAIN),
        ("auth", "PUT", "http://169.254.169.254/latest/api/token", PLAIN),
        ("auth", "GET", "http://metadata.google.internal/computeMetadata/v1/instance", PLAIN),
        ("auth", "POST", "https://login.acme.example/oauth/token", PLAIN),
        ("auth", "POST", "https://acme.okta.example/oauth2/default/v1/token", PLAIN),
        ("ambient", "GET", "https://api.openai.com/v1/models", PLAIN),
        ("ambient", "GET", "https://openrouter.ai/api/v1/models?x=1", PLAIN),
        ("ambient", "GET", "http://localhost:8000/v1/models", PLAIN),
        ("ambient", "HEAD", "https://huggingface.co/bert/resolve/main/config.json", PLAIN),
        ("ambient", "GET", "https://huggingface.co/api/models/google-bert/bert-base-uncased", PLAIN),
        ("ambient", "GET", f"https://{GITHUB}/BerriAI/litellm/main/model_prices_and_context_window.json", PLAIN),
    ],
)  # fmt: skip
def test_calls_that_are_not_the_runs_doing(
    call_class: str, method: str, url: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert classify(method, url, headers).call_class == call_class


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("get", "https://API.shop.example/a?b=c", "GET api.shop.example"),
        ("POST", "https://api.shop.example:443/a", "POST api.shop.example"),
        ("POST", "https://api.shop.example:8443/a", "POST api.shop.example:8443"),
        ("POST", "http://[::1]:9000/a", "POST [::1]:9000"),
        ("POST", "http://[broken/a", "POST http://[broken/a"),
        ("POST", "http://host:port/a", "POST http://host:port/a"),
    ],
)
def test_http_calls_are_named_by_method_and_host(method: str, url: str, name: str) -> None:
    assert classify(method, url) == Call("http", name, "agent", None)


@given(st.text(), st.text(), st.lists(st.tuples(st.text(), st.text())))
def test_classify_never_raises(method: str, url: str, headers: list[tuple[str, str]]) -> None:
    assert isinstance(classify(method, url, iter(headers)), Call)


def test_headers_given_once_serve_every_rule_that_asks() -> None:
    headers = iter((*PLAIN, ("User-Agent", "OTel-OTLP-Exporter-Python/1")))

    assert classify("POST", "https://collector.acme.example/v1/traces", headers).call_class == "telemetry"


def test_users_rules_win_over_the_shipped_ones() -> None:
    rules = read_rules(
        {
            "rule": [
                {"class": "agent", "hosts": ["api.openai.com"], "path": "^/v1/traces/ingest$"},
                {"class": "telemetry", "hosts": ["*.acme.example"], "path": "^/beacon$"},
                {"boundary": "llm", "name": "chat", "wire_format": "openai.chat", "path": "^/ask$"},
            ]
        }
    )

    assert classify("POST", "https://api.openai.com/v1/traces/ingest", PLAIN, rules).call_class == "agent"
    assert classify("POST", "https://a.acme.example/beacon", PLAIN, rules).call_class == "telemetry"
    assert classify("POST", "https://a.acme.example/ask", PLAIN, rules).wire_format == "openai.chat"
    assert classify("GET", "https://api.openai.com/v1/models", PLAIN, rules).call_class == "ambient"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"host": "x"}, "rule 1: unknown key 'host'"),
        ({"class": "telemetry"}, "it would fit every call"),
        ({"class": "telemetri", "path": "x"}, "'telemetri' is none of agent, telemetry, auth, ambient"),
        ({"path": "("}, "is no regular expression"),
        ({"path": 5}, "is no regular expression"),
        ({"hosts": "x"}, "hosts: expected a list of texts"),
        ({"boundary": "llm", "path": "x"}, "needs a name"),
        ({"wire_format": "x", "path": "x"}, "'x' is none of openai.chat"),
        ("x", "expected a table"),
    ],
)
def test_a_wrong_rule_says_what_is_wrong(rule: object, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        read_rules({"rule": [rule]})


def test_a_known_url_costs_microseconds() -> None:
    url = "https://api.openai.com/v1/chat/completions"
    classify("POST", url, PLAIN)

    seconds = min(timeit.repeat(lambda: classify("POST", url, PLAIN), number=1000, repeat=5)) / 1000

    assert seconds < 50e-6  # measured: about 1 µs; the margin is for slow machines
