export { User } from '../../support/users.ts';
