// Preloaded with --import into a Nightshift process: its wall clock is wrong, its monotonic clock is not.
//
// NIGHTSHIFT_CLOCK is JSON: { shiftMs, stepMs }: how far off the clock is at first, and how far it moves on at each look.
const { shiftMs = 0, stepMs = 0 } = JSON.parse(process.env.NIGHTSHIFT_CLOCK ?? "{}");
const RealDate = Date;
let looks = 0;

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }

  static now() {
    return now();
  }
};

function now() {
  looks += 1;
  return RealDate.now() + shiftMs + looks * stepMs;
}
