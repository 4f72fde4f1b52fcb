/* Objects of which each processor has one: made together, kept in maps, and reached on one processor at a time. */
#include "program.h"

#define KSYM __attribute__((section(".ksyms")))
#define EACH __attribute__((btf_type_tag("percpu_kptr")))
#define OWNED __attribute__((btf_type_tag("kptr")))
#define TYPE(type) __builtin_btf_type_id(*(struct type *)0, 0)
#define NEW_EACH(type) ((struct type EACH *)bpf_percpu_obj_new_impl(TYPE(type), 0))
#define DROP_EACH(object) bpf_percpu_obj_drop_impl((void *)(object), 0)

struct tally { u64 packets, bytes; u32 parts[2]; };
struct other { u64 count; };
struct named { char *text; };
struct large { u8 bytes[513]; };
struct keeper { u64 count; struct tally EACH *tally; };
MAP(keepers, BPF_MAP_TYPE_ARRAY, u32, struct keeper, 1);
HELPER(void *, kptr_xchg, void *, void *);
HELPER(void *, per_cpu_ptr, const void *, u32);
HELPER(void *, this_cpu_ptr, const void *);
extern void *bpf_percpu_obj_new_impl(u64 type, void *meta) KSYM;
extern void bpf_percpu_obj_drop_impl(void *object, void *meta) KSYM;
extern void *bpf_obj_new_impl(u64 type, void *meta) KSYM;
extern void bpf_obj_drop_impl(void *object, void *meta) KSYM;
extern void bpf_rcu_read_lock(void) KSYM;
extern void bpf_rcu_read_unlock(void) KSYM;

INLINE struct keeper *keeper(void) {
    u32 key = 0;
    return map_lookup_elem(&keepers, &key);
}
INLINE void drop(struct tally EACH *tally) {
    if (tally) { DROP_EACH(tally); }
}

SEC("tc") int good_made(void *c) {
    struct tally EACH *tally = NEW_EACH(tally);
    if (tally) { DROP_EACH(tally); }
    return 0;
}
SEC("tc") int bad_made(void *c) {
    NEW_EACH(tally);
    return 0; /* refused: reference_leak */
}

