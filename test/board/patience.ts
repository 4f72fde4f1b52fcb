/** How long tests wait for emulated boards: on a busy machine these are late, not silent. */

/** Of a start, a restart or a reset; a board is up in a second on an idle machine. */
export const BOOT_TIMEOUT_MS = 180_000;

/** Asked again every two seconds, a minute long; a board answers a repetition from memory. */
export const patience = { readyTimeoutMs: BOOT_TIMEOUT_MS, retries: 30 } as const;
