"""Speaks to a board with SMP clients that others wrote: smpclient and smpmgr, both from PyPI.

`python3 smp_clients.py SOCKET`: puts a pty before the board's console at the Unix socket, and prints one line a check.
"""
import asyncio
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import tty

from smpclient import SMPClient
from smpclient.generics import error, success
from smpclient.requests.image_management import ImageStatesRead
from smpclient.requests.os_management import EchoWrite, MCUMgrParametersRead, ResetWrite, TaskStatisticsRead
from smpclient.requests.statistics_management import GroupData, ListOfGroups
from smpclient.transport.serial import SMPSerialTransport

SECONDS = 60


class Bridge:
    """Carries bytes between a pty and the board, and keeps what the board said for those who look."""

    def __init__(self, path):
        self.board = socket.socket(socket.AF_UNIX)
        self.board.connect(path)
        self.near, far = pty.openpty()
        tty.setraw(self.near)
        tty.setraw(far)
        self.far = far  # stays open, so that a client may go and another come
        self.name = os.ttyname(far)
        self.said = b""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.board, self.near], [], [])
            if self.board in ready:
                data = self.board.recv(4096)
                if not data:
                    return
                self.said = (self.said + data)[-65536:]
                os.write(self.near, data)
            if self.near in ready:
                self.board.sendall(os.read(self.near, 4096))

    async def starts(self, times):
        for _ in range(SECONDS * 20):
            if self.said.count(b" ready on ") >= times:
                return True
            await asyncio.sleep(0.05)
        return False


async def with_smpclient(name):
    async with SMPClient(SMPSerialTransport(), name) as client:

        async def ask(request):
            return await client.request(request, timeout_s=SECONDS)

        yield "smpclient echo", (await ask(EchoWrite(d="hello"))).r == "hello"
        yield "smpclient long echo", (await ask(EchoWrite(d="y" * 3000))).r == "y" * 3000
        yield "smpclient parameters", (await ask(MCUMgrParametersRead())).buf_size >= 4096
        yield "smpclient tasks", len((await ask(TaskStatisticsRead())).tasks) > 0
        groups = (await ask(ListOfGroups())).stat_list
        yield "smpclient list of statistics", "velocity" in groups and "link" in groups
        yield "smpclient statistics", "installs" in (await ask(GroupData(name="velocity"))).fields
        yield "smpclient unknown statistics", error(await ask(GroupData(name="nope")))
        images = await ask(ImageStatesRead())
        yield "smpclient list of images", success(images) and isinstance(images.images, list)


def with_smpmgr(name):
    def run(*arguments):
        command = [os.path.join(os.path.dirname(sys.executable), "smpmgr"), "--port", name, "--timeout", str(SECONDS)]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=4 * SECONDS)
        return done.returncode, done.stdout + done.stderr

    for what, arguments, wanted in [
        ("echo", ("os", "echo", "hello board"), "hello board"),
        ("list of statistics", ("statistics", "list"), "velocity"),
        ("statistics", ("statistics", "get", "velocity"), "installs"),
        ("list of images", ("image", "state-read"), ""),
    ]:
        status, said = run(*arguments)
        yield f"smpmgr {what}", status == 0 and wanted in said, said


async def main(path):
    bridge = Bridge(path)
    print(f"start: {'ok' if await bridge.starts(1) else 'wrong'}", flush=True)
    async for name, ok in with_smpclient(bridge.name):
        print(f"{name}: {'ok' if ok else 'wrong'}", flush=True)
    for name, ok, said in with_smpmgr(bridge.name):
        print(f"{name}: {'ok' if ok else 'wrong: ' + said[-600:]}", flush=True)
    async with SMPClient(SMPSerialTransport(), bridge.name) as client:
        ok = success(await client.request(ResetWrite(), timeout_s=SECONDS))
        print(f"smpclient reset: {'ok' if ok and await bridge.starts(2) else 'wrong'}", flush=True)


asyncio.run(main(sys.argv[1]))
