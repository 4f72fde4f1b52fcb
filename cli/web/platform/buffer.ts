/** `Buffer` in a browser: esbuild puts this wherever the code names it. */
export { Buffer } from 'buffer/';
