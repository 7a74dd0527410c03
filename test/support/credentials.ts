import { jest } from '@jest/globals';
import { PASSWORD, type TestApp } from './app.ts';
import type { User } from './users.ts';

/**
 * A `verifyCredentials` that looks for the user, as the default of `startApp` does, and records its
 * calls. It takes a function, because it is needed before the application exists.
 */
export function recordedCredentials(test: () => TestApp) {
  return jest.fn(async (username: string, password: string): Promise<User | null> => {
    const user = await test().users.findOneBy({ username });
    return user?.password === password ? user : null;
  });
}

export const JOHN = { username: 'john.doe', password: PASSWORD };
export const BASIC_JOHN: [string, string] = ['john.doe', PASSWORD];
