import { randomUUID } from 'node:crypto';
import * as argon2 from '@node-rs/argon2';

/** Of a random password. */
const dummyHash = argon2.hash(randomUUID());

/**
 * Whether this is the password, if there is a hash. An unknown user takes as long as a wrong password: response times must
 * not tell who exists.
 */
export async function isPassword(hash: string | undefined, password: string): Promise<boolean> {
  return argon2.verify(hash ?? (await dummyHash), password);
}
