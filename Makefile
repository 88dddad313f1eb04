# What a developer types. `make` alone lists it.

TOOL = go tool -modfile=tools/go.mod
BESIDE = go tool -modfile=../tools/go.mod
PACKAGES = ./...

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## the command autokill, into this directory
	go build -o autokill ./cmd/autokill

man: ## the manual page autokill.1, into this directory
	go run ./cmd/autokill man >autokill.1

test: ## the tests, on this machine's kernel and as this user
	go test $(PACKAGES)

race: ## the tests again, with the race detector
	CGO_ENABLED=1 go test -race $(PACKAGES)

RUNMATRIX = go run ./internal/kernels/matrix -packages '$(PACKAGES)' \
	$(if $(KERNEL),-kernel '$(KERNEL)') $(if $(ARCH),-arch '$(ARCH)') $(if $(RUN),-run '$(RUN)') $(if $(WHO),-as '$(WHO)') \
	$(if $(FULL),-full -timeout 20m) $(if $(EVIDENCE),-evidence '$(EVIDENCE)' -timeout 2h) $(if $(REHEARSE),-rehearse) \
	$(if $(PROCESSORS),-processors $(PROCESSORS)) $(if $(SEED),-seed $(SEED)) $(if $(V),-v)

kernels: ## the tests on the newest and the oldest kernel, in QEMU (KERNEL=6.1,host ARCH=arm64 RUN=TestX PACKAGES=./pidfd WHO=user FULL=1 V=1)
	$(RUNMATRIX)

matrix: ## the tests on all kernels of docs/kernels.md, both architectures (the same settings; RECORD=1 writes the table)
	$(RUNMATRIX) -whole $(if $(RECORD),-record docs/kernels.md)

# What `make evidence` writes, and the kernels of what is tried on more than one: native is in the
# newest only.
DOCUMENT = docs/evidence.md
EVIDENCE_KERNELS = host,7.3
EVIDENT = $(MAKE) kernels EVIDENCE='$(DOCUMENT)'

evidence: ## what tests saw at full length; writes docs/evidence.md (hours, as root; DOCUMENT=copy.md REHEARSE=1: the short form)
	$(if $(REHEARSE),,AUTOKILL_MUTATIONS_NATIVE=1) $(EVIDENT) KERNEL=host WHO=root PACKAGES=./internal/mutations RUN='^TestMutations'
	$(EVIDENT) KERNEL=$(EVIDENCE_KERNELS) PACKAGES='. ./internal/bond' RUN='^(TestContract|TestR3_BecomeEverySystemCallFails|TestL7_BecomeLosesItsHolderAtEveryBoundary)$$$$//^(TestR3_EverySystemCallFails|TestR3_EveryLimit|TestL7_KilledAtEveryBoundary|TestL1_TracedAtTheEnd)$$$$'
	$(EVIDENT) KERNEL=$(EVIDENCE_KERNELS) PACKAGES=. RUN='^TestHostileChildren$$$$'
	$(EVIDENT) KERNEL=host PACKAGES=. RUN='^(TestEndurance|TestSoak)$$$$'
	$(EVIDENT) KERNEL=7.3 PROCESSORS=4 WHO=root PACKAGES=. RUN='^TestExecRace$$$$'

trees: ## real programs and peers, and what survives of them; writes the tables of docs/trees.md (.ci/programs installs them)
	AUTOKILL_PROGRAMS=all go test -count=1 -v -run 'TestPrograms|TestPeers' ./internal/programs -args -update

BENCH = .
RESULTS = docs/benchmarks/results.json

# Without cgo, which package net of a peer would bring along: the runtime is as in a program of pure Go.
bench: ## what autokill costs beside its peers; writes docs/benchmarks.md (a quarter of an hour, as root, on a machine at rest; BENCH=Start)
	cd bench && CGO_ENABLED=0 AUTOKILL_PROGRAMS=all go test -count=1 -timeout 60m -v -run '$(BENCH)' -bench '$(BENCH)' -benchtime 30x . -args -record ../$(RESULTS)
	cd bench && go run ./publish -record ../$(RESULTS) -document ../docs/benchmarks.md -plots ../docs/benchmarks

benchnative: ## each mechanism beside os/exec, in a virtual machine that has both; writes docs/benchmarks.md
	cd bench && go run github.com/autokill/autokill/internal/kernels/matrix -kernel $(or $(KERNEL),7.3) -packages . -run '^TestMechanisms$$' -evidence ../docs/benchmarks.md

moveover: ## the tests of real modules, with os/exec and with autokill (fetches them; minutes; SHORT=1: os/exec only to compare)
	AUTOKILL_MOVEOVER=1 go test -count=1 -timeout 30m -v $(if $(SHORT),-short) -run TestModules ./internal/moveover

lint: ## vet, staticcheck, golangci-lint (with gofumpt), for Linux and what must compile elsewhere
	go vet ./...
	GOOS=linux GOARCH=arm64 go vet ./...
	GOOS=darwin GOARCH=arm64 go build ./...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run ./...
	cd bench && go vet ./... && $(BESIDE) staticcheck ./... && $(BESIDE) golangci-lint run ./...

fmt: ## format the code with gofumpt
	$(TOOL) golangci-lint fmt ./... ./bench/...

vuln: ## known vulnerabilities in what we depend on; says so where the database cannot be reached
	@tools/vuln $(TOOL) govulncheck ./...

.PHONY: help build man test race kernels matrix evidence trees bench benchnative moveover lint fmt vuln
