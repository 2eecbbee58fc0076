#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The guest's first process: mounts what a system has, runs the job that the second disk holds, writes
# its exit status back there, and ends the machine. tracefs stays unmounted: that is mmaptrace's to do.

bb=/bin/busybox
$bb --install -s /bin
export PATH=/sbin:/bin:/usr/sbin:/usr/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 MMAPTRACE_GUEST=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ifconfig lo 127.0.0.1 up
hostname guest
for disk in /sys/block/nvme*; do
	if [ "$(cat "$disk/nsid")" = 2 ]; then exchange=/dev/${disk##*/}; fi
done
mkdir -p /run/job/out
tar -C /run/job -xf "$exchange"
cd /root || exit
OUT=/run/job/out setsid sh /run/job/job.sh </dev/null
echo $? >/run/job/status
sync
tar -C /run/job -cf /run/done.tar status out
cat /run/done.tar >"$exchange"
sync
reboot -f
