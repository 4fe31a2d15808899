#!/bin/bash
# Start a one-node SLURM of one's own, run a command in it, and stop it: for tests/slurm_one_node.sh on a machine without a cluster.
# Usage (root; Debian: apt-get install --no-install-recommends slurm-wlm munge): tests/slurm_start_one_node.sh tests/slurm_one_node.sh
# Everything lives in a temporary folder; four CPUs are promised whatever the machine has, for the recipe takes four tasks.
set -eu
for tool in munged slurmctld slurmd sbatch; do
    command -v $tool >/dev/null || { echo "skipped: $tool is missing"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: only root can start slurmd"; exit 0; }
AT=$(mktemp -d /tmp/one-node.XXXXXX)
STARTED=()
stop() { scancel --me --quiet 2>/dev/null && sleep 2; for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$AT"; }
trap stop EXIT
chmod 755 "$AT"
mkdir -m 700 "$AT/munge" && mkdir -m 755 "$AT/socket" && mkdir "$AT/state" "$AT/spool"
head -c 128 /dev/urandom > "$AT/munge/key" && chmod 600 "$AT/munge/key"
munged --foreground --force --socket "$AT/socket/munge" --key-file "$AT/munge/key" --pid-file "$AT/munge/pid" \
    --log-file "$AT/munge/log" --seed-file "$AT/munge/seed" > "$AT/munged.log" 2>&1 &
STARTED+=($!)
cat > "$AT/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$AT/socket/munge
CryptoType=crypto/munge
SlurmctldPort=36817
SlurmdPort=36818
StateSaveLocation=$AT/state
SlurmdSpoolDir=$AT/spool
SlurmctldPidFile=$AT/slurmctld.pid
SlurmdPidFile=$AT/slurmd.pid
SlurmctldLogFile=$AT/slurmctld.log
SlurmdLogFile=$AT/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
ReturnToService=2
MailProg=/bin/true
MessageTimeout=100
TCPTimeout=60
SlurmdParameters=config_overrides
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$AT/slurm.conf
for _ in $(seq 50); do [ -S "$AT/socket/munge" ] && break; sleep 0.1; done
slurmctld -D -i > "$AT/ctld.out" 2>&1 &
STARTED+=($!)
slurmd -D > "$AT/d.out" 2>&1 &
STARTED+=($!)
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 1; done
sinfo -h -o %T | grep -q idle || { cat "$AT"/*.log "$AT"/*.out; echo "SLURM did not start"; exit 1; }
"$@"
