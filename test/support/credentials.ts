import { jest } from '@jest/globals';
import { PASSWORD, type TestApp } from './app.ts';
import type { User } from './users.ts';

/**
 * A `verifyCredentials` that looks the user up, as startApp's own does, and remembers how it was
 * called. The application is asked for late: it starts with this.
 */
export function spiedCredentials(test: () => TestApp) {
  return jest.fn(async (username: string, password: string): Promise<User | null> => {
    const user = await test().users.findOneBy({ username });
    return user?.password === password ? user : null;
  });
}

export const JOHN = { username: 'john.doe', password: PASSWORD };
export const BASIC_JOHN: [string, string] = ['john.doe', PASSWORD];
