import { Inject, Injectable, Scope, type CanActivate } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { REALM_NAME } from '../options/realm-name.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';

/** The token that injects the guards that `loginGuards` of a realm names. A ModuleRef may look in all modules. */
export function loginGuardsToken(realm: string): string {
  return `nestjs-knox:loginGuards:${realm}`;
}

/** The login guards of a realm, which are found in its KnoxModule when they are asked: they may be request-scoped. */
@Injectable()
export class LoginGuards {
  readonly #module: ModuleRef;
  readonly #token: string;

  constructor(module: ModuleRef, @Inject(REALM_NAME) realm: string) {
    this.#module = module;
    this.#token = loginGuardsToken(realm);
  }

  /** Those that all requests share; none if they are made for each request. */
  get shared(): readonly CanActivate[] {
    return this.#areShared() ? this.#module.get<CanActivate[]>(this.#token) : [];
  }

  /** The guards that this request has to pass, in this order. */
  async of(request: KnoxRequest): Promise<readonly CanActivate[]> {
    if (this.#areShared()) return this.shared;
    const contextId = ContextIdFactory.getByRequest(request);
    this.#module.registerRequestByContextId(request, contextId);
    return this.#module.resolve<CanActivate[]>(this.#token, contextId);
  }

  #areShared(): boolean {
    return this.#module.introspect(this.#token).scope === Scope.DEFAULT;
  }
}
