"""Training without the graph editor: queues a training over ComfyUI's HTTP API and brings its pictures back."""
