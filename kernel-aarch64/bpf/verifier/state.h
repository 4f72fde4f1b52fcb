#pragma once
/* The abstract machine: what is known of every register and stack byte at one point of one way through the program. */

#include "bpf/program.h"
#include "bpf/verifier/platform.h"
#include "bpf/verifier/scalar.h"
#include <stdint.h>

enum reg_kind : uint8_t {
    REG_UNINIT,            /* never written here, or forgotten because nothing reads it any more */
    REG_SCALAR,            /* a number */
    REG_CONTEXT,           /* pointer to the hook's context */
    REG_STACK,             /* pointer to the top of the stack of frame `frame` */
    REG_MAP_VALUE,         /* pointer to a value of map `map` */
    REG_MAP_VALUE_OR_NULL, /* the same, not yet compared with null */
    REG_PACKET,            /* pointer to the first byte of the packet */
    REG_PACKET_END,        /* pointer behind its last byte */
    REG_MEMORY,            /* pointer to `range` bytes of memory; `map` is enum memory_access */
    REG_MAP,               /* map `map` itself, for helpers */
    REG_MAP_OR_NULL,       /* the same, found in a map of maps */
    REG_MEMORY_OR_NULL,
    REG_PACKET_META,       /* pointer to the first byte of what lies before the packet */
    REG_OBJECT,            /* pointer to an object of the platform, of kind `map` */
    REG_OBJECT_OR_NULL,
    REG_FUNCTION, /* function at slot `off` */
    REG_ARENA,    /* an address in an arena, whichever */
    REG_ITERATOR, /* on the stack only: part `off` of an iterator of kind `map`, known by `id`, of `var` turns */
    REG_OWN,      /* pointer to an object of the program's own type `map`, with a reference (own.h) */
    REG_OWN_OR_NULL,
    REG_LENT, /* the same while a lock is held, which is its reference */
    REG_LENT_OR_NULL,
    REG_SHARED, /* the same, that somebody else owns: it stays for as long as what RCU protects is read */
    REG_SHARED_OR_NULL,
};

/* A pointer is its base plus `off` plus any value of `var`. */
struct reg {
    uint8_t kind; /* enum reg_kind */
    uint8_t map;   /* REG_SCALAR: enum origin */
    uint8_t frame; /* REG_PACKET: enum past_end. Of other kinds than REG_STACK: the reference (reference.h), or 0; REG_MAP and map values: the
                      name of the inner map, likewise */
    uint8_t unused;
    int32_t off;    /* REG_SCALAR: 0 without an id */
    uint32_t id;    /* != 0: scalars with the same id have the same `var` minus `off`; packet pointers, the same `var`; map values, the same
                       address base */
    uint32_t range; /* REG_PACKET: base + var + range is proven to lie at or before data_end. REG_MEMORY: its size */
    struct scalar var;
};

/* Where a number comes from. Loads through an address of the kernel never fault: Linux makes them so. */
enum origin : uint8_t {
    ORIGIN_ANY,
    ORIGIN_POINTER,  /* a pointer that was moved by a number without a bound */
    ORIGIN_KERNEL,   /* maybe an address in the kernel */
    ORIGIN_INSIDE,   /* the same, moved: what begins elsewhere */
    ORIGIN_CAST,     /* what the program only says is one, and what was loaded from there: it may be loaded from, no more */
    ORIGIN_RELEASED, /* a pointer to what was released */
    ORIGIN_STALE,    /* a pointer into a packet that may have been changed */
    ORIGIN_NO_STRUCT, /* the program's number for a type of the kernel that is no struct */
    ORIGIN_PER_CPU,   /* where a struct of the kernel lies that each processor has; the next ones: a number of 1, 2, 4 or 8 bytes */
};

/* Whether loads may follow the number. */
static inline bool origin_is_readable(uint8_t origin) { return origin >= ORIGIN_KERNEL && origin <= ORIGIN_CAST; }
/* Whether helpers may get it, that take objects of the kernel. */
static inline bool origin_is_handed(uint8_t origin) { return origin == ORIGIN_KERNEL || origin == ORIGIN_INSIDE; }
/* Of an address that is moved. */
static inline uint8_t origin_inside(uint8_t origin) { return origin == ORIGIN_KERNEL ? (uint8_t)ORIGIN_INSIDE : origin; }

