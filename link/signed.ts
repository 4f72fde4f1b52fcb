/** Signed commands: what a board's policy takes from nobody else goes again inside a signature (abi/policy.ts). */
import { encode } from 'cborg';
import { messages, SMP_GROUP_SIGNED, SMP_GROUP_VELOCITY } from '../abi/index.ts';
import type { SmpClient, SmpRequest } from './client.ts';
import { RefusedError } from './errors.ts';

/** Makes the COSE_Sign1 around a command; the key stays with the caller. */
export type Signer = {
  (command: {
    readonly group: number;
    readonly command: number;
    readonly payload: Uint8Array;
    readonly sequence: bigint;
    readonly boot: Uint8Array;
  }): Uint8Array;
  /** Id of its key; without it numbers follow the newest of any key. */
  readonly keyId?: () => string;
};

/** What a signature is bound to, read from the board. */
export type Binding = (
  keyId: string | undefined,
) => Promise<{ readonly sequence: bigint; readonly boot: Uint8Array }>;

const isNotSigned = (error: unknown) => error instanceof RefusedError && error.status === 'not_signed';

/** `timer` is a write that also reads; only setting the period goes through its door. */
const HAS_OPEN_FORMS = `${SMP_GROUP_VELOCITY}/${messages.timer.id}`;

/** Sends requests as they are until the board wants one signed; from then on that command is signed at once. */
export class SignedExchange {
  readonly #client: SmpClient;
  readonly #binding: Binding;
  readonly #closed = new Set<string>();
  signer: Signer | undefined;

  constructor(client: SmpClient, binding: Binding) {
    this.#client = client;
    this.#binding = binding;
  }

  async #sign(signer: Signer, request: SmpRequest): Promise<SmpRequest> {
    const { sequence, boot } = await this.#binding(signer.keyId?.());
    const { group, id, payload } = request;
    const message = signer({ group, command: id, payload, sequence: sequence + 1n, boot });
    return { ...request, group: SMP_GROUP_SIGNED, id: 0, payload: encode({ m: message }) };
  }

  /** @throws RefusedError `not_signed` when there is no signer; else as SmpClient.request */
  async request(request: SmpRequest): Promise<Uint8Array> {
    const { signer } = this;
    if (!signer || request.op !== 'write') return this.#client.request(request);
    const name = `${request.group}/${request.id}`;
    if (!this.#closed.has(name)) {
      try {
        return await this.#client.request(request);
      } catch (error) {
        if (!isNotSigned(error)) throw error;
        if (name !== HAS_OPEN_FORMS) this.#closed.add(name);
      }
    }
    return this.#client.request(await this.#sign(signer, request));
  }
}
