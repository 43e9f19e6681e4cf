#!/bin/sh
# Builds the programs for every system that we ship for, and vets all packages, tests included, where the code differs from this system's. No C compiler is
# used, as in a release.
set -eu
export CGO_ENABLED=0
for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
	echo "build for $target"
	GOOS=${target%/*} GOARCH=${target#*/} go build -o /dev/null ./cmd/...
done
for target in darwin/arm64 windows/amd64; do
	echo "vet for $target"
	GOOS=${target%/*} GOARCH=${target#*/} go vet -tags e2e ./...
done
