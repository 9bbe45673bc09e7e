import type { Scores } from "./scores.js";

export interface BestElements {
  /** Positions of the row's elements, the best first; equal ones in their order. */
  readonly places: Int32Array;
  /**
   * Finds the best of `width` elements from `start`. NaN is never among them.
   * @returns the number of elements found: fewer than `k` if not enough remain
   */
  find(scores: Scores, start: number, width: number, isExcluded: (element: number) => boolean): number;
}

/**
 * A heap of the best `k` elements so far with the worst at the top: `width · log k` for any order of scores.
 */
export function bestElements(k: number): BestElements {
  const places = new Int32Array(k);
  const values = new Float64Array(k);
  return {
    places,
    find(scores, start, width, isExcluded) {
      let size = 0;
      for (let element = 0; element < width; element++) {
        const score = scores[start + element] ?? Number.NaN;
        if (size === k && !(score > (values[0] ?? 0))) continue;
        if (Number.isNaN(score) || isExcluded(element)) continue;
        if (size < k) rise(size++, score, element);
        else sink(0, score, element, size);
      }
      // Repeatedly removing the worst leaves the best at the front.
      for (let last = size - 1; last > 0; last--) {
        const [score, element] = [values[last] ?? 0, places[last] ?? 0];
        set(last, values[0] ?? 0, places[0] ?? 0);
        sink(0, score, element, last);
      }
      return size;
    },
  };

  function rise(from: number, score: number, element: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isWorse(score, element, parent)) break;
      set(at, values[parent] ?? 0, places[parent] ?? 0);
      at = parent;
    }
    set(at, score, element);
  }

  function sink(from: number, score: number, element: number, size: number): void {
    let at = from;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isWorse(values[child + 1] ?? 0, places[child + 1] ?? 0, child)) child++;
      if (isWorse(score, element, child)) break;
      set(at, values[child] ?? 0, places[child] ?? 0);
      at = child;
    }
    set(at, score, element);
  }

  /** Of equal elements the later one is worse. */
  function isWorse(score: number, element: number, than: number): boolean {
    const other = values[than] ?? 0;
    return score < other || (score === other && element > (places[than] ?? 0));
  }

  function set(at: number, score: number, element: number): void {
    values[at] = score;
    places[at] = element;
  }
}
