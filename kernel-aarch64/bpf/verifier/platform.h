#pragma once
/* A platform as data: its program types, what their contexts hold, and the prototypes of its helpers. The board has one
 * (platform.c); the host's builds link others beside it, which the kernel's image does not carry. */

#include "bpf/program.h"
#include "gen/abi_helpers.h"
#include "gen/abi_hooks.h"
#include "gen/abi_vectors.h"
#include <stdint.h>

/* What other platforms' helpers take, beside enum helper_argument. */
enum platform_argument : uint8_t {
    ARG_ANY = 16,         /* whatever is set */
    ARG_CONST,            /* a known number, the size of what the helper returns */
    ARG_SIZE_OR_ZERO,     /* bytes of the memory argument before it */
    ARG_CONTEXT,
    ARG_OUT,              /* memory that the helper writes; its size in the next argument */
    ARG_OUT_8,            /* 8 bytes that the helper writes */
    ARG_OUT_4,
    ARG_OUT_2,
    ARG_MAP_VALUE_OUT,    /* memory of the map's value size that the helper writes */
    ARG_MAP_VALUE_OR_NULL, /* as ARG_MAP_VALUE */
    ARG_CONTEXT_OR_NULL,
    ARG_SOCKET,           /* any socket */
    ARG_KERNEL_OBJECT,    /* pointer to an object of the kernel, or a socket */
    ARG_KERNEL_TASK,      /* the same; where more is known of it, a task */
    ARG_KERNEL_FILE,
    ARG_KERNEL_PATH,      /* or one in a file */
    ARG_KERNEL_CGROUP,    /* or a cgroup */
    ARG_RELEASED_SOCKET,  /* a socket with a reference, which ends */
    ARG_RELEASED_RECORD,  /* a record of a ring buffer, which ends */
    ARG_LOCK,             /* a place in a map value */
    ARG_STRING,           /* text that is known, in a map that is only read */
    ARG_MEMORY_OR_NULL,   /* as ARG_MEMORY; null when the size is 0 */
    ARG_OUT_OR_NULL,
    ARG_ZERO,
    ARG_FUNCTION,      /* of the program */
    ARG_STACK_OR_NULL, /* what the function gets */
    ARG_ITERATOR_NEW,  /* a place on the stack for an iterator of kind `object` */
    ARG_ITERATOR,      /* one that was made */
    ARG_ITERATOR_END,  /* one that was made, which ends */
    ARG_TYPED,         /* an object of kind `object` */
    ARG_RELEASED_TYPED, /* the same with a reference, which ends */
    ARG_DYNPTR_NEW,    /* a place on the stack for a dynptr of kind `object`, or like the dynptr before it */
    ARG_DYNPTR,        /* one that was made */
    ARG_DYNPTR_END,    /* one of a ring buffer, which ends */
    ARG_VALUE_OUT,     /* as ARG_OUT, in the value of a map */
    ARG_BUFFER_OR_NULL, /* as ARG_OUT; or null, whatever the size */
    ARG_MEMORY_20,     /* so many bytes of memory */
    ARG_MEMORY_40,
    ARG_TYPE,          /* a known number that names a struct */
    ARG_KEPT,          /* the place in a map value of the address of an object that is owned */
    ARG_GIVEN_OR_NULL, /* an object of that type with a reference, which ends, or null */
    ARG_OWNER,         /* the context; an object of the kernel where programs have those instead (TYPE_OBJECTS) */
    ARG_WORK,          /* work for later in a map value, likewise */
    ARG_TYPED_TASK,    /* a task that is known to be one */
    ARG_TIMER,         /* a timer in a map value; a map beside it is that of the value */
    ARG_ANY_MAP,       /* a map of any type, or the kernel's object that it is */
    ARG_MASK,          /* a mask of processors, owned or not */
    ARG_TYPED_TCP,     /* a TCP socket that is known to be one */
    ARG_BYTE,          /* memory of a byte that the function reads and writes */
    ARG_BYTES_4,       /* likewise of 4 */
    ARG_BYTES_8,
    ARG_BUFFER,        /* as ARG_OUT, which the function reads, too */
    ARG_PER_CPU,       /* where a variable of the kernel lies that each processor has, or what ARG_EACH_TYPE made */
    ARG_OWN_TYPE,      /* the number of a type of the program's own */
    ARG_OWNED,         /* an object of such a type with a reference, which ends */
    ARG_COUNTED,       /* one that counts who owns it */
    ARG_LIST,          /* a list whose lock is held */
    ARG_TREE,
    ARG_LIST_NODE,     /* what the list before it holds, owned: it is given to the list */
    ARG_TREE_NODE,
    ARG_TREE_NODE_LENT, /* what the tree before it holds, lent */
    ARG_ASSIGNED_SOCKET, /* of a packet what begins like a socket; of what is looked up a socket, or null that is known to be one */
    ARG_WHOLE_SOCKET,   /* a socket that is no request for one, nor what is left of one */
    ARG_MADE,           /* a connection that is not known to the kernel yet, with a reference, which ends */
    ARG_DYNPTR_OR_NULL, /* as ARG_DYNPTR */
    ARG_BYTES_16,       /* as ARG_BYTE */
    ARG_BYTES_64,
    ARG_TYPED_TASK_OR_NULL,
    ARG_EACH_TYPE,      /* as ARG_OWN_TYPE, of which each processor gets one */
    ARG_OWNED_EACH,     /* what ARG_EACH_TYPE made, with a reference, which ends */
    ARG_CSS,            /* what a cgroup is to one of its controllers, or a cgroup, which begins with that */
};

