import { AsyncResource } from 'node:async_hooks';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { describeKind, KnoxConfigError } from '../errors/knox-config.error.ts';
import type { RealmParts } from '../http/realms.ts';
import { realmsOfApp } from '../http/realms-of-app.ts';
import { digestOfAny } from '../service/token.digest.ts';
import { closableSocket } from './closable-socket.ts';
import { LIVE_MODULE, type LiveSettings } from './live-options.ts';
import { TokenPoller } from './token-poller.ts';
import { tokenWatch, type EndReason, type TokenWatch } from './token-watch.ts';

/** Injects the LiveSettings. */
export const LIVE_SETTINGS = Symbol('LIVE_SETTINGS');

/**
 * Watches the tokens of connections that stay open, such as sockets, SSE streams and GraphQL subscriptions, and ends them
 * with their tokens: at once if this process revokes the token, else when the database is asked again.
 *
 * @publicApi
 */
@Injectable()
export class LiveTokens implements BeforeApplicationShutdown {
  readonly #module: ModuleRef;
  readonly #settings: LiveSettings;
  readonly #pollers = new Map<RealmParts, TokenPoller>();
  /** The async context of the application's start: a timer would keep that of the request that sets it. */
  readonly #context = new AsyncResource('LiveTokens');
  #isClosed = false;

  constructor(module: ModuleRef, @Inject(LIVE_SETTINGS) settings: LiveSettings) {
    this.#module = module;
    this.#settings = settings;
  }

  /**
   * Watches a token until it is released. Release it when the connection closes.
   *
   * @param authToken the entity that the guard or TokenService gave: not the raw token
   * @throws TypeError for anything else
   */
  watch(authToken: AbstractAuthToken): TokenWatch {
    const { poller, digest } = this.#find(authToken);
    return this.#context.runInAsyncScope(() => poller.watch(digest, authToken.expiry));
  }

  /**
   * Closes the socket when its token ends: one of `ws` with the code 4401 and the `code` of the exception as its reason, a
   * client of socket.io by `disconnect(true)`. A client of `ws` that does not answer the close frame is cut off after a
   * second, and none of its messages is handled meanwhile.
   *
   * @returns the watch, which is released when the socket closes
   * @throws TypeError for another kind of socket, and as `watch`
   */
  closing(socket: object, authToken: AbstractAuthToken): TokenWatch {
    const closable = closableSocket(socket);
    const watch = this.watch(authToken);
    const { signal } = watch;
    const stop = onAbort(signal, (reason) => {
      closable.close(reason.code);
    });
    const release = (): void => {
      stop();
      forget();
      watch.release();
    };
    const forget = closable.onClosed(release);
    if (closable.isClosed) release();
    return tokenWatch(signal, release);
  }

  /**
   * Ends a stream with the exception when its token ends. The token is watched while the stream is subscribed to.
   *
   * @throws TypeError as `watch`
   */
  until<T>(authToken: AbstractAuthToken): MonoTypeOperatorFunction<T> {
    this.#find(authToken);
    return (source) =>
      new Observable<T>((subscriber) => {
        const watch = this.watch(authToken);
        const stop = onAbort(watch.signal, (reason) => {
          subscriber.error(reason);
        });
        subscriber.add(() => {
          stop();
          watch.release();
        });
        if (!subscriber.closed) subscriber.add(source.subscribe(subscriber));
      });
  }

  /** Before any data source is destroyed. Connections are closed by their servers. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#pollers.values(), (poller) => poller.close()));
  }

  #find(authToken: AbstractAuthToken): { poller: TokenPoller; digest: string } {
    const { all } = realmsOfApp(this.#module);
    const realm = realmOfToken(authToken, all);
    const { tokens, settings } = realm.requests;
    const digest = digestOfAny(authToken, tokens.tokenEntity, settings.hashAlgorithm) as string;
    if ((authToken as Partial<AbstractAuthToken>).expiry === undefined) {
      throw new TypeError(
        'authToken was loaded without its expiry; give the entity that the guard or TokenService gave.',
      );
    }
    let poller = this.#pollers.get(realm);
    if (!poller) {
      poller = new TokenPoller(tokens, this.#settings, settings.authTimeout);
      this.#pollers.set(realm, poller);
      if (this.#isClosed) void poller.close();
    }
    return { poller, digest };
  }
}

/** Calls the listener once: now, if it is aborted already. @returns takes it off */
function onAbort(signal: AbortSignal, listener: (reason: EndReason) => void): () => void {
  const onEvent = (): void => {
    listener(signal.reason as EndReason);
  };
  if (signal.aborted) onEvent();
  else signal.addEventListener('abort', onEvent, { once: true });
  return () => {
    signal.removeEventListener('abort', onEvent);
  };
}

/** The realm whose token it is: of entities that extend each other, that of the nearest class. */
function realmOfToken(authToken: unknown, realms: readonly RealmParts[]): RealmParts {
  const found = realms
    .filter(({ requests }) => authToken instanceof requests.tokens.tokenEntity)
    .sort((a, b) => depthOf(b) - depthOf(a));
  const [realm, next] = found;
  if (!realm) {
    throw new TypeError(
      `authToken must be the token entity that the guard or TokenService gave; got ${describeKind(authToken)}.`,
    );
  }
  if (next?.requests.tokens.tokenEntity === realm.requests.tokens.tokenEntity) {
    throw new KnoxConfigError(
      'imports',
      `the realms '${realm.name}' and '${next.name}' have one tokenEntity, which does not say whose a token is; give ` +
        'each its own.',
      LIVE_MODULE,
    );
  }
  return realm;
}

/** How many classes an entity extends. */
function depthOf({ requests }: RealmParts): number {
  let depth = 0;
  let type: unknown = requests.tokens.tokenEntity;
  while (typeof type === 'function' && type !== Function.prototype) {
    depth++;
    type = Object.getPrototypeOf(type);
  }
  return depth;
}
