/** Starts an image through a U-Boot prompt on the serial line: `loady` into memory, checked by CRC-32, then `booti`. */
import { BadDeviceError, FlashVerifyError, RefusedError } from '../errors.ts';
import { type SerialLine, SerialReader } from './port.ts';
import { sendYmodem, type YmodemLimits, ymodemLimits } from './ymodem.ts';

export type UBootLimits = YmodemLimits & {
  /** The prompt, after Enter was sent. */
  readonly promptMs: number;
  /** A command's own answer. */
  readonly commandMs: number;
};

export const uBootLimits: UBootLimits = { ...ymodemLimits, promptMs: 5000, commandMs: 10_000 };

export type UBootEvent =
  | { event: 'send'; stage: 'u-boot'; file: string; done: number; total: number }
  | { event: 'unchecked'; reason: string };

export type UBootOptions = {
  readonly limits?: UBootLimits;
  readonly onEvent?: (event: UBootEvent) => void;
  readonly signal?: AbortSignal;
  /** U-Boot's variable, or a number, with the address that the image is loaded to. */
  readonly address?: string;
};

/** U-Boot's own prompt, and those that boards set: `=> `, `U-Boot> `, `Tegra210 (P3450-0000) # `. Not `… ==> ` of crc32. */
const PROMPT_TEXT = '[\\r\\n](?:=>|[\\w() -]{1,40}[>#]) $';
const PROMPT = new RegExp(PROMPT_TEXT);
const OUTPUT_AND_PROMPT = new RegExp(`^([^]*?)${PROMPT_TEXT}`); // from the start: else each byte is tried as one

const promptCauses = [
  'the board is not at its U-Boot prompt: restart it and press a key while it counts down',
  'TX and RX are swapped, or ground is missing',
  'the speed differs (--baud)',
];

// biome-ignore lint/suspicious/noTemplateCurlyInString: U-Boot expands it
const LOAD_ADDRESS = '${kernel_addr_r}';
/** Stops the count-down and gives a new prompt; Enter would repeat the last command. */
const CTRL_C = '\x03';
const KNOCK_MS = 1000;
const IMAGE_NAME = 'Image';

class Prompt {
  readonly reader: SerialReader;
  readonly #limits: UBootLimits;

  constructor(line: SerialLine, limits: UBootLimits) {
    this.reader = new SerialReader(line);
    this.#limits = limits;
  }

  async find(): Promise<void> {
    const knock = setInterval(() => void this.reader.write(CTRL_C).catch(() => {}), KNOCK_MS);
    try {
      await this.reader.write(CTRL_C);
      await this.reader.until(PROMPT, 'a U-Boot prompt', this.#limits.promptMs, promptCauses);
    } finally {
      clearInterval(knock);
    }
  }

  async ask(command: string, answer: RegExp): Promise<RegExpExecArray> {
    await this.reader.write(`${command}\r`);
    const what = `the answer to ${JSON.stringify(command)}`;
    return this.reader.until(answer, what, this.#limits.commandMs, []);
  }

  /** What a command printed. */
  async run(command: string): Promise<string> {
    await this.reader.write(`${command}\r`);
    const what = `the end of ${JSON.stringify(command)}`;
    const found = await this.reader.until(OUTPUT_AND_PROMPT, what, this.#limits.commandMs, []);
    return found[1] ?? '';
  }
}

const checkSize = (prompt: Prompt, said: string, wanted: number) => {
  const size = Number.parseInt(said, 16);
  if (size === wanted) return;
  throw new BadDeviceError(prompt.reader.name, `U-Boot received ${size} bytes of ${wanted}`);
};

/** The whole image in the board's memory, not only its blocks on the line. */
const verify = async (prompt: Prompt, address: string, bytes: Uint8Array, options: UBootOptions) => {
  const size = bytes.length.toString(16);
  const said = await prompt.run(`crc32 ${address} ${size}`);
  const sum = /==> ([0-9a-f]{8})/.exec(said)?.[1];
  if (sum === undefined) {
    const reason = 'this U-Boot has no crc32 command; each block was checked on the line';
    return options.onEvent?.({ event: 'unchecked', reason });
  }
  const wanted = crc32(bytes);
  if (Number.parseInt(sum, 16) === wanted) return;
  throw new FlashVerifyError(
    prompt.reader.name,
    0,
    wanted >>> 24,
    Number.parseInt(sum.slice(0, 2), 16),
    'CRC-32 over the image differs; try again',
  );
};

/**
 * U-Boot's variable with the device tree: that of the loader before it where there was one, as U-Boot's extlinux has it, too. On a
 * Jetson U-Boot's own does not say what firmware reserved, nor which board it is.
 */
const treeOf = async (prompt: Prompt) =>
  /\bfdt_addr=\w/.test(await prompt.run('printenv fdt_addr')) ? 'fdt_addr' : 'fdtcontroladdr';

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** CRC-32 as in ISO-HDLC and U-Boot's crc32: cbf43926 over "123456789". */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

/**
 * Ends when U-Boot hands over to the image.
 * @throws TimeoutError, RefusedError, BadDeviceError, FlashVerifyError, UnpluggedError
 */
export const bootThroughUBoot = async (
  line: SerialLine,
  bytes: Uint8Array,
  options: UBootOptions = {},
): Promise<void> => {
  const limits = options.limits ?? uBootLimits;
  const { address = LOAD_ADDRESS, signal } = options;
  const prompt = new Prompt(line, limits);
  await prompt.find();
  await prompt.ask(`loady ${address}`, /Ready for binary \(ymodem\) download[^\n]*\n/);
  const total = bytes.length;
  await sendYmodem(prompt.reader, IMAGE_NAME, bytes, {
    limits,
    ...(signal ? { signal } : {}),
    onSent: (done) => options.onEvent?.({ event: 'send', stage: 'u-boot', file: IMAGE_NAME, done, total }),
  });
  const received = await prompt.reader.until(
    /Total Size\s*=\s*0x([0-9a-f]+)[^0-9a-f]/i,
    "U-Boot's count of what it received",
    limits.commandMs,
    [],
  );
  checkSize(prompt, received[1]!, total);
  await prompt.reader.until(PROMPT, 'the prompt after the transfer', limits.commandMs, []);
  await verify(prompt, address, bytes, options);
  const tree = await treeOf(prompt);
  const said = await prompt.ask(
    `booti ${address} - \${${tree}}`,
    /(Starting kernel|(?:Bad Linux|Unknown command|ERROR)[^\r\n]*(?=[\r\n]))/,
  );
  if (said[1] === 'Starting kernel') return;
  throw new RefusedError(prompt.reader.name, `U-Boot does not start the image: ${said[1]}`);
};
