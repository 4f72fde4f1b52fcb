/* Objects of types that programs declare themselves: made, owned, and held by lists and trees. */
#define bpf_list_head header_list_head /* older headers have none of these */
#define bpf_list_node header_list_node
#define bpf_rb_root header_rb_root
#define bpf_rb_node header_rb_node
#define bpf_refcount header_refcount
#include "program.h"
#undef bpf_list_head
#undef bpf_list_node
#undef bpf_rb_root
#undef bpf_rb_node
#undef bpf_refcount

struct bpf_list_head { u64 opaque[2]; };
struct bpf_list_node { u64 opaque[3]; };
struct bpf_rb_root { u64 opaque[2]; };
struct bpf_rb_node { u64 opaque[4]; };
struct bpf_refcount { u32 opaque[1]; };

#define KSYM __attribute__((section(".ksyms")))
#define OWNED __attribute__((btf_type_tag("kptr")))
#define HOLDS(type, node) __attribute__((btf_decl_tag("contains:" #type ":" #node)))
#define NEW(type) ((struct type *)bpf_obj_new_impl(__builtin_btf_type_id(*(struct type *)0, 0), 0))
#define DROP(object) bpf_obj_drop_impl(object, 0)
#define AT(pointer, type, member) ((struct type *)((char *)(pointer) - __builtin_offsetof(struct type, member)))
#define TO_LIST(list, node) bpf_list_push_front_impl(list, node, 0, 0)
#define TO_TREE(tree, node) bpf_rbtree_add_impl(tree, node, less, 0, 0)

extern void *bpf_obj_new_impl(u64 type, void *meta) KSYM;
extern void bpf_obj_drop_impl(void *object, void *meta) KSYM;
extern void *bpf_refcount_acquire_impl(void *object, void *meta) KSYM;
extern int bpf_list_push_front_impl(struct bpf_list_head *, struct bpf_list_node *, void *meta, u64 off) KSYM;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *) KSYM;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *, struct bpf_rb_node *, _Bool less(struct bpf_rb_node *, const struct bpf_rb_node *), void *, u64) KSYM;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *, struct bpf_rb_node *) KSYM;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *) KSYM;
HELPER(void *, kptr_xchg, void *, void *);

struct job { u64 key; struct bpf_list_node in_list; char *text; u32 more; };
struct leaf { struct bpf_rb_node in_tree; u64 key; };
struct shared { struct bpf_refcount owners; u32 key; struct bpf_rb_node in_tree; struct bpf_list_node in_list; };
struct queue { struct bpf_spin_lock lock; struct bpf_list_head jobs HOLDS(job, in_list); };
struct grove {
    struct bpf_spin_lock lock;
    struct bpf_rb_root leaves HOLDS(leaf, in_tree);
    struct bpf_rb_root both HOLDS(shared, in_tree);
    struct shared OWNED *one;
};
MAP(queues, BPF_MAP_TYPE_ARRAY, u32, struct queue, 2);
MAP(groves, BPF_MAP_TYPE_ARRAY, u32, struct grove, 1);

INLINE void *found(void *map, u32 key) { return map_lookup_elem(map, &key); }
static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return AT(a, leaf, in_tree)->key < AT(b, leaf, in_tree)->key; }

/* Who makes an object owns it, until it is gone. */
SEC("tc") int good_made(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    job->key = 1;
    job->more = (u32)job->key;
    DROP(job);
    return 0;
}
SEC("tc") int bad_made(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    job->key = 1;
    return 0;
} /* refused: reference_leak */

SEC("tc") int good_null(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (job) { DROP(job); }
    return 0;
}
SEC("tc") int bad_null(struct __sk_buff *c) {
    struct job *job = NEW(job);
    DROP(job); /* refused: null_dereference */
    return 0;
}

SEC("tc") int good_gone(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    u64 key = job->key;
    DROP(job);
    return key == 1;
}
SEC("tc") int bad_gone(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    DROP(job);
    return job->key == 1; /* refused: use_after_release */
}

