#!/bin/bash
# Compare models on several nodes of a SLURM cluster, by Ray (2.49 or newer):
#   sbatch examples/cluster/slurm_compare.sh COMPARISON OUT [OPTIONS...]
# OUT is a folder that all nodes share. The same command goes on with what is there.
#SBATCH --job-name=seqgen-compare
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
# In the end all Ray processes of yours on these nodes are stopped, those of other jobs, too.
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

comparison=$1 out=$2
shift 2
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# One that is likely to be free.
port=$((20000 + SLURM_JOB_ID % 10000))
export RAY_USAGE_STATS_ENABLED=0

# Starts Ray on every node, and the command on the first one.
srun --kill-on-bad-exit=1 ray symmetric-run \
    --address "$head:$port" --min-nodes "$SLURM_NNODES" --num-cpus "$SLURM_CPUS_PER_TASK" -- \
    seqgen compare "$comparison" --on ray --threads 1 --out "$out" "$@"
