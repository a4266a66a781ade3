"""The custom resources of `retort.dev`: what people and charts write, what the operator writes, and their schemas."""
