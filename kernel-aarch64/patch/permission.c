#include "patch/permission.h"
#include "gen/abi_bpf.h"
#include "lib/mem.h"

/* Every call instruction is looked at, reached or not; what is no instruction at all the verifier refuses. */
static enum status check_helpers(const struct patch *patch, const struct policy_key *rights, struct refusal *refusal) {
    constexpr uint8_t CALL = BPF_CLASS_JMP | BPF_JMP_CALL;
    constexpr uint8_t LD_IMM64 = BPF_CLASS_LD | BPF_SIZE_DW | BPF_MODE_IMM;
    for (uint32_t at = 0; at + BPF_INSN_BYTES <= patch->code.size; at += BPF_INSN_BYTES) {
        const uint8_t *insn = patch->code.data + at;
        if (insn[0] == LD_IMM64) { at += BPF_INSN_BYTES; }
        if (insn[0] != CALL || insn[1] >> 4 != 0) { continue; } /* another source register: a call within the program */
        uint32_t helper;
        memcpy(&helper, insn + 4, sizeof(helper));
        if (policy_allows_helper(rights, helper)) { continue; }
        refusal->has_insn = true;
        refusal->insn = at / BPF_INSN_BYTES;
        return REFUSE(refusal, STATUS_HELPER_FORBIDDEN, "helper %u", helper);
    }
    return STATUS_OK;
}

enum status check_permission(const struct patch *patch, const struct signer *signer, struct refusal *refusal) {
    static const char *const proofs[] = {"none", "proven", "tested"};
    const struct policy_key *rights = signer->rights;
    const uint32_t cores = patch->cores == 0 ? 1 : patch->cores;
    if (!policy_allows_name(rights->modules, patch->name)) {
        return REFUSE(refusal, STATUS_MODULE_FORBIDDEN, "module %.*s", (int)patch->name.size, (const char *)patch->name.data);
    }
    for (uint32_t i = 0; i < patch->map_count; i++) {
        const struct span map = patch->maps[i].name;
        if (!policy_allows_name(rights->maps, map)) {
            return REFUSE(refusal, STATUS_MAP_FORBIDDEN, "map %.*s", (int)map.size, (const char *)map.data);
        }
    }
    if (patch->hook < 32 && (rights->hooks >> patch->hook & 1) == 0) {
        return REFUSE(refusal, STATUS_HOOK_FORBIDDEN, "hook %u", patch->hook);
    }
    if ((cores & ~rights->cores) != 0) {
        return REFUSE(refusal, STATUS_CORES_FORBIDDEN, "core mask 0x%x; this key may use 0x%x", cores, rights->cores);
    }
    if ((rights->proofs >> patch->proof & 1) == 0) {
        return REFUSE(refusal, STATUS_PROOF_POLICY, "the patch says: %s", proofs[patch->proof]);
    }
    enum status status = check_helpers(patch, rights, refusal);
    if (status == STATUS_OK && patch->period_us != 0) { status = keys_check_period(signer, patch->period_us, refusal); }
    return status == STATUS_OK ? keys_check_rate(signer, refusal) : status;
}
