"""What a learner's process does: hear of one exercise, load it, answer requests. A worker loads this file by path."""

import json
import os

EVERYTHING = 1 << 62  # bytes: the judge is trusted


class Line:
    """The line to the judge, as messages."""

    def __init__(self, channel, wire):
        self.channel, self.file, self.wire = channel, channel.makefile("rb"), wire

    def read(self, size):
        part = bytearray(size)
        if self.file.readinto(part) < size:
            os._exit(0)  # the judge has hung up
        return part

    def hear(self):
        return self.wire.unpack(self.read, EVERYTHING, EVERYTHING)

    def say(self, message):
        self.channel.sendall(self.wire.pack(message))


def session(line, tools, wing):
    """One exercise: take the job, load the answer, answer requests until the judge hangs up."""
    message = line.hear()
    job = message["job"] | json.loads(message["notebook"].tobytes())
    tools.guard.install(tools.bans, job["bans"], lambda name: (line.say({"forbidden": name}), os._exit(0)))
    candidate, news = tools.loader.Loader(job, line, tools.slices).load()
    line.say({"loaded": news})
    while True:
        message = line.hear()
        reply = tools.border.answer(candidate, message["request"], wing)
        try:
            line.say({"number": message["number"], "reply": reply})
        except tools.wire.WireError as error:
            line.say({"number": message["number"], "reply": {"refused": str(error)}})
