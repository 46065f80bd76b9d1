# Two commands do everything: `make demo` and `make test`. The rest is for those who work on kentongan.
# Each sets up what it needs first; nothing else has to be installed by hand.

SHELL := /bin/bash
CARGO ?= cargo
# The rendered voice, the test phones and the load generator come from Debian and PyPI, what the pages use from npm;
# deploy/setup says which.
SETUP := deploy/setup
# Models are shared by all that is run from here; a hotline of its own has them beside its data.
export KENTONGAN__ASR__MODELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kentongan/models

# Features to build with: the tests need both speech engines, everything else one.
FEATURES ?=

# Parts set up what others need.
.NOTPARALLEL:

.PHONY: demo test pictures test-fast lint fmt bench bench-asr bench-console bench-sms fuzz prompts licences setup-build setup-test setup-vosk model

demo: model  ## build, start the hotline on loopback and put a real call through it (ONCE=1 ends by itself)
	$(CARGO) run --locked --quiet -- demo $(if $(ONCE),--once) $(if $(SAY),--say $(SAY))

# Most of it waits for prompts to be spoken: more tests at once than cores.
test: FEATURES = --features vosk
test: setup-test model  ## everything that CI runs, with real phones and both speech engines
	$(CARGO) run --locked --quiet $(FEATURES) -- model install vosk-ko --if-missing
	KENTONGAN_SLOW=1 RUST_TEST_THREADS=8 $(CARGO) test --locked $(FEATURES)

pictures: setup-test  ## the README's pictures of the console, made anew
	KENTONGAN_SLOW=1 $(CARGO) test --locked --test it -- --ignored browser::pictures

test-fast: setup-build  ## what needs no other program: a minute
	$(CARGO) test --locked

lint: setup-vosk
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features vosk -- -D warnings

fmt:
	$(CARGO) fmt

bench: setup-test  ## figures and ratios (ARGS="--quick" for a minute's look); see tests/bench/README.md
	$(CARGO) bench --locked --bench calls -- $(ARGS)

# The work is whisper.cpp's, which .cargo/config.toml has built alike in every profile.
bench-asr: model  ## how well recordings are understood and what it costs (KENTONGAN_SPEECH=FOLDER with clips)
	$(CARGO) bench --locked --profile dev --bench asr -- $(ARGS)

bench-sms: setup-build  ## messages a second, waits, duplicates and kill -9 (ARGS="--rates 500")
	$(CARGO) bench --locked --bench sms -- $(ARGS)

bench-console: setup-test  ## the operators' pages beside 1,000,000 tickets and 100 calls (ARGS="--tickets 20000 --calls 0")
	$(CARGO) bench --locked --bench console -- $(ARGS)

fuzz: setup-build  ## each fuzz target for SECONDS (default 60)
	fuzz/run $(or $(SECONDS_EACH),60)

prompts: setup-test  ## renders what is missing or stale in prompts/id
	$(CARGO) run --locked --quiet -- prompts render

# The speech model, once: 130 MB to fetch, 82 MB to keep.
model: setup-build
	$(CARGO) run --locked --quiet $(FEATURES) -- model install --if-missing

# After a change of dependencies: the console's page about licences lists what is linked.
licences: setup-build
	deploy/licences > src/console/licences.txt

setup-build:
	$(SETUP) build

setup-test:
	$(SETUP) build test

setup-vosk:
	$(SETUP) build vosk
