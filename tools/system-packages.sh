#!/bin/sh
# Install the system's own programs that a target needs, where that is possible; say what is missing where it is not.
#   system-packages.sh setup    Python 3.11 or later with venv; fails when it is missing
#   system-packages.sh kernel   nft, ip, iptables, ipset for the tests in the real kernel, which are skipped without them
#   system-packages.sh rehearsal   real servers and clients for the tests of rehearsals, which are skipped without them
set -u
PATH="$PATH:/usr/sbin:/sbin"
python=${PYTHON:-python3}

say() { echo "portwright: $*" >&2; }

# May this script install Debian packages here?
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() {
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null 2>&1 # when this fails, the lists at hand may still do
    apt-get install -q -y --no-install-recommends "$@" >/dev/null 2>&1 </dev/null ||
        say "apt-get could not install $*"
}

setup() {
    "$python" -c 'import venv, ensurepip' 2>/dev/null || { can_install && install python3-venv; }
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        say "Python 3.11 or later is needed; name it with: make setup PYTHON=python3.13"
        exit 1
    fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        say "$python lacks the venv module; on Debian and Ubuntu: apt-get install python3-venv"
        exit 1
    fi
}

# The packages of the programs that are not here.
absent() {
    command -v nft >/dev/null || echo nftables
    command -v ip >/dev/null || echo iproute2
    command -v iptables-nft-restore >/dev/null || echo iptables
    command -v ipset >/dev/null || echo ipset
}

kernel() {
    if [ "$(uname -s)" != Linux ]; then
        say "the tests marked 'kernel' are skipped: they need Linux"
        return
    fi
    [ -n "$(absent)" ] && can_install && install $(absent)
    if [ -n "$(absent)" ]; then
        say "those of the tests marked 'kernel' that need them are skipped: not installed:" $(absent)
    elif ! unshare --net true 2>/dev/null; then
        say "the tests marked 'kernel' are skipped: they need the right to make network namespaces (root)"
    fi
}

# The packages of the servers and clients that are not here, by a program or file of each.
unplayed() {
    while read -r what packages; do
        command -v "$what" >/dev/null || [ -e "$what" ] || echo "$packages"
    done <<-'END'
	samba samba samba-dsdb-modules samba-vfs-modules
	/usr/share/samba/setup/provision.ldif samba-ad-provision
	winbindd winbind
	ldbmodify ldb-tools
	smbclient smbclient
	kinit krb5-user
	ldapsearch ldap-utils libsasl2-modules-gssapi-mit
	dig bind9-dnsutils
	nmblookup samba-common-bin
	tsql freetds-bin
	curl curl
	chronyd chrony
	postfix postfix
	/usr/lib/dovecot/pop3 dovecot-pop3d
	/usr/lib/ipsec/charon strongswan-charon
	swanctl strongswan-swanctl
	/usr/lib/python3/dist-packages/samba/samdb.py python3-samba
	/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so libcharon-extra-plugins
	newuidmap uidmap
	END
}

rehearsal() {
    [ "$(uname -s)" = Linux ] || return 0
    [ -n "$(unplayed)" ] && can_install && install $(unplayed)
    if [ -n "$(unplayed)" ]; then
        say "the tests of rehearsals that need them are skipped: not installed:" $(unplayed)
    fi
}

"$1"
