#pragma once
/* An eBPF program as verifier, JIT and interpreter see it (RFC 9669 §3). Pure data; nothing here owns memory. */

#include "gen/abi_bpf.h"
#include "gen/abi_hooks.h"
#include "gen/abi_patch.h"
#include <stdint.h>

/* One instruction slot; `regs` holds dst in bits 0..3 and src in bits 4..7. May be read as one word. */
struct bpf_insn {
    alignas(8) uint8_t opcode;
    uint8_t regs;
    int16_t off;
    int32_t imm;
};
static_assert(sizeof(struct bpf_insn) == BPF_INSN_BYTES);

static inline uint32_t insn_dst(struct bpf_insn insn) { return insn.regs & 15u; }
static inline uint32_t insn_src(struct bpf_insn insn) { return insn.regs >> 4; }
static inline uint32_t insn_class(struct bpf_insn insn) { return insn.opcode & 7u; }

/* What the verifier must know of a map; flags: MAP_FLAG_READ_ONLY. */
struct bpf_map_shape {
    uint32_t type; /* MAP_TYPE_* */
    uint32_t key_size;
    uint32_t value_size;
    uint32_t max_entries;
    uint32_t flags;
    uint32_t inner; /* maps of maps: 1 + index of the map that describes what they hold, or 0 */
};

/* The kernel's image judges and compiles programs of its own platform only: what others need is left out of it. */
#ifndef OTHER_PLATFORMS
#define OTHER_PLATFORMS 0
#endif

struct bpf_platform;

/* Bytes in the values of a map that are the kernel's; other platforms only. */
enum bpf_field_kind : uint8_t {
    FIELD_LOCK,      /* reached by the helpers for locks */
    FIELD_OPAQUE,    /* lists and what else only functions of the kernel reach */
    FIELD_TIMER,     /* reached by the helpers for timers */
    FIELD_WORK,      /* and those for work that is done later */
    FIELD_LIST,      /* a list of objects of the program's own type `holds`, by their bpf_list_node at `node` */
    FIELD_TREE,      /* likewise, a tree */
    FIELD_LIST_NODE, /* in objects of an own type: by which a list holds them */
    FIELD_TREE_NODE,
    FIELD_COUNT,     /* how many own the object */
    FIELD_NUMBER,    /* data: accesses lie within */
    FIELD_ADDRESS,   /* the same, loaded and stored whole */
    FIELD_TYPE,      /* of the type as a whole: its number in `offset` */
    FIELD_EACH,      /* the same of what each processor has one of: a type without fields, `holds` is that of the one */
    FIELD_POINTER,   /* the address of a kernel object, loaded and stored whole */
    FIELD_REFERENCE, /* one that is owned: loaded whole, never stored */
    FIELD_TASK,      /* the same, of an object of this type: exchanged for another one that is owned, or null */
    FIELD_CGROUP,
    FIELD_CPUMASK,
    FIELD_CRYPTO,
    FIELD_CONNTRACK,
    FIELD_OWN, /* the same, of the program's own type `holds` */
};

/* Fields of objects of a type of the program's own have this and more as their map. */
enum { OWN_TYPE_FIRST = 128 };

struct bpf_map_field {
    uint32_t offset, bytes;
    uint8_t map;
    enum bpf_field_kind kind;
    uint8_t holds;
    uint32_t node;
};

/* Who takes what the program throws; other platforms only. */
enum catches : uint8_t { CATCHES_NOTHING, CATCHES_ELSEWHERE, CATCHES_ITSELF /* this is the function that catches: it is called with a number */ };

/* What the types that a program was compiled with say of an instruction; other platforms only. */
enum bpf_note : uint8_t {
    NOTE_UNTRUSTED = 1 << 0, /* it loads a member of a union */
    NOTE_NO_STRUCT = 1 << 1, /* its number names a type that is no struct */
    NOTE_PER_CPU = 7 << 2,   /* its number is where a variable lies that each processor has: 1 for a struct, 2 for a number of a byte, 3 for one of 2, ... */
};

/* What a function takes in a register, by the types that it was compiled with. */
enum bpf_takes : uint8_t {
    TAKES_NUMBER,
    TAKES_CONTEXT,
    TAKES_MEMORY, /* so many bytes */
    TAKES_MEMORY_OR_NULL,
    TAKES_ADDRESS, /* anything; only loads that never fault follow it */
    TAKES_TASK,    /* an object of the kernel of this kind, which stays for as long as the function runs */
    TAKES_TASK_OR_NULL,
    TAKES_CGROUP,
    TAKES_CGROUP_OR_NULL,
    TAKES_DYNPTR, /* of whatever memory */
    TAKES_ARENA,  /* an address in an arena, or a number */
};

/* What the context of other platforms' programs hands over, as far as it is known. */
enum bpf_handed : uint8_t {
    HANDED_ADDRESS,
    HANDED_TASK,
    HANDED_CGROUP,
    HANDED_FILE,
    HANDED_PATH,
    HANDED_NUMBER,
    HANDED_TCP,
    HANDED_ACK_SAMPLE,
    HANDED_RATE_SAMPLE,
    HANDED_MASK,
    HANDED_HID_CONTEXT,
    HANDED_DUMMY_STATE,
    HANDED_DENTRY,
    HANDED_TASK_OR_NULL,
    HANDED_DUMMY_STATE_OR_NULL,
};
enum { HANDED_WORDS = 12 };

