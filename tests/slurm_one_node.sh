#!/bin/bash
# The SLURM recipe of docs/howto/sweep.md on one node: submit, cancel in the middle, submit again; nothing is lost, nothing done twice.
# Usage: tests/slurm_one_node.sh, with `influence-sim` and `dask` on the PATH of the node and at least 4 CPUs in the partition.
set -eu
command -v sbatch >/dev/null || { echo "skipped: there is no SLURM here"; exit 0; }
HERE=$(cd "$(dirname "$0")/.." && pwd)
WORK=$(mktemp -d "$PWD/slurm.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cat > "$WORK/plan.yaml" <<PLAN
scenario: $HERE/scenarios/demo.yaml
set: {people.agents: 1000, people.population: 20_000, horizon: 14}
design: {kind: grid, parameters: {feed.exploration_share: [0.05, 0.1, 0.2, 0.3]}}
replications: 10
PLAN
cat > "$WORK/job.sh" <<JOB
#!/bin/bash
#SBATCH --ntasks=4 --time=00:30:00 --output=$WORK/job-%j.log
SF=$WORK/dask-\$SLURM_JOB_ID.json
srun --ntasks=1 --exact dask scheduler --scheduler-file \$SF --no-dashboard &
srun --ntasks=2 --exact dask worker --scheduler-file \$SF --nthreads 1 --no-dashboard --death-timeout 60 &
srun --ntasks=1 --exact influence-sim sweep $WORK/plan.yaml --out $WORK/out --executor dask-file:\$SF
JOB
runs() { grep -c '"run_id"' "$WORK/out/journal.jsonl" 2>/dev/null || true; }
first=$(sbatch --parsable "$WORK/job.sh")
for _ in $(seq 300); do n=$(runs); [ "${n:-0}" -ge 20 ] && break; sleep 1; done
scancel "$first"
while squeue -h -j "$first" 2>/dev/null | grep -q .; do sleep 1; done
kept=$(runs)
echo "cancelled after $kept runs"
[ "${kept:-0}" -ge 20 ] || { cat "$WORK"/job-*.log; exit 1; }
sbatch --wait "$WORK/job.sh" || { cat "$WORK"/job-*.log; exit 1; }
python3 - "$WORK/out/journal.jsonl" "$kept" <<'CHECK'
import json, sys
ids = [r["run_id"] for r in map(json.loads, open(sys.argv[1])) if "run_id" in r]
planned = 4 * 10 * 4
assert len(ids) == len(set(ids)) == planned, (len(ids), len(set(ids)), planned)
print(f"{planned} runs, {sys.argv[2]} of them before the cancellation, none twice")
CHECK
