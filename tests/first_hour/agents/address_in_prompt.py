import openai

SYSTEM = "You are a careful assistant of ada.lovelace@analytical-engines.com. Sign in her name."
reply = openai.OpenAI().chat.completions.create(
    model="gpt-4.1-mini",
    messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": "How is the weather in Oslo?"}],
)
print(reply.choices[0].message.content)
