"""The media process: clock, matrix, tones, prompts and recordings, twenty milliseconds at a time."""
