/** Makes the form for the new password work, and the dialog that asks for the current one first. */
export function changePassword({ ask, say, username, onReauthenticated }) {
  const form = document.querySelector('#password-form');
  const problemText = document.querySelector('#password-problem');
  const dialog = document.querySelector('#confirm');
  const confirmForm = document.querySelector('#confirm-form');
  const confirmProblem = document.querySelector('#confirm-problem');

  async function change() {
    problemText.textContent = '';
    const { password } = form.elements;
    const { problem, body } = await ask('PUT', '/account/password', { password: password.value });
    if (body.code === 'reauthentication_required') {
      // The browser moves the focus into the dialog, keeps it there, and brings it back after.
      dialog.showModal();
      return;
    }
    problemText.textContent = problem;
    if (problem) {
      password.focus();
      return;
    }
    form.reset();
    say('Your password is changed.');
  }

  // Password managers look for the name beside the password. As the default, it outlives a reset.
  for (const { elements } of [form, confirmForm]) elements.username.defaultValue = username;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void change();
  });

  confirmForm.addEventListener('submit', async (event) => {
    event.preventDefault();
    confirmProblem.textContent = '';
    const { password } = confirmForm.elements;
    const { problem, body } = await ask('POST', '/auth/reauthenticate', {
      username,
      password: password.value,
    });
    if (problem) {
      confirmProblem.textContent =
        body.code === 'invalid_credentials' ? 'This is not your current password.' : problem;
      password.select();
      return;
    }
    // The session has another token now: the stream of the old one ends.
    onReauthenticated();
    dialog.close();
    await change();
  });

  dialog.addEventListener('close', () => {
    confirmForm.reset();
    confirmProblem.textContent = '';
  });
  document.querySelector('#confirm-cancel').addEventListener('click', () => dialog.close());
}
