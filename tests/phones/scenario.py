"""What a phone is to do, a line each, and what it tells of it.

    dial URI            call somebody
    answer SECONDS      wait for a call and take it
    wait SECONDS        go on listening
    await EVENT SECONDS wait for `established` or `ended`; it is an error if it does not come
    key KEYS            press keys, one after the other
    say FILE            speak a WAV (8 kHz, mono, 16 bits)
    hang up

Each event is printed as a line of JSON with the seconds since the start:
{"at": 1.234, "event": "established"}. The exit status is 0 if the scenario was carried out.
"""

import argparse
import json
import os
import signal
import sys
import time


class Failed(Exception):
    """The scenario cannot go on."""


class Events:
    """Prints what happens and remembers it."""

    def __init__(self):
        # Standard output is for events alone; what a library prints there goes to standard error.
        self.out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self.start = time.monotonic()
        self.seen = set()

    def tell(self, event, **more):
        self.seen.add(event)
        at = round(time.monotonic() - self.start, 3)
        print(json.dumps({"at": at, "event": event, **more}), file=self.out, flush=True)


def arguments(description):
    """The arguments that every phone takes; a driver may add its own."""
    parser = argparse.ArgumentParser(
        description=description, epilog=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="?", help="a file; without it the scenario comes on standard input")
    parser.add_argument("--sip-port", type=int, required=True, help="UDP port to listen on, on 127.0.0.1")
    parser.add_argument("--rtp-port", type=int, required=True, help="first of 100 UDP ports for audio")
    parser.add_argument("--heard", required=True, help="where to leave the WAV of what was heard")
    parser.add_argument("--limit", type=float, default=180, help="seconds for the whole scenario")
    # Being told to end is a reason to clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return parser


def run(phone, events, options):
    """Walks the scenario; returns the exit status.

    A phone has dial(uri), answer(seconds), key(key), say(file), hang_up() and pump(seconds), which lets its
    library work for a while and returns early when something happened.
    """
    # From standard input a line is done as soon as it has come.
    lines = open(options.scenario, encoding="utf-8") if options.scenario else sys.stdin
    deadline = time.monotonic() + options.limit
    try:
        for number, line in enumerate(lines, 1):
            words = line.split()
            if words and not words[0].startswith("#"):
                try:
                    step(phone, events, words, deadline)
                except Failed as failure:
                    raise Failed(f"line {number}, {line.strip()!r}: {failure}") from failure
    except Failed as failure:
        events.tell("failed", reason=str(failure))
        return 1
    return 0


def step(phone, events, words, deadline):
    """Does one line."""
    match words:
        case ["dial", uri]:
            events.tell("dialling")
            phone.dial(uri)
        case ["answer", seconds]:
            phone.answer(float(seconds))
        case ["wait", seconds]:
            pump(phone, float(seconds), deadline, lambda: False)
        case ["await", event, seconds]:
            if not pump(phone, float(seconds), deadline, lambda: event in events.seen):
                raise Failed(f"no {event} within {seconds} s")
        case ["key", keys]:
            for key in keys:
                phone.key(key)
                events.tell("key")
                pump(phone, 0.4, deadline, lambda: False)
        case ["say", file]:
            phone.say(file)
            events.tell("speaking")
        case ["hang", "up"]:
            phone.hang_up()
            pump(phone, 5, deadline, lambda: "ended" in events.seen)
        case _:
            raise Failed("no such step")


def pump(phone, seconds, deadline, done):
    """Lets the phone work until it is done or the time is over; tells whether it is done."""
    until = time.monotonic() + seconds
    while not done():
        now = time.monotonic()
        if now > deadline:
            raise Failed("the time for the whole scenario is over")
        if now >= until:
            return False
        phone.pump(min(0.1, until - now))
    return True
