#!/bin/sh
# Installs what the tests need and the machine lacks; says nothing when nothing is missing. On Debian and its kin it installs by itself, elsewhere
# it says what to install. Usage: need.sh test|e2e|browser...
set -eu

missing= # apt packages
brews=   # the same in Homebrew's names

lack() { # lack APT-PACKAGES BREW-PACKAGES
	case " $missing " in *" $1 "*) return 0 ;; esac
	missing="$missing $1"
	brews="$brews $2"
}

have() { command -v "$1" >/dev/null 2>&1; }

# PostgreSQL's server programs are in PATH nowhere but on macOS; any version from 15 on will do.
have_postgres() {
	for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb; do
		[ -x "$initdb" ] || continue
		major=$("$initdb" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
		[ "${major:-0}" -ge 15 ] && return 0
	done
	return 1
}

for purpose in "$@"; do
	case $purpose in
	test)
		have git || lack git git
		have ps || lack procps ''
		# The race detector is linked by a C compiler.
		have "${CC:-gcc}" || have cc || lack 'gcc libc6-dev' gcc
		[ -n "${WHODID_TEST_POSTGRES:-}" ] || have_postgres || lack postgresql postgresql@17
		# The examples of the API run as they are written.
		have curl || lack curl curl
		have jq || lack jq jq
		# Signatures of approvals are those of OpenSSH.
		have ssh-keygen || lack openssh-client openssh
		# An authority for time stamps is made of it.
		have openssl || lack openssl openssl
		# Another language checks the proof's test vectors; failing system calls need strace, which only Linux has.
		have node || lack nodejs node
		# The provider that people sign in with in tests is installed by npm.
		have npm || lack npm node
		[ "$(uname)" != Linux ] || have strace || lack strace ''
		;;
	browser)
		# A real Chromium, driven by a package of npm.
		[ -n "${CHROMIUM:-}" ] || have chromium || lack chromium chromium
		have node || lack nodejs node
		have npm || lack npm node
		;;
	e2e)
		have npm || lack npm node
		;;
	*)
		echo "need.sh: unknown purpose $purpose" >&2
		exit 2
		;;
	esac
done

[ -n "$missing" ] || exit 0

if ! have apt-get; then
	if [ -n "${brews# }" ] && [ "$(uname)" = Darwin ]; then
		echo "The tests need more than this machine has. Please run: brew install$brews" >&2
	else
		echo "The tests need more than this machine has. Please install (by Debian's names):$missing" >&2
	fi
	exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
	have sudo || {
		echo "The tests need more than this machine has. Please run as root: apt-get install$missing" >&2
		exit 1
	}
	as_root=sudo
fi

apt_install() {
	# shellcheck disable=SC2086 # a list of packages
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

echo "Installing what the tests need:$missing"
$as_root apt-get update -q
case $missing in
*postgresql*)
	# Debian would make a server and start it. The tests start their own, so where there is no PostgreSQL yet we ask for none.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		apt_install postgresql-common
		$as_root sed -i 's/^#*[[:space:]]*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
	fi
	;;
esac
# shellcheck disable=SC2086 # a list of packages
apt_install ca-certificates $missing
case $missing in
*postgresql*)
	have_postgres || {
		echo "This system's PostgreSQL is older than 15. Please install a newer one, or name a server in WHODID_TEST_POSTGRES." >&2
		exit 1
	}
	;;
esac
