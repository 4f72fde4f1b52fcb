#include "drivers/board.h"
#include "lib/board_class.h"
#include "lib/mem.h"
#include "lib/pmu.h"
#include "lib/refusal.h"
#include "patch/boot_id.h"
#include "patch/compile.h"
#include "patch/modules.h"
#include "patch/permission.h"
#include "patch/program_hash.h"
#include "patch/report.h"
#include "patch/service.h"
#include "patch/stage.h"
#include "patch/text.h"
#include "patch/timer_hook.h"
#include "trust/keys.h"

/* They answer within microseconds, but for emulated ones on a busy machine. */
constexpr uint32_t FETCH_TIMEOUT_US = 1'000'000;

/* All that is known of a patch on its way in. Nothing of it is visible outside before apply(). */
struct admission {
    const struct msg_install_request *request;
    struct refusal *refusal;
    struct signer signer;
    struct patch patch;
    struct module *module;       /* null when the name is new */
    struct version *predecessor; /* running now; null when the name is new */
    struct compilation compilation;
    struct version *version;
    uint64_t check_cycles;
};

/* Hash of the staged bytes, signature, form. */
static enum status check_envelope(struct admission *admission) {
    struct span message;
    struct span payload;
    const uint64_t start = cycles() - timer_cycles();
    enum status status = stage_get(admission->request->has_sha, admission->request->sha, &message, admission->refusal);
    if (status == STATUS_OK) { status = keys_open(message, ROLE_PATCH, &admission->signer, &payload, admission->refusal); }
    admission->check_cycles = cycles() - timer_cycles() - start;
    if (status == STATUS_OK) { status = patch_decode(payload, &admission->patch, admission->refusal); }
    return status;
}

static enum status check_board(const struct admission *admission) {
    const struct span wanted = admission->patch.board_class;
    if (span_is(wanted, BOARD_CLASS) || span_equal(wanted, span_of(board_model()))) { return STATUS_OK; }
    return REFUSE(admission->refusal, STATUS_WRONG_BOARD, "the patch is for '%.*s', this is '" BOARD_CLASS "'",
                  (int)wanted.size, (const char *)wanted.data);
}

static enum status check_boot(const struct admission *admission) {
    const uint8_t *wanted = admission->patch.boot.data;
    const uint8_t *here = boot_id();
    if (memcmp(wanted, here, BOOT_ID_BYTES) == 0) { return STATUS_OK; }
    return REFUSE(admission->refusal, STATUS_WRONG_BOOT, "the patch is for boot %08x..., this is %08x...", first_bytes(wanted),
                  first_bytes(here));
}

static enum status check_hook(const struct admission *admission) {
    const struct patch *patch = &admission->patch;
    if (patch->hook == 0 || patch->hook == HOOK_RUN || patch->hook >= HOOK_ID_LIMIT) {
        return REFUSE(admission->refusal, STATUS_UNKNOWN_HOOK, "there is no slot in hook %u", patch->hook);
    }
    const uint32_t up = (1u << cores_up()) - 1;
    if ((patch->cores & ~up) != 0) {
        return REFUSE(admission->refusal, STATUS_WRONG_BOARD, "core mask 0x%x; cores 0x%x are up", patch->cores, up);
    }
    if (patch->hook != HOOK_TIMER && patch->cores > 1) {
        return REFUSE(admission->refusal, STATUS_BAD_PATCH, "this hook runs on core 0 only");
    }
    return STATUS_OK;
}

static enum status check_parent(struct admission *admission) {
    const struct patch *patch = &admission->patch;
    struct refusal *refusal = admission->refusal;
    admission->module = module_find(patch->name);
    if (admission->module == nullptr) {
        if (patch->parent.size == 0) { return module_has_room(patch->hook); }
        return REFUSE(refusal, STATUS_WRONG_PARENT, "the patch names a parent, but no such module is installed");
    }
    struct version *running = module_running(admission->module);
    if (running == nullptr) { return STATUS_BUSY; } /* a fault emptied the slot this very moment */
    admission->predecessor = running;
    if (running->watched != 0) { return STATUS_CANARY_RUNNING; }
    if (admission->module->hook != patch->hook) {
        return REFUSE(refusal, STATUS_WRONG_PARENT, "this module is bound to another hook; remove it first");
    }
    if (patch->parent.size == 0) {
        return REFUSE(refusal, STATUS_WRONG_PARENT, "version %u runs, but the patch names no parent",
                      running->running.version);
    }
    if (memcmp(patch->parent.data, running->sha, sizeof(running->sha)) == 0) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_WRONG_PARENT, "version %u that runs is %08x..., the parent is %08x...",
                  running->running.version, first_bytes(running->sha), first_bytes(patch->parent.data));
}

