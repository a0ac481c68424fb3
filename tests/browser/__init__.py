"""Pages in a real chromium, over a real box."""