SEC("tc") int good_dropped(void *c) {
    struct other *other = bpf_obj_new_impl(TYPE(other), 0);
    if (other) { bpf_obj_drop_impl(other, 0); }
    return 0;
}
SEC("tc") int bad_dropped(void *c) {
    struct other *other = bpf_obj_new_impl(TYPE(other), 0);
    if (other) { DROP_EACH(other); } /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_once(void *c) {
    struct other EACH *other = NEW_EACH(other);
    if (other) { DROP_EACH(other); }
    return 0;
}
SEC("tc") int bad_once(void *c) {
    struct other EACH *other = NEW_EACH(other);
    if (!other) { return 0; }
    DROP_EACH(other);
    DROP_EACH(other); /* refused: use_after_release */
    return 0;
}

SEC("tc") int good_whole(void *c) {
    struct other EACH *other = NEW_EACH(other);
    if (other) { DROP_EACH(other); }
    return 0;
}
SEC("tc") int bad_whole(void *c) {
    struct other EACH *other = NEW_EACH(other);
    if (other) { bpf_obj_drop_impl((void *)other, 0); } /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_null(void *c) {
    drop(NEW_EACH(tally));
    return 0;
}
SEC("tc") int bad_null(void *c) {
    DROP_EACH(NEW_EACH(tally)); /* refused: null_dereference */
    return 0;
}

SEC("tc") int good_numbers(void *c) {
    drop(NEW_EACH(tally));
    return 0;
}
SEC("tc") int bad_numbers(void *c) {
    struct named EACH *named = NEW_EACH(named); /* refused: helper_argument */
    if (named) { DROP_EACH(named); }
    return 0;
}

SEC("tc") int good_small(void *c) {
    drop(NEW_EACH(tally));
    return 0;
}
SEC("tc") int bad_small(void *c) {
    struct large EACH *large = NEW_EACH(large); /* refused: helper_argument */
    if (large) { DROP_EACH(large); }
    return 0;
}

SEC("tc") int good_kept(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *tally = k ? NEW_EACH(tally) : 0;
    if (tally) { drop(kptr_xchg(&k->tally, (void *)tally)); }
    return 0;
}
SEC("tc") int bad_kept(void *c) {
    struct keeper *k = keeper();
    struct other EACH *other = k ? NEW_EACH(other) : 0;
    if (other) { drop(kptr_xchg(&k->tally, (void *)other)); } /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_plain(void *c) {
    struct keeper *k = keeper();
    if (k) { drop(kptr_xchg(&k->tally, 0)); }
    return 0;
}
SEC("tc") int bad_plain(void *c) {
    struct keeper *k = keeper();
    struct tally *tally = k ? bpf_obj_new_impl(TYPE(tally), 0) : 0;
    if (tally) { drop(kptr_xchg(&k->tally, tally)); } /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_counted(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (!all) { return 0; }
    struct tally *tally = this_cpu_ptr((void *)all);
    tally->packets++;
    tally->parts[1] = tally->packets;
    return 0;
}
SEC("tc") int bad_counted(void *c) {
    struct keeper *k = keeper();
    struct tally *all = k ? (struct tally *)k->tally : 0;
    if (!all) { return 0; }
    all->packets++; /* refused: kernel_field */
    return 0;
}

SEC("tc") int good_other(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    struct tally *tally = all ? per_cpu_ptr((void *)all, 1) : 0;
    if (!tally) { return 0; }
    return tally->bytes;
}
SEC("tc") int bad_other(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (!all) { return 0; }
    struct tally *tally = per_cpu_ptr((void *)all, 1);
    return tally->bytes; /* refused: null_dereference */
}

SEC("tc") int good_some(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (all) { this_cpu_ptr((void *)all); }
    return 0;
}
SEC("tc") int bad_some(void *c) {
    struct keeper *k = keeper();
    if (k) { this_cpu_ptr((void *)k->tally); } /* refused: null_dereference */
    return 0;
}

SEC("tc") int good_inside(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (!all) { return 0; }
    struct tally *tally = this_cpu_ptr((void *)all);
    return tally->parts[0];
}
SEC("tc") int bad_inside(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (!all) { return 0; }
    struct tally *tally = this_cpu_ptr((void *)all);
    return *(u32 *)(tally + 1); /* refused: kernel_field */
}

SEC("tc") int good_owned(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? NEW_EACH(tally) : 0, *before;
    if (!all) { return 0; }
    before = kptr_xchg(&k->tally, (void *)all);
    struct tally *tally = this_cpu_ptr((void *)all);
    tally->packets = 1;
    drop(before);
    return 0;
}
SEC("tc") int bad_owned(void *c) {
    struct tally EACH *all = NEW_EACH(tally);
    if (!all) { return 0; }
    struct tally *tally = this_cpu_ptr((void *)all); /* refused: helper_argument */
    tally->packets = 1;
    DROP_EACH(all);
    return 0;
}

SEC("syscall") int good_read(void *c) {
    struct keeper *k = keeper();
    if (!k) { return 0; }
    bpf_rcu_read_lock();
    struct tally EACH *all = k->tally;
    if (all) {
        struct tally *tally = this_cpu_ptr((void *)all);
        tally->packets = 1;
    }
    bpf_rcu_read_unlock();
    return 0;
}
SEC("syscall") int bad_read(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? k->tally : 0;
    if (all) { this_cpu_ptr((void *)all); } /* refused: helper_argument */
    return 0;
}

SEC("syscall") int good_left(void *c) {
    u64 packets = 0;
    struct keeper *k = keeper();
    if (!k) { return 0; }
    bpf_rcu_read_lock();
    struct tally EACH *all = k->tally;
    if (all) { packets = *(volatile u64 *)this_cpu_ptr((void *)all); }
    bpf_rcu_read_unlock();
    return packets;
}
SEC("syscall") int bad_left(void *c) {
    volatile u64 *tally;
    struct keeper *k = keeper();
    if (!k) { return 0; }
    bpf_rcu_read_lock();
    struct tally EACH *all = k->tally;
    tally = all ? this_cpu_ptr((void *)all) : 0;
    bpf_rcu_read_unlock();
    return tally ? *tally : 0; /* refused: use_after_release */
}

SEC("syscall") int good_given(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? NEW_EACH(tally) : 0;
    if (!all) { return 0; }
    bpf_rcu_read_lock();
    struct tally EACH *before = kptr_xchg(&k->tally, (void *)all);
    this_cpu_ptr((void *)all);
    bpf_rcu_read_unlock();
    drop(before);
    return 0;
}
SEC("syscall") int bad_given(void *c) {
    struct keeper *k = keeper();
    struct tally EACH *all = k ? NEW_EACH(tally) : 0;
    if (!all) { return 0; }
    struct tally EACH *before = kptr_xchg(&k->tally, (void *)all);
    bpf_rcu_read_lock();
    this_cpu_ptr((void *)all); /* refused: use_after_release */
    bpf_rcu_read_unlock();
    drop(before);
    return 0;
}
