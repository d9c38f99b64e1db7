import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
from openai import AsyncOpenAI


@function_tool
def lookup_order(number: str) -> str:
    """Status of an order."""
    return f"{number}: partially shipped"


async def main() -> None:
    model = OpenAIChatCompletionsModel(model="gpt-4.1-mini", openai_client=AsyncOpenAI())
    agent = Agent(name="support", instructions="You are a careful support agent.", tools=[lookup_order], model=model)
    print((await Runner.run(agent, "Where is order A-1042?")).final_output)


asyncio.run(main())
