"""A web service that records each request as a run of its own, and keeps those that failed.

export OPENAI_API_KEY=...
uvicorn examples.service:app
curl 'localhost:8000/answer?question=Where+is+my+parcel'
replaykit replay packets/answer-….packet.jsonl --entry examples.service:answer
"""

from __future__ import annotations

import openai
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import replaykit

SYSTEM = "You are a careful support agent."


@replaykit.agent("answer")
def answer(question: str) -> str:
    """The agent; its arguments are kept, so that a replay can call it again."""
    reply = openai.OpenAI().chat.completions.create(
        model="gpt-4.1-mini",
        messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}],
    )
    return reply.choices[0].message.content or ""


async def respond(request: Request) -> JSONResponse:
    """One request, one run, one packet. What is wrong with the recording never reaches the caller."""
    with replaykit.record("answer", keep="failed", tags={"path": request.url.path}) as run:
        text = await run_in_threadpool(answer, request.query_params["question"])
        if not text.strip():
            run.verdict(passed=False, reason="the answer is empty", verifier="service")
    return JSONResponse({"answer": text})


app = Starlette(routes=[Route("/answer", respond)])