static enum status check_watch(const struct admission *admission) {
    const struct msg_install_request *request = admission->request;
    if (request->has_window && (request->window == 0 || request->window > WATCH_WINDOW_MAX)) {
        return REFUSE(admission->refusal, STATUS_INVALID_ARGUMENT, "window is 1..%u calls", WATCH_WINDOW_MAX);
    }
    if (request->has_ratio && (request->ratio == 0 || request->ratio > WATCH_RATIO_MAX)) {
        return REFUSE(admission->refusal, STATUS_INVALID_ARGUMENT, "ratio is 1..%u permille", WATCH_RATIO_MAX);
    }
    return STATUS_OK;
}

static bool has_before(const struct version *version, uint32_t map) {
    for (uint32_t i = 0; i < map; i++) {
        if (version->maps[i] == version->maps[map]) { return true; }
    }
    return false;
}

/* Takes the maps, the program and the memory that the version will have; version_free() gives all of it back. What is one map
 * would be two to the verifier, the compiler and whoever proves: that it does not change when the other is written. */
static enum status take_maps(struct admission *admission) {
    struct version *version = admission->version;
    version->shadow_safe = true;
    for (uint32_t i = 0; i < admission->patch.map_count; i++) {
        const struct map_definition *definition = &admission->patch.maps[i];
        enum status status = map_acquire(definition, &version->maps[i]);
        if (status == STATUS_OK) {
            const bool constants = (definition->shape.flags & MAP_FLAG_READ_ONLY) != 0;
            version->map_count = i + 1;
            version->shadow_safe &= constants;
            if (!constants && has_before(version, i)) { status = STATUS_BAD_MAP_DEFINITION; }
        }
        if (status != STATUS_OK) {
            return REFUSE(admission->refusal, status, "map %.*s", (int)definition->name.size,
                          (const char *)definition->name.data);
        }
        admission->compilation.shapes[i] = definition->shape;
    }
    admission->compilation.program.map_count = version->map_count;
    return STATUS_OK;
}

static enum status check_shadow(const struct admission *admission) {
    if (!admission->request->canary || !admission->request->shadow) { return STATUS_OK; }
    const struct version *predecessor = admission->predecessor;
    if (predecessor == nullptr) {
        return REFUSE(admission->refusal, STATUS_INVALID_ARGUMENT, "shadow mode needs a version to compare with");
    }
    if (admission->version->shadow_safe && predecessor->shadow_safe) { return STATUS_OK; }
    return REFUSE(admission->refusal, STATUS_INVALID_ARGUMENT, "shadow mode would write the module's maps twice");
}

static enum status check_bound(const struct admission *admission) {
    const uint64_t proven = admission->compilation.bound;
    const uint64_t claimed = admission->patch.bound;
    if (claimed != 0 && claimed < proven) {
        return REFUSE(admission->refusal, STATUS_BOUND_MISMATCH, "the patch says %lu, the board proved %lu", claimed,
                      proven);
    }
    const enum status status = compile_check_budget(&admission->compilation, admission->refusal);
    if (status != STATUS_OK) { return status; }
    if (proven > admission->signer.rights->budget) {
        return REFUSE(admission->refusal, STATUS_BUDGET_FORBIDDEN, "proven %lu instructions, this key may use %lu", proven,
                      admission->signer.rights->budget);
    }
    return STATUS_OK;
}

