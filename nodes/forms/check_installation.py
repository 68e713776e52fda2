"""The node that says what is installed, what is not, and what cures it."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ..page.description import described
from ..page.notice import noted


class CheckInstallation(io.ComfyNode):
    """Lists what the pack finds here: packages and what face networks run on, models by purpose, folders, and what clashes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessCheckInstallation",
            display_name="Check Installation",
            category="likeness/loaders",
            description=described(cls),
            search_aliases=["ipadapter missing", "insightface missing", "onnxruntime", "diagnose", "which models"],
            outputs=[io.String.Output("report", tooltip="The list that the node shows, to copy into a question.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls) -> float:
        return float("nan")  # never the same: what is installed may have changed

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from ..files.installation import checked

        found = list(checked())
        wrong = [one for one in found if one.cure]
        head = f"{len(wrong)} to mend, listed first." if wrong else "Nothing to mend."
        lines = [f"! {one.says}\n   {one.cure}" for one in wrong] + [one.says for one in found if not one.cure]
        report = "\n".join([head, *lines])
        return noted(cls, report, report)


NODES = [CheckInstallation]
