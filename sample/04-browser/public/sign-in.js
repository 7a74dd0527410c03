import { call } from './api.js';
import { clientOf } from './words.js';

const form = document.querySelector('#sign-in');
const problemText = document.querySelector('#problem');
const button = form.querySelector('button');

form.elements.name.value = clientOf(navigator.userAgent);
if (location.hash === '#signed-out') {
  document.querySelector('#message').textContent = 'You have signed out.';
}
form.elements.username.focus();

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problemText.textContent = '';
  button.disabled = true;
  const { status, body, problem } = await call(
    'POST',
    '/auth/login',
    Object.fromEntries(new FormData(form)),
  );
  if (status === 200) {
    // Not `assign`: the back button would lead to this page.
    location.replace('/');
    return;
  }
  problemText.textContent =
    body.code === 'invalid_credentials' ? 'Username or password is wrong.' : problem;
  button.disabled = false;
  form.elements.password.select();
});
