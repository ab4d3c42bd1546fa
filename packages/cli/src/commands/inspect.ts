import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("inspect", "", []).action(
  action("inspect", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
