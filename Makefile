# All that a developer needs. `make run` and `make test` are enough on a bare machine; `make help` names the rest.

FUZZTIME ?= 5s
BENCHTIME ?= 1s
GOTOOL = go tool -modfile=tools/go.mod
# Programs that tests start would else sleep a second each when they end.
GORACE ?= atexit_sleep_ms=0
# The race detector watches all but SQLite itself, which is translated from C: it takes five times as long when each of its memory accesses is
# watched. Only these two packages may be left out, which instantiate no generic type of the standard library: what synchronises would be made
# without the detector's knowledge, for the whole program.
RACE = -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

.DEFAULT_GOAL := help
.PHONY: help build run test e2e browser bench bench-ingest bench-import gobench fuzz lint fmt generate cross vuln verify clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the programs into bin/
	go build -trimpath -o bin/ ./cmd/...

run: build ## record a run of an agent and show the answers, in a throwaway place
	@go run ./internal/demo bin

test: ## install what is lacking (PostgreSQL included) and run all tests, race detector on
	@scripts/need.sh test
	GORACE=$(GORACE) $(THROWAWAY) go test $(RACE) -timeout 20m ./...

e2e: ## drive the real Claude Code client, installed from the npm registry
	@scripts/need.sh test e2e
	@$(THROWAWAY) scripts/e2e.sh

browser: ## drive the page in a real Chromium: flows, keys, proof, hostile text, accessibility, weight
	@scripts/need.sh browser
	@npm ci --prefix scripts/browser --no-audit --no-fund --silent
	go test -tags browser -count 1 -timeout 10m ./internal/page -run 'TestBrowser' -v

bench: ## measure the product's speed as ratios (docs/performance.md); QUICK=1 is over in 90 s
	@scripts/need.sh test
	@$(THROWAWAY) go run -tags bench ./internal/bench $(if $(QUICK),-quick)

bench-ingest: ## measure what the server takes in against COPY; ROWS=20000000 shows whether it slows down as it grows
	@scripts/need.sh test
	@go run -tags bench ./internal/bench -only ingest $(if $(ROWS),-rows $(ROWS))

bench-import: ## measure how long importing 1 GB of sessions takes against ccusage, another program that reads them; QUICK=1 takes 64 MB
	@scripts/need.sh test e2e
	@go run -tags bench ./internal/bench -only import $(if $(QUICK),-quick)

gobench: ## run the benchmarks of the packages; BENCHTIME=1s is how long each takes
	@scripts/need.sh test
	$(THROWAWAY) go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

fuzz: ## run every fuzz test for FUZZTIME=5s
	@scripts/fuzz.sh $(FUZZTIME)

lint: ## run the linters and check the formatting
	$(GOTOOL) golangci-lint run

fmt: ## format all Go files
	$(GOTOOL) golangci-lint fmt

generate: ## generate again what is generated
	go generate ./...

cross: ## build and vet for Linux, macOS and Windows
	@scripts/cross.sh

vuln: ## look for known vulnerabilities in what is linked (asks vuln.go.dev)
	$(GOTOOL) govulncheck ./...

verify: ## check go.mod, go.sum and the downloaded modules
	go mod verify
	go mod tidy -diff

clean: ## remove what was built
	rm -rf bin dist scripts/browser/node_modules
