/** Of terminal-kit (https://github.com/cronvel/terminal-kit, `doc/`), what is used here. */
declare module 'terminal-kit' {
  /** What `object2attr` makes of styles: one number a cell. */
  type Attribute = number;

  type Attributes = {
    readonly color?: number;
    readonly defaultColor?: boolean;
    readonly bgDefaultColor?: boolean;
    readonly bold?: boolean;
    readonly dim?: boolean;
    readonly inverse?: boolean;
  };

  type Terminal = {
    /** Of the terminal, in cells. */
    readonly width: number;
    readonly height: number;
    on(event: 'resize', listener: () => void): void;
    /** The alternate screen, cleared; `false` goes back to what was there. */
    fullscreen(on: boolean): void;
    hideCursor(hide?: boolean): void;
    styleReset(): void;
    /** Whether it was given back: its own handlers of the end of the process do nothing then. */
    shutdown: boolean;
  };

  class ScreenBuffer {
    constructor(options: { dst: Terminal; width: number; height: number });
    readonly width: number;
    readonly height: number;
    static object2attr(attributes: Attributes): Attribute;
    fill(options: { attr: Attribute; char: string }): void;
    /** Of what lies outside nothing is kept, and `clipChar` stands in its place. @returns nothing that is of use */
    put(options: { x: number; y: number; attr: Attribute; clipChar?: string }, text: string): void;
    /** Column after the last character put. */
    readonly cx: number;
    /** With `delta`, only cells that changed since the last time. */
    draw(options: { delta: boolean }): void;
  }

  const kit: {
    createTerminal(options: {
      stdin: unknown;
      stdout: unknown;
      stderr: unknown;
      generic: string;
      isTTY: boolean;
    }): Terminal;
    readonly ScreenBuffer: typeof ScreenBuffer;
    /** Cells that the text takes: none for combining characters, two for wide ones. */
    stringWidth(text: string): number;
  };
  export default kit;
}
