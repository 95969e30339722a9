#!/bin/bash
# Train a recipe on several nodes of a SLURM cluster:
#   sbatch examples/cluster/slurm_train.sh RECIPE RUN [OVERRIDES...]
# RUN is a folder that all nodes share. The same command goes on with a run that was begun.
#SBATCH --job-name=seqgen-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
# Two minutes before the time is over, training saves and stops.
#SBATCH --signal=TERM@120
# If a node is lost, SLURM begins the job again.
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

recipe=$1 run=$2
shift 2
if [ -f "$run/run.json" ]; then
    what=(--resume "$run")
else
    what=("$recipe" "$@" --out "$run")
fi

processes=${SLURM_GPUS_ON_NODE:-1}
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / processes))
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# Another job may run on the same node.
port=$((20000 + SLURM_JOB_ID % 10000))

srun --kill-on-bad-exit=1 torchrun \
    --nnodes "$SLURM_NNODES" --nproc-per-node "$processes" --max-restarts 3 \
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$head:$port" \
    -m seqgen_cli train "${what[@]}"
