export { actingAs, type ActingAs, type ActingAsOptions } from './acting-as.ts';