SEC("tc") int good_member(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    u64 found = *(volatile u64 *)&job->text;
    DROP(job);
    return found == 1;
}
SEC("tc") int bad_member(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    u64 found = *(volatile u64 *)&job->in_list; /* refused: kernel_field */
    DROP(job);
    return found == 1;
}

SEC("tc") int good_part(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    u64 found = *(volatile u16 *)((char *)&job->key + 6);
    DROP(job);
    return found == 1;
}
SEC("tc") int bad_part(struct __sk_buff *c) {
    struct job *job = NEW(job);
    if (!job) { return 0; }
    u64 found = *(volatile u32 *)&job->text; /* refused: kernel_field */
    DROP(job);
    return found == 1;
}

/* A list is touched under the lock beside it; what it holds is no longer owned. */
SEC("tc") int good_pushed(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    struct job *job = q ? NEW(job) : 0;
    if (!job) { return 0; }
    spin_lock(&q->lock);
    TO_LIST(&q->jobs, &job->in_list);
    job->key = 2;
    spin_unlock(&q->lock);
    return 0;
}
SEC("tc") int bad_pushed(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    struct job *job = q ? NEW(job) : 0;
    if (!job) { return 0; }
    spin_lock(&q->lock);
    TO_LIST(&q->jobs, &job->in_list);
    spin_unlock(&q->lock);
    job->key = 2; /* refused: use_after_release */
    return 0;
}

SEC("tc") int good_locked(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0), *other = found(&queues, 1);
    if (!q || !other) { return 0; }
    spin_lock(&q->lock);
    struct bpf_list_node *n = bpf_list_pop_front(&q->jobs);
    spin_unlock(&q->lock);
    if (n) { DROP(AT(n, job, in_list)); }
    return 0;
}
SEC("tc") int bad_locked(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0), *other = found(&queues, 1);
    if (!q || !other) { return 0; }
    spin_lock(&q->lock);
    struct bpf_list_node *n = bpf_list_pop_front(&other->jobs); /* refused: helper_argument */
    spin_unlock(&q->lock);
    if (n) { DROP(AT(n, job, in_list)); }
    return 0;
}

