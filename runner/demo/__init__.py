"""The demonstration: queues its prompts over ComfyUI's HTTP API and lays the pictures out on one sheet."""
