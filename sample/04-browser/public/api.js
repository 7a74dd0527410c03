const UNREACHABLE = 'The server could not be reached. Please try again.';

/**
 * Calls the app. The browser adds the cookie, which no script can read. `problem` is a message for the user, and empty if
 * there is none; `status` is 0 if nothing has answered.
 */
export async function call(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      ...(body && {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const { ok, status } = response;
    const answer = status === 204 ? {} : await response.json();
    return { status, body: answer, problem: ok ? '' : answer.message };
  } catch {
    // No answer, or that of a proxy in between, which is no JSON.
    return { status: 0, body: {}, problem: UNREACHABLE };
  }
}
