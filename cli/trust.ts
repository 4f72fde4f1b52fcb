/** From `--key` and `--policy` to what an image trusts. */
import { type BuildOptions, readPolicy } from '../firmware/index.ts';
import { chosenKey } from '../firmware/sign.ts';

export type TrustOptions = {
  /** Key to sign with, and that a built image trusts. */
  readonly key?: string;
  /** JSON file that says which key may do what. */
  readonly policy?: string;
};

export type Trust = Pick<BuildOptions, 'key' | 'policy' | 'sequence'>;

/** @throws KeyError, PolicyError */
export const trustOf = ({ key, policy }: TrustOptions): Trust => ({
  key: chosenKey(key),
  ...(policy ? { policy: readPolicy(policy) } : {}),
});
