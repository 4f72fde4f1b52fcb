#pragma once

/* Release of the whole project; equals `version` in package.json. */
#define VELOCITY_VERSION "0.1.0"
