import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { userOf } from 'nestjs-knox';
import type { User } from './user.entity.js';

export const Roles = Reflector.createDecorator<string[]>();

/** Lets a user pass who has one of the roles. It comes after AppAuthGuard, which finds the user. */
@Injectable()
export class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const allowed = this.reflector.getAllAndOverride(Roles, targets) as string[] | undefined;
    if (!allowed) return true;
    const user = userOf<User>(context);
    return user?.roles.some(({ name }) => allowed.includes(name)) ?? false;
  }
}
