/** How many users there are of each kind. They are numbered from 1, in this order. */
export const NORMAL_USERS = 12;
export const FLOODING_USERS = 2;
export const BURSTING_USERS = 8;

/** The fuzzer's user, who has no token limit. */
export const FUZZ_USER = NORMAL_USERS + FLOODING_USERS + BURSTING_USERS + 1;
