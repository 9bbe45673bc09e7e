import { describe, expect, it } from "vitest";
import { BugError, CancelledError, DataError, InfraError } from "../../src/errors.js";
import { judge, mustRunAlone } from "../../src/running/attempts.js";

const fresh = { attempts: 0, soloDeaths: 0 };
const died = new InfraError("infra.host-died", "gone");

describe("who pays for a failed attempt", () => {
  it("uses up no attempt when work is handed back or a host dies under several", () => {
    expect(judge("a", new CancelledError(), "released", fresh, 3)).toMatchObject({
      cost: "released",
      next: "pending",
    });
    expect(judge("a", died, "host-died-shared", { attempts: 2, soloDeaths: 2 }, 3)).toMatchObject({
      cost: "host-death",
      next: "pending",
    });
  });

  it("poisons a partition at the third death while alone", () => {
    expect(judge("a", died, "host-died-alone", { attempts: 0, soloDeaths: 1 }, 3).next).toBe("pending");
    expect(judge("a", died, "host-died-alone", { attempts: 0, soloDeaths: 2 }, 3).next).toBe("poisoned");
  });

  it("retries what may pass, up to the limit", () => {
    const io = new InfraError("infra.io", "flaky");
    expect(judge("a", io, "error", fresh, 3)).toMatchObject({ cost: "fault", next: "pending" });
    expect(judge("a", io, "error", { attempts: 2, soloDeaths: 0 }, 3).next).toBe("failed");
    expect(judge("a", new BugError("bug", "odd"), "error", fresh, 3).next).toBe("pending");
  });

  it("never retries what trying again cannot mend", () => {
    expect(judge("a", new DataError("data.corrupt", "bad"), "error", fresh, 3).next).toBe("failed");
    expect(judge("a", new InfraError("infra.disk-full", "full"), "error", fresh, 3).next).toBe("failed");
  });
});

describe("who runs alone next", () => {
  it("is what its host died under, or its whole worker; nothing that failed otherwise", () => {
    expect(mustRunAlone(died)).toBe(true);
    expect(mustRunAlone(new InfraError("infra.lease-expired", "over"))).toBe(true);
    expect(mustRunAlone(new DataError("data.corrupt", "no"))).toBe(false);
    expect(mustRunAlone(null)).toBe(false);
  });
});
