import { Injectable, Scope, type CanActivate } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import type { KnoxRequest } from '../requests/knox-request.ts';

/** Injects the guards that `loginGuards` names. */
export const LOGIN_GUARDS = Symbol('LOGIN_GUARDS');

/** The login guards of a realm, which are found in its KnoxModule when they are asked: they may be request-scoped. */
@Injectable()
export class LoginGuards {
  readonly #module: ModuleRef;

  constructor(module: ModuleRef) {
    this.#module = module;
  }

  /** Those that all requests share; none if they are made for each request. */
  get shared(): readonly CanActivate[] {
    return this.#areShared() ? this.#module.get<CanActivate[]>(LOGIN_GUARDS) : [];
  }

  /** The guards that this request has to pass, in this order. */
  async of(request: KnoxRequest): Promise<readonly CanActivate[]> {
    if (this.#areShared()) return this.shared;
    const contextId = ContextIdFactory.getByRequest(request);
    this.#module.registerRequestByContextId(request, contextId);
    return this.#module.resolve<CanActivate[]>(LOGIN_GUARDS, contextId);
  }

  #areShared(): boolean {
    return this.#module.introspect(LOGIN_GUARDS).scope === Scope.DEFAULT;
  }
}
