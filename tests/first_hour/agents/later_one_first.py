import asyncio

import openai


async def ask(client: openai.AsyncOpenAI, question: str) -> str:
    messages = [{"role": "system", "content": "You are careful."}, {"role": "user", "content": question}]
    reply = await client.chat.completions.create(model="gpt-4.1-mini", messages=messages)
    return reply.choices[0].message.content


async def main() -> None:
    async with openai.AsyncOpenAI() as client:
        print(await asyncio.gather(ask(client, "A slow summary of the day."), ask(client, "A title for the day.")))


asyncio.run(main())
