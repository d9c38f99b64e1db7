"""Which environment variables the SDKs of the recorded hosts ask for.

A foreign recording does not say which keys were set. Without a value in these, most SDKs refuse to start; a replay puts
a placeholder into those that are unset. Data.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from urllib.parse import urlsplit

KEY_VARIABLES: tuple[tuple[str, str], ...] = (
    ("api.openai.com", "OPENAI_API_KEY"),
    ("api.anthropic.com", "ANTHROPIC_API_KEY"),
    ("*.openai.azure.com", "AZURE_OPENAI_API_KEY"),
    ("generativelanguage.googleapis.com", "GOOGLE_API_KEY"),
    ("generativelanguage.googleapis.com", "GEMINI_API_KEY"),
    ("openrouter.ai", "OPENROUTER_API_KEY"),
    ("api.mistral.ai", "MISTRAL_API_KEY"),
    ("api.cohere.com", "CO_API_KEY"),
    ("api.cohere.ai", "CO_API_KEY"),
    ("api.deepseek.com", "DEEPSEEK_API_KEY"),
    ("api.groq.com", "GROQ_API_KEY"),
    ("api.x.ai", "XAI_API_KEY"),
    ("api.together.xyz", "TOGETHER_API_KEY"),
    ("api.voyageai.com", "VOYAGE_API_KEY"),
    ("api.perplexity.ai", "PERPLEXITY_API_KEY"),
    ("api.cerebras.ai", "CEREBRAS_API_KEY"),
    ("api.writer.com", "WRITER_API_KEY"),
    ("api.replicate.com", "REPLICATE_API_TOKEN"),
    ("api.tavily.com", "TAVILY_API_KEY"),
)


def key_variables(urls: Iterable[str]) -> tuple[str, ...]:
    """Names of the variables, sorted; only of hosts that are known."""
    hosts = {_host(url) for url in urls}
    return tuple(
        sorted({name for pattern, name in KEY_VARIABLES if any(fnmatch.fnmatch(host, pattern) for host in hosts)})
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no address at all
        return ""
