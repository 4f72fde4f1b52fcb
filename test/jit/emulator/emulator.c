#include "emulator.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A hang is told by the processor time that it takes: on a busy machine even short programs take seconds of the clock. */
enum { HANG_CPU_MS = 4000, POLL_MS = 500, POLLS = 240 };

[[noreturn]] static void fail(const char *what) {
    perror(what);
    exit(2);
}

static int64_t cpu_ms(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used)) { return 0; }
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
}

static bool wait_for_word(struct emulator *e) {
    struct pollfd poll_for = {.fd = e->from, .events = POLLIN};
    int64_t before = cpu_ms(e->pid);
    uint32_t word;
    for (uint32_t i = 0; i < POLLS && cpu_ms(e->pid) - before < HANG_CPU_MS; i++) {
        if (poll(&poll_for, 1, POLL_MS) == 1) { return read(e->from, &word, 4) == 4; }
    }
    return false;
}

static void start(struct emulator *e) {
    int in[2], out[2];
    if (pipe(in) || pipe(out)) { fail("pipe"); }
    e->pid = fork();
    if (e->pid < 0) { fail("fork"); }
    if (e->pid == 0) {
        setpgid(0, 0); /* Ctrl-C is for whoever runs it: an emulator that it ends looks like code that crashed */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(e->shared_fd, SHARED_FD);
        for (int fd = SHARED_FD + 1; fd < 32; fd++) { close(fd); }
        if (!freopen("/dev/null", "w", stderr)) { _exit(127); }
        execlp("qemu-aarch64", "qemu-aarch64", "-cpu", "max,pauth-impdef=on", e->executor, nullptr);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    e->to = in[1];
    e->from = out[0];
    if (!wait_for_word(e)) { fail("qemu-aarch64 does not run the executor (apt-get install qemu-user)"); }
}

static void stop(struct emulator *e) {
    kill(e->pid, SIGKILL);
    waitpid(e->pid, nullptr, 0);
    close(e->to);
    close(e->from);
}

void emulator_open(struct emulator *e, const char *executor) {
    e->executor = executor;
    int fd = memfd_create("velocity-jit-fuzz", 0);
    e->shared_fd = fcntl(fd, F_DUPFD, 40); /* out of the way of descriptor 3 and of what the child closes */
    close(fd);
    if (e->shared_fd < 0 || ftruncate(e->shared_fd, SHARED_BYTES)) { fail("memfd_create"); }
    e->shared = mmap(nullptr, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, e->shared_fd, 0);
    if (e->shared == MAP_FAILED) { fail("mmap"); }
    signal(SIGPIPE, SIG_IGN);
    start(e);
}

void emulator_close(struct emulator *e) { stop(e); }

uint32_t emulator_run(struct emulator *e, uint32_t first, uint32_t count) {
    uint32_t word = 1;
    e->shared->first = first;
    e->shared->count = count;
    e->shared->current = first;
    if (write(e->to, &word, 4) == 4 && wait_for_word(e)) { return count; }
    uint32_t culprit = e->shared->current;
    stop(e);
    start(e);
    return culprit;
}
