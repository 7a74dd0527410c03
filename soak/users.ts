/** How many users there are of each kind. They are numbered from 1, in this order. */
export const NORMAL_USERS = 12;
export const FLOODING_USERS = 2;
export const BURSTING_USERS = 8;
/** Of a realm whose logins make room for themselves. */
export const EVICTING_USERS = 3;

const FIRST_EVICTING_USER = NORMAL_USERS + FLOODING_USERS + BURSTING_USERS + 1;

export const isEvicting = (user: number): boolean =>
  user >= FIRST_EVICTING_USER && user < FIRST_EVICTING_USER + EVICTING_USERS;

/** The fuzzer's user, who has no token limit. */
export const FUZZ_USER = FIRST_EVICTING_USER + EVICTING_USERS;
