"""A test that is recorded once, with a key, and replayed ever after, without one.

pytest examples/test_refund.py --replay-record=once    # live, writes cassettes/refund.packet.jsonl
pytest examples/test_refund.py                         # offline
"""

from __future__ import annotations

import openai
import pytest


def decide(letter: str) -> str:
    """Asks the model whether a letter asks for a refund."""
    system = "You sort letters to a shop. Answer with one word: refund, question or praise."
    answer = openai.OpenAI().chat.completions.create(
        model="gpt-4.1-mini",
        messages=[{"role": "system", "content": system}, {"role": "user", "content": letter}],
    )
    return (answer.choices[0].message.content or "").strip().lower()


@pytest.mark.replay("cassettes/refund.packet.jsonl")
def test_angry_letter_is_a_refund(replay) -> None:
    word = decide("The cup came in nine pieces. I want my money back.")

    assert word == "refund"
    replay.finish(output=word)
