/** A boot medium cannot be made as asked: says why and what to do. */
export class MediaError extends Error {
  readonly code = 'bad_file';
  readonly hint: string | undefined;
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MediaError';
    this.hint = hint;
  }
}
