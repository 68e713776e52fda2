"""A companion node pack that notes what a host draws, and takes it down in all the ways that rows can; only tests load it."""

import json
import os
import time
from pathlib import Path


class BatchWitness:
    """Passes a picture on, after it has noted it or done what it is told."""

    CATEGORY, FUNCTION, RETURN_TYPES = "likeness-tests", "run", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"image": ("IMAGE",), "name": ("STRING", {}), "does": ("STRING", {}), "number": ("INT", {})}
        }

    def run(self, image, name, does, number):
        note = {
            "name": name,
            "host": os.getpid(),
            "actor": os.getppid(),
            "usage": os.environ.get("RAY_USAGE_STATS_ENABLED"),
        }
        with Path(os.environ["LIKENESS_BATCH_NOTES"]).open("a") as notes:
            notes.write(json.dumps(note) + "\n")
        if does == "kills":
            os._exit(1)
        if does == "fills the disk":
            raise OSError(28, "No space left on device")
        if does == "fails":
            raise ValueError("no face found in picture 1")
        while does == "waits" and not Path(os.environ["LIKENESS_BATCH_NOTES"] + ".go").exists():
            time.sleep(0.1)
        time.sleep({"hangs": 600, "takes long": 1}.get(does, 0))
        return (image * (number % 256) / 255,)


NODE_CLASS_MAPPINGS = {"BatchWitness": BatchWitness}
