import { ago, clientOf, timeElement } from './words.js';

/** The list of the devices on which the user is signed in: each is a session. */
export class Devices {
  #list = document.querySelector('#devices');
  #heading = document.querySelector('#devices-heading');
  #endOthers = document.querySelector('#end-others');
  #template = document.querySelector('#device');
  #items = new Map();
  #asked = 0;
  #shown = 0;
  #ask;
  #say;

  constructor({ ask, say }) {
    this.#ask = ask;
    this.#say = say;
    this.#endOthers.addEventListener('click', async () => {
      const { problem, body } = await ask('DELETE', '/auth/sessions');
      await this.load();
      say(
        problem ||
          (body.count === 1
            ? 'One device is signed out.'
            : `${body.count} devices are signed out.`),
      );
      this.#heading.focus();
    });
  }

  /** Shows the sessions there are now. What stays keeps its elements, and with them the focus and what is being typed. */
  async load() {
    const number = ++this.#asked;
    const { problem, body } = await this.#ask('GET', '/auth/sessions');
    if (problem) {
      this.#say(problem);
      return;
    }
    // An answer that comes late must not replace a newer one.
    if (number < this.#shown) return;
    this.#shown = number;
    const ids = body.map(({ id }) => id);
    for (const [id, item] of this.#items) if (!ids.includes(id)) this.#remove(id, item);
    const items = body.map((session) => this.#update(session));
    items.forEach((item, index) => {
      if (this.#list.children[index] !== item) {
        this.#list.insertBefore(item, this.#list.children[index] ?? null);
      }
    });
    this.#endOthers.hidden = items.length < 2;
  }

  #remove(id, item) {
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    this.#items.delete(id);
    if (hadFocus) this.#heading.focus();
  }

  #update(session) {
    const item = this.#items.get(session.id) ?? this.#make(session.id);
    const name = session.name ?? 'A device without a name';
    item.querySelector('.name').textContent = name;
    item.querySelector('.badge').hidden = !session.current;
    item.querySelector('.end').hidden = session.current;
    item.querySelector('.facts').replaceChildren(...factsOf(session));
    for (const hidden of item.querySelectorAll('.visually-hidden')) hidden.textContent = ` ${name}`;
    return item;
  }

  #make(id) {
    const item = this.#template.content.cloneNode(true).firstElementChild;
    this.#items.set(id, item);
    const [form, actions] = [item.querySelector('form'), item.querySelector('.actions')];
    const rename = item.querySelector('.rename');
    const nameOf = () => item.querySelector('.name').textContent;
    const edit = (isOpen) => {
      form.hidden = !isOpen;
      actions.hidden = isOpen;
      if (isOpen) {
        form.elements.name.value = nameOf();
        form.elements.name.select();
      } else rename.focus();
    };
    rename.addEventListener('click', () => edit(true));
    item.querySelector('.cancel').addEventListener('click', () => edit(false));
    form.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') edit(false);
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = form.elements.name.value;
      const { problem } = await this.#ask('PATCH', `/auth/sessions/${id}`, { name });
      if (!problem) {
        await this.load();
        edit(false);
      }
      this.#say(problem || `The device is called ${name} now.`);
    });
    item.querySelector('.end').addEventListener('click', async () => {
      const name = nameOf();
      const { problem, status } = await this.#ask('DELETE', `/auth/sessions/${id}`);
      await this.load();
      // Another device may have been faster.
      this.#say(problem && status !== 404 ? problem : `${name} is signed out.`);
    });
    return item;
  }
}

/** Such as "Firefox on Windows, from 203.0.113.0" and "Last used 3 hours ago, signed in 20 days ago", each on its line. */
function factsOf({ userAgent, ip, created, lastUsed, current }) {
  const time = (instant) => timeElement(new Date(instant), ago(new Date(instant)));
  const use = current ? ['In use now'] : lastUsed ? ['Last used ', time(lastUsed)] : [];
  return [
    [clientOf(userAgent), ip ? `, from ${ip}` : ''],
    [...use, use.length > 0 ? ', signed in ' : 'Signed in ', time(created)],
  ].map((parts) => {
    const line = document.createElement('span');
    line.append(...parts);
    return line;
  });
}
