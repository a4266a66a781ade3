"""The model planner: any OpenAI-compatible endpoint, held to the same catalogue and grounding as the rules."""
