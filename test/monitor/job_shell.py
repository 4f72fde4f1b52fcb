"""Runs a command as a shell with job control does, on a terminal of its own.

Commands come on stdin, one a line: `type HEX`, `signal NUMBER`, `resume` (as `fg`), `hang-up` (the terminal goes away).
News goes to stdout, one a line: `output HEX`, `stopped cooked|raw`, `ended STATUS cooked|raw|gone`; the last word says
whether the terminal shows what is typed and gives it line by line.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading

COLUMNS, ROWS = 100, 30


def mode(terminal):
    if not os.isatty(terminal):
        return "gone"
    local = termios.tcgetattr(terminal)[3]
    return "cooked" if local & termios.ICANON and local & termios.ECHO else "raw"


def shell(command, told, orders):
    """In the terminal's session: gives it to the command, takes it back when that stops or ends."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    signal.signal(signal.SIGHUP, lambda *_: os.killpg(job, signal.SIGHUP))  # the kernel tells us alone
    try:
        os.setpgid(job, job)
    except PermissionError:
        pass  # it did so itself, and runs already
    os.write(told, f"job {job}\n".encode())
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.isatty(0):
            os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            os.write(told, f"ended {os.waitstatus_to_exitcode(status)} {mode(0)}\n".encode())
            os._exit(0)
        os.write(told, f"stopped {mode(0)}\n".encode())
        os.read(orders, 1)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


def main():
    told_in, told_out = os.pipe()
    orders_in, orders_out = os.pipe()
    hung_up_in, hung_up_out = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        shell(sys.argv[1:], told_out, orders_in)
    os.close(told_out)
    lock = threading.Lock()
    jobs = []

    def tell(line):
        with lock:
            print(line, flush=True)

    def listen():
        for line in sys.stdin:
            what, _, more = line.strip().partition(" ")
            if what == "type":
                os.write(master, bytes.fromhex(more))
            elif what == "signal":
                os.kill(jobs[0], int(more))
            elif what == "resume":
                os.write(orders_out, b"x")
            elif what == "hang-up":
                os.write(hung_up_out, b"x")
        os.kill(pid, signal.SIGKILL)  # whoever asked is gone
        if jobs:
            os.killpg(jobs[0], signal.SIGKILL)

    def relay():
        try:
            while hung_up_in not in select.select([master, hung_up_in], [], [])[0]:
                tell(f"output {os.read(master, 65536).hex()}")
        except OSError:
            pass  # nobody has the other end open any more
        os.close(master)

    threading.Thread(target=listen, daemon=True).start()
    relaying = threading.Thread(target=relay, daemon=True)
    relaying.start()
    with os.fdopen(told_in) as news:
        for line in news:
            what, _, more = line.strip().partition(" ")
            if what == "job":
                jobs.append(int(more))
            elif what == "ended":
                relaying.join(timeout=60)
                tell(line.strip())
            else:
                tell(line.strip())


main()
