import { Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { lastValueFrom, isObservable } from 'rxjs';

/** A guard that lets a request pass if one of these providers does. All are asked at the same time. */
export function OrGuard(guards: Type<CanActivate>[]): Type<CanActivate> {
  @Injectable()
  class CombinedGuard implements CanActivate {
    constructor(private readonly modules: ModuleRef) {}

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const verdicts = await Promise.allSettled(
        guards.map(async (type) => {
          const verdict = await this.modules.get(type, { strict: false }).canActivate(context);
          return isObservable(verdict) ? lastValueFrom(verdict) : verdict;
        }),
      );
      if (verdicts.some((one) => one.status === 'fulfilled' && one.value)) return true;
      for (const one of verdicts) if (one.status === 'rejected') throw one.reason;
      return false;
    }
  }
  return CombinedGuard;
}
