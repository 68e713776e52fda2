"""Image branches in a model's cross-attention: tensors in, tensors out, no node, no file dialog, no face.

A picture's way, which is also the order in which rooms may import each other (downwards only):

files        a file on disk -> what is in it, running none of it
models       a base model -> its family and its cross-attentions
weights      what a person sets -> a factor for each layer, step and picture
reference    pictures -> embeds: the features that an adapter reads
adapter      a checkpoint -> image tokens -> keys and values of every layer
catalogue    what is published and installed -> what serves a purpose
branch       keys, values, weights, mask and range -> one value on a model
sampling     a run -> which branches act on which rows of a call, and adds them in each layer
identitynet  keypoints and a face -> a ControlNet that reads the face in place of the text
regions      parts of the canvas -> prompts and models of their own
training     pictures with captions -> an adapter

`cache`, `inputs` and `memory_full` serve all of them.
"""
