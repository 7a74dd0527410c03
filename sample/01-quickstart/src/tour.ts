/** The one user of this sample. */
export const CREDENTIALS = { username: 'ada', password: 'correct horse' };

interface Step {
  readonly title: string;
  readonly path: string;
  /** Sent with POST, as JSON. */
  readonly body?: object;
  readonly post?: boolean;
  readonly token?: string;
  /** The status that the answer must have. */
  readonly expect: number;
}

/** Walks through a session over HTTP, printing each call as a line for curl and what it answered. */
export class Tour {
  /** The calls that were answered otherwise than they should have been. */
  failures = 0;
  #steps = 0;

  constructor(private readonly url: string) {}

  async run(): Promise<void> {
    await this.#step({ title: 'A guarded route, without a token', path: '/me', expect: 401 });
    await this.#step({
      title: 'A wrong password',
      path: '/auth/login',
      body: { ...CREDENTIALS, password: 'wrong horse' },
      expect: 401,
    });
    const laptop = await this.#login('Log in on the laptop');
    await this.#me('The same route, with the token', laptop, 200);
    const phone = await this.#login('Log in on the phone: another token');
    await this.#step({
      title: 'Log out on the laptop',
      path: '/auth/logout',
      post: true,
      token: laptop,
      expect: 204,
    });
    await this.#me('Its token is gone, at once', laptop, 401);
    await this.#me('The phone is still logged in', phone, 200);
    const tablet = await this.#login('Log in on the tablet');
    await this.#step({
      title: 'Log out everywhere, from the phone',
      path: '/auth/logoutall',
      post: true,
      token: phone,
      expect: 204,
    });
    await this.#me('The phone is logged out', phone, 401);
    await this.#me('So is the tablet', tablet, 401);
  }

  /** Lines that the reader can try. */
  async leave(): Promise<void> {
    const token = (await this.#call({ path: '/auth/login', body: CREDENTIALS })).token ?? '';
    print(
      'Now you. The server stays up; Ctrl-C ends it. Here is a token to call with:',
      this.#curl({ path: '/me', token }),
      this.#curl({ path: '/auth/logout', post: true, token }),
      'And this makes the next one:',
      this.#curl({ path: '/auth/login', body: CREDENTIALS }),
    );
  }

  async #login(title: string): Promise<string> {
    const answer = await this.#step({
      title,
      path: '/auth/login',
      body: CREDENTIALS,
      expect: 200,
    });
    return answer.token ?? '';
  }

  async #me(title: string, token: string, expect: number): Promise<void> {
    await this.#step({ title, path: '/me', token, expect });
  }

  async #step(step: Step): Promise<{ token?: string }> {
    const answer = await this.#call(step);
    const asExpected = answer.status === step.expect;
    if (!asExpected) this.failures += 1;
    print(
      `${String(++this.#steps)}. ${step.title}`,
      this.#curl(step),
      `   ${String(answer.status)} ${answer.text}`.trimEnd(),
      ...(asExpected ? [] : [`   FAILED: this should have been ${String(step.expect)}.`]),
    );
    return answer;
  }

  async #call({ path, body, post, token }: Call) {
    const answer = await fetch(this.url + path, {
      method: body || post ? 'POST' : 'GET',
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Token ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as { token?: string });
    return { status: answer.status, text, token: parsed.token };
  }

  #curl({ path, body, post, token }: Call): string {
    const words = ['   curl -i', `${this.url}${path}`];
    if (post) words.push('-X POST');
    if (token !== undefined) words.push(`-H 'Authorization: Token ${token}'`);
    if (body) words.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body)}'`);
    return words.join(' ');
  }
}

type Call = Pick<Step, 'path' | 'body' | 'post' | 'token'>;

function print(...lines: string[]): void {
  console.log(`\n${lines.join('\n')}`);
}
