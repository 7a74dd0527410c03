/** Runs the work `count` times in parallel. Gives the results in the order of their indexes. */
export function repeat<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
