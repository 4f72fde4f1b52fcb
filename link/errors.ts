/** What can go wrong between host and board. Codes are stable; the message says what failed and what to do next. */
import { statusOf } from '../abi/index.ts';

/** Base of every error of the link. */
export abstract class LinkError extends Error {
  abstract readonly code: string;
  /** What a person can do about it, one sentence. */
  readonly hint: string;
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

const isSocket = (port: string): boolean => /^(unix|tcp):/.test(port);

/** In a page there is no process, and nothing of the system is known. */
const thisSystem = (): NodeJS.Platform | undefined => globalThis.process?.platform;

/** How the system tells who holds a port. */
const whoHolds: Partial<Record<NodeJS.Platform, (port: string) => string>> = {
  linux: (port) => `(\`fuser ${port}\` names it; ModemManager grabs new ports for some seconds)`,
  darwin: (port) => `(\`lsof ${port}\` names it)`,
};
const otherwise = () => '(a serial terminal, for example)';

const rights: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    'run `sudo usermod -aG dialout $USER` and log in again, or add a udev rule: SUBSYSTEM=="tty", MODE="0660", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1"',
};

/** Another program holds the port; `holders` says which, where that is known. */
export class PortBusyError extends LinkError {
  readonly code = 'port_busy';
  constructor(port: string, options?: ErrorOptions, holders: readonly string[] = [], system = thisSystem()) {
    super(
      `${port} is in use by ${holders.join(' and ') || 'another program'}`,
      isSocket(port)
        ? 'close the program that is connected there: a line has one reader'
        : `close the program that holds it ${((system && whoHolds[system]) ?? otherwise)(port)}`,
      options,
    );
  }
}

/** This user may not open the port. */
export class PermissionError extends LinkError {
  readonly code = 'permission';
  constructor(port: string, options?: ErrorOptions, system = thisSystem()) {
    super(
      `no permission to open ${port}`,
      isSocket(port)
        ? 'another user started that board'
        : ((system && rights[system]) ?? 'ask whoever administers this machine who may open it'),
      options,
    );
  }
}

/** The native code that opens serial ports does not run here. */
export class NoSerialError extends LinkError {
  readonly code = 'missing_tool';
  constructor(options?: ErrorOptions) {
    super(
      `serial ports cannot be opened: @serialport/bindings-cpp does not load on ${process.platform} ${process.arch}`,
      'build it where velocity is installed (npm rebuild @serialport/bindings-cpp; it needs Python and a C++ compiler), or reach the port through a server: --port tcp:HOST:PORT',
      options,
    );
  }
}

/** The port does not exist, or went away while it was in use. */
export class UnpluggedError extends LinkError {
  readonly code = 'unplugged';
  constructor(port: string, what: string, options?: ErrorOptions) {
    super(`${port}: ${what}`, 'check cable and power, and that the name of the port is right', options);
  }
}

/** A server behind a socket may take a second connection and say nothing to it, as QEMU does. */
const silenceHint = (port: string): string =>
  isSocket(port)
    ? 'check that the board runs Velocity (its console says "ready"), and that no other program is connected there: a line has one reader'
    : 'check that the board runs Velocity (its console says "ready"), the baud rate, and that RX and TX are crossed';

/** The board did not answer, also not the second time. */
export class LinkTimeoutError extends LinkError {
  readonly code = 'timeout';
  constructor(port: string, what: string, waited_ms: number, options?: ErrorOptions) {
    super(`${port}: no answer to ${what} within ${waited_ms} ms`, silenceHint(port), options);
  }
}

/** In the midst of a request the board said that it is up: what it worked on, and the answer, are gone. */
export class RestartedError extends LinkError {
  readonly code = 'restarted';
  constructor(port: string, what: string) {
    super(
      `${port}: the board restarted before it answered ${what}`,
      'the modules that it ran are gone: install them again; `velocity crash` says why it restarted when its kernel crashed',
    );
  }
}

export type Refusal = {
  readonly rc: number;
  readonly insn?: number | undefined;
  readonly detail?: string | undefined;
};

/** The board answered with a status other than ok. */
export class RefusedError extends LinkError {
  readonly code = 'refused';
  /** Stable name of the status, as in abi/status.ts. */
  readonly status: string;
  /** Numeric status. */
  readonly rc: number;
  /** What the status means and what to do. */
  readonly sentence: string;
  /** Particulars of this refusal, or empty. */
  readonly detail: string;
  /** The eBPF instruction that was refused. */
  readonly insn: number | undefined;
  /** @param hint what to do, where that is another thing than the status says */
  constructor(what: string, refusal: Refusal, hint?: string) {
    const { name, sentence } = statusOf(refusal.rc);
    const at = refusal.insn === undefined ? '' : ` at instruction ${refusal.insn}`;
    const particulars = refusal.detail ? `: ${refusal.detail}` : '';
    super(`the board refused ${what}: ${name}${at}${particulars}`, hint ?? sentence);
    this.status = name;
    this.rc = refusal.rc;
    this.sentence = sentence;
    this.detail = refusal.detail ?? '';
    this.insn = refusal.insn;
  }
}

/** Host and board were built from different contracts. */
export class AbiMismatchError extends LinkError {
  readonly code = 'abi_mismatch';
  constructor(port: string, board: string, host: string) {
    super(
      `${port}: the board speaks contract ${board}, this host ${host}`,
      'flash the board with the image of this release (`velocity flash`), or use the host of the release it runs',
    );
  }
}

/** The board's answer does not match the contract: a bug on one of the sides, or damage that the CRC missed. */
export class BadReplyError extends LinkError {
  readonly code = 'bad_reply';
  constructor(port: string, what: string, options?: ErrorOptions) {
    super(`${port}: the answer to ${what} is malformed`, 'try again; report it if it stays', options);
  }
}

/** A map is written to while its entries are read, so often that the reading does not come to its end. */
export class UnsettledMapError extends LinkError {
  readonly code = 'map_unsettled';
  constructor(map: string, entries: number) {
    super(
      `the map ${map} changes faster than its entries can be read; ${entries} were`,
      'read the ones that matter with `velocity map get`, or pause what writes to it',
    );
  }
}

/** The address of a port is not understood. */
export class AddressError extends LinkError {
  readonly code = 'bad_address';
  constructor(address: string, why: string) {
    super(
      `${address || '(empty)'} is no port: ${why}`,
      'give a device path, tcp:HOST:PORT or unix:PATH, for example --port /dev/ttyUSB0',
    );
  }
}

/** The link was closed on this side while something was under way. */
export class CancelledError extends LinkError {
  readonly code = 'cancelled';
  constructor(what = 'the request', options?: ErrorOptions) {
    super(`${what} was cancelled`, 'nothing was lost; start it again when you like', options);
  }
}
