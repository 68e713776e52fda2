"""What tests of references ask again and again."""

import pytest


@pytest.fixture
def told():
    """Sentences that a run says of a model's weights of references, as they come."""
    from dataclasses import replace

    from pack.attention.sampling.attach import attachments, with_attachments

    said = []

    def listening(model):
        return with_attachments(model, tuple(replace(each, tell=said.append) for each in attachments(model)))

    listening.said = said
    return listening
