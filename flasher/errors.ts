/** What can go wrong on the way to a board. Each error says what failed, on which device, why, and what to do next. */

type Details = { readonly hint?: string; readonly cause?: unknown };

export class FlashError extends Error {
  /** Stable name for programs; decides the exit code. */
  readonly code: string;
  /** Device or file the error is about, as a person would call it. */
  readonly device: string;
  readonly hint: string | undefined;

  constructor(code: string, device: string, problem: string, { hint, cause }: Details = {}) {
    super(`${device}: ${problem}`, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.device = device;
    this.hint = hint;
  }
}

/** The device went away, or was never there. */
export class UnpluggedError extends FlashError {
  constructor(device: string, during: string, details: Details = {}) {
    super('unplugged', device, `went away while ${during}`, {
      hint: 'check cable and power, avoid hubs, then put the board into its boot mode again and repeat',
      ...details,
    });
  }
}

/** Nothing that fits is attached. */
export class NoDeviceError extends FlashError {
  constructor(wanted: string, details: Details = {}) {
    super('unplugged', wanted, 'not found', details);
  }
}

export class PermissionError extends FlashError {
  constructor(device: string, details: Details = {}) {
    super('permission', device, 'this user may not open it', details);
  }
}

export class BusyError extends FlashError {
  constructor(device: string, holder: string, details: Details = {}) {
    super('port_busy', device, `is in use by ${holder}`, details);
  }
}

/** The system has no memory left for a transfer of this size, and sent nothing of it. */
export class UsbMemoryError extends FlashError {
  constructor(device: string, during: string, details: Details = {}) {
    super('usb_memory', device, `the system has no memory for a transfer while ${during}`, {
      hint: 'flash fewer boards at once, or allow more: echo 64 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb',
      ...details,
    });
  }
}

/** The device refused one transfer by a STALL handshake. */
export class StalledError extends FlashError {
  constructor(device: string, during: string, details: Details = {}) {
    super('stalled', device, `refused a transfer while ${during}`, {
      hint: 'the boot ROM does not recover from this: unplug the board, power it off, and repeat',
      ...details,
    });
  }
}

/** A wait reached its limit. `causes` are the likely reasons, the most likely first. */
export class TimeoutError extends FlashError {
  readonly causes: readonly string[];
  constructor(
    device: string,
    waitedFor: string,
    timeoutMs: number,
    causes: readonly string[],
    details: Details = {},
  ) {
    super('timeout', device, `no sign of ${waitedFor} within ${timeoutMs / 1000} s`, {
      ...(causes.length > 0 ? { hint: `likely causes: ${causes.join('; ')}` } : {}),
      ...details,
    });
    this.causes = causes;
  }
}

/** The device is there, but in a mode or of a kind that this step cannot use. */
export class WrongModeError extends FlashError {
  constructor(device: string, problem: string, hint: string) {
    super('wrong_mode', device, problem, { hint });
  }
}

/** The device sent something that its protocol does not allow. */
export class BadDeviceError extends FlashError {
  constructor(device: string, problem: string, details: Details = {}) {
    super('bad_device', device, problem, {
      hint: 'unplug the board and repeat; if it says the same again, please report it with this text',
      ...details,
    });
  }
}

/** The device understood and said no, with a reason. */
export class RefusedError extends FlashError {
  constructor(device: string, problem: string, details: Details = {}) {
    super('refused', device, problem, details);
  }
}

/** This disk must not be written: it is the system's, mounted, or too small. */
export class DiskRefusedError extends FlashError {
  constructor(device: string, problem: string, hint: string) {
    super('disk_refused', device, problem, { hint });
  }
}

/** Reading or writing a disk failed at an offset. */
export class DiskError extends FlashError {
  readonly offset: number;
  constructor(code: string, device: string, action: string, offset: number, cause: Error) {
    const what = code === 'unplugged' ? `went away while ${action} at byte` : `${action} failed at byte`;
    super(code, device, `${what} ${offset}: ${cause.message}`, {
      hint: 'try another card reader, USB port or card; nothing on it can be relied on now',
      cause,
    });
    this.offset = offset;
  }
}

export class CancelledError extends FlashError {
  constructor(device: string, during: string) {
    super('cancelled', device, `stopped while ${during}`);
  }
}

const hex = (byte: number | undefined) => byte?.toString(16).padStart(2, '0') ?? 'nothing';

/** What was read back differs from what was written. */
export class FlashVerifyError extends FlashError {
  readonly offset: number;
  constructor(device: string, offset: number, wrote: number, read: number | undefined, hint: string) {
    super('verify_failed', device, `byte ${offset} was written as ${hex(wrote)} and reads ${hex(read)}`, {
      hint,
    });
    this.offset = offset;
  }
}
