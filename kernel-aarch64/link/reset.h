#pragma once

/* True once after a reset was asked for; the reply goes out first. */
[[nodiscard]] bool reset_take(void);
