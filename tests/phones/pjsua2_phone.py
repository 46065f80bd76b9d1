#!/usr/bin/env python3
"""Drives PJSIP's PJSUA2 (requirements.txt) through a scenario, without a sound card."""

import sys
import time

import pjsua2 as pj

import scenario


class Call(pj.Call):
    """A call that tells how it goes."""

    def __init__(self, account, events, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.events = events

    def onCallState(self, prm):
        # A copy must be held: what getInfo() returns goes away with its last reference.
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.events.tell("established")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.events.tell("ended", status=info.lastStatusCode, reason=info.lastReason)

    def onDtmfDigit(self, prm):
        self.events.tell("heard key", key=prm.digit)


class Account(pj.Account):
    """The phone's own address."""

    def __init__(self, events):
        super().__init__()
        self.events = events
        self.incoming = None

    def onIncomingCall(self, prm):
        # The library refuses a call that nobody holds when this returns.
        self.incoming = Call(self, self.events, prm.callId)


class Phone:
    """A PJSUA2 endpoint with one call at most."""

    def __init__(self, options, events):
        self.events = events
        self.heard = options.heard
        self.call = self.recorder = self.player = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(configuration())
        self.endpoint.audDevManager().setNullDev()
        self.transports(options)
        self.endpoint.libStart()
        self.codecs(options.codecs)
        self.account = Account(events)
        self.account.create(account(options))

    def transports(self, options):
        transport = pj.TransportConfig()
        transport.port = options.sip_port
        transport.boundAddress = "127.0.0.1"
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)

    def codecs(self, wanted):
        wanted = wanted.split(",")
        for codec in self.endpoint.codecEnum2():
            name = codec.codecId
            priority = 200 - wanted.index(name) if name in wanted else 0
            self.endpoint.codecSetPriority(name, priority)

    def dial(self, uri):
        self.call = Call(self.account, self.events)
        self.call.makeCall(uri, pj.CallOpParam(True))

    def answer(self, seconds):
        until = time.monotonic() + seconds
        while self.account.incoming is None:
            if time.monotonic() > until:
                raise scenario.Failed("nobody called")
            self.pump(0.1)
        self.call = self.account.incoming
        taken = pj.CallOpParam()
        taken.statusCode = 200
        self.call.answer(taken)

    def key(self, key):
        self.on_a_line()
        self.call.dialDtmf(key)

    def say(self, file):
        self.on_a_line()
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(file, pj.PJMEDIA_FILE_NO_LOOP)
        self.player.startTransmit(self.call.getAudioMedia(-1))

    def hang_up(self):
        self.on_a_line()
        self.call.hangup(pj.CallOpParam(True))

    def on_a_line(self):
        if self.call is None or "established" not in self.events.seen or "ended" in self.events.seen:
            raise scenario.Failed("there is no call")

    def pump(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.endpoint.libHandleEvents(10)
            self.listen()

    def listen(self):
        """Records from the moment on when there is audio."""
        if self.recorder or not self.call or not self.call.isActive() or not self.call.hasMedia():
            return
        try:
            audio = self.call.getAudioMedia(-1)
        except pj.Error:
            # Not there yet.
            return
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(self.heard)
        audio.startTransmit(self.recorder)

    def close(self):
        # The library must not be gone before what came from it.
        self.account.incoming = None
        self.player = self.recorder = self.call = self.account = None
        self.endpoint.libDestroy()


def configuration():
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.medConfig.clockRate = 8000
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    return config


def account(options):
    config = pj.AccountConfig()
    config.idUri = f"sip:{options.user}@127.0.0.1:{options.sip_port}"
    config.regConfig.registerOnAdd = False
    transport = config.mediaConfig.transportConfig
    transport.boundAddress = "127.0.0.1"
    transport.port = options.rtp_port
    transport.portRange = 99
    return config


def main():
    parser = scenario.arguments(__doc__)
    parser.add_argument("--user", default="caller")
    parser.add_argument("--codecs", default="PCMU/8000/1,PCMA/8000/1")
    options = parser.parse_args()
    events = scenario.Events()
    phone = Phone(options, events)
    try:
        return scenario.run(phone, events, options)
    finally:
        phone.close()


if __name__ == "__main__":
    sys.exit(main())
