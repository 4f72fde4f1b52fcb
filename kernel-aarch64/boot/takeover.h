#pragma once
/* Hands the board over to the image that was put into memory, as a loader would: the other cores parked, devices that know
 * memory stopped, caches clean, MMU off. */

/* When one is due: returns only if that fails, and says why on the console; this image goes on then. Core 0, main loop. */
void takeover_poll(void);