/* What other platforms' helpers return, beside enum helper_return. */
enum platform_return : uint8_t {
    RETURNS_NOTHING = 16,
    RETURNS_LENGTH,         /* at most the size argument, or a negative error */
    RETURNS_RECORD_OR_NULL, /* memory of ARG_CONST bytes with a reference */
    RETURNS_OBJECT_OR_NULL, /* of kind `object` */
    RETURNS_OBJECT,
    RETURNS_MAP_VALUE,      /* never null */
    RETURNS_KERNEL_ADDRESS,  /* of what only loads reach */
    RETURNS_CAST_ADDRESS,    /* the same, as the program says */
    RETURNS_SLICE_OR_NULL,   /* ARG_CONST bytes of a dynptr's memory */
    RETURNS_ELEMENT_OR_NULL, /* an int of an iterator, which is only read */
    RETURNS_PER_CPU,         /* ARG_PER_CPU's variable on one processor, which is only read */
    RETURNS_PER_CPU_OR_NULL,
    RETURNS_BYTES_OR_NULL,   /* ARG_CONST bytes */
    RETURNS_OWN_OR_NULL,  /* an object of the type that the arguments say, with a reference */
    RETURNS_COUNTED,      /* the same; never null when the argument was owned */
    RETURNS_LENT_OR_NULL, /* the same without a reference, while the lock is held */
    RETURNS_WALKED_OR_NULL, /* what the iterator goes over */
    RETURNS_WORD,           /* memory of 8 bytes */
};

enum helper_flag : uint32_t {
    HELPER_CHANGES_PACKET = 1 << 0, /* pointers into the packet are void afterwards */
    HELPER_ACQUIRES = 1 << 1,       /* what it returns must be released */
    HELPER_CASTS = 1 << 2,          /* what it returns shares the reference of its argument */
    HELPER_TAIL_CALLS = 1 << 3,
    HELPER_LOCKS = 1 << 4,
    HELPER_UNLOCKS = 1 << 5,
    HELPER_WRITES_MAP = 1 << 6,     /* not allowed for maps that are read-only for programs */
    HELPER_TAKES_PACKET = 1 << 7,   /* its memory may lie in the packet */
    HELPER_CALLS_BACK = 1 << 8,     /* it calls a function of the program, as callback.c knows */
    HELPER_SLEEPS = 1 << 9,         /* for programs that may sleep */
    HELPER_ITERATES = 1 << 10,      /* it gives the next element of an iterator */
    HELPER_THROWS = 1 << 11,        /* it ends the program */
    HELPER_HOLDS = 1 << 12,         /* from here on the program is not preempted */
    HELPER_LETS_GO = 1 << 13,       /* the end of the last such part */
    HELPER_SLICE_READS = 1 << 14,   /* the slice that it returns is only read */
    HELPER_WRITES_DYNPTR = 1 << 15, /* a packet behind the dynptr may have changed */
    HELPER_READ_LOCKS = 1 << 16,    /* from here on what RCU protects is read */
    HELPER_READ_UNLOCKS = 1 << 17,  /* the end of that */
    HELPER_TAKES_RCU = 1 << 18,     /* its objects may be such that only RCU protects */
    HELPER_OWNS = 1 << 19,          /* it has to do with objects of the program's own types */
    HELPER_WHILE_LOCKED = 1 << 20,  /* it may be called while a lock is held */
};

struct helper_prototype {
    bool exists;
    uint8_t returns;      /* enum helper_return or platform_return */
    uint8_t arguments[5]; /* enum helper_argument or platform_argument */
    uint8_t object;       /* kind that it returns */
    uint32_t flags;       /* enum helper_flag */
    uint64_t types;       /* program types that may call it, a bit each; 0 = all */
    uint64_t maps;        /* map types that it takes, a bit each; 0 = all */
};

