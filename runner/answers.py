"""What ComfyUI says of a prompt that it does not take or cannot finish -> a sentence."""

import json
from collections.abc import Mapping

FAILURES = ("execution_error", "execution_interrupted")


def failure(data: Mapping[str, object]) -> str:
    """A node's failure in one sentence, from the server's message about it."""
    where = f"node {data.get('node_id')!r} ({data.get('node_type')})"
    if "exception_message" not in data:
        return f"ComfyUI was interrupted in {where}."
    return f"ComfyUI stopped in {where}: {str(data['exception_message']).strip()}"


def refusal(status: int, text: str) -> str:
    """Why the server did not take a request, from its answer."""
    try:
        answer = json.loads(text)
    except ValueError:
        return f"ComfyUI refused (HTTP {status}): {text[:300]}"
    error = answer.get("error", {})
    lines = [f"ComfyUI refused the prompt: {error.get('message', text)} {error.get('details', '')}".rstrip()]
    for node_id, node in (answer.get("node_errors") or {}).items():
        for reason in node.get("errors", ()):
            details = f"{reason.get('message')}: {reason.get('details', '')}"
            lines.append(f"  node {node_id!r} ({node.get('class_type')}): {details}")
    return "\n".join(lines)
