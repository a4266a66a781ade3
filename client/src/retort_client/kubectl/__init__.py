"""`kubectl retort`: the conversation for those who work with kubectl."""
