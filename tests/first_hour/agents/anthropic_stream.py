import anthropic

client = anthropic.Anthropic()
with client.messages.stream(
    model="claude-sonnet-4-5",
    max_tokens=200,
    system="You are a careful weather assistant.",
    messages=[{"role": "user", "content": "How is the weather in Oslo?"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
