/* What a program sees of its context, and may return, by where it attaches. */
#include "program.h"

SEC("cgroup/post_bind4") int good_source(struct bpf_sock *c) { return c->src_ip4 != 0; }
SEC("cgroup/sock_create") int bad_source(struct bpf_sock *c) { return c->src_ip4 != 0; /* refused: context_bad_access */ }

SEC("cgroup/post_bind6") int good_family(struct bpf_sock *c) { return c->src_ip6[3] != 0; }
SEC("cgroup/post_bind4") int bad_family(struct bpf_sock *c) { return c->src_ip6[3] != 0; /* refused: context_bad_access */ }

SEC("cgroup/sock_release") int good_mark(struct bpf_sock *c) { c->mark = 1; return 1; }
SEC("cgroup/post_bind6") int bad_mark(struct bpf_sock *c) { c->mark = 1; /* refused: context_bad_access */ return 1; }

SEC("cgroup/connect4") int good_address(struct bpf_sock_addr *c) { return c->user_ip4 != 0; }
SEC("cgroup/connect_unix") int bad_address(struct bpf_sock_addr *c) { return c->user_ip4 != 0; /* refused: context_bad_access */ }

SEC("cgroup/recvmsg6") int good_sender(struct bpf_sock_addr *c) { c->user_ip6[0] = 1; return 1; }
SEC("cgroup/recvmsg4") int bad_sender(struct bpf_sock_addr *c) { c->user_ip6[0] = 1; /* refused: context_bad_access */ return 1; }

SEC("cgroup/sendmsg4") int good_message(struct bpf_sock_addr *c) { c->msg_src_ip4 = 1; return 1; }
SEC("cgroup/connect4") int bad_message(struct bpf_sock_addr *c) { c->msg_src_ip4 = 1; /* refused: context_bad_access */ return 1; }

SEC("cgroup/setsockopt") int good_option(struct bpf_sockopt *c) { c->level = 1; return 1; }
SEC("cgroup/getsockopt") int bad_option(struct bpf_sockopt *c) { c->level = 1; /* refused: context_read_only */ return 1; }

SEC("cgroup/getsockopt") int good_result(struct bpf_sockopt *c) { c->retval = 0; return 1; }
SEC("cgroup/setsockopt") int bad_result(struct bpf_sockopt *c) { c->retval = 0; /* refused: context_bad_access */ return 1; }

SEC("kprobe.session/f") int good_both(void *c) { return 1; }
SEC("kprobe.session/f") int bad_both(void *c) { return 2; /* refused: bad_exit_value */ }

SEC("uprobe.multi.s//bin/true:f") int good_many(void *c) { return 2; }
SEC("uprobe.session.s//bin/true:f") int bad_many(void *c) { return 2; /* refused: bad_exit_value */ }
