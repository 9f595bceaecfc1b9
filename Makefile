# What each target does stands in the README's section for developers.
GO        ?= go
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 6
N         ?= 100
COMMIT    := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
DATE      := $(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS   := -s -w $(if $(COMMIT),-X main.commit=$(COMMIT) -X main.date=$(DATE))

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0
GORELEASER    := github.com/goreleaser/goreleaser/v2@v2.15.1
CYCLONEDX     := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
TOOLS         ?= $(CURDIR)/build/tools

.PHONY: build test gateway shells race lint fuzz bench demo cover faults crash memory many same prometheus docs engines browser release release-files

# Without the client library's support for gRPC, which is not used: a third of
# the program's size. Without C: the program runs wherever the kernel does.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -tags disable_grpc_modules -ldflags '$(LDFLAGS)' -o enrow-export ./cmd/enrow-export

test:
	$(GO) test ./...

# The server of S3 that tests start. The go tool keeps it: without this, tests that run
# at the same time may each build it.
gateway:
	cd testdata/gateway && CGO_ENABLED=0 GOWORK=off $(GO) tool -n gateway

# Completion in bash, zsh and fish, on terminals of their own, and the man pages: these
# programs and man have to be installed.
shells:
	$(GO) test -tags shells ./cmd/enrow-export -run '^(TestShells|TestManPages)$$' -count 1

# The tests that fail one operation after the other. Some fail one in six of them,
# unless they are told to fail all.
FAULTS := TestFaultAtEveryOperation|TestCompactFaults|TestCompactIsOvertaken|TestServiceFaultGoesUnnoticed|TestPruneBesideAnExport|TestAdoptBesideAnExport|TestFaultsWhileAdopting

# Without these, without the tests that run the program as a process, of which the
# detector sees nothing, and without long tests that use one goroutine. The
# pipeline meets in memory what it meets on S3.
LONG     := TestAdoptIsOvertaken|TestLateRequestIsHarmless|TestPackedBatchesAreFoundAgain|TestParquetDictionaryOfManyPages|TestParquetLargeCells
RACELESS := TestProcessesRace[A-Za-z]*|TestScripts|$(LONG)|$(FAULTS)
race:
	$(GO) test -race -timeout 25m -skip '^($(RACELESS))$$|/^s3' ./...

lint:
	@unformatted=$$($(GO) run $(GOFUMPT) -l .) && if [ -n "$$unformatted" ]; then \
		echo "not formatted (run gofumpt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(GOLANGCI_LINT) run ./...

# Every fuzz target for FUZZTIME, one after the other. A package's targets are
# listed by the test binary itself, so that a new one is never forgotten.
fuzz:
	@set -e; found=0; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "fuzz $$pkg $$target"; found=1; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg; \
		done; \
	done; [ $$found = 1 ]

bench:
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -count $(COUNT) ./...

demo:
	$(GO) run ./cmd/enrow-export demo

# The pages of the tables and of the flags, from their declarations. Tests say when they
# are due.
docs:
	$(GO) run ./cmd/enrow-export schema --output markdown > docs/data.md
	$(GO) run ./cmd/enrow-export man --markdown > docs/reference.md

cover:
	$(GO) test -coverprofile cover.out -coverpkg ./... ./...
	$(GO) tool cover -func cover.out | tail -n 1

# Each operation is failed, in each way, but on S3, where make test fails some: the pipeline
# does the same in memory by content. make faults FAULTSKIP= fails all. A name that no test
# has is an error.
FAULTSKIP ?= /^s3
FAULTY := ./pipeline/export ./pipeline/compact ./pipeline/prune ./pipeline/adopt
faults:
	@for name in $(subst |, ,$(FAULTS)); do \
		$(GO) test $(FAULTY) -list "^$$name$$" | grep -qx $$name || { echo "no test has the name $$name"; exit 1; }; \
	done
	$(GO) test $(FAULTY) -run '^($(FAULTS))$$' -skip '$(FAULTSKIP)' -count 1 -faults.every 1

# The memory of the built program, on a machine that does nothing else.
memory:
	$(GO) test -tags memory ./cmd/enrow-export -run '^TestMemory' -count 1 -v

# What the program writes and serves for Prometheus, the alerts and their tests, and the
# expressions of the dashboard: promtool has to be installed.
prometheus:
	$(GO) test -tags promtool ./pipeline/metrics -run '^TestPromtool$$' -count 1

# Compares this build with another one, EXE, over the same answers: for changes that
# are to change nothing that is printed or stored.
same:
	$(GO) test -tags same ./cmd/enrow-export -run '^TestSameAsAnotherBuild$$' -count 1 -v -same.as $(EXE)

# A run over 100,000 batches that are done, on S3 with 50 ms added to each request.
many:
	$(GO) test -tags many ./cmd/enrow-export -run '^TestManyDoneBatchesOnS3$$' -count 1 -v

# Kills the program N times, in a folder, in a bucket and on S3.
crash:
	$(GO) test -tags crash ./cmd/enrow-export -run '^TestCrash' -count 1 -timeout 0 -v -crash.kills $(N)

# Loads real databases: DuckDB, and a server of PostgreSQL that is started for it.
# Needs a C compiler, psql and the server's programs, zstd and npm. Checks the manifests
# of docs/deploy and follows the Dockerfile, too: that needs python3.
engines:
	cd testdata/engines/parsers && npm ci --silent --no-audit --no-fund && node check.mjs ../../../schema/dialect/testdata/bigquery/*.sql
	cd testdata/engines && $(GO) vet ./... && $(GO) test -count 1 -v ./...

# Renders pages in Chromium, CHROMIUM or /usr/bin/chromium, and looks for what is wrong with
# them. Needs npm. Screenshots are kept in SHOTS.
SHOTS ?=
browser:
	$(if $(SHOTS),mkdir -p '$(abspath $(SHOTS))')
	cd testdata/browser && npm ci --silent --no-audit --no-fund
	$(GO) test -tags browser,disable_grpc_modules ./pipeline/page -run '^(TestPagesInABrowser|TestABadPageIsRefused)$$' -count 1 -v -browser.shots '$(abspath $(SHOTS))'

# What a release consists of, in dist. Nothing is published.
release:
	GOBIN=$(TOOLS) $(GO) install $(GORELEASER)
	GOBIN=$(TOOLS) $(GO) install $(CYCLONEDX)
	PATH="$(TOOLS):$$PATH" goreleaser check
	PATH="$(TOOLS):$$PATH" goreleaser release --snapshot --clean

# The completions and man pages of a release, in build.
release-files: build
	rm -rf build/completions build/man
	mkdir -p build/completions
	./enrow-export completion bash > build/completions/enrow-export.bash
	./enrow-export completion zsh > build/completions/_enrow-export
	./enrow-export completion fish > build/completions/enrow-export.fish
	./enrow-export man --out build/man
	gzip -9n build/man/*.1
