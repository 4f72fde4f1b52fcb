/** What the kernel says on its console once, when it is up and its link answers; the build it runs is in it (kernel-aarch64/boot/main.c). */
export const READY = /^velocity \S+ (\S+) ready on /m;
