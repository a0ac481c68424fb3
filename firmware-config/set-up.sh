#!/usr/bin/env bash
# Installs what `make run` or `make test` needs, and nothing that is already there.
# Debian packages are looked for by their effect; missing ones come by apt, as root or by sudo.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}

need=()
want() { need+=("$1"); }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
# Debian's own Python gets Debian's security updates and is built for speed: another one in the PATH comes second.
if [ -n "${PYTHON:-}" ] && ! command -v "$PYTHON" >/dev/null; then
	echo "set-up: there is no $PYTHON. Set PYTHON to another one, or to nothing for Debian's own."
	exit 1
fi
python=${PYTHON:-/usr/bin/python3}
new_enough "$python" || python=$(command -v "${PYTHON:-python3}" || true)
if [ -z "$python" ]; then
	want python3
	want python3-venv
elif ! new_enough "$python"; then
	echo "set-up: Python 3.11 or newer is needed; this machine has $("$python" -V). Debian 12 has it."
	exit 1
else
	"$python" -c 'import ensurepip, venv' 2>/dev/null || want python3-venv
fi
# Letters are printed with it. 打印公文用的中文字体。
[ -d /usr/share/fonts/opentype/noto ] || fc-list :lang=zh 2>/dev/null | grep -q . || want fonts-noto-cjk
if [ "$purpose" = test ]; then
	[ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null || want mosquitto
	command -v sipp >/dev/null || want sip-tester
	command -v baresip >/dev/null || want baresip-core
	command -v linphonec >/dev/null || want linphone-cli
	command -v openssl >/dev/null || want openssl
	command -v chromium >/dev/null || want chromium
	command -v pdftotext >/dev/null || want poppler-utils
	command -v ps >/dev/null || want procps
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want postgresql
fi

if [ ${#need[@]} -gt 0 ]; then
	if [ "$(id -u)" = 0 ]; then
		as_root=()
	elif sudo -n true 2>/dev/null; then
		as_root=(sudo -n)
	else
		echo "set-up: these Debian packages are missing. Install them, then run the same command again:"
		echo "    sudo apt-get install --no-install-recommends ${need[*]}"
		exit 1
	fi
	echo "set-up: installing ${need[*]}"
	apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }
	log=$(mktemp)
	if ! apt install -y --no-install-recommends "${need[@]}" >"$log" 2>&1; then
		apt update >>"$log" 2>&1 || true
		if ! apt install -y --no-install-recommends "${need[@]}" >>"$log" 2>&1; then
			tail -n 15 "$log"
			echo "set-up: apt could not install ${need[*]}. Is the machine connected to a package mirror?"
			exit 1
		fi
	fi
	rm -f "$log"
	[ -n "$python" ] || python=$(command -v python3)
fi

stamp=.venv/.installed-$(cat requirements.lock pyproject.toml | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
	echo "set-up: installing the Python packages of requirements.lock"
	[ -x .venv/bin/python ] || "$python" -m venv .venv
	log=$(mktemp)
	pip() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" >>"$log" 2>&1; }
	# setuptools, which makes the `hotline` command, comes from the same lock.
	if ! pip --require-hashes -r requirements.lock || ! pip --no-deps --no-build-isolation -e .; then
		{ grep -v WARNING "$log" || true; } | tail -n 15
		echo "set-up: the Python packages could not be installed. Is the machine connected to a package index?"
		exit 1
	fi
	rm -f "$log"
	rm -f .venv/.installed-*
	touch "$stamp"
fi