static enum status build(struct admission *admission) {
    struct compilation *compilation = &admission->compilation;
    const struct patch *patch = &admission->patch;
    enum status status = compile_begin(compilation, patch->code, patch->hook, admission->refusal);
    if (status == STATUS_OK) { status = version_make(patch->name, compilation->program.count, &admission->version); }
    if (status == STATUS_OK) { status = take_maps(admission); }
    if (status == STATUS_OK) { status = check_shadow(admission); }
    if (status == STATUS_OK) { status = compile_verify(compilation, patch->certificate, admission->refusal); }
    if (status == STATUS_OK) { status = check_bound(admission); }
    if (status != STATUS_OK) { return status; }
    return compile_emit(compilation, admission->version->maps, admission->version->word_of_insn);
}

static enum status decode(struct admission *admission) {
    enum status status = check_watch(admission);
    if (status == STATUS_OK) { status = check_envelope(admission); }
    if (status == STATUS_OK) { status = check_board(admission); }
    if (status == STATUS_OK) { status = check_boot(admission); }
    if (status == STATUS_OK) {
        status = keys_check_sequence(&admission->signer, admission->patch.sequence, admission->refusal);
    }
    if (status == STATUS_OK) { status = check_permission(&admission->patch, &admission->signer, admission->refusal); }
    if (status == STATUS_OK) { status = check_hook(admission); }
    if (status == STATUS_OK) { status = check_parent(admission); }
    if (status == STATUS_OK) { status = build(admission); }
    return status;
}

static void fill_version(struct admission *admission) {
    const struct compilation *compilation = &admission->compilation;
    struct version *version = admission->version;
    version->entry = (jit_function)compilation->code.exec_addr;
    version->code = compilation->code;
    version->words = compilation->words;
    version->bound = compilation->bound;
    version->proof = admission->patch.proof;
    version->cores = admission->patch.cores == 0 ? 1 : admission->patch.cores;
    program_hash(&admission->patch, version->sha);
}

/* The plan of the watch is checked. Two things can still fail, and then nothing has changed: another core may not be ready for
 * new code, and the parent, which was checked before the program was compiled, may have been thrown out by a fault meanwhile:
 * the exchange of the slot tells. */
static enum status apply(struct admission *admission) {
    const struct msg_install_request *request = admission->request;
    struct version *version = admission->version;
    fill_version(admission);
    if (cores_fetch_anew(FETCH_TIMEOUT_US) != STATUS_OK) { return REFUSE(admission->refusal, STATUS_BUSY, "a core takes no interrupts"); }
    if (request->canary) {
        const struct watch_plan plan = {
            .window = request->has_window ? request->window : WATCH_WINDOW_DEFAULT,
            .ratio = request->has_ratio ? request->ratio : WATCH_RATIO_DEFAULT,
            .shadow = request->shadow,
        };
        watch_start(version, admission->predecessor, &plan);
    }
    const enum status status = module_apply(admission->patch.hook, version, admission->module, admission->predecessor);
    if (status != STATUS_OK) {
        return REFUSE(admission->refusal, status, "the version to be replaced was thrown out meanwhile");
    }
    keys_note_sequence(&admission->signer, admission->patch.sequence);
    keys_note_swap(&admission->signer);
    report_installed(version);
    if (admission->patch.period_us != 0) { (void)timer_set_period(admission->patch.period_us); } /* range was checked */
    timer_poll();
    return STATUS_OK;
}

enum status handle_install(const struct msg_install_request *request, struct msg_install_response *response,
                           struct refusal *refusal) {
    static struct admission admission; /* some KiB: too much for the stack */
    admission = (struct admission){.request = request, .refusal = refusal};
    while (modules_poll()) {} /* memory of versions that are gone already */
    enum status status = decode(&admission);
    if (status == STATUS_OK) { status = apply(&admission); }
    if (status != STATUS_OK) {
        version_free(admission.version);
        report_refused(admission.patch.name, status, refusal->message);
        return status;
    }
    const struct version *version = admission.version;
    *response = (struct msg_install_response){
        .name = span_of(version->name),
        .version = version->running.version,
        .insns = version->insns,
        .bound = version->bound,
        .jit_bytes = version->words * 4,
        .verify_insns = admission.compilation.verify_cycles,
        .compile_insns = admission.compilation.compile_cycles,
        .check_insns = admission.check_cycles,
    };
    return STATUS_OK;
}
