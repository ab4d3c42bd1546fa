import { describe, expect, it } from "vitest";
import { pathOf } from "../../test/paths.ts";
import { rollOut } from "../baselines.ts";
import { movementOf } from "./movement.ts";

const move = (speedMps: number, accelMps2: number, yawRateRadps: number) =>
  movementOf(rollOut({ speedMps, accelMps2, yawRateRadps }, 64));

describe("logged movement", () => {
  it("names what the car did", () => {
    expect(movementOf(pathOf(Array.from({ length: 64 }, () => [0.01, 0])))).toBe("standing");
    expect(move(8, -2, 0)).toBe("stopping");
    expect(move(0, 1, 0)).toBe("moving off");
    expect(move(10, 0, 0.01)).toBe("straight");
    expect(move(10, 0, 0.03)).toBe("bend left");
    expect(move(10, 0, -0.03)).toBe("bend right");
    expect(move(6, 0, 0.2)).toBe("turn left");
    expect(move(6, 0, -0.2)).toBe("turn right");
  });
});
