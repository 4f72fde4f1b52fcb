/* What the vectors call: interrupts go to irq, guarded faults unwind, all else leaves a crash record and resets. */
#include "drivers/board.h"
#include "drivers/console.h"
#include "irq/irq.h"
#include "mm/layout.h"
#include "patch/profile.h"
#include "smp/crash_write.h"
#include "smp/guard.h"
#include "smp/start.h"
#include "telemetry/running.h"
#include "telemetry/story.h"

static_assert(STATUS_MODULE_FAULT == 276, "smp/guard.S returns this number");

/* Kinds given by boot/vectors.S; + 4 when the stack pointer had left the stack. */
enum trap_kind : uint64_t { TRAP_SYNCHRONOUS, TRAP_FIQ, TRAP_SERROR, TRAP_LOWER_LEVEL, TRAP_OFF_STACK };

/* As guard_call() lays it out (smp/guard.S). */
struct guard_frame {
    uint64_t saved[20];
    uint64_t outer;
    uint64_t unused;
    uint64_t *result;
    struct fault *fault;
};
static_assert(sizeof(struct guard_frame) == 192);

extern struct guard_frame *guard_top[MAX_CORES];

bool guard_is_active(uint32_t core) { return __atomic_load_n(&guard_top[core], __ATOMIC_ACQUIRE) != nullptr; }

/* Exception classes of ESR_EL1 (Arm ARM D19.2.40). */
static const char *class_name(uint64_t esr) {
    switch (esr >> 26 & 63) {
    case 0x00: return "undefined instruction";
    case 0x07: return "vector registers are off";
    case 0x0e: return "illegal execution state";
    case 0x15: return "supervisor call";
    case 0x21: return "instruction abort";
    case 0x22: return "misaligned pc";
    case 0x25: return "data abort";
    case 0x26: return "misaligned stack pointer";
    case 0x2f: return "SError";
    case 0x30:
    case 0x31: return "breakpoint";
    case 0x3c: return "BRK instruction";
    default: return "synchronous exception";
    }
}

static bool in_guard_page(uint64_t addr) {
    return addr >= STACKS_VA && addr < STACKS_VA + MAX_CORES * STACK_STRIDE_BYTES &&
           (addr - STACKS_VA) % STACK_STRIDE_BYTES < STACK_STRIDE_BYTES - STACK_BYTES;
}

[[clang::minsize]] static const char *reason_of(const struct fault *fault, uint64_t kind) {
    switch (kind & 3) {
    case TRAP_FIQ: return "unexpected FIQ";
    case TRAP_SERROR: return "SError";
    case TRAP_LOWER_LEVEL: return "exception from a lower level";
    default: break;
    }
    const bool abort = (fault->esr >> 26 & 63) == 0x25;
    if (abort && in_guard_page(fault->far)) { return "stack overflow"; }
    return class_name(fault->esr);
}

[[noreturn, clang::minsize]] static void crash(const struct fault *fault, uint64_t kind) {
    if (crash_claim()) {
        const char *reason = reason_of(fault, kind);
        const uint64_t base = (uintptr_t)__image_start;
        struct crash_story story;
        crash_story_tell(&story, core_id(), fault);
        crash_write(reason, build_id(), core_id(), fault, &story);
        console_print("\ncrash on core %u: %s, esr 0x%lx, far 0x%lx, elr image+0x%lx, lr image+0x%lx; resetting\n",
                      core_id(), reason, fault->esr, fault->far, fault->elr - base, fault->x[30] - base);
    }
    board_reset();
}

struct guard_frame *exception_trap(const struct fault *fault, uint64_t kind) {
    struct guard_frame *guard = guard_top[core_id()];
    /* Also when a module outran the stack: its guard's frame is above what it used. */
    if (!guard || (kind & ~TRAP_OFF_STACK) != TRAP_SYNCHRONOUS) { crash(fault, kind); }
    if (guard->fault) { *guard->fault = *fault; }
    return guard;
}

/* A guard of the interrupted code must not catch faults of the interrupt handler, whose modules are not what runs on behind it. */
void exception_interrupt(struct interrupt_frame *frame) {
    if (__builtin_expect(profile_every != 0, 0) && profile_interrupted(frame)) { return; }
    struct guard_frame **top = &guard_top[core_id()];
    struct guard_frame *outer = *top;
    const struct running **module = &running_module[core_id()], *running = *module;
    *top = nullptr;
    core_irq_enter();
    irq_handle();
    core_irq_leave();
    if (outer != nullptr) { *module = running; }
    *top = outer;
}
