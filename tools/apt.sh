# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# An apt of our own, for packages of other releases and architectures: sourced, not run. This machine's lists,
# architectures and packages stay as they are.

# Debian's archive as apt here knows it: the mirror that the machine uses, or where it has none, the archive itself.
debian_mirror() {
	# shellcheck disable=SC2016 # apt's own variable
	known=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		grep -v security | head -n 1)
	echo "${MIRROR:-${known:-http://deb.debian.org/debian}}"
}

# private_apt FOLDER SUITE ARCHITECTURE...: apt-get, apt-cache are about these from now on, and keep all they need in
# FOLDER. The first architecture is the one of a package named without any. As if nothing were installed.
private_apt() {
	folder=$1 suite=$2
	shift 2
	mirror=$(debian_mirror)
	mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial"
	: >"$folder/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$folder/sources.list"
	cat >"$folder/apt.conf" <<-END
		#clear APT::Update;
		#clear APT::Architectures;
		#clear DPkg;
		Dir::Etc::SourceList "$folder/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$folder/state";
		Dir::State::status "$folder/status";
		Dir::Cache "$folder/cache";
		Acquire::Languages "none";
		Acquire::Retries "3";
		APT::Architecture "$1";
		APT::Architectures { $(printf '"%s"; ' "$@")};
		APT::Sandbox::User "root";
	END
	export APT_CONFIG="$folder/apt.conf"
	apt-get -qq update
}
