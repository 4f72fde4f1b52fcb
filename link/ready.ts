/** What the kernel says on its console once, when it is up and its link answers. */
export const READY = /^velocity \S+ \S+ ready on /;
