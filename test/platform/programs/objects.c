/* Objects of the kernel of which only types tell what they are kept as, where they lead, and what programs write. */
#include "program.h"

#define KSYM __attribute__((section(".ksyms")))
#define OWNED __attribute__((btf_type_tag("kptr")))
struct bpf_crypto_ctx { u64 state; };
struct task_struct { u64 flags; };
struct nf_conn { u32 status, mark; };
struct nf_conn___init { u32 status; };
struct cgroup { u64 flags; };
struct cgroup_subsys_state { u64 flags; struct cgroup *cgroup; };
struct bpf_dynptr_kern { u64 opaque[2]; };
struct iterator { u64 opaque[3]; };
struct keeper { u64 count; struct bpf_crypto_ctx OWNED *cipher; struct task_struct OWNED *task; };
MAP(keepers, BPF_MAP_TYPE_ARRAY, u32, struct keeper, 1);
struct text { u64 words[8]; };
MAP(texts, BPF_MAP_TYPE_ARRAY, u32, struct text, 1);
HELPER(void *, kptr_xchg, void *, void *);
HELPER(long, dynptr_from_mem, void *, u32, u64, void *);
extern struct bpf_crypto_ctx *bpf_crypto_ctx_create(const void *, u32, int *) KSYM;
extern void bpf_crypto_ctx_release(struct bpf_crypto_ctx *) KSYM;
extern int bpf_crypto_encrypt(struct bpf_crypto_ctx *, void *, void *, void *) KSYM;
extern struct nf_conn *bpf_skb_ct_lookup(void *, void *, u32, void *, u32) KSYM;
extern struct nf_conn___init *bpf_skb_ct_alloc(void *, void *, u32, void *, u32) KSYM;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *) KSYM;
extern void bpf_ct_release(struct nf_conn *) KSYM;
extern struct cgroup *bpf_cgroup_from_id(u64) KSYM;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *) KSYM;
extern void bpf_cgroup_release(struct cgroup *) KSYM;
extern int bpf_iter_css_new(struct iterator *, void *, u32) KSYM;
extern struct cgroup_subsys_state *bpf_iter_css_next(struct iterator *) KSYM;
extern void bpf_iter_css_destroy(struct iterator *) KSYM;
extern _Bool bpf_session_is_return(void) KSYM;
extern u64 *bpf_session_cookie(void) KSYM;

INLINE struct keeper *keeper(void) {
    u32 key = 0;
    return map_lookup_elem(&keepers, &key);
}

INLINE int begin(struct bpf_dynptr_kern *text) {
    u32 key = 0;
    void *value = map_lookup_elem(&texts, &key);
    if (!value) { return 0; }
    dynptr_from_mem(value, 64, 0, text);
    return 1;
}

SEC("tc") int good_encrypt(void *c) {
    struct bpf_dynptr_kern text;
    struct keeper *k = keeper();
    struct bpf_crypto_ctx *cipher = k ? k->cipher : 0;
    if (!cipher || !begin(&text)) { return 0; }
    return bpf_crypto_encrypt(cipher, &text, &text, 0);
}
SEC("tc") int bad_encrypt(void *c) {
    struct bpf_dynptr_kern text;
    struct keeper *k = keeper();
    if (!k || !begin(&text)) { return 0; }
    return bpf_crypto_encrypt(k->cipher, &text, &text, 0); /* refused: null_dereference */
}

SEC("tc") int good_vector(void *c) {
    struct bpf_dynptr_kern text, vector;
    struct keeper *k = keeper();
    struct bpf_crypto_ctx *cipher = k ? k->cipher : 0;
    if (!cipher || !begin(&text) || !begin(&vector)) { return 0; }
    return bpf_crypto_encrypt(cipher, &text, &text, &vector);
}
SEC("tc") int bad_vector(void *c) {
    struct bpf_dynptr_kern text, vector = {};
    struct keeper *k = keeper();
    struct bpf_crypto_ctx *cipher = k ? k->cipher : 0;
    if (!cipher || !begin(&text)) { return 0; }
    return bpf_crypto_encrypt(cipher, &text, &text, &vector); /* refused: helper_argument */
}