/* What is known of a place in objects of a kind; other platforms only. */
enum bpf_part_kind : uint8_t {
    PART_SIZE,          /* they end at `end` */
    PART_WRITTEN,       /* programs write these bytes */
    PART_WRITTEN_WHOLE, /* the same, from the first of them on */
    PART_POINTS,        /* the address of an object of kind `to` lies there */
    PART_POINTS_RCU,    /* the same, of one that RCU protects */
    PART_HOLDS,         /* such an object begins there */
    PART_BYTES,         /* helpers read these bytes of an object that is not RCU's */
    PART_CLOSED,        /* of the context, which is no object: programs that attach where this one does can't access these bytes */
    PART_READ,          /* they only read them */
    PART_EXIT,          /* and return at least `offset` and at most `end` */
};

struct bpf_part {
    uint8_t object, to; /* enum object_kind */
    enum bpf_part_kind kind;
    uint32_t offset, end;
};

/* A function that is judged by itself, for any arguments that it takes; other platforms only. */
struct bpf_global {
    uint32_t start, argument_count;
    struct {
        enum bpf_takes takes;
        uint32_t bytes;
    } arguments[5];
};

struct bpf_program {
    const struct bpf_insn *insns;
    uint32_t count; /* slots, 1..MAX_PROGRAM_INSNS */
    enum hook_id hook; /* the platform's program type */
    const struct bpf_map_shape *maps; /* ld_imm64 with src 1 or 2 carries the index into this in imm */
    uint32_t map_count;
    uint32_t memory_size; /* HOOK_RUN: bytes at r1, also the value of r2; else 0 */
    const struct bpf_platform *platform; /* bpf/verifier/platform.h; null = the board */
    const struct bpf_map_field *fields;  /* null when nothing is said of them */
    uint32_t field_count;
    const uint8_t *const *contents; /* other platforms: of each map, what its only value holds for good, or null; null for none */
    const uint8_t *notes; /* other platforms: of each slot, bits of enum bpf_note; null for none */
    const struct bpf_global *globals; /* other platforms; null for none */
    uint32_t global_count;
    uint32_t context_end; /* other platforms: 1 + bytes of the context, or 0 for as many as the type has */
    enum bpf_handed handed[HANDED_WORDS]; /* other platforms: in the first words of the context */
    const struct bpf_part *parts; /* other platforms */
    uint32_t part_count;
    bool may_sleep; /* other platforms */
    bool silent;    /* other platforms: what it returns does not matter */
    enum catches catches;
};

/* What the verifier proved of each slot, over all ways to reach it; the JIT may rely on each flag. */
enum bpf_fact : uint8_t {
    FACT_REACHED = 1 << 0,      /* some path executes this slot */
    FACT_DST_UPPER_ZERO = 1 << 1, /* before it, bits 63..32 of dst are zero */
    FACT_SRC_UPPER_ZERO = 1 << 2, /* before it, bits 63..32 of src are zero */
    FACT_SRC_NONZERO = 1 << 3,  /* before it, src is not zero, at the width of the operation (div, mod) */
    FACT_ALWAYS_TAKEN = 1 << 4, /* conditional jump: never falls through */
    FACT_NEVER_TAKEN = 1 << 5,  /* conditional jump: always falls through */
    FACT_JUMP_TARGET = 1 << 6,  /* some reached jump or call lands here */
    /* Unlike the others it holds when it held once. Of an addition or a subtraction of two registers: one is a pointer, and
     * `indexes` says more, unless it is full. Of an access or a call: the bytes are found through a pointer that numbers may
     * have moved further from the start of the packet than PACKET_REACH_BYTES, so only the packet's length keeps it inside. */
    FACT_ADDRESS = 1 << 7,
};

/* The same of other platforms' programs, but when it held once. */
enum bpf_arena_fact : uint8_t {
    ARENA_ACCESS = 1 << 0, /* it accesses an arena */
    ARENA_RESULT = 1 << 1, /* what it computes is an address there: the low 32 bits alone */
};

/* What lies behind the first byte of a packet for sure: the room that frames are received into. */
#define PACKET_REACH_BYTES 2032u

/* A number that is added to a pointer, or taken from it: over all ways to reach it. */
struct bpf_index_fact {
    uint16_t slot;
    uint16_t object; /* INDEX_IN_DST and so on; below, kind and map of the pointer, or INDEX_ODD */
    uint32_t most;   /* the greatest that the number may be */
    uint32_t bits;   /* that may be set in it */
};
#define INDEX_IN_DST 0x8000u /* the number is the dst of the instruction */
#define INDEX_IN_SRC 0x4000u
#define INDEX_ODD 0x0fffu    /* the object is not always the same, the number not always one of 32 bits, or there is no pointer */
#define MAX_INDEX_FACTS 64u

/* A call of a vector helper (gen/abi_vectors.h): its counts, in the order of the arguments, over all ways to reach it. */
struct bpf_vector_fact {
    uint16_t slot;
    bool apart; /* what is written lies apart from what is read, each time */
    uint32_t least[2], most[2];
};
#define MAX_VECTOR_FACTS 32u /* calls beyond these are compiled for any count */

struct bpf_facts {
    uint8_t flags[MAX_PROGRAM_INSNS]; /* bits of enum bpf_fact */
    struct bpf_vector_fact vectors[MAX_VECTOR_FACTS];
    uint32_t vector_count;
    struct bpf_index_fact indexes[MAX_INDEX_FACTS];
    uint32_t index_count;
    uint32_t stack_bytes;             /* deepest stack use of the main function's own frame, multiple of 8, 0..512 */
#if OTHER_PLATFORMS
    uint8_t arena[MAX_PROGRAM_INSNS]; /* bits of enum bpf_arena_fact */
#endif
};
