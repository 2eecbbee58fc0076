/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a process lives, as the path of its cgroup tells: systemd unit, container runtime, pod. Pure. */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#define PLACE_UNIT_LEN 256
#define POD_UID_LEN    36

struct place {
	char unit[PLACE_UNIT_LEN + 1]; /* the innermost .service, .scope or the like, as systemctl takes it; "": none */
	char pod_uid[POD_UID_LEN + 1]; /* of Kubernetes; "": none */
	const char *runtime; /* "docker", "containerd", "cri-o", "podman", "lxc", "systemd-nspawn"; NULL: none */
};

/* Of a path of any hierarchy, version 1 or 2. */
void place_find(const char *cgroup, struct place *ret_place);

#endif
