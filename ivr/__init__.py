"""What a caller hears: flow tables, the run of a flow, prompts and speech. Imports nothing else of ours."""
