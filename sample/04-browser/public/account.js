import { call } from './api.js';
import { Devices } from './devices.js';
import { Feed } from './feed.js';
import { changePassword } from './password.js';

const account = document.querySelector('#account');
const say = (text) => {
  document.querySelector('#status').textContent = text;
};

/** Calls the app for what the page does. If the session has ended, the page shows that, and the promise stays pending. */
async function ask(method, path, body) {
  let answer = await call(method, path, body);
  if (isEnded(answer)) {
    // A reauthentication in another tab has given the browser another cookie, which may come a moment after the end of the
    // old one. Nothing was done: ask once more.
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await call(method, path, body);
  }
  if (!isEnded(answer)) return answer;
  showEnded();
  return new Promise(() => {});
}

/** A wrong password is a 401 too, and ends nothing. */
const isEnded = ({ status, body }) => status === 401 && body.code !== 'invalid_credentials';

const devices = new Devices({ ask, say });
const feed = new Feed({
  onNews: () => devices.load(),
  // It may be a new deployment, or a reauthentication in another tab: only a 401 says that the session has ended.
  onEnd: () => ask('GET', '/account'),
});

/** Nothing of the account stays in the page. */
function showEnded() {
  feed.close();
  account.remove();
  say('');
  document.title = 'You are signed out';
  document.querySelector('#ended').hidden = false;
  document.querySelector('#ended-heading').focus();
}

async function start() {
  const { status, problem, body } = await call('GET', '/account');
  if (status === 401) {
    location.replace('/sign-in');
    return;
  }
  if (problem) {
    say(problem);
    return;
  }
  const { username } = body;
  document.querySelector('#username').textContent = username;
  await devices.load();
  account.hidden = false;
  feed.open();
  changePassword({ ask, say, username, onReauthenticated: () => feed.open() });
}

document.querySelector('#sign-out').addEventListener('click', async () => {
  feed.close();
  const { problem } = await ask('POST', '/auth/logout');
  if (problem) {
    say(problem);
    feed.open();
  } else location.assign('/sign-in#signed-out');
});

// A browser that keeps pages in memory, whatever their headers say, shows this one again: with the old content.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

await start();
