"""Runs `run.py train` and `run.py encode` as processes that a launcher starts: forks of one ComfyUI; writes their exit statuses.

commanded.py PLACE JOBS     jobs are lists of JSON: {"command", "words", "count", "stop_at", "by", "launcher"}
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def environment(job, rank, own_port):
    if job.get("launcher") == "srun":
        return {
            "SLURM_STEP_ID": "0",
            "SLURM_PROCID": str(rank),
            "SLURM_NTASKS": str(job["count"]),
            "SLURM_LOCALID": str(rank),
            "SLURM_STEP_NODELIST": "localhost",
            "MASTER_PORT": own_port,
        }
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(job["count"]),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": own_port,
    }


def one(places, job, rank, others):
    """Be one of a job's processes; the first asks another to stop after a step, or kills it."""
    from runner import cli
    from runner.train import course

    stop_at, step = job.get("stop_at"), course.Course.step

    def asked(self, done, of):
        if done == stop_at and of != 6:  # pictures
            os.kill(others[-1], signal.Signals[job.get("by", "SIGTERM")])
        step(self, done, of)

    course.Course.step = asked
    command = job.get("command", "train")
    return cli.COMMANDS[command](places, cli.parse([command, *job["words"]]))


def forked(places, job, out):
    children, own_port = {}, port()
    for rank in reversed(range(job["count"])):
        pid = os.fork()
        if not pid:
            status = 99
            try:
                with out.open("a") as file:
                    os.dup2(file.fileno(), 1)
                    os.dup2(file.fileno(), 2)
                os.environ.update(environment(job, rank, own_port))
                status = one(places, job, rank, list(children.values()))
            except BaseException as error:  # noqa: BLE001  a child must end here
                sys.stderr.write(f"{error}\n")
                status = 1
            os._exit(status)
        children[rank] = pid
    return [os.waitstatus_to_exitcode(os.waitpid(children[rank], 0)[1]) for rank in sorted(children)]


def main():
    place, jobs = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    sys.path.insert(0, str(ROOT))
    from runner import setup
    from runner.places import Places
    from runner.train import headless, together

    places = Places(root=place)
    tree = Path(os.environ["LIKENESS_COMFYUI"])
    (places.base / "models").mkdir(parents=True)
    for name, folder in ((setup.PACK, ROOT), (setup.MINIATURE, ROOT / "tests" / "miniature")):
        setup.link_folder(folder, places.base / "custom_nodes" / name)
    headless.begin(tree, places.base, ["--input-directory", str(place)], on_cpu=True)
    headless.begin = lambda *_: None
    together.link = lambda *_, **__: None
    done = [forked(places, job, place / f"{number}.txt") for number, job in enumerate(jobs)]
    (place / "statuses.json").write_text(json.dumps(done))


if __name__ == "__main__":
    from_here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != from_here]
    main()
