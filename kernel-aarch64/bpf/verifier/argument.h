#pragma once
/* Arguments of helpers: what a register must hold to be one, and what the call is told by it. */

#include "bpf/verifier/dynptr.h"

/* Linux's types of maps that mean something here. */
enum { LRU_HASH = 9, ARRAY_OF_MAPS = 12, HASH_OF_MAPS = 13, SOCKMAP = 15, XSKMAP = 17, SOCKHASH = 18, USER_RINGBUF = 31 };

/* What the arguments of one call said. */
struct call {
    const struct helper_prototype *prototype;
    const struct bpf_map_shape *map;
    uint8_t map_index, map_name; /* reference_name_map() */
    uint8_t reference, object; /* of the object argument */
    uint32_t map_argument;
    bool key_known;    /* the key of a map of 4-byte keys is `key` */
    uint32_t key;
    uint64_t constant; /* of ARG_CONST */
    int64_t size_max;  /* of the last size argument */
    struct iterator iterator; /* or dynptr */
    uint32_t dynptr_argument; /* where one is made, or 0 */
    uint8_t own;   /* own.h: the type of the program's own, or 0 */
    bool owned;    /* the argument is owned */
    uint32_t node; /* where in it the node lies by which it is held */
};

/* Memory of `bytes` at argument r, accessed as enum access says; other errors than a wrong type are STATUS_HELPER_MEMORY. */
[[nodiscard]] enum status check_argument_memory(struct verifier *v, struct state *s, uint32_t r, uint64_t bytes, uint8_t access);
/* Argument r of a call as the prototype has it, noted in the call. */
enum status check_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call);
