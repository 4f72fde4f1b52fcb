"""Speaks to the link with smpclient, an SMP client that others wrote (PyPI `smpclient[serial]`).

`python3 smpclient_check.py PROGRAM`: runs PROGRAM, the link on a PC, behind a pty and prints one line a check.
"""
import asyncio
import os
import pty
import subprocess
import sys
import tty

from smpclient import SMPClient
from smpclient.generics import error, success
from smpclient.requests.os_management import EchoWrite, MCUMgrParametersRead, ResetWrite, TaskStatisticsRead
from smpclient.requests.shell_management import Execute
from smpclient.requests.statistics_management import GroupData, ListOfGroups
from smpclient.transport.serial import SMPSerialTransport

LONG = "y" * 3000


async def check(client):
    async def ask(request):
        return await client.request(request, timeout_s=5)

    yield "echo", (await ask(EchoWrite(d="hello"))).r == "hello"
    yield "long echo", (await ask(EchoWrite(d=LONG))).r == LONG
    yield "parameters", (await ask(MCUMgrParametersRead())).buf_size == 4096
    yield "tasks", (await ask(TaskStatisticsRead())).tasks["core1"].cswcnt == 101
    yield "list", (await ask(ListOfGroups())).stat_list == ("velocity", "link")
    yield "show", (await ask(GroupData(name="velocity"))).fields["installs"] == 1 << 32
    yield "unknown counters", error(await ask(GroupData(name="nope")))
    yield "unknown group", error(await ask(Execute(argv=["help"])))
    yield "reset", success(await ask(ResetWrite()))


async def main(program):
    board, host = pty.openpty()
    tty.setraw(board)
    tty.setraw(host)
    process = subprocess.Popen([program], stdin=board, stdout=board)
    try:
        async with SMPClient(SMPSerialTransport(), os.ttyname(host)) as client:
            async for name, ok in check(client):
                print(f"{name}: {'ok' if ok else 'wrong'}", flush=True)
    finally:
        process.kill()
        process.wait()


asyncio.run(main(sys.argv[1]))
