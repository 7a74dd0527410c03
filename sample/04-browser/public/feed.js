import { ago, timeElement } from './words.js';

const RETRY_MS = 2_000;
const SHOWN = 8;

/** The live list of what happens to the account. */
export class Feed {
  #list = document.querySelector('#activity');
  #state = document.querySelector('#live');
  #onNews;
  #onEnd;
  #source;
  #retry;

  /** `onNews` is called when something may have changed, and `onEnd` when the server has ended the stream. */
  constructor({ onNews, onEnd }) {
    this.#onNews = onNews;
    this.#onEnd = onEnd;
  }

  /** Opens the stream, anew if it is open. */
  open() {
    this.close();
    const source = new EventSource('/account/activity');
    this.#source = source;
    source.addEventListener('open', () => {
      this.#show('live', 'Live');
      // What has happened while it was closed has to be looked for.
      this.#onNews();
    });
    source.addEventListener('message', ({ data }) => {
      this.#add(JSON.parse(data));
      this.#onNews();
    });
    // With data, it is the last event of the server: the session has ended. Without, the connection was lost, which the
    // browser makes again itself unless it is closed.
    source.addEventListener('error', ({ data }) => {
      this.#show('lost', 'Connecting');
      if (data !== undefined || source.readyState === EventSource.CLOSED) this.#end();
    });
  }

  close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }

  async #end() {
    const source = this.#source;
    source.close();
    await this.#onEnd();
    // Unless the page has closed or opened it in the meantime.
    if (this.#source === source) this.#retry = setTimeout(() => this.open(), RETRY_MS);
  }

  #show(state, text) {
    this.#state.dataset.state = state;
    if (this.#state.textContent !== text) this.#state.textContent = text;
  }

  #add({ at, text }) {
    const instant = new Date(at);
    const item = document.createElement('li');
    item.append(text, timeElement(instant, ago(instant)));
    this.#list.prepend(item);
    while (this.#list.children.length > SHOWN) this.#list.lastChild.remove();
  }
}
