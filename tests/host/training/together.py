"""Trains in several processes of torch's group, which are forked from one that has imported everything; writes what came of each.

together.py STORE RESULTS JOBS     jobs are lists of JSON: {"name", "count", "settings", "what", "shard", "state",
                           "stop_at", "break", "log", "keep"}
"""

import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def load(name, folder):
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def reach():
    sys.path.insert(0, os.environ["LIKENESS_COMFYUI"])
    import comfy.cli_args

    comfy.cli_args.args.cpu = True
    import nodes  # noqa: F401  the host's, before ours could stand in its place

    for name, folder in (("pack", ROOT), ("miniature", ROOT / "tests" / "miniature")):
        load(name, folder)
    sys.path.insert(0, str(Path(__file__).parent))


def one(job, rank, place):
    """Train as one of the processes of a job; what it knows in the end."""
    import torch
    import torch.distributed as dist
    from comfy.model_management import InterruptProcessingException
    from pack.attention.cache import digest

    if job["count"] > 1:
        store = f"file://{place / job['name']}.store"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=job["count"])
    family, variant = job.get("what", ("sd15", "base"))
    with torch.inference_mode(False):
        try:
            trained, told, held, mapped = trained_by(job, rank, place, family, variant)
        except InterruptProcessingException:
            return {"stopped": True}
        except ValueError as error:
            return {"error": str(error)}
    losses = [loss.hex() for loss in trained.losses]
    if None in trained.weights.values():  # of what was in shards the first process alone has all
        return {"losses": losses, "weights": None, "told": told, "held": held, "mapped": mapped}
    if job.get("keep"):
        torch.save(trained.weights, place / f"{job['name']}.pt")
    weights = digest(*(trained.weights[name] for name in sorted(trained.weights)))
    return {
        "losses": losses,
        "weights": weights,
        "told": told,
        "norms": norms_of(job, place),
        "held": held,
        "mapped": mapped,
    }


def norms_of(job, place):
    """The norm of the gradient of each step that this run took, where it was logged."""
    log = place / f"{job['name']}.log.jsonl"
    return [json.loads(line)["norm"] for line in log.read_text().splitlines()] if log.is_file() else None


def trained_by(job, rank, place, family, variant):
    """What came of the training, of how many steps this process was told, how many weights it holds, and what it had
    mapped of its state: while it read it, and in the end."""
    import trainings
    from pack.attention.training import resume
    from pack.attention.training.log import Logs
    from pack.attention.training.loop import Watch
    from pack.attention.training.means import Means
    from pack.attention.training.sharding import here

    made = trainings.trainer(family, variant, Means(sharded=True) if job.get("shard") else None, **job["settings"])
    if job.get("break") == rank:
        made._loss = lambda part: type(made)._loss(made, part) * float("nan")
    steps = []
    watch = Watch(
        state=Path(job["state"]) if "state" in job else None,
        after_step=lambda done, *_: steps.append(done),
        stop=lambda: len(steps) == job.get("stop_at"),
        logs=Logs(place / f"{job['name']}.log.jsonl") if job.get("log") else None,
    )
    mapped, read = [], resume.StateFile._read

    def noted(file):
        state = read(file)
        mapped.append(is_mapped(job))
        return state

    resume.StateFile._read = noted
    trained = made.run(watch)
    held = sum(here(weight).numel() for weight in made.trainee.parameters())
    return trained, len(steps), held, [*mapped, is_mapped(job)]


def is_mapped(job):
    maps = Path("/proc/self/maps")
    return "state" in job and maps.is_file() and job["state"] in maps.read_text()


def forked(job, place, results):
    """Run a job in forked processes; seconds it took."""
    children = []
    for rank in range(job["count"]):
        pid = os.fork()
        if not pid:
            try:
                (results / f"{job['name']}-{rank}.json").write_text(json.dumps(one(job, rank, place)))
                status = 0
            except BaseException:  # noqa: BLE001  a child must end here
                traceback.print_exc()
                status = 1
            sys.stdout.flush()
            os._exit(status)
        children.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


def main():
    place, jobs = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    reach()
    import trainings

    for family, variant in {tuple(job.get("what", ("sd15", "base"))) for job in jobs}:
        trainings.dataset(family, variant)
    failed = 0
    for job in jobs:
        began = time.monotonic()
        statuses = forked(job, place, place)
        sys.stdout.write(f"{job['name']} {statuses} {time.monotonic() - began:.1f} s\n")
        failed += any(statuses)
    sys.exit(failed)


if __name__ == "__main__":
    main()
