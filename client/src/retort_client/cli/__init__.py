"""The command line: thin verbs over `retort_client.session`, one module a theme."""
