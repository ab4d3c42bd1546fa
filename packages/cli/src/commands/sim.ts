import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("sim", "", []).action(
  action("sim", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
