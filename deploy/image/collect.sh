#!/bin/sh
# Collects into a folder what the executable needs at run time and nothing else: sh collect.sh EXECUTABLE FOLDER, inside of the base image.
set -eu
executable=$1 image=$2

mkdir -p "$image/usr/bin" "$image/etc/ssl/certs" "$image/usr/share/doc/orgmirror" "$image/var/lib/dpkg/status.d" "$image/proc" "$image/dev"
install -d -m 1777 "$image/tmp"
install -d -o 10001 -g 10001 "$image/var/lib/orgmirror"
install -m 755 "$executable" "$image/usr/bin/orgmirror"

# The loader and the libraries, where the loader looks for them.
ldd "$executable" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$image$(dirname "$library")"
    cp -L "$library" "$image$library"
done

# Who signs api.atlassian.com; how names are looked up; who runs.
cp -L /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"
echo 'orgmirror:x:10001:10001::/var/lib/orgmirror:/nonexistent' >"$image/etc/passwd"
echo 'orgmirror:x:10001:' >"$image/etc/group"

# What is inside, for scanners: crates in the CycloneDX document, the distribution's packages where such images keep them.
cp "$(dirname "$executable")/sbom.cdx.json" /LICENSE "$image/usr/share/doc/orgmirror/"
for package in libc6 libgcc-s1 ca-certificates; do
    dpkg-query -s "$package" >"$image/var/lib/dpkg/status.d/$package"
done
