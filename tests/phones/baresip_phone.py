#!/usr/bin/env python3
"""Drives baresip (Debian: baresip-core) through a scenario, by its control port."""

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave

import scenario

CONFIG = """\
poll_method         epoll
sip_listen          127.0.0.1:{sip}
call_local_timeout  120
audio_player        aubridge,null0
audio_source        aufile,{folder}/quiet.wav
audio_alert         aubridge,null1
audio_txmode        thread
audio_buffer        20-160
rtp_ports           {rtp}-{rtp_end}
module_path         {modules}
module              g711.so
module              aufile.so
module              aubridge.so
module              sndfile.so
module              ctrl_tcp.so
module_app          account.so
module_app          menu.so
ctrl_tcp_listen     127.0.0.1:{control}
snd_path            {folder}
"""
ACCOUNT = "<sip:{user}@127.0.0.1:{sip}>;regint=0;audio_codecs={codecs};dtmfmode={keys}\n"
# baresip ends the call when its source ends, so that every source must outlast the call.
OUTLAST = 240


class Baresip:
    """A baresip process with a folder of its own."""

    def __init__(self, options, events):
        self.events = events
        self.heard = options.heard
        self.folder = tempfile.mkdtemp(prefix="baresip-")
        self.buffer = b""
        self.said = 0
        write_wav(f"{self.folder}/quiet.wav", b"")
        self.configure(options)
        log = open(f"{self.folder}/log", "wb")
        self.process = subprocess.Popen(
            ["baresip", "-f", self.folder], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        self.control = self.connect(options.control_port)

    def configure(self, options):
        folder = self.folder
        # Plain in Debian 12, under the architecture's folder elsewhere.
        found = glob.glob("/usr/lib/baresip/modules") + glob.glob("/usr/lib/*/baresip/modules")
        if not found:
            raise SystemExit("baresip's modules are not under /usr/lib: install baresip-core")
        with open(f"{folder}/config", "w", encoding="utf-8") as config:
            config.write(
                CONFIG.format(
                    folder=folder,
                    modules=found[0],
                    sip=options.sip_port,
                    rtp=options.rtp_port,
                    rtp_end=options.rtp_port + 99,
                    control=options.control_port,
                )
            )
        with open(f"{folder}/accounts", "w", encoding="utf-8") as accounts:
            accounts.write(
                ACCOUNT.format(user=options.user, sip=options.sip_port, codecs=options.codecs, keys=options.keys)
            )
        open(f"{folder}/contacts", "w", encoding="utf-8").close()

    def connect(self, port):
        for _ in range(100):
            if self.process.poll() is not None:
                break
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1)
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"baresip did not start:\n{self.log()}")

    def log(self):
        return open(f"{self.folder}/log", encoding="utf-8", errors="replace").read()

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": command}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def dial(self, uri):
        self.command("dial", uri)

    def answer(self, seconds):
        raise scenario.Failed("this phone only dials")

    def key(self, key):
        self.command("sndcode", key)

    def say(self, file):
        with wave.open(file, "rb") as wav:
            if (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) != (8000, 1, 2):
                raise scenario.Failed("not 8 kHz, mono, 16 bits")
            samples = wav.readframes(wav.getnframes())
        self.said += 1
        path = f"{self.folder}/say{self.said}.wav"
        write_wav(path, samples)
        self.command("ausrc", f"aufile,{path}")

    def hang_up(self):
        self.command("hangup")

    def pump(self, seconds):
        self.control.settimeout(max(0.01, seconds))
        try:
            data = self.control.recv(65536)
        except TimeoutError:
            return
        if not data:
            raise scenario.Failed(f"baresip ended:\n{self.log()}")
        self.buffer += data
        for message in self.netstrings():
            self.told(json.loads(message))

    def netstrings(self):
        while b":" in self.buffer:
            length, rest = self.buffer.split(b":", 1)
            length = int(length)
            if len(rest) <= length:
                return
            self.buffer = rest[length + 1 :]
            yield rest[:length]

    def told(self, message):
        match message.get("type"):
            case "CALL_ESTABLISHED":
                self.events.tell("established")
            case "CALL_CLOSED":
                self.events.tell("ended", reason=message.get("param", ""))
            case None if not message.get("ok", True):
                self.events.tell("refused", reason=message.get("data", ""))

    def close(self):
        try:
            self.command("quit")
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for dump in sorted(glob.glob(f"{self.folder}/dump-*-dec.wav"))[-1:]:
            shutil.copy(dump, self.heard)
        shutil.rmtree(self.folder)


def write_wav(path, samples):
    """The samples, and then silence that outlasts any call."""
    with wave.open(path, "wb") as wav:
        wav.setframerate(8000)
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.writeframes(samples)
        wav.writeframes(bytes(16000 * OUTLAST))


def main():
    parser = scenario.arguments(__doc__)
    parser.add_argument("--control-port", type=int, required=True, help="TCP port of baresip's control")
    parser.add_argument("--user", default="caller")
    parser.add_argument("--codecs", default="PCMA/8000/1,PCMU/8000/1")
    parser.add_argument("--keys", choices=["rtpevent", "info"], default="rtpevent", help="how keys are sent")
    options = parser.parse_args()
    events = scenario.Events()
    phone = Baresip(options, events)
    try:
        return scenario.run(phone, events, options)
    finally:
        phone.close()


if __name__ == "__main__":
    sys.exit(main())
