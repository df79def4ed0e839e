# The house's chores. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The modules beside the root's, which hold the Temporal server.
MODULES := devserver cmd/narrative examples/agentwatch tests
REST := $(MODULES:%=./%/...)

# Two packages at a time, whatever the machine: the tests start databases and servers of their own.
TEST := go test -p 2 -timeout 20m

# The tests of whole processes mostly wait for them: eight of a package at a time.
WAITING := -parallel 8

# $(call tool,NAME) is the path of a tool pinned in tools/go.mod. It is built when it has to be and kept in Go's cache.
tool = "$$(GOWORK=off go tool -modfile=tools/go.mod -n $(1))"

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/narrative, with the embedded Temporal server
	go build -trimpath -o bin/narrative ./cmd/narrative

dev: ## run everything in one process, with its data in .narrative
	go run ./cmd/narrative dev

test: ## run every test; what they need, they set up themselves
	$(TEST) ./...
	$(TEST) $(WAITING) $(REST)

check: ## what must pass before a commit: format, vet, staticcheck, workflowcheck, tests shuffled and with -race
	@unformatted="$$($(call tool,gofumpt) -l .)"; \
	if [ -n "$$unformatted" ]; then \
		printf 'not formatted (make fmt repairs it):\n%s\n' "$$unformatted"; exit 1; \
	fi
	go vet ./... $(REST)
	go vet -tags record ./tests
	$(call tool,staticcheck) ./... $(REST)
	if [ -d workflows ]; then $(call tool,workflowcheck) ./workflows/...; fi
	$(TEST) -shuffle=on -race ./...
	$(TEST) $(WAITING) -shuffle=on $(REST)

fmt: ## format every Go file
	$(call tool,gofumpt) -w .

lint: ## the wider look of golangci-lint, which takes minutes to compile the first time
	@for m in . $(MODULES); do \
		if [ -n "$$(find "$$m" -maxdepth 1 -name '*.go' -print -quit)" ]; then \
			echo "lint $$m"; (linter=$(call tool,golangci-lint); cd "$$m" && "$$linter" run ./...); \
		fi; \
	done

tidy: ## make every go.mod agree with the source
	for m in . $(MODULES) tools; do (cd "$$m" && GOWORK=off go mod tidy); done
	go work sync

bench: ## measure what Narrative adds to plain Temporal, in two minutes; docs/performance.md tells how to read it
	go run ./tests/bench

torture: ## kill the worker fifty times while it tells people, and the API while datums come in, some ten minutes
	TORTURE=50 go test -count=1 -timeout 60m -v -run '^TestTorture' ./tests

clean: ## remove what was built and what dev has left behind
	rm -rf bin .narrative coverage.out

.PHONY: help build dev test check fmt lint bench torture tidy clean
