#pragma once

/* True once a reset was asked for; the reply goes out first. */
[[nodiscard]] bool reset_is_due(void);
