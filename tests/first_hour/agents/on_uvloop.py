import openai
import uvloop


async def main() -> None:
    async with openai.AsyncOpenAI() as client:
        reply = await client.chat.completions.create(
            model="gpt-4.1-mini",
            messages=[{"role": "user", "content": "Be careful. How is the weather in Oslo?"}],
        )
        print(reply.choices[0].message.content)


uvloop.run(main())
