import type {
  AbstractAuthToken,
  CreateTokenOptions,
  IssuedToken,
  TokenService,
} from '../../lib/index.ts';

let running = 0;
let realNow = Date.now;

/**
 * Makes a token that expired so many milliseconds ago. `Date` is behind until all such calls have ended, so calls at the
 * same time have to ask for the same.
 */
export async function createExpired<Token extends AbstractAuthToken>(
  tokens: TokenService<Token>,
  user: Token['user'],
  options: CreateTokenOptions<Token> = {},
  expiredForMs = 1_000,
): Promise<IssuedToken<Token>> {
  if (running++ === 0) {
    realNow = Date.now;
    Date.now = () => realNow() - expiredForMs - 1;
  }
  try {
    return await tokens.create(user, { ...options, ttl: 1 });
  } finally {
    if (--running === 0) Date.now = realNow;
  }
}