/* What other platforms' contexts hold, beside enum context_holds. */
enum platform_holds : uint8_t {
    CONTEXT_PACKET_META = 16, /* first byte of what lies before the packet */
    CONTEXT_OBJECT,           /* pointer to an object of kind `object` */
    CONTEXT_OBJECT_OR_NULL,
    CONTEXT_KERNEL, /* maybe an address in the kernel, which only loads may follow */
    CONTEXT_BUFFER, /* memory or null; how much of it is asked when the program is attached */
    CONTEXT_BUFFER_READ, /* the same, which is only read */
    CONTEXT_RECORD, /* the same, which is written and never null */
};

/* A field, or a range of them that are alike. */
struct context_field {
    uint16_t owner; /* program type, or OBJECT_OWNER + kind of object */
    uint16_t offset, bytes;
    uint8_t holds;  /* enum context_holds or platform_holds */
    uint8_t object;
    uint8_t reads, writes; /* sizes allowed inside the field, aligned to themselves: 1 | 2 | 4 | 8 */
};
enum { OBJECT_OWNER = 256 };

enum type_flag : uint16_t {
    TYPE_EXISTS = 1 << 0,
    TYPE_MEMORY = 1 << 1,        /* r1 is plain memory, r2 its size */
    TYPE_PACKET_WRITE = 1 << 2,  /* the packet can be written */
    TYPE_LEGACY_LOADS = 1 << 3,  /* LD_ABS and LD_IND read the packet */
    TYPE_EXIT_RANGE = 1 << 4,    /* r0 lies within exit_min..exit_max at exit */
    TYPE_EXIT_32 = 1 << 5,       /* its low 32 bits do */
    TYPE_OBJECTS = 1 << 6,       /* what a helper works on is an object that the context leads to */
    TYPE_SOCKET = 1 << 7,        /* the context is a socket */
    TYPE_SILENT = 1 << 8,        /* r0 does not matter at exit */
    TYPE_PLAIN = 1 << 10,        /* helpers take the context for memory */
    TYPE_MEMBER = 1 << 9,        /* the context holds arguments of which all is known */
    TYPE_PATIENT = 1 << 11,      /* it may take long, though it does not sleep */
};

struct program_type {
    uint32_t context_bytes;
    uint16_t flags; /* enum type_flag */
    int32_t exit_min, exit_max;
};

/* Kinds of objects that a platform may name; the first ones have a meaning here. */
enum object_kind : uint8_t {
    OBJECT_NONE,
    OBJECT_SOCK_COMMON, /* may be a socket or a request for one */
    OBJECT_SOCKET,
    OBJECT_TCP_SOCKET,
    OBJECT_XDP_SOCKET,
    OBJECT_KERNEL, /* the kernel's own; loads from it never fault */
    OBJECT_FLOW_KEYS,
    OBJECT_MAP, /* a map itself */
    OBJECT_ITER_NUM, /* iterators, which lie on the stack */
    OBJECT_ITER_BITS,
    OBJECT_DYNPTR_LOCAL, /* dynptrs, which lie there too: of the value of a map */
    OBJECT_DYNPTR_RINGBUF,
    OBJECT_DYNPTR_SKB,
    OBJECT_DYNPTR_XDP,
    OBJECT_TASK, /* known by their type: what takes one takes no other */
    OBJECT_CGROUP,
    OBJECT_CPUMASK,
    OBJECT_CRYPTO,
    OBJECT_CONNTRACK,
    OBJECT_KEY,
    OBJECT_FILE,
    OBJECT_PATH,
    OBJECT_TCP, /* a TCP socket as the kernel has it */
    OBJECT_ACK_SAMPLE,
    OBJECT_RATE_SAMPLE,
    OBJECT_MASK, /* a mask of processors that is not the program's */
    OBJECT_HID_CONTEXT,
    OBJECT_HID_DEVICE,
    OBJECT_DUMMY_STATE,
    OBJECT_KERNEL_MAP, /* a map as the kernel has it */
    OBJECT_CONNTRACK_NEW, /* a connection that is not known to the kernel yet */
    OBJECT_XFRM_STATE,
    OBJECT_CSS, /* what a cgroup is to one of its controllers */
    OBJECT_VMA,
    OBJECT_DENTRY,
    OBJECT_HALF_SOCKET, /* a request for one, or what is left of one, as the kernel has it */
    OBJECT_ITER_META,   /* what an iterator over objects of the kernel says of itself */
    OBJECT_ITER_SCX_DSQ, /* iterators over objects of the kernel; RCU protects what the first three give */
    OBJECT_ITER_TASK,
    OBJECT_ITER_CSS,
    OBJECT_ITER_CSS_TASK,
    OBJECT_ITER_TASK_VMA,
    OBJECT_KINDS,
    OBJECT_RCU = 64,   /* it stays for as long as what RCU protects is read */
    OBJECT_CAST = 128, /* the register came from another that keeps the reference */
};

