#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A development CA and a serving certificate, for running Keyturn by hand. Never for a cluster that
# matters: the CA's key lies unprotected beside the certificate.
#
# The files are named after the keys of Keyturn's certificate Secret, so that one command turns the
# folder into it (README.md).
set -eu

usage() {
    cat <<'EOF'
usage: certs/make-dev-ca.sh [-f] [-n NAMESPACE] [-s SERVICE] [-o FOLDER] [NAME...]

Makes ca.crt, ca.key, tls.crt, tls.key and path in FOLDER (default: certs/dev). The certificate is
good for SERVICE.NAMESPACE.svc (keyturn.keyturn-system.svc), localhost, 127.0.0.1, ::1 and each NAME
(a DNS name or an IP address), for 90 days.

  -f  replace what is in FOLDER
EOF
}

fail() {
    echo "make-dev-ca.sh: $1" >&2
    exit 1
}

folder=$(dirname "$0")/dev
namespace=keyturn-system
service=keyturn
force=no
while getopts fhn:o:s: option; do
    case $option in
        f) force=yes ;;
        n) namespace=$OPTARG ;;
        o) folder=$OPTARG ;;
        s) service=$OPTARG ;;
        h) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))

command -v openssl >/dev/null || fail "openssl is not installed: apt-get install openssl"
if [ -e "$folder/ca.key" ] && [ $force = no ]; then
    fail "$folder has a CA already; -f replaces it"
fi

# Keys are readable by nobody else from the first byte on.
umask 077
mkdir -p "$folder"
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT

name=$service.$namespace.svc
alternatives=DNS:$name,DNS:localhost,IP:127.0.0.1,IP:::1
for more in "$@"; do
    case $more in
        *:*) alternatives=$alternatives,IP:$more ;;
        *[!0-9.]*) alternatives=$alternatives,DNS:$more ;;
        *) alternatives=$alternatives,IP:$more ;;
    esac
done

cat >"$work/extensions" <<EOF
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $alternatives
EOF

quietly() {
    "$@" 2>"$work/log" || {
        cat "$work/log" >&2
        fail "openssl failed"
    }
}

key() {
    quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

certify() { # request, extensions, days, output, then how it is signed
    request=$1 extensions=$2 days=$3 output=$4
    shift 4
    quietly openssl x509 -req -sha256 -in "$request" -days "$days" -out "$output" \
        -extfile "$work/extensions" -extensions "$extensions" "$@"
}

key "$work/ca.key"
quietly openssl req -new -key "$work/ca.key" -subj "/CN=Keyturn development CA" -out "$work/ca.csr"
certify "$work/ca.csr" ca 365 "$work/ca.crt" -signkey "$work/ca.key"

key "$work/tls.key"
quietly openssl req -new -key "$work/tls.key" -subj "/CN=$service" -out "$work/tls.csr"
certify "$work/tls.csr" leaf 90 "$work/tls.crt" \
    -CA "$work/ca.crt" -CAkey "$work/ca.key" -set_serial "0x$(openssl rand -hex 16)"
quietly openssl verify -CAfile "$work/ca.crt" -purpose sslserver "$work/tls.crt" >/dev/null

# The segment of the URL path that only the API server knows. No newline: it is the value itself.
printf %s "$(openssl rand -hex 16)" >"$work/path"

for file in ca.crt ca.key tls.crt tls.key path; do
    mv "$work/$file" "$folder/$file"
done
echo "$folder: certificate for $alternatives"