/* What a program may do with memory. */
enum memory_access : uint8_t { MEMORY_ANY, MEMORY_READS = 1, MEMORY_OF_PACKET = 2 /* void when the packet may have changed */, MEMORY_DIRECT = 4 /* no helper takes it */ };

/* Ids from here on name one address each, the same in every state. */
static const uint32_t fixed_ids = 0x80000000u;

/* What is known of where a packet pointer points, compared with the end of the packet. */
enum past_end : uint8_t { PAST_UNKNOWN, PAST_AT_LEAST_AT /* the end or behind */, PAST_BEHIND };

/* Loops in loops whose turns are told apart; deeper ones are walked all the same. */
enum { NESTING = 6 };

enum { STACK_SLOTS = BPF_STACK_BYTES / 8, REGS = 11, FRAME_POINTER = 10 };

/* Eight stack bytes; slot 0 is the lowest. */
struct slot {
    struct reg reg;     /* what the bytes from spill_at hold, when spill_bytes is not 0 */
    uint8_t written;    /* bit per byte that may be read */
    uint8_t spill_at;
    uint8_t spill_bytes; /* 8 for pointers */
    uint8_t zeros;       /* bit per byte that is known to be 0; the others may be too */
};

struct frame {
    struct reg regs[REGS];
    uint64_t used; /* slots with a written byte; the others are not initialised in memory either */
    uint32_t turns[NESTING]; /* of the loops around `point`, outermost first */
    uint16_t point;          /* last jump target that was passed */
    uint16_t call;           /* slot of the call that made this frame; of the main function, the references held */
    uint32_t function;
    struct slot slots[STACK_SLOTS];
};

struct state {
    uint32_t pc;
    uint32_t depth; /* frames[depth] is the current one */
    uint32_t lineage; /* the newest mark (loop.c) on the way here */
    uint64_t walked; /* longest way here, in instructions */
    struct reg *regs;  /* of the current frame */
    struct frame *frames;
};

/* Makes frames[depth] the current one. */
static inline void state_set_depth(struct state *s, uint32_t depth) {
    s->depth = depth;
    s->regs = s->frames[depth].regs;
}
static inline void reg_copy(struct reg *to, const struct reg *from) { __builtin_memcpy_inline(to, from, sizeof(*to)); }
static inline bool reg_is_pointer(const struct reg *r) { return r->kind > REG_SCALAR; }

/* Of a kind that may be null, the kind that it has when it is not; else the same. */
static inline uint8_t kind_not_null(uint8_t kind) {
    switch (kind) {
    case REG_MAP_VALUE_OR_NULL: return REG_MAP_VALUE;
    case REG_MAP_OR_NULL: return REG_MAP;
    case REG_MEMORY_OR_NULL: return REG_MEMORY;
    case REG_OBJECT_OR_NULL: return REG_OBJECT;
#if OTHER_PLATFORMS
    case REG_OWN_OR_NULL: return REG_OWN;
    case REG_LENT_OR_NULL: return REG_LENT;
    case REG_SHARED_OR_NULL: return REG_SHARED;
#endif
    default: return kind;
    }
}
static inline bool kind_may_be_null(uint8_t kind) { return kind_not_null(kind) != kind; }

static inline void reg_set_kind(struct reg *r, enum reg_kind kind) {
    r->kind = kind;
    r->map = r->frame = r->unused = 0;
    r->off = 0;
    r->id = r->range = 0;
}

/* A pointer to its base exactly. */
static inline void reg_set_pointer(struct reg *r, enum reg_kind kind) {
    reg_set_kind(r, kind);
    scalar_set_const(&r->var, 0);
}

/* What is found of other numbers says nothing of this one any more. */
static inline void reg_unlink(struct reg *r) {
    r->id = 0;
    r->off = 0;
}

/* Another number than the one that came from somewhere. */
static inline void reg_renumber(struct reg *r) {
    reg_unlink(r);
    r->map = ORIGIN_ANY;
}

static inline void reg_set_scalar(struct reg *r) { reg_set_kind(r, REG_SCALAR); }

/* What it pointed to is gone; where addresses are no secret, it is a number like any other. */
static inline void reg_lose(struct reg *r, enum origin why) {
    reg_set_scalar(r);
    scalar_set_unknown(&r->var);
    r->map = why;
}
