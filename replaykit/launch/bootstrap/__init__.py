"""How a command that knows nothing of replaykit is recorded and replayed: through its environment.

The parent (`replaykit record -- CMD`) writes a plan into a private folder, names the folder in the environment and puts
`site/` in front of `PYTHONPATH`. Every Python below finds our `sitecustomize` there and begins as the plan says.
"""