static_assert(OBJECT_KINDS <= OBJECT_RCU);

/* The kind alone. */
static inline uint8_t object_kind_of(uint8_t kind) { return kind & (uint8_t)~(OBJECT_CAST | OBJECT_RCU); }

/* Whether the kernel knows more of it than is known here. */
static inline bool object_is_kernel(uint8_t kind) {
    kind = object_kind_of(kind);
    return kind == OBJECT_KERNEL || (kind >= OBJECT_TASK && kind < OBJECT_ITER_SCX_DSQ);
}

/* Whether what an iterator of this kind gives is protected by RCU. */
static inline bool iterator_is_protected(uint8_t kind) { return kind >= OBJECT_ITER_SCX_DSQ && kind <= OBJECT_ITER_CSS; }

/* Of a map's flags: programs can't read its values (BPF_F_WRONLY_PROG). */
enum { PLATFORM_MAP_WRITE_ONLY = 0x100 };

/* A map that is memory which programs and users share: any address in it may be used, and more (BPF_MAP_TYPE_ARENA). */
enum { PLATFORM_MAP_ARENA = 33, PLATFORM_ARENA_PAGE_BYTES = 4096 };

/* More of a buffer is in no element of a map (KMALLOC_MAX_SIZE). */
enum { PLATFORM_BUFFER_BYTES = 1 << 22 };

/* Packet pointers that reach further prove nothing. */
enum { PLATFORM_PACKET_REACH = 0xffff };

struct bpf_platform {
    const struct helper_prototype *helpers;
    const struct context_field *fields;
    const struct program_type *types;
    uint32_t helper_limit, field_count, type_limit;
    uint32_t insn_limit, map_limit;
    uint64_t socket_map_writers, socket_map_deleters; /* program types that may change maps of sockets, a bit each */
    uint64_t lock_owners, timer_owners;               /* those that may have maps with locks, and with timers or work for later */
    uint64_t sleeping_maps, single_maps;              /* map types that programs have that sleep, and of which a program has one at most */
    bool vectors;    /* has the vector helpers (gen/abi_vectors.h) */
    bool privileged; /* addresses are no secret, stack bytes may be read unwritten, alignment matters on the stack only */
};

extern const struct bpf_platform platform_velocity;

static inline const struct helper_prototype *platform_helper(const struct bpf_platform *platform, uint32_t id) {
    uint32_t place = OTHER_PLATFORMS && platform != &platform_velocity ? id : helper_place(id);
    return place < platform->helper_limit && platform->helpers[place].exists ? &platform->helpers[place] : nullptr;
}

static inline bool platform_has_vector(const struct bpf_platform *platform, uint32_t id) {
    return platform->vectors && id - VECTOR_ID_FIRST < VECTOR_COUNT;
}
/* vector.c */
uint32_t vector_argument_count(uint32_t id);

static inline bool helper_calls_back(const struct bpf_platform *platform, uint32_t id) {
    return platform->privileged && id < platform->helper_limit && (platform->helpers[id].flags & HELPER_CALLS_BACK) != 0;
}

/* Whether more follows from the call than a result. */
static inline bool helper_leads_on(const struct bpf_platform *platform, uint32_t id) {
    enum { LEADS_ON = HELPER_CALLS_BACK | HELPER_ITERATES | HELPER_THROWS };
    return platform->privileged && id < platform->helper_limit && (platform->helpers[id].flags & LEADS_ON) != 0;
}

static inline bool helper_iterates(const struct bpf_platform *platform, uint32_t id) {
    return platform->privileged && id < platform->helper_limit && (platform->helpers[id].flags & HELPER_ITERATES) != 0;
}

static inline bool helper_tail_calls(const struct bpf_platform *platform, uint32_t id) {
    return platform->privileged && id < platform->helper_limit && (platform->helpers[id].flags & HELPER_TAIL_CALLS) != 0;
}

/* The field that holds bytes [at, at + bytes) of this owner, or null. */
const struct context_field *context_field_at(const struct bpf_platform *platform, uint32_t owner, uint32_t at, uint32_t bytes);
/* Arguments that the helper reads; 0 when it does not exist. */
uint32_t helper_argument_count(const struct bpf_platform *platform, uint32_t id);
