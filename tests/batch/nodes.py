"""A cluster of two machines that are one: says its address, and stays until its input ends."""

import sys

from ray.cluster_utils import Cluster

SMALL = {"num_cpus": 2, "object_store_memory": 100 << 20}

cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
cluster.add_node(**SMALL)
cluster.wait_for_nodes()
sys.stdout.write(f"{cluster.address}\n")
sys.stdout.flush()
sys.stdin.read()
cluster.shutdown()
