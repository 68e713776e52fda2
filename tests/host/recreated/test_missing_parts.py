"""A host on which helpers have other names: the pack loads whole, and each costs its own feature."""

import asyncio

import pack
import pytest
from pack.attention.sampling import again, compiled
from pack.nodes.files import folders
from pack.nodes.forms.weight_schedule import WeightScheduleNode


def test_every_node_is_there():
    folders.register()  # as the extension does when the host loads it

    async def handed_over():
        return await (await pack.comfy_entrypoint()).get_node_list()

    assert len(asyncio.run(handed_over())) > 30


def test_each_part_costs_its_feature_alone():
    assert compiled._compile_key() is None
    assert again.get_executing_context() is None and not again.samples_again()
    with pytest.raises(ValueError, match="cannot read the connected curve"):
        WeightScheduleNode.execute(curve={"points": [[0, 0], [1, 1]]})