SEC("syscall") int good_kept(void *c) {
    u64 how[49] = {};
    int error;
    struct keeper *k = keeper();
    struct bpf_crypto_ctx *cipher = k ? bpf_crypto_ctx_create(how, sizeof(how), &error) : 0;
    if (!cipher) { return 0; }
    cipher = kptr_xchg(&k->cipher, cipher);
    if (cipher) { bpf_crypto_ctx_release(cipher); }
    return 0;
}
SEC("syscall") int bad_kept(void *c) {
    u64 how[49] = {};
    int error;
    struct keeper *k = keeper();
    struct bpf_crypto_ctx *cipher = k ? bpf_crypto_ctx_create(how, sizeof(how), &error) : 0;
    if (!cipher) { return 0; }
    cipher = kptr_xchg(&k->task, cipher); /* refused: helper_argument */
    if (cipher) { bpf_crypto_ctx_release(cipher); }
    return 0;
}

SEC("tc") int good_mark(void *c) {
    u32 name[3] = {}, how[4] = {};
    struct nf_conn *connection = bpf_skb_ct_lookup(c, name, sizeof(name), how, sizeof(how));
    if (!connection) { return 0; }
    connection->mark = 7;
    bpf_ct_release(connection);
    return 0;
}
SEC("tc") int bad_mark(void *c) {
    u32 name[3] = {}, how[4] = {};
    struct nf_conn *connection = bpf_skb_ct_lookup(c, name, sizeof(name), how, sizeof(how));
    if (!connection) { return 0; }
    connection->status = 7; /* refused: context_read_only */
    bpf_ct_release(connection);
    return 0;
}

SEC("tc") int good_made(void *c) {
    u32 name[3] = {}, how[4] = {};
    struct nf_conn___init *made = bpf_skb_ct_alloc(c, name, sizeof(name), how, sizeof(how));
    if (!made) { return 0; }
    ((struct nf_conn *)made)->mark = 7;
    struct nf_conn *connection = bpf_ct_insert_entry(made);
    if (connection) { bpf_ct_release(connection); }
    return 0;
}
SEC("tc") int bad_made(void *c) {
    u32 name[3] = {}, how[4] = {};
    struct nf_conn___init *made = bpf_skb_ct_alloc(c, name, sizeof(name), how, sizeof(how));
    if (!made) { return 0; }
    struct nf_conn *connection = bpf_ct_insert_entry(made);
    if (connection) { bpf_ct_release(connection); }
    ((struct nf_conn *)made)->mark = 7; /* refused: use_after_release */
    return 0;
}

SEC("tc") int good_group(void *c) {
    struct iterator groups;
    struct cgroup_subsys_state *at;
    struct cgroup *top = bpf_cgroup_from_id(1);
    if (!top) { return 0; }
    bpf_iter_css_new(&groups, top, 1);
    while ((at = bpf_iter_css_next(&groups))) {
        struct cgroup *group = bpf_cgroup_acquire(at->cgroup);
        if (group) { bpf_cgroup_release(group); }
    }
    bpf_iter_css_destroy(&groups);
    bpf_cgroup_release(top);
    return 0;
}
SEC("tc") int bad_group(void *c) {
    struct iterator groups;
    struct cgroup_subsys_state *at;
    struct cgroup *top = bpf_cgroup_from_id(1);
    if (!top) { return 0; }
    bpf_iter_css_new(&groups, top, 1);
    while ((at = bpf_iter_css_next(&groups))) {
        struct cgroup *group = bpf_cgroup_acquire((void *)at); /* refused: helper_argument */
        if (group) { bpf_cgroup_release(group); }
    }
    bpf_iter_css_destroy(&groups);
    bpf_cgroup_release(top);
    return 0;
}

SEC("kprobe.session/do_sys_open") int good_session(void *c) { return bpf_session_is_return(); }
SEC("kprobe.multi/do_sys_open") int bad_session(void *c) { return bpf_session_is_return(); /* refused: unknown_helper */ }

SEC("kprobe.session/do_sys_open") int good_cookie(void *c) { *bpf_session_cookie() = 7; return 0; }
SEC("kprobe.session/do_sys_open") int bad_cookie(void *c) { bpf_session_cookie()[1] = 7; return 0; /* refused: memory_out_of_bounds */ }
