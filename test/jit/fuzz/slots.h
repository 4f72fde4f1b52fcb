#pragma once
/* Slots taken out of a program and put into it, with every jump and call still going where it went. */

#include "generator.h"

static inline bool is_wide_constant(struct bpf_insn insn) { return insn.opcode == (BPF_CLASS_LD | BPF_SIZE_DW); }

/* Takes out slots from..to-1 and puts `more` others in their place, which must fit; jumps into those taken out go to what is there
 * then, jumps to `to` behind what is put in. */
void replace_slots(struct generated *g, uint32_t from, uint32_t to, const struct bpf_insn *by, uint32_t more);
static inline void remove_slots(struct generated *g, uint32_t from, uint32_t to) { replace_slots(g, from, to, nullptr, 0); }