SEC("tc") int good_popped(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    if (!q) { return 0; }
    spin_lock(&q->lock);
    struct bpf_list_node *n = bpf_list_pop_front(&q->jobs);
    if (n) { TO_LIST(&q->jobs, n); }
    spin_unlock(&q->lock);
    return 0;
}
SEC("tc") int bad_popped(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    if (!q) { return 0; }
    spin_lock(&q->lock);
    struct bpf_list_node *n = bpf_list_pop_front(&q->jobs);
    spin_unlock(&q->lock);
    if (n) { DROP(n); } /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_once(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    struct job *a = q ? NEW(job) : 0;
    if (!a) { return 0; }
    struct job *b = NEW(job);
    if (!b) { goto out; }
    spin_lock(&q->lock);
    TO_LIST(&q->jobs, &a->in_list);
    TO_LIST(&q->jobs, &b->in_list);
    spin_unlock(&q->lock);
    return 0;
out:
    DROP(a);
    return 0;
}
SEC("tc") int bad_once(struct __sk_buff *c) {
    struct queue *q = found(&queues, 0);
    struct job *a = q ? NEW(job) : 0;
    if (!a) { return 0; }
    spin_lock(&q->lock);
    TO_LIST(&q->jobs, &a->in_list);
    TO_LIST(&q->jobs, &a->in_list); /* refused: helper_argument */
    spin_unlock(&q->lock);
    return 0;
}

/* A tree holds objects of its type by their node, in the order of a function. */
SEC("tc") int good_added(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct leaf *leaf = g ? NEW(leaf) : 0;
    if (!leaf) { return 0; }
    leaf->key = 3;
    spin_lock(&g->lock);
    TO_TREE(&g->leaves, &leaf->in_tree);
    spin_unlock(&g->lock);
    return 0;
}
SEC("tc") int bad_added(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct leaf *leaf = g ? NEW(leaf) : 0;
    if (!leaf) { return 0; }
    spin_lock(&g->lock);
    TO_TREE(&g->both, &leaf->in_tree); /* refused: helper_argument */
    spin_unlock(&g->lock);
    return 0;
}

SEC("tc") int good_order(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct leaf *leaf = g ? NEW(leaf) : 0;
    if (!leaf) { return 0; }
    spin_lock(&g->lock);
    TO_TREE(&g->leaves, &leaf->in_tree);
    spin_unlock(&g->lock);
    return 0;
}
static _Bool clocked(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return AT(a, leaf, in_tree)->key < ktime_get_ns(); } /* refused: helper_argument */
SEC("tc") int bad_order(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct leaf *leaf = g ? NEW(leaf) : 0;
    if (!leaf) { return 0; }
    spin_lock(&g->lock);
    bpf_rbtree_add_impl(&g->leaves, &leaf->in_tree, clocked, 0, 0);
    spin_unlock(&g->lock);
    return 0;
}

SEC("tc") int good_first(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    if (!g) { return 0; }
    spin_lock(&g->lock);
    struct bpf_rb_node *n = bpf_rbtree_first(&g->leaves);
    if (n) { n = bpf_rbtree_remove(&g->leaves, n); }
    spin_unlock(&g->lock);
    if (n) { DROP(AT(n, leaf, in_tree)); }
    return 0;
}
SEC("tc") int bad_first(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    if (!g) { return 0; }
    spin_lock(&g->lock);
    struct bpf_rb_node *n = bpf_rbtree_first(&g->leaves);
    spin_unlock(&g->lock);
    return n && AT(n, leaf, in_tree)->key == 1; /* refused: use_after_release */
}

/* Of an object that counts its owners, a program becomes one more. */
SEC("tc") int good_counted(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct shared *one = g ? NEW(shared) : 0;
    if (!one) { return 0; }
    struct shared *again = bpf_refcount_acquire_impl(one, 0);
    one = kptr_xchg(&g->one, one);
    if (one) { DROP(one); }
    DROP(again);
    return 0;
}
SEC("tc") int bad_counted(struct __sk_buff *c) {
    struct leaf *one = NEW(leaf);
    if (!one) { return 0; }
    struct leaf *again = bpf_refcount_acquire_impl(one, 0); /* refused: helper_argument */
    DROP(one);
    DROP(again);
    return 0;
}

SEC("tc") int good_seen(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct shared *one = g ? g->one : 0;
    if (!one) { return 0; }
    one = bpf_refcount_acquire_impl(one, 0);
    if (one) { DROP(one); }
    return 0;
}
SEC("tc") int bad_seen(struct __sk_buff *c) {
    struct grove *g = found(&groves, 0);
    struct shared *one = g ? g->one : 0;
    if (!one) { return 0; }
    DROP(one); /* refused: helper_argument */
    return 0;
}

/* A list lies in an object as well as in the value of a map. */
struct box { struct bpf_spin_lock lock; struct bpf_list_head jobs HOLDS(job, in_list); };
SEC("tc") int good_box(struct __sk_buff *c) {
    struct box *box = NEW(box);
    if (!box) { return 0; }
    spin_lock(&box->lock);
    struct bpf_list_node *n = bpf_list_pop_front(&box->jobs);
    spin_unlock(&box->lock);
    if (n) { DROP(AT(n, job, in_list)); }
    DROP(box);
    return 0;
}
SEC("tc") int bad_box(struct __sk_buff *c) {
    struct box *box = NEW(box);
    if (!box) { return 0; }
    struct bpf_list_node *n = bpf_list_pop_front(&box->jobs); /* refused: helper_argument */
    if (n) { DROP(AT(n, job, in_list)); }
    DROP(box);
    return 0;
}

/* Linux knows no type with a list and no lock beside it. */
struct open { struct bpf_list_head jobs HOLDS(job, in_list); };
SEC("tc") int good_type(struct __sk_buff *c) {
    struct box *box = NEW(box);
    if (box) { DROP(box); }
    return 0;
}
SEC("tc") int bad_type(struct __sk_buff *c) {
    struct open *open = NEW(open); /* refused: helper_argument */
    if (open) { DROP(open); }
    return 0;
}
