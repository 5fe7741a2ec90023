# Bare "make" lists the targets. Go is all they need; race needs a C compiler too.

GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s
FUZZ        ?= .
COUNT       ?= 1
SEEDS       ?= 50
SEED        ?= 1
LENGTH      ?= 1m30s
SCHEDULES   ?= 100000

# Packages that race leaves out: one goroutine has all that is in them, or they start programs.
ALONE := /(cmd/herd|places/(dataset|geofile)|node/web)(/|$$)

.PHONY: help build dist deb dev test race sim model e2e e2e-full chaos fuzz bench fmt lint tidy cross check clean

help:
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1	\2/p' Makefile | expand -t 14

build: ## build the binary ./herd
	go build -o herd ./cmd/herd

dist: ## pack for Linux, macOS and Windows into dist/, with checksums
	go run ./cmd/herd/dist archives

deb: ## make packages for Debian in dist/: needs dpkg-deb
	go run ./cmd/herd/dist deb

dev: ## run a whole herd on this machine until Ctrl-C
	go run ./cmd/herd dev

test: ## run all tests
	go test $(VET) -timeout 30m $(SKIP) ./...

race: ## run the tests of one process under the race detector
	CGO_ENABLED=1 go test $(VET) -timeout 30m -race -short -skip '^(TestE2E|TestREADME)' $$(go list ./... | grep -vE '$(ALONE)')

sim: ## play SEEDS schedules of faults of LENGTH each on whole herds, from SEED on, and all scenarios 20 times
	go test $(VET) -count=1 -timeout 24h ./node/sim -run '^(TestSeeds|TestScenarios)$$' -seeds $(SEEDS) -seed $(SEED) -length $(LENGTH) -times 20

model: ## play SCHEDULES schedules on the model of the replication core
	go test -count=1 -timeout 24h ./gossip/replica -run '^TestModel$$' -runs $(SCHEDULES)

e2e: build ## run the end-to-end tests on the binary: kills, joins, partitions
	@bin=$$(mktemp) && go test $(VET) -c -o $$bin ./cmd/herd && cd cmd/herd && export HERD_E2E=ci HERD_BIN=$(CURDIR)/herd || exit 1; \
	$$bin -test.v -test.timeout 30m -test.run '^TestE2EMatrix$$' >$$bin.log 2>&1 & matrix=$$!; \
	$$bin -test.v -test.timeout 30m -test.run '^(TestE2E|TestREADME)' -test.skip '^TestE2EMatrix$$'; code=$$?; \
	wait $$matrix || code=1; cat $$bin.log; rm $$bin $$bin.log; exit $$code # they wait most of the time: the rows of faults beside all else

e2e-full: build ## the same at full size: ten minutes
	HERD_E2E=full HERD_BIN=$(CURDIR)/herd go test -count=1 -v -timeout 60m -run '^TestE2E' ./cmd/herd

chaos: build ## break a herd in every way that the kernel has: half an hour, as root on Linux
	HERD_E2E=chaos HERD_BIN=$(CURDIR)/herd go test -count=1 -v -timeout 90m -run '^TestE2EMatrix$$' ./cmd/herd

fuzz: ## run every fuzz target, or those that match FUZZ, for FUZZTIME
	.ci/fuzz $(FUZZTIME) '$(FUZZ)'

bench: ## run the benchmarks COUNT times, in the form that benchstat reads
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

fmt: ## format the code
	$(GOFUMPT) -w .

lint: ## find unformatted and suspicious code
	@out=$$($(GOFUMPT) -l .) && test -z "$$out" || { echo "make fmt would change:" $$out; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

tidy: ## fail if go.mod or go.sum would change
	go mod tidy -diff

cross: ## build for other systems
	GOOS=windows go build ./...
	GOOS=darwin go build ./...

check: SKIP := -skip '^(TestE2E|TestREADME|TestSeeds$$|TestScenarios$$)' # e2e and sim run those, at a greater size
check: VET := -vet=off # lint has it look at everything
check: FUZZTIME := 2s
check: LENGTH := 1m
# Of strangers' and disks' bytes; test plays the seeds of all.
check: FUZZ := ^Fuzz(Lines|ReceiveLive|ReceiveDelta|Replay)$$
check: lint tidy cross test race sim e2e fuzz ## all that CI runs

clean: ## remove what was built
	rm -rf herd herd.exe dist
