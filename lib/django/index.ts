/**
 * For the tables, passwords and answers of Django.
 *
 * @module nestjs-knox/django
 */
export { AbstractDjangoAuthToken } from './abstract-django-auth-token.entity.ts';
export { DjangoAuthToken, djangoAuthToken } from './django-auth-token.entity.ts';
export { DjangoUser } from './django-user.entity.ts';
export { DjangoExceptionFilter } from './django-exception.filter.ts';
export { DjangoLoginGuard } from './django-login.guard.ts';
export { djangoExpiry } from './django-expiry.ts';
export {
  djangoPasswordNeedsUpgrade,
  makeDjangoPassword,
  verifyDjangoPassword,
  type DjangoHasherOptions,
  type DjangoPasswordOptions,
} from './django-password.ts';
export { DjangoPasswordError, type DjangoPasswordErrorCode } from './django-password.error.ts';
export type { Argon2Package, BcryptPackage } from './hash-packages.ts';
