/* Functions of the program: where they begin, and how deep they call each other. */

#include "bpf/verifier/structure.h"
#include "bpf/verifier/timer.h"

#include "lib/mem.h"

uint32_t function_at(const struct verifier *v, uint32_t insn) {
    uint32_t f = v->function_count - 1;
    while (v->functions[f].start > insn) { f--; }
    return f;
}

enum status list_functions(struct verifier *v) {
    v->functions[0] = (struct function){0};
    v->function_count = 1;
    for (uint32_t pc = 1; pc < v->program->count && v->call_count != 0; pc++) {
        if ((v->marks[pc] & MARK_FUNCTION) == 0) { continue; }
        if (v->function_count == FUNCTIONS) {
            return refuse(v, STATUS_TOO_MANY_STATES, pc, "more than %u functions", (uint64_t)FUNCTIONS);
        }
        v->functions[v->function_count++] = (struct function){.start = (uint16_t)pc};
    }
    return STATUS_OK;
}

bool is_nested_call(const struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    bool calls = is_local_call(insn, shape);
    return OTHER_PLATFORMS && calls && loads_function(insn, shape) ? !timer_loads(v, pc) : calls;
}

/* Longest chain of calls, by relaxation: each round settles one more level. */
enum status check_calls(struct verifier *v) {
    uint8_t level[FUNCTIONS] = {1};
    if (OTHER_PLATFORMS) { memset(level, 1, sizeof(level)); } /* timers call some that nothing else calls */
    for (uint32_t round = 0; round <= v->function_count; round++) {
        bool changed = false;
        for (uint32_t pc = 0; pc < v->program->count; pc++) {
            struct bpf_insn insn = insn_at(v, pc);
            if ((v->marks[pc] & MARK_SECOND) != 0 || !is_nested_call(v, pc, insn, insn_shapes[insn.opcode])) { continue; }
            uint32_t callee = function_at(v, (uint32_t)jump_target(insn, SHAPE_CALL, pc));
            uint32_t needed = level[function_at(v, pc)] + 1u;
            if (callee == 0 || round == v->function_count) {
                if (callee == 0 || level[callee] < needed) { return refuse(v, STATUS_RECURSION, pc, "calls itself in the end"); }
            }
            if (level[callee] < needed) {
                level[callee] = (uint8_t)needed;
                changed = true;
            }
        }
        if (!changed) { break; }
    }
    for (uint32_t f = 0; f < v->function_count; f++) {
        if (level[f] > BPF_MAX_CALL_FRAMES) {
            return refuse(v, STATUS_CALL_TOO_DEEP, v->functions[f].start, "frame %u of a chain of calls", (uint64_t)level[f]);
        }
        if (level[f] > v->frame_count) { v->frame_count = level[f]; }
    }
    return STATUS_OK;
}

/* Linux counts frames in units, and lets functions replace the program only while those above them are small. */
enum { PLATFORM_FRAME_UNIT = 16, PLATFORM_TAIL_CALL_BYTES = 256 };

static uint32_t frame_bytes(const struct verifier *v, uint32_t f) {
    uint32_t bytes = v->functions[f].stack_bytes;
    return is_privileged(v) ? (bytes + PLATFORM_FRAME_UNIT - 1) & ~(PLATFORM_FRAME_UNIT - 1u) : bytes;
}

/* Deepest sum of frames on the way to each function, callers first; recursion was excluded. */
enum status check_stack_chain(struct verifier *v) {
    if (v->function_count == 1) { return STATUS_OK; }
    uint32_t above[FUNCTIONS] = {0};
    for (uint32_t round = 0; round < v->function_count; round++) {
        for (uint32_t pc = 0; pc < v->program->count; pc++) {
            struct bpf_insn insn = insn_at(v, pc);
            if ((v->marks[pc] & MARK_SECOND) != 0 || !is_nested_call(v, pc, insn, insn_shapes[insn.opcode])) { continue; }
            uint32_t caller = function_at(v, pc), callee = function_at(v, (uint32_t)jump_target(insn, SHAPE_CALL, pc));
            uint32_t sum = above[caller] + frame_bytes(v, caller);
            if (sum > above[callee]) { above[callee] = sum; }
            if (OTHER_PLATFORMS && v->functions[callee].tail_calls && sum >= PLATFORM_TAIL_CALL_BYTES) {
                return refuse(v, STATUS_STACK_TOO_DEEP, pc, "%u bytes in use here, at most %u around a function that makes tail calls",
                              (uint64_t)sum, (uint64_t)PLATFORM_TAIL_CALL_BYTES - 1);
            }
            if (sum + frame_bytes(v, callee) > BPF_STACK_BYTES) {
                return refuse(v, STATUS_STACK_TOO_DEEP, pc, "%u bytes in use here and %u in the function called, %u in all",
                              (uint64_t)sum, (uint64_t)frame_bytes(v, callee), (uint64_t)BPF_STACK_BYTES);
            }
        }
    }
    return STATUS_OK;
}
