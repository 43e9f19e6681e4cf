#!/bin/sh
# Builds the programs and vets all packages, tests included, for every system that we ship for. No C compiler is used, as in a release.
set -eu
export CGO_ENABLED=0
for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
	echo "build and vet for $target"
	GOOS=${target%/*} GOARCH=${target#*/} go build -o /dev/null ./cmd/...
	GOOS=${target%/*} GOARCH=${target#*/} go vet -tags e2e ./...
done
